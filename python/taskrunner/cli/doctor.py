"""`taskrunner doctor`: what this machine and this workspace let taskrunner do, and why not more."""

from __future__ import annotations

import os
import platform
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import click

from taskrunner.cli.lazy import Command
from taskrunner.errors import TaskrunnerError, WorkspaceError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from taskrunner.workspace import Workspace

VERSION = 1
FEW_FILES = 512
"""With fewer descriptors than this, runs of many steps at once may fail."""

Verdict = Literal["ok", "limited", "broken"]


class Finding(NamedTuple):
    """One thing that was looked at."""

    name: str
    verdict: Verdict
    words: str
    advice: str | None = None


def _doctor(*, as_json: bool) -> int:
    from taskrunner.report.sink import Sink

    found = list(findings())
    out = Sink(1)
    if as_json:
        import json

        document = {"version": VERSION, "findings": [finding._asdict() for finding in found]}
        out.line(json.dumps(document, indent=2, ensure_ascii=False))
    else:
        for finding in found:
            _show(out, finding)
    return 1 if any(finding.verdict == "broken" for finding in found) else 0


_COLOURS = {"ok": "green", "limited": "yellow", "broken": "red"}


def _show(out: Any, finding: Finding) -> None:
    verdict = out.style(f"{finding.verdict:<7}", _COLOURS[finding.verdict])
    out.line(f"{verdict}  {finding.name}: {finding.words}")
    if finding.advice:
        out.line(f"         {out.style(finding.advice, 'cyan')}")


def findings() -> Iterator[Finding]:
    """Look at everything there is to look at."""
    yield _versions()
    workspace = _workspace()
    yield workspace if isinstance(workspace, Finding) else _size(workspace)
    yield from _engine(None if isinstance(workspace, Finding) else workspace)
    yield _places()
    yield _descriptors()
    yield from _variables()


def _versions() -> Finding:
    from taskrunner import _native

    python = f"{platform.python_implementation()} {platform.python_version()}"
    system = f"{platform.system()} {platform.release()} {platform.machine()}"
    return Finding("versions", "ok", f"taskrunner {_native.__version__}, {python}, {system}")


def _workspace() -> Workspace | Finding:
    from taskrunner import graph
    from taskrunner.cli import session

    try:
        found = session.workspace()
        for error in found.broken.values():
            raise error
        _ = graph.build(found).depends  # resolved only when asked for
    except WorkspaceError as error:
        return Finding("workspace", "limited", error.message, error.hint)
    except TaskrunnerError as error:
        return Finding("workspace", "broken", error.message, error.hint)
    return found


def _size(found: Workspace) -> Finding:
    counts = f"{_count(len(found.packages), 'package')}, {_count(len(found.tasks), 'task')}"
    return Finding("workspace", "ok", f"{found.root}: {counts}")


def _count(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"


def _engine(found: Workspace | None) -> Iterator[Finding]:
    """Open an engine, in the workspace or beside it: what it can do here is what a run can do."""
    from tempfile import TemporaryDirectory

    from taskrunner.cli import session
    from taskrunner.execute import open_engine

    try:
        if found is None:
            with TemporaryDirectory() as place:
                engine = open_engine(place, os.path.join(place, "cache"), os.environ, 1)
                try:
                    yield _tracing(engine)
                finally:
                    engine.close()
        else:
            with session.engine(found, workers=1) as engine:
                yield _tracing(engine)
                yield _cache(found, engine)
    except (TaskrunnerError, OSError, RuntimeError) as error:
        yield Finding("engine", "broken", str(error), "install taskrunner again")


def _tracing(engine: Any) -> Finding:
    if engine.fidelity != "none":
        how = {"notify": "seccomp user notification"}.get(engine.fidelity, engine.fidelity)
        return Finding("tracing", "ok", f"complete ({how})")
    why = engine.fidelity_reason or "nobody knows why"
    return Finding(
        "tracing",
        "limited",
        f"not possible here: {why}",
        "steps run, and only what needs no tracing is cached; in a container, allow seccomp",
    )


def _cache(found: Workspace, engine: Any) -> Finding:
    from taskrunner.cli import session
    from taskrunner.cli.cache import size

    directory = session.cache_dir(found)
    stats = engine.stats()
    held = f"{stats['entries']} entries, {size(stats['bytes'])} of {size(found.cache.max_size)}"
    if engine.warnings:
        return Finding("cache", "limited", f"{directory}: {held}; {'; '.join(engine.warnings)}")
    if not os.access(directory, os.W_OK):
        return Finding("cache", "limited", f"{directory} can't be written: nothing new is cached")
    space = os.statvfs(directory)
    free = size(space.f_bavail * space.f_frsize)
    return Finding("cache", "ok", f"{directory}: {held}; {free} free")


def _places() -> Finding:
    from taskrunner import env_vars
    from taskrunner.cli.processors import processors

    count, mask = processors(), len(os.sched_getaffinity(0))
    words = f"{count} at once"
    if count < mask:
        words += f": a cgroup allows as much of {mask} processors"
    if os.environ.get(env_vars.CONCURRENCY):
        words += f"; {env_vars.CONCURRENCY} is set"
    return Finding("steps", "ok", words)


def _descriptors() -> Finding:
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    unlimited = soft == resource.RLIM_INFINITY
    words = "no limit" if unlimited else f"{soft}"
    if unlimited or soft >= FEW_FILES:
        return Finding("open files", "ok", words)
    more = "" if hard == soft else f"; `ulimit -n {hard}` allows more"
    return Finding("open files", "limited", f"{words} is little{more}")


def _variables() -> Iterator[Finding]:
    """Name the variables that are obeyed and set; values may be nobody's business."""
    from taskrunner import env_vars

    known = [value for name, value in vars(env_vars).items() if name.isupper()]
    found = [name for name in known if os.environ.get(name)]
    if found:
        yield Finding("environment", "ok", f"{', '.join(sorted(found))} set")


command = Command(
    "doctor",
    callback=_doctor,
    help="Show what this machine and this workspace let taskrunner do, and why not more.",
    params=[click.Option(["--json", "as_json"], is_flag=True, help="Show it as JSON.")],
)
