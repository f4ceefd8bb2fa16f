"""Tells the events of a run in plain lines: the command, what the cache said, how it ended."""

from __future__ import annotations

import signal as signals
from typing import TYPE_CHECKING

from taskrunner import events
from taskrunner.reasons import show, word
from taskrunner.report import log as logs
from taskrunner.report import summary

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from taskrunner.plan import Plan
    from taskrunner.report.sink import Sink


class Plain:
    """A report in lines: the runner's own on stderr, those of the steps where they wrote them."""

    def __init__(
        self, plan: Plan, sinks: dict[int, Sink], log: logs.Log, *, verbose: bool = False
    ) -> None:
        self.plan = plan
        self.sinks = sinks
        self.log = log
        self.verbose = verbose
        self._why: dict[int, str] = {}  # of failures that say more than an exit code
        self._handlers: dict[type, Callable[[Any], None]] = {
            events.Waiting: self._waiting,
            events.Began: self._begin,
            events.Output: lambda event: self.log.output(*event),
            events.Replaced: self._replaced,
            events.NotStarted: self._not_started,
            events.Lost: self._lost,
            events.Retrying: self._retrying,
            events.Ended: self._ended,
            events.Interrupted: self._interrupted,
            events.Tick: lambda _: None,
            events.Finished: self._finished,
        }

    def __call__(self, event: events.Event) -> None:
        """Take an event."""
        self._handlers[type(event)](event)

    def warn(self, message: str) -> None:
        """Say something that concerns the run as a whole."""
        self._note(f"{self.sinks[2].style('warning', 'bold', 'yellow')}: {show(message)}")

    def end(self, exit_code: int) -> None:
        """Take the exit code of the whole command; a shell shows it."""

    def _note(self, line: str) -> None:
        logs.note(self.sinks, line)

    def _label(self, step: int) -> str:
        return self.sinks[2].style(self.plan.actions[step].label, "bold")

    def _waiting(self, event: events.Waiting) -> None:
        self._note(f"{self._label(event.step)}: waiting for another runner that has it")

    def _begin(self, event: events.Began) -> None:
        style = self.sinks[2].style
        line = shown_line(self.plan.actions[event.step].line)
        status = style(f"~ {lookup_words(event.lookup)}", "dim")
        self.log.note(event.step, f"{self._label(event.step)}: $ {line}  {status}")

    def _replaced(self, event: events.Replaced) -> None:
        for path in event.paths:
            self.log.note(
                event.step,
                f"{self._label(event.step)}: {show(path)} held bytes that no step made;"
                " they are kept in .taskrunner/replaced",
            )

    def _not_started(self, event: events.NotStarted) -> None:
        self._why[event.step] = show(event.why)

    def _lost(self, event: events.Lost) -> None:
        self._why[event.step] = "the program that supervises it was killed"

    def _retrying(self, event: events.Retrying) -> None:
        outcome = event.outcome
        task = self.plan.actions[outcome.step].task
        failed = self.sinks[2].style("failed", "yellow")
        attempt = f"attempt {outcome.attempts} of {task.retries + 1} {failed}"
        how = how_it_ended(outcome, task.timeout)
        self.log.note(outcome.step, f"{self._label(outcome.step)}: {attempt}: {how}; trying again")

    def _ended(self, event: events.Ended) -> None:
        outcome = event.outcome
        self.log.end(outcome.step)
        if outcome.ended_by == "stopped":
            self._note(f"{self._label(outcome.step)} stopped: another step failed")
        elif outcome.state == "failed":
            timeout = self.plan.actions[outcome.step].task.timeout
            why = self._why.get(outcome.step) or how_it_ended(outcome, timeout)
            self._failed(outcome.step, why)
        elif event.because_of is not None:
            cause = self.plan.actions[event.because_of].label
            self._note(f"{self._label(outcome.step)} skipped: {cause} failed")
        elif event.cause is not None and self.verbose:
            self._note(f"{self._label(outcome.step)} skipped: the run was {event.cause}")

    def _failed(self, step: int, why: str) -> None:
        self._note(f"{self._label(step)} {self.sinks[2].style('failed', 'red')}: {why}")

    def _interrupted(self, event: events.Interrupted) -> None:
        name = signals.Signals(event.signal).name
        deed = "killing what runs" if event.killed else "ending what runs; again to kill it"
        self._note(f"{name}: {deed}")

    def _finished(self, event: events.Finished) -> None:
        for line in summary.lines(self.plan, event, self.sinks[2].style, verbose=self.verbose):
            self._note(line)


def lookup_words(lookup: events.Lookup) -> str:
    """Return what the cache said, in words."""
    if lookup.status == "hit":
        return "cache hit, replaying"
    why = f": {word(lookup.reason)}" if lookup.reason else ""
    if lookup.status == "disabled":
        reason = lookup.reason
        if reason is None or not reason.detail:
            return "cache disabled"
        switched_off = reason.kind == "cache-disabled"
        return f"cache disabled: {reason.detail if switched_off else word(reason)}"
    return f"cache miss{why}"


def shown_line(line: str) -> str:
    """Return the first line of a command, with a sign if there are more."""
    first, _, rest = line.strip().partition("\n")
    return show(first) + (" ..." if rest.strip() else "")


def how_it_ended(outcome: events.Outcome, timeout: float | None) -> str:
    """Return how a failed step ended."""
    if outcome.ended_by == "timeout" and timeout is not None:
        return f"timed out after {summary.duration(timeout)}"
    if outcome.signal is None:
        return f"exit code {outcome.code}"
    try:
        return f"killed by {signals.Signals(outcome.signal).name}"
    except ValueError:
        return f"killed by signal {outcome.signal}"
