"""Decides what happens to each step and when; one state machine, one loop, no I/O of its own."""

from __future__ import annotations

import signal as signals
import time
from heapq import heapify, heappop, heappush
from typing import TYPE_CHECKING, Literal, NamedTuple

from taskrunner.events import (
    MISSING_PROGRAM,
    Began,
    Ended,
    Finished,
    Interrupted,
    Lookup,
    Lost,
    NotStarted,
    Outcome,
    Output,
    Replaced,
    SkipCause,
    Waiting,
)
from taskrunner.reasons import Reason

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from taskrunner import _native
    from taskrunner.events import EndState, Report
    from taskrunner.execute import Bridge
    from taskrunner.plan import Plan

State = Literal["waiting", "ready", "checking", "running", "done", "failed", "skipped"]
"""What may be done with a step.

waiting: a step before it is neither a hit nor done. ready: it can be looked up. checking: looked
up; what was found happens as soon as all steps before it are done. running: being restored or run.
"""

_NEXT: dict[State, frozenset[State]] = {
    "waiting": frozenset({"ready", "skipped"}),
    "ready": frozenset({"checking", "waiting", "skipped"}),
    "checking": frozenset({"running", "waiting", "skipped"}),
    "running": frozenset({"checking", "done", "failed", "skipped"}),
    "done": frozenset(),
    "failed": frozenset(),
    "skipped": frozenset(),
}
_UNBEGUN: frozenset[State] = frozenset({"waiting", "ready", "checking"})

WAIT = 1.0
"""The longest single wait for events; a step may run for as long as it likes.

A signal that comes just before a wait begins is noticed when it ends.
"""

LOOKAHEAD = 16
"""How many steps that are not ready yet are looked up with those that are, after the first time."""

STORE_DEADLINE = 600.0
"""With nothing left but results to be stored, this long without a word means they are lost."""


class Options(NamedTuple):
    """What the user said about how to run."""

    concurrency: int
    keep_going: bool = False


class Schedule:
    """Runs a plan's steps in the calling thread. `interrupt` may come from a signal handler."""

    def __init__(self, plan: Plan, bridge: Bridge, options: Options, report: Report) -> None:
        count = len(plan.actions)
        self.bridge = bridge
        self.options = options
        self.report = report
        self.state: list[State] = ["waiting"] * count
        self.lookup: list[Lookup | None] = [None] * count
        self.outcome: list[Outcome | None] = [None] * count
        self.then: list[list[int]] = [[] for _ in range(count)]
        # How many of the steps directly before it are neither a hit nor done; are not done.
        self.undecided = [len(action.after) for action in plan.actions]
        self.undone = list(self.undecided)
        self.decided = [False] * count
        for action in plan.actions:
            for other in action.after:
                self.then[other].append(action.id)
        self.lookahead = count
        self.ready: list[int] = []
        self.runnable: list[int] = []
        self.restorable: list[int] = []
        self.restoring: dict[int, float] = {}
        self.running: set[int] = set()
        self.storing: set[int] = set()
        self.retried: set[int] = set()
        self.stopped: SkipCause | None = None
        self._signals: list[int] = []
        self._signals_taken = 0
        self._handlers: dict[str, Callable[[_native.Event], None]] = {
            "waiting": lambda event: self.report(Waiting(event.step)),
            "started": self._on_started,
            "output": lambda event: self.report(Output(event.step, event.stream, event.data)),
            "exited": self._on_exited,
            "judged": self._on_judged,
            "stored": self._on_stored,
            "restored": self._on_restored,
            "failed": self._on_failed,
            "helper-lost": self._on_helper_lost,
        }

    def run(self) -> tuple[Outcome, ...]:
        """Run everything there is to run, and return how each step ended, by id."""
        start = time.monotonic()
        for step, count in enumerate(self.undecided):
            if count == 0:
                self._make_ready(step)
        quiet_since = start
        while self._begin():
            events = self.bridge.events(WAIT)
            for event in events:
                self._handlers[event.kind](event)
            now = time.monotonic()
            quiet_since = now if events or self.running or self.restoring else quiet_since
            if now - quiet_since > STORE_DEADLINE:
                self._give_up_storing()
        outcomes = self._outcomes()
        self.report(Finished(outcomes, time.monotonic() - start))
        return outcomes

    def interrupt(self, signal: int) -> None:
        """Have the steps given a signal and nothing more begun; the second one kills them."""
        self._signals.append(signal)
        self.bridge.wake()

    # What can be begun

    def _begin(self) -> bool:
        """Begin all that can be; False when everything has ended."""
        self._take_signals()
        while self.ready:
            self._check(self._wavefront())
        while self.restorable:
            self._restore(heappop(self.restorable))
        while self.runnable and len(self.running) < self.options.concurrency:
            step = heappop(self.runnable)
            if self.state[step] == "checking":
                self._set_state(step, "running")
                self.running.add(step)
                self.bridge.run(step, anew=step in self.retried)
        return bool(self.running or self.restoring or self.storing)

    def _wavefront(self) -> list[int]:
        """Take all ready steps, and those that are ready if these are hits, in topological order.

        Ids are given in that order. Looking at all at once lets the engine judge a step in the
        tree without the results of those that come after it. Once something had to run, only a
        few are looked at ahead: a long chain of misses must not be looked at from every link.
        """
        wave = sorted({step for step in self.ready if self.state[step] == "ready"})
        self.ready.clear()
        limit = len(wave) + self.lookahead
        self.lookahead = LOOKAHEAD
        undecided: dict[int, int] = {}
        for step in wave:  # grows
            if len(wave) >= limit:
                break
            if not self.bridge.looks_up(step):
                continue
            for other in self.then[step]:
                undecided[other] = undecided.get(other, self.undecided[other]) - 1
                if undecided[other] == 0 and self.state[other] == "waiting":
                    wave.append(other)
        return sorted(wave)

    def _check(self, wave: list[int]) -> None:
        found = self.bridge.check(wave)
        checked = []
        for step in wave:
            if self.state[step] != "ready":
                continue  # a step before it has to run first
            self._set_state(step, "checking")
            self.lookup[step] = found[step]
            checked.append(step)
            if found[step].status == "hit":
                self._decide(step)
        for step in checked:
            self._proceed(step)

    def _proceed(self, step: int) -> None:
        """Let a looked-up step be restored or run, if all steps before it are done."""
        lookup = self.lookup[step]
        if self.undone[step] or self.state[step] != "checking" or lookup is None:
            return
        heappush(self.restorable if lookup.status == "hit" else self.runnable, step)

    def _restore(self, step: int) -> None:
        self._set_state(step, "running")
        self.restoring[step] = time.monotonic()
        self.bridge.restore(step)

    # How steps hang together

    def _set_state(self, step: int, state: State) -> None:
        if state not in _NEXT[self.state[step]]:
            raise AssertionError(f"BUG: step {step} goes from {self.state[step]} to {state}")
        self.state[step] = state

    def _make_ready(self, step: int) -> None:
        if self.state[step] == "waiting":
            self._set_state(step, "ready")
            self.ready.append(step)

    def _decide(self, step: int) -> None:
        """The step is a hit, or done: those after it may be looked up."""
        if self.decided[step]:
            return
        self.decided[step] = True
        for other in self.then[step]:
            self.undecided[other] -= 1
            if self.undecided[other] == 0:
                self._make_ready(other)

    def _undecide(self, step: int) -> None:
        """The step is no hit after all: what was found for those after it doesn't hold."""
        recalled = [step]
        while recalled:
            step = recalled.pop()
            if not self.decided[step]:
                continue
            self.decided[step] = False
            for other in self.then[step]:
                self.undecided[other] += 1
                if self.state[other] in {"ready", "checking"}:
                    self._recall(other)
                    recalled.append(other)

    def _recall(self, step: int) -> None:
        """Put a step back to where it was before it was looked up."""
        self._set_state(step, "waiting")
        lookup, self.lookup[step] = self.lookup[step], None
        if lookup is not None and lookup.status == "hit":
            self.bridge.revoke(step)

    def _finish(self, step: int) -> None:
        """The step is done: those after it may begin."""
        self._set_state(step, "done")
        self._decide(step)
        for other in self.then[step]:
            self.undone[other] -= 1
            self._proceed(other)

    def _fail(self, outcome: Outcome) -> None:
        self._end(outcome)
        self._skip_dependents(outcome.step)
        if not self.options.keep_going:
            self._stop("stopped")

    def _end(self, outcome: Outcome) -> None:
        """Note how a step ended, and say so."""
        if outcome.state != "done":
            self._set_state(outcome.step, outcome.state)
        self.outcome[outcome.step] = outcome
        self.report(Ended(outcome))

    def _skip(self, step: int, cause: SkipCause, because_of: int | None = None) -> None:
        self._set_state(step, "skipped")
        self.outcome[step] = outcome = Outcome(step, "skipped")
        self.report(Ended(outcome, cause, because_of))

    def _skip_dependents(self, failed: int) -> None:
        found = list(self.then[failed])
        heapify(found)
        while found:
            step = heappop(found)
            if self.state[step] in _UNBEGUN:
                self._skip(step, "dependency-failed", failed)
                for other in self.then[step]:
                    heappush(found, other)

    def _stop(self, cause: SkipCause) -> None:
        """Begin nothing more; what runs goes on."""
        self.stopped = cause
        self.ready.clear()
        self.runnable.clear()
        self.restorable.clear()
        for step, state in enumerate(self.state):
            if state in _UNBEGUN:
                self._skip(step, cause)

    # What comes from the engine

    def _on_started(self, event: _native.Event) -> None:
        self.report(Began(event.step, self._found(event.step)))

    def _on_exited(self, event: _native.Event) -> None:
        step = event.step
        self.running.discard(step)
        self.storing.add(step)
        self.bridge.record(step)
        failed = event.signal is not None or event.code != 0
        state: EndState = "failed" if failed else "done"
        lookup = self._found(step)
        outcome = Outcome(step, state, lookup, event.code, event.signal, event.seconds)
        if failed:
            self._fail(outcome)
        else:
            self._end(outcome)

    def _on_judged(self, event: _native.Event) -> None:
        self._not_cached(event)
        if self.state[event.step] == "running":
            self._finish(event.step)

    def _on_stored(self, event: _native.Event) -> None:
        self._not_cached(event)
        self.storing.discard(event.step)

    def _on_restored(self, event: _native.Event) -> None:
        step = event.step
        began = self.restoring.pop(step, None)
        self.running.discard(step)
        if not event.ok:
            self._restore_failed(step, event.reason or Reason("entry-damaged"))
            return
        lookup = self._found(step)
        if lookup.status != "hit":  # another runner stored it meanwhile
            lookup = self.lookup[step] = Lookup("hit", saved=event.seconds)
        self.report(Began(step, lookup))
        for stream, data in self.bridge.replay(step):
            self.report(Output(step, stream, data))
        if event.replaced:
            self.report(Replaced(step, tuple(event.replaced)))
        seconds = time.monotonic() - began if began is not None else 0.0
        self._end(Outcome(step, "done", lookup, 0, None, seconds))
        self._finish(step)

    def _restore_failed(self, step: int, reason: _native.Reason | Reason) -> None:
        """The step has to run; those after it are looked up again when it is done."""
        if self._found(step).status != "hit":
            self.retried.add(step)  # found by the second look-up, which must not find it again
        self._undecide(step)
        if self.stopped is not None:
            self._skip(step, self.stopped)
            return
        self._set_state(step, "checking")
        self.lookup[step] = Lookup("miss", reason)
        self._proceed(step)

    def _on_failed(self, event: _native.Event) -> None:
        if self.stopped == "interrupted":
            self.running.discard(event.step)
            self._skip(event.step, self.stopped)
            return
        why = (event.reason.detail if event.reason else None) or "the system gave no reason"
        code = MISSING_PROGRAM if event.code is None else event.code
        self._lose(event.step, NotStarted(event.step, why), code)

    def _on_helper_lost(self, event: _native.Event) -> None:
        """The program that supervises all steps was killed: no running step has an end."""
        for step in sorted(self.running) or [event.step]:
            self._lose(step, Lost(step), 1)
        if self.stopped is None:
            self._stop("stopped")

    def _lose(self, step: int, event: NotStarted | Lost, code: int) -> None:
        if step not in self.running:
            return
        self.running.discard(step)
        lookup = self._found(step)
        self.report(Began(step, lookup))
        self.report(event)
        self._fail(Outcome(step, "failed", lookup, code, not_cached=Reason("failed")))

    def _found(self, step: int) -> Lookup:
        return self.lookup[step] or Lookup("miss")

    def _not_cached(self, event: _native.Event) -> None:
        outcome = self.outcome[event.step]
        if outcome is not None and not event.ok and event.reason is not None:
            self.outcome[event.step] = outcome._replace(not_cached=event.reason)

    def _give_up_storing(self) -> None:
        reason = Reason("store-failed", detail="the cache gave no answer")
        for step in self.storing:
            outcome = self.outcome[step]
            if outcome is not None:
                self.outcome[step] = outcome._replace(not_cached=reason)
        self.storing.clear()

    # Signals

    def _take_signals(self) -> None:
        for signal in self._signals[self._signals_taken :]:
            self._signals_taken += 1
            again = self._signals_taken > 1
            if self.stopped != "interrupted":
                self._stop("interrupted")
            for step in sorted(self.running):
                self.bridge.kill(step, signals.SIGKILL if again else signal)
            self.report(Interrupted(signal, killed=again))

    def _outcomes(self) -> tuple[Outcome, ...]:
        lost = [step for step, outcome in enumerate(self.outcome) if outcome is None]
        if lost:
            raise AssertionError(f"BUG: steps {lost} never ended")
        return tuple(outcome for outcome in self.outcome if outcome is not None)

    @property
    def signal(self) -> int | None:
        """The first signal that interrupted the run."""
        return self._signals[0] if self._signals else None


def forecast(plan: Plan, bridge: Bridge) -> list[Lookup | None]:
    """Look up what can be without running anything; None for steps after one that has to run."""
    found: list[Lookup | None] = [None] * len(plan.actions)
    left = list(plan.actions)
    while left:
        hits = {n for n, lookup in enumerate(found) if lookup and lookup.status == "hit"}
        wave = [action.id for action in left if hits.issuperset(action.after)]
        if not wave:
            break
        for step, lookup in bridge.check(wave).items():
            found[step] = lookup
        left = [action for action in left if found[action.id] is None]
    return found


def failed(outcomes: Iterable[Outcome]) -> list[Outcome]:
    """Return the outcomes of the steps that failed."""
    return [outcome for outcome in outcomes if outcome.state == "failed"]
