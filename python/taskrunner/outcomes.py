"""How a step ended: what the engine tells of it as the outcome that is reported."""

from __future__ import annotations

from typing import TYPE_CHECKING

from taskrunner import hints
from taskrunner.events import MISSING_PROGRAM, TIMED_OUT, NotStarted, Outcome
from taskrunner.reasons import Reason

if TYPE_CHECKING:
    from collections.abc import Iterable

    from taskrunner import _native
    from taskrunner.events import EndedBy, EndState, Lookup


def exited(
    event: _native.Event, lookup: Lookup, attempts: int, ended_by: EndedBy | None
) -> Outcome:
    """Return how a step ended whose command did; `ended_by` says why the runner made it."""
    code, signal, not_cached = event.code, event.signal, None
    if ended_by == "timeout":
        code, signal, not_cached = TIMED_OUT, None, Reason("timed-out")
    failed = signal is not None or code != 0 or ended_by == "stopped"
    state: EndState = "failed" if failed else "done"
    return Outcome(
        event.step, state, lookup, code, signal, event.seconds, not_cached, attempts, ended_by
    )


def restored(event: _native.Event, lookup: Lookup, seconds: float) -> Outcome:
    """Return how a step ended that was answered from the cache, in so many seconds."""
    said = hints.decode(event.data)
    return Outcome(event.step, "done", lookup, 0, None, seconds, hints=said)


def not_started(event: _native.Event) -> tuple[NotStarted, int]:
    """Return why a command could not be started, and the exit code that stands for it."""
    why = (event.reason.detail if event.reason else None) or "the system gave no reason"
    code = MISSING_PROGRAM if event.code is None else event.code
    return NotStarted(event.step, why), code


def judged(outcome: Outcome, event: _native.Event) -> Outcome:
    """Return an outcome with the engine's reason not to store it, unless a better one is known."""
    if event.ok or event.reason is None or outcome.ended_by == "timeout":
        return outcome
    return outcome._replace(not_cached=event.reason)


def failed(outcomes: Iterable[Outcome]) -> list[Outcome]:
    """Return the outcomes of the steps that failed of themselves, not for another's failure."""
    return [o for o in outcomes if o.state == "failed" and o.ended_by != "stopped"]
