"""`taskrunner trace`: runs any command and says what it read, looked for, listed and changed."""

from __future__ import annotations

import os
import signal
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

from taskrunner import tracing
from taskrunner.cli.lazy import Command
from taskrunner.errors import UsageError
from taskrunner.report.sink import Sink

if TYPE_CHECKING:
    from collections.abc import Iterator

    from taskrunner._native import Tracer
    from taskrunner.tracing import Trace

_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def _trace(words: tuple[str, ...], *, json: bool, output: str | None) -> int:
    # The report is the data: unless it goes to a file, what the command prints makes way for it.
    sinks = {1: Sink(1 if output else 2), 2: Sink(2)}
    target = _opened(output) if output else 1
    with _signals() as running:
        trace = tracing.trace(
            words, on_output=lambda stream, data: sinks[stream].write(data), on_start=running
        )
    if trace.fidelity == "none":
        sinks[2].line(f"{sinks[2].style('warning', 'bold', 'yellow')}: not traced: {trace.reason}")
    Sink(target).write(_as_json(trace) if json else _as_text(trace))
    return trace.exit_code


def _opened(path: str) -> int:
    try:
        return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o666)
    except OSError as error:
        raise UsageError(f"the trace can't be written to {path}: {error.strerror}") from error


@contextmanager
def _signals() -> Iterator[_PassOn]:
    """Pass signals on to the command, as long as it runs."""
    pass_on = _PassOn()
    earlier = {
        number: signal.signal(number, pass_on.take)
        for number in _SIGNALS
        if signal.getsignal(number) is not signal.SIG_IGN
    }
    try:
        yield pass_on
    finally:
        for number, handler in earlier.items():
            signal.signal(number, handler)


class _PassOn:
    """Sends what this process is sent to the command; the second time it is killed."""

    def __init__(self) -> None:
        self._tracer: Tracer | None = None
        self._early: int | None = None
        self._told = False

    def __call__(self, tracer: Tracer) -> None:
        """Take note of the command."""
        self._tracer = tracer
        if self._early is not None:
            tracer.kill(self._early)

    def take(self, number: int, _: object) -> None:
        """Handle a signal."""
        if self._tracer is None:
            self._early = number
        else:
            self._tracer.kill(signal.SIGKILL if self._told else number)
        self._told = True


def _as_json(trace: Trace) -> bytes:
    from json import dumps

    return dumps(trace.as_json(), indent=2).encode() + b"\n"


def _as_text(trace: Trace) -> bytes:
    lines: list[str] = []
    for title, paths in (
        ("read", trace.read),
        ("probed", trace.probed),
        ("listed", trace.listed),
        ("wrote", trace.wrote),
        ("deleted", trace.deleted),
        ("made and removed", trace.temporary),
    ):
        _section(lines, title, [_shown(path, trace.cwd) for path in paths])
    renames = [[_shown(path, trace.cwd) for path in pair] for pair in trace.renames]
    _section(lines, "renamed", [" -> ".join(pair) for pair in renames])
    _section(lines, "asked", [" ".join(peer) for peer in trace.peers])
    _section(lines, "incomplete", [" ".join(filter(None, why)) for why in trace.incomplete])
    lines.append(f"{len(trace.paths)} paths, {trace.calls} calls, traced by {trace.fidelity}")
    return "".join(f"{line}\n" for line in lines).encode("utf-8", "backslashreplace")


def _section(lines: list[str], title: str, entries: list[str]) -> None:
    if entries:
        lines += [f"{title}:", *(f"  {entry}" for entry in entries)]


def _shown(path: str, cwd: str) -> str:
    """Return a path as it reads best from `cwd`, with control characters escaped."""
    if path == cwd:
        return "."
    inside = path.removeprefix(f"{cwd}/")
    return "".join(char if char.isprintable() else ascii(char)[1:-1] for char in inside)


command = Command(
    "trace",
    callback=_trace,
    help="Run a command, and say what it read, looked for, listed, wrote, renamed and deleted."
    "\n\nThe trace goes to stdout, and all the command prints to stderr; with `--output` the"
    " command's streams stay as they are. The exit code is the command's.",
    options_metavar="[OPTIONS]",
    context_settings={"allow_interspersed_args": False, "ignore_unknown_options": False},
    params=[
        click.Option(["--json"], is_flag=True, help="As JSON, for programs: see docs/trace.md."),
        click.Option(["--output", "-o"], metavar="PATH", help="Write the trace to a file."),
        click.Argument(
            ["words"], nargs=-1, required=True, type=click.UNPROCESSED, metavar="[--] COMMAND..."
        ),
    ],
)
