"""How the output of several steps shares the screen: as it comes, labelled, or step by step."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, Protocol

from taskrunner.style import Stripper

if TYPE_CHECKING:
    from collections.abc import Callable

    from taskrunner.report.sink import Sink

Mode = Literal["interleaved", "labeled", "grouped"]


class Log(Protocol):
    """Takes notes of the runner and output of the steps, and brings them to the streams."""

    def note(self, step: int, line: str) -> None:
        """Take a line of the runner's own about a step."""

    def output(self, step: int, stream: int, data: bytes) -> None:
        """Take bytes that a step wrote."""

    def end(self, step: int) -> None:
        """The step writes nothing more."""


class Interleaved:
    """Passes everything on at once, as it comes."""

    def __init__(self, sinks: dict[int, Sink]) -> None:
        self._sinks = sinks
        self._strippers: dict[tuple[int, int], Stripper] = {}

    def note(self, step: int, line: str) -> None:
        """Take a line of the runner's own about a step."""
        del step
        note(self._sinks, line)

    def output(self, step: int, stream: int, data: bytes) -> None:
        """Take bytes that a step wrote."""
        sink = self._sinks[stream]
        if not sink.colour:
            data = self._strippers.setdefault((step, stream), Stripper()).feed(data)
        sink.write(data)

    def end(self, step: int) -> None:
        """The step writes nothing more."""
        for stream, sink in self._sinks.items():
            stripper = self._strippers.pop((step, stream), None)
            if stripper:
                sink.write(stripper.finish())


class Labeled:
    """Puts the step's name before each of its lines, and passes on whole lines alone.

    A bare carriage return, with which programs draw over a line, is kept: what is labelled is the
    line that stands when it ends.
    """

    def __init__(self, inner: Log, label: Callable[[int], str]) -> None:
        self._inner = inner
        self._label = label
        self._open: dict[tuple[int, int], bytes] = {}

    def note(self, step: int, line: str) -> None:
        """Take a line of the runner's own about a step."""
        self._inner.note(step, line)

    def output(self, step: int, stream: int, data: bytes) -> None:
        """Take bytes that a step wrote."""
        *lines, rest = (self._open.get((step, stream), b"") + data).split(b"\n")
        self._open[step, stream] = rest
        if lines:
            self._inner.output(step, stream, b"".join(self._line(step, line) for line in lines))

    def _line(self, step: int, line: bytes) -> bytes:
        return f"[{self._label(step)}] ".encode() + line + b"\n"

    def end(self, step: int) -> None:
        """The step writes nothing more; an open line is closed."""
        for stream in (1, 2):
            rest = self._open.pop((step, stream), b"")
            if rest:
                self._inner.output(step, stream, self._line(step, rest))
        self._inner.end(step)


class Grouped:
    """Holds a step's notes and output back until it ends, then passes them on in one go."""

    def __init__(self, inner: Log) -> None:
        self._inner = inner
        self._held: dict[int, list[tuple[int, bytes] | str]] = {}

    def note(self, step: int, line: str) -> None:
        """Take a line of the runner's own about a step."""
        self._held.setdefault(step, []).append(line)

    def output(self, step: int, stream: int, data: bytes) -> None:
        """Take bytes that a step wrote."""
        self._held.setdefault(step, []).append((stream, data))

    def end(self, step: int) -> None:
        """The step writes nothing more: pass on what it wrote."""
        for held in self._held.pop(step, ()):
            if isinstance(held, str):
                self._inner.note(step, held)
            else:
                self._inner.output(step, *held)
        self._inner.end(step)


def note(sinks: dict[int, Sink], line: str) -> None:
    """Write a line of the runner's own, on a line of its own."""
    if any(sink.mid_line for sink in sinks.values()):
        sinks[2].write(b"\n")
        for sink in sinks.values():
            sink.mid_line = False
    sinks[2].line(line)


def make(mode: Mode, sinks: dict[int, Sink], label: Callable[[int], str]) -> Log:
    """Return the log for a mode."""
    plain = Interleaved(sinks)
    if mode == "labeled":
        return Labeled(plain, label)
    return Grouped(plain) if mode == "grouped" else plain
