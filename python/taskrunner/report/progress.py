"""Live progress at the bottom of a terminal: a bar, and the steps that run with their times.

rich draws it, and is imported when the first step has run for a moment: a run in which all is
answered from the cache never pays for it. The cursor is never hidden and nothing is moved but what
was drawn here, so that a runner that is killed leaves a usable terminal.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from taskrunner import events
from taskrunner.reasons import show
from taskrunner.report.summary import duration, is_hit

if TYPE_CHECKING:
    from collections.abc import Callable

    from rich.console import RenderableType

    from taskrunner.plan import Plan
    from taskrunner.report.sink import Sink

DELAY = 0.3
"""How long a step runs before anything is drawn, in seconds."""

INTERVAL = 0.1
"""The least time between two drawings, in seconds."""

ROWS = 8
"""The most steps that are named."""

_BAR = 24


class Progress:
    """A report that draws on the terminal behind `sink`, and erases before anybody else writes."""

    def __init__(self, plan: Plan, sink: Sink, clock: Callable[[], float]) -> None:
        self.plan = plan
        self.sink = sink
        self.others: list[Sink] = []
        self._clock = clock
        self._start = clock()
        self._began: dict[int, float] = {}
        self._counts = {"hit": 0, "ran": 0, "failed": 0}
        self._ended = 0
        self._lines = 0
        self._drawn = 0.0

    def attach(self, sink: Sink) -> None:
        """Erase what is drawn before this sink, on the same terminal, writes."""
        self.others.append(sink)
        sink.before = self.erase

    def __call__(self, event: events.Event) -> None:
        """Take an event."""
        if isinstance(event, events.Tick):
            self._tick()
        elif isinstance(event, events.Began):
            if event.lookup.status != "hit":
                self._began[event.step] = self._clock()
        elif isinstance(event, events.Ended):
            self._end(event.outcome)
        elif isinstance(event, events.Finished):
            self.erase()

    def erase(self) -> None:
        """Take away what is drawn."""
        if self._lines:
            lines, self._lines = self._lines, 0
            self._raw(f"\x1b[{lines}A\x1b[J")

    def _end(self, outcome: events.Outcome) -> None:
        self._ended += 1
        self._began.pop(outcome.step, None)
        kind = "hit" if is_hit(outcome) else "ran" if outcome.state == "done" else outcome.state
        if kind in self._counts:
            self._counts[kind] += 1

    def _tick(self) -> None:
        now = self._clock()
        if not self._is_wanted(now) or now - self._drawn < INTERVAL:
            return
        self._drawn = now
        text = self._drawing(now)
        self.erase()
        self._raw(text)
        self._lines = text.count("\n")

    def _is_wanted(self, now: float) -> bool:
        """Not in the middle of a line, not beside a step that has the terminal."""
        if self.sink.closed or any(sink.mid_line for sink in (self.sink, *self.others)):
            return False
        if any(self.plan.actions[step].task.interactive for step in self._began):
            return False
        return any(now - began >= DELAY for began in self._began.values())

    def _raw(self, text: str) -> None:
        """Write past the sink's own idea of where the line ends."""
        mid_line, before = self.sink.mid_line, self.sink.before
        self.sink.before = None
        self.sink.write(text.encode("utf-8", "backslashreplace"))
        self.sink.mid_line, self.sink.before = mid_line, before

    def _drawing(self, now: float) -> str:
        from io import StringIO

        from rich.console import Console, Group

        try:
            width = os.get_terminal_size(self.sink.fd).columns
        except OSError:
            width = 80
        file = StringIO()
        console = Console(
            file=file,
            force_terminal=True,
            color_system="standard" if self.sink.colour else None,
            width=max(width - 1, 20),
            legacy_windows=False,
            highlight=False,
        )
        console.print(Group(*self._rows(now)), crop=True, no_wrap=True, overflow="ellipsis")
        return file.getvalue()

    def _rows(self, now: float) -> list[RenderableType]:
        from rich.text import Text

        total = len(self.plan.actions)
        full = _BAR * self._ended // max(total, 1)
        parts = [f"{self._ended}/{total}", f"{len(self._began)} running"]
        parts += [
            f"{self._counts[kind]} {word}"
            for kind, word in (("hit", "from cache"), ("failed", "failed"))
            if self._counts[kind]
        ]
        head = f"[{'=' * full}{'-' * (_BAR - full)}] {', '.join(parts)}"
        rows: list[RenderableType] = [Text(f"{head}  {duration(now - self._start)}")]
        longest = sorted(self._began, key=lambda step: (self._began[step], step))
        for step in longest[:ROWS]:
            label = show(self.plan.actions[step].label)
            rows.append(Text(f"  {label} {duration(now - self._began[step])}", style="dim"))
        if len(longest) > ROWS:
            rows.append(Text(f"  and {len(longest) - ROWS} more", style="dim"))
        return rows
