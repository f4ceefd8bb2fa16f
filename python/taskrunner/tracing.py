"""Runs one command under the tracer and says what it did with files: no workspace, no cache."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Literal, NamedTuple, cast

from taskrunner import _native
from taskrunner.errors import TaskrunnerError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

HELPER = os.path.join(os.path.dirname(__file__), "_lib", "taskrunner-helper")
"""The program that starts commands and looks at what they do."""

VERSION = 1
"""The version of `Trace.as_json`, raised when a key changes its meaning or goes."""

Kind = Literal["file", "dir", "link", "special", "absent", "error"]
Word = Literal[
    "read",
    "exec",
    "stat",
    "access",
    "exists",
    "link",
    "list",
    "create",
    "replace",
    "write",
    "append",
    "delete",
    "attributes",
    "rename",
]

_READ = frozenset(["read", "exec"])
_PROBED = frozenset(["stat", "access", "exists", "link"])
_CONTENT = frozenset(["create", "replace", "write", "append", "delete"])
_NOTHING = frozenset(["absent", "error"])
_EVENTS_AT_ONCE = 256
_NOT_STARTED = 127  # as shells say it


class TraceError(TaskrunnerError):
    """The command could not be started, or the tracer was lost while it ran."""

    def __init__(self, message: str, exit_code: int = _NOT_STARTED) -> None:
        super().__init__(message)
        self.exit_code = exit_code


class Path(NamedTuple):
    """What the command did with one path."""

    path: str
    """Absolute, links resolved but for the last component; odd bytes as surrogate escapes."""
    before: Kind
    """What was there when the command first touched it."""
    errno: int | None
    """Why it could not be looked at, if `before` is `error`."""
    after: Kind
    """What is there at the end."""
    did: tuple[Word, ...]
    """What the command did: observations count before its own first change only."""
    access: str
    """The bits that `access` asked for: of `rwx`."""
    names: tuple[tuple[str, Kind], ...] | None
    """What the first listing showed."""


class Incomplete(NamedTuple):
    """Why a trace may not name everything."""

    kind: str
    path: str | None


class Trace(NamedTuple):
    """What a command did."""

    argv: tuple[str, ...]
    cwd: str
    exit_code: int
    """128+n if signal n ended it."""
    signal: int | None
    seconds: float
    fidelity: str
    """How it was traced: a rung of the ladder in `docs/tracing.md`; `none` if not at all."""
    reason: str | None
    """Why it was not traced."""
    paths: tuple[Path, ...]
    """Every path, in the order of first touch."""
    programs: tuple[str, ...]
    """The programs that were started, by the names they were called by."""
    renames: tuple[tuple[str, str], ...]
    """From and to, in order."""
    peers: tuple[tuple[str, str], ...]
    """Running processes outside its own tree that it asked for something: kind and address."""
    variables: tuple[str, ...]
    """Variables that were looked up with `getenv` and are not set, where that could be seen."""
    incomplete: tuple[Incomplete, ...]
    calls: int
    """How many system calls were looked at."""
    stdout: bytes
    stderr: bytes

    @property
    def complete(self) -> bool:
        """Whether everything the command did with files is here."""
        return self.fidelity != "none" and not self.incomplete

    @property
    def read(self) -> list[str]:
        """Return what was there and was read, executed or loaded."""
        return self._where(lambda path: path.before not in _NOTHING and _READ & {*path.did})

    @property
    def probed(self) -> list[str]:
        """Return what was looked at, or looked for in vain, and not read."""
        return self._where(lambda path: _PROBED & {*path.did} and not _READ & {*path.did})

    @property
    def listed(self) -> list[str]:
        """Return the directories whose entries were read."""
        return self._where(lambda path: path.names is not None)

    @property
    def wrote(self) -> list[str]:
        """Return what the command made or changed, and is there at the end."""
        return self._where(
            lambda path: path.after not in _NOTHING and {*_CONTENT, "attributes"} & {*path.did}
        )

    @property
    def renamed(self) -> list[tuple[str, str]]:
        """Return what was renamed: from and to."""
        return list(self.renames)

    @property
    def deleted(self) -> list[str]:
        """Return what was there and is not any more."""
        return self._where(lambda path: path.before not in _NOTHING and _is_gone(path))

    @property
    def temporary(self) -> list[str]:
        """Return what the command made and removed again."""
        return self._where(lambda path: path.before in _NOTHING and _is_gone(path))

    def _where(self, holds: Callable[[Path], object]) -> list[str]:
        return [path.path for path in self.paths if holds(path)]

    def as_json(self) -> dict[str, object]:
        """Return the trace as `docs/trace.md` describes it, ready for `json.dumps`."""
        return {
            "version": VERSION,
            "command": list(self.argv),
            "cwd": self.cwd,
            "exitCode": self.exit_code,
            "signal": self.signal,
            "durationMs": round(self.seconds * 1000, 3),
            "fidelity": self.fidelity,
            "reason": self.reason,
            "complete": self.complete,
            "incomplete": [reason._asdict() for reason in self.incomplete],
            "calls": self.calls,
            "paths": [_path_json(path) for path in self.paths],
            "programs": list(self.programs),
            "renames": [{"from": source, "to": target} for source, target in self.renames],
            "peers": [{"kind": kind, "address": address} for kind, address in self.peers],
            "variables": list(self.variables),
        }


def _is_gone(path: Path) -> bool:
    return path.after == "absent" and bool(_CONTENT & {*path.did})


def _path_json(path: Path) -> dict[str, object]:
    """Leave out what does not apply."""
    shown: dict[str, object] = {
        "path": path.path,
        "before": path.before,
        "after": path.after,
        "did": list(path.did),
    }
    if path.errno is not None:
        shown["errno"] = path.errno
    if path.access:
        shown["access"] = path.access
    if path.names is not None:
        shown["names"] = [{"name": name, "kind": kind} for name, kind in path.names]
    return shown


def trace(
    argv: Sequence[str],
    *,
    cwd: str | None = None,
    env: Mapping[str, str] | None = None,
    on_output: Callable[[int, bytes], object] | None = None,
    on_start: Callable[[_native.Tracer], object] | None = None,
) -> Trace:
    """Run a command to its end, and return what it did with files.

    `argv` is the program, looked for in the `PATH` of `env`, and its arguments; `cwd` and `env` are
    this process's own if not given. The command has no input. Its output goes to `on_output`, as
    stream (1 or 2) and bytes as they come, or is collected in the trace. `on_start` is given what
    can be used to send it signals.

    Raises `TraceError` if the command can't be started. A command that fails is no error, nor is
    one that can't be traced: look at `exit_code`, `fidelity` and `complete`.
    """
    directory = os.getcwd() if cwd is None else os.path.abspath(cwd)
    tracer = _started(argv, directory, os.environ if env is None else env)
    if on_start is not None:
        on_start(tracer)
    collected: dict[int, list[bytes]] = {1: [], 2: []}
    last = _follow(tracer, on_output or (lambda stream, data: collected[stream].append(data)))
    found = tracer.trace()
    code = last.code if last.code is not None else 128 + (last.signal or 0)
    return Trace(
        argv=tuple(argv),
        cwd=directory,
        exit_code=code,
        signal=last.signal,
        seconds=last.seconds,
        fidelity=found.fidelity,
        reason=found.reason,
        paths=tuple(map(_path, found.paths)),
        programs=tuple(found.programs),
        renames=tuple(found.renames),
        peers=tuple(found.peers),
        variables=tuple(found.variables),
        incomplete=tuple(Incomplete(*reason) for reason in found.incomplete),
        calls=found.calls,
        stdout=b"".join(collected[1]),
        stderr=b"".join(collected[2]),
    )


def _started(argv: Sequence[str], cwd: str, env: Mapping[str, str]) -> _native.Tracer:
    scratch = env.get("TMPDIR", "/tmp")  # noqa: S108 - named, not used
    try:
        tracer = _native.Tracer(helper=HELPER, scratch=scratch)
        tracer.start(argv=argv, env=list(env.items()), cwd=cwd)
    except OSError as error:
        raise TraceError(str(error)) from error
    return tracer


def _follow(tracer: _native.Tracer, on_output: Callable[[int, bytes], object]) -> _native.Event:
    """Hand out the command's output until it ends; return its last event."""
    while True:
        for event in tracer.next_events(_EVENTS_AT_ONCE, None):
            if event.kind == "output":
                on_output(event.stream, event.data)
            elif event.kind == "exited":
                return event
            elif event.kind != "started":
                raise _lost(event)


def _lost(event: _native.Event) -> TraceError:
    why = event.reason and event.reason.detail
    why = why or "the tracer's helper is gone, and the command was ended; start it again"
    return TraceError(why, _NOT_STARTED if event.code is None else event.code)


def _path(touched: _native.Touched) -> Path:
    return Path(
        path=touched.path,
        before=cast("Kind", touched.before),
        errno=touched.errno,
        after=cast("Kind", touched.after),
        did=cast("tuple[Word, ...]", tuple(touched.did)),
        access=touched.access,
        names=None if touched.names is None else _names(touched.names),
    )


def _names(names: Iterable[tuple[str, str]]) -> tuple[tuple[str, Kind], ...]:
    return tuple((name, cast("Kind", kind)) for name, kind in names)
