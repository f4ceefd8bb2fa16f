"""Decides what happens to each step and when: one loop over events, with no I/O of its own."""

from __future__ import annotations

import signal as signals
import time
from heapq import heappop, heappush
from typing import TYPE_CHECKING, NamedTuple

from taskrunner.deadlines import Deadlines
from taskrunner.events import (
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
    Retrying,
    Tick,
    Waiting,
)
from taskrunner.outcomes import exited, judged, not_started, restored
from taskrunner.reasons import Reason
from taskrunner.slots import Slots
from taskrunner.steps import Steps

if TYPE_CHECKING:
    from collections.abc import Callable

    from taskrunner import _native
    from taskrunner.events import EndedBy, Report, SkipCause
    from taskrunner.execute import Bridge
    from taskrunner.plan import Plan

WAIT = 1.0
"""The longest single wait for events; a step may run for as long as it likes.

A signal that comes just before a wait begins is noticed when it ends.
"""

LOOKAHEAD = 16
"""How many steps that are not ready yet are looked up with those that are, after the first time.

Once something had to run, a long chain of misses must not be looked at from every link.
"""

STORE_DEADLINE = 600.0
"""With nothing left but results to be stored, this long without a word means they are lost."""

KILL_GRACE = 10.0
"""How long a step that was told to end may take to do so, before it is killed."""


class Options(NamedTuple):
    """What the user said about how to run."""

    concurrency: int | None
    """How many places there are for running steps; None is no limit."""
    keep_going: bool = False


class Schedule:
    """Runs a plan's steps in the calling thread. `interrupt` may come from a signal handler."""

    def __init__(
        self,
        plan: Plan,
        bridge: Bridge,
        options: Options,
        report: Report,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        count = len(plan.actions)
        self.actions = plan.actions
        self.bridge = bridge
        self.options = options
        self.report = report
        self.clock = clock
        self.steps = Steps(plan.actions)
        self.slots = Slots(plan.actions, options.concurrency)
        self.deadlines = Deadlines()
        self.lookup: list[Lookup | None] = [None] * count
        self.outcome: list[Outcome | None] = [None] * count
        self.lookahead = count
        self.restorable: list[int] = []
        self.restoring: dict[int, float] = {}
        self.running: set[int] = set()
        self.storing: set[int] = set()
        self.anew: set[int] = set()
        self.begun: set[int] = set()
        self.attempts: dict[int, int] = {}
        self.told_to_end: dict[int, EndedBy] = {}
        self.stopped: SkipCause | None = None
        self._signals: list[int] = []
        self._signals_taken = 0
        self._handlers: dict[str, Callable[[_native.Event], None]] = {
            "waiting": lambda event: self.report(Waiting(event.step)),
            "opened": self.bridge.hear,
            "hints": self.bridge.hear,
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
        start = quiet_since = self.clock()
        self.steps.begin()
        while self._begin():
            events = self.bridge.events(self.deadlines.wait(self.clock(), WAIT))
            for event in events:
                self._handlers[event.kind](event)
            now = self.clock()
            for step in self.deadlines.due(now):
                self._on_deadline(step)
            self.report(Tick())
            quiet_since = now if events or self.running or self.restoring else quiet_since
            if now - quiet_since > STORE_DEADLINE:
                self._give_up_storing()
        outcomes = self._outcomes()
        self.report(Finished(outcomes, self.clock() - start))
        return outcomes

    def interrupt(self, signal: int) -> None:
        """Have the steps given a signal and nothing more begun; the second one kills them.

        While a step has the terminal, Ctrl-C is for that step: it decides what becomes of it.
        """
        if signal == signals.SIGINT and self.slots.alone:
            self.forward(signal)
            return
        self._signals.append(signal)
        self.bridge.wake()

    def forward(self, signal: int) -> None:
        """Pass a signal on to the step that has the terminal, if one has."""
        if self.slots.alone:
            for step in tuple(self.running):
                self.bridge.kill(step, signal)

    # What can be begun

    def _begin(self) -> bool:
        """Begin all that can be; False when everything has ended."""
        self._take_signals()
        while self.steps.ready:
            self._check(self.steps.wavefront(self.lookahead, self.bridge.looks_up))
            self.lookahead = LOOKAHEAD
        while self.restorable and not self.slots.alone:
            self._restore(heappop(self.restorable))
        while (step := self.slots.take(self._is_checked, busy=bool(self.restoring))) is not None:
            self._run(step)
        return bool(self.running or self.restoring or self.storing)

    def _is_checked(self, step: int) -> bool:
        return self.steps.state[step] == "checking"

    def _run(self, step: int) -> None:
        self.steps.set(step, "running")
        self.running.add(step)
        self.attempts[step] = 1
        if self.actions[step].task.interactive:
            self._tell_begun(step)  # before anything of its own can be on the screen
        self.bridge.run(step, anew=step in self.anew)

    def _check(self, wave: list[int]) -> None:
        found = self.bridge.check(wave)
        checked = []
        for step in wave:
            if self.steps.state[step] != "ready":
                continue  # a step before it has to run first
            self.steps.set(step, "checking")
            self.lookup[step] = found[step]
            checked.append(step)
            if found[step].status == "hit":
                self.steps.decide(step)
        for step in checked:
            self._proceed(step)

    def _proceed(self, step: int) -> None:
        """Let a looked-up step be restored or run, if all steps before it are done."""
        lookup = self.lookup[step]
        if lookup is None or not self.steps.may_proceed(step):
            return
        if lookup.status == "hit":
            heappush(self.restorable, step)
        else:
            self.slots.add(step)

    def _restore(self, step: int) -> None:
        self.steps.set(step, "running")
        self.restoring[step] = self.clock()
        self.bridge.restore(step)

    # How steps end

    def _finish(self, step: int) -> None:
        """The step is done: those after it may begin."""
        following = self.steps.finish(step)
        self.slots.finish(step)
        for other in following:
            self._proceed(other)

    def _fail(self, outcome: Outcome) -> None:
        self._end(outcome)
        for step in self.steps.unbegun_after(outcome.step):
            self._skip(step, "dependency-failed", outcome.step)
        if not self.options.keep_going and self.stopped is None:
            self._stop("stopped")
            for step in sorted(self.running):
                self._tell_to_end(step, signals.SIGTERM, "stopped")

    def _end(self, outcome: Outcome) -> None:
        """Note how a step ended, and say so."""
        if outcome.state != "done":
            self.steps.set(outcome.step, outcome.state)
            self.slots.finish(outcome.step)
        self.outcome[outcome.step] = outcome
        self.report(Ended(outcome))

    def _skip(self, step: int, cause: SkipCause, because_of: int | None = None) -> None:
        self.steps.set(step, "skipped")
        self.slots.finish(step)
        self.outcome[step] = outcome = Outcome(step, "skipped")
        self.report(Ended(outcome, cause, because_of))

    def _stop(self, cause: SkipCause) -> None:
        """Begin nothing more."""
        self.stopped = cause
        self.steps.ready.clear()
        self.slots.clear()
        self.restorable.clear()
        for step in self.steps.unbegun():
            self._skip(step, cause)

    def _tell_to_end(self, step: int, signal: int, why: EndedBy) -> None:
        """Have a step end, and kill it if it takes too long."""
        self.told_to_end.setdefault(step, why)
        self.deadlines.set(step, self.clock() + KILL_GRACE)
        self.bridge.kill(step, signal)

    def _on_deadline(self, step: int) -> None:
        if step not in self.running:
            return
        if step in self.told_to_end:
            self.bridge.kill(step, signals.SIGKILL)
        else:
            self._tell_to_end(step, signals.SIGTERM, "timeout")

    # What comes from the engine

    def _on_started(self, event: _native.Event) -> None:
        step = event.step
        timeout = self.actions[step].task.timeout
        if timeout is not None and step not in self.told_to_end:
            self.deadlines.set(step, self.clock() + timeout)
        self._tell_begun(step)

    def _tell_begun(self, step: int) -> None:
        if step not in self.begun:
            self.begun.add(step)
            self.report(Began(step, self._found(step)))

    def _on_exited(self, event: _native.Event) -> None:
        step = event.step
        self.deadlines.clear(step)
        self.bridge.hear(event)
        attempts, ended_by = self.attempts.get(step, 1), self.told_to_end.get(step)
        outcome = exited(event, self._found(step), attempts, ended_by)
        if outcome.state == "failed" and self._may_retry(outcome):
            self.report(Retrying(outcome))
            self.attempts[step] += 1
            self.told_to_end.pop(step, None)
            self.bridge.retry(step)
            return
        self._leave(step)
        self.storing.add(step)
        outcome = outcome._replace(hints=self.bridge.record(step))
        if outcome.state == "failed":
            self._fail(outcome)
        else:
            self._end(outcome)

    def _may_retry(self, outcome: Outcome) -> bool:
        """A step is tried again for its own failure, not if the runner wants to end."""
        retries = self.actions[outcome.step].task.retries
        mine = outcome.ended_by in {None, "timeout"}
        return mine and self.stopped is None and outcome.attempts <= retries

    def _leave(self, step: int) -> None:
        """The step does not run any more."""
        self.running.discard(step)
        self.slots.leave(step)
        self.deadlines.clear(step)

    def _on_judged(self, event: _native.Event) -> None:
        self._not_cached(event)
        if self.steps.state[event.step] == "running":
            self._finish(event.step)

    def _on_stored(self, event: _native.Event) -> None:
        self._not_cached(event)
        self.storing.discard(event.step)

    def _on_restored(self, event: _native.Event) -> None:
        step = event.step
        now = self.clock()
        seconds = now - self.restoring.pop(step, now)
        self._leave(step)
        if not event.ok:
            self._restore_failed(step, event.reason or Reason("entry-damaged"))
            return
        if self._found(step).status != "hit":  # another runner stored it meanwhile
            self.lookup[step] = Lookup("hit", saved=event.seconds)
        outcome = restored(event, self._found(step), seconds)
        self.report(Began(step, self._found(step)))
        for stream, data in self.bridge.replay(step):
            self.report(Output(step, stream, data))
        if event.replaced:
            self.report(Replaced(step, tuple(event.replaced)))
        self._end(outcome)
        self._finish(step)

    def _restore_failed(self, step: int, reason: _native.Reason | Reason) -> None:
        """The step has to run; those after it are looked up again when it is done."""
        if self._found(step).status != "hit":
            self.anew.add(step)  # found by the second look-up, which must not find it again
        for other in self.steps.undecide(step):
            lookup, self.lookup[other] = self.lookup[other], None
            if lookup is not None and lookup.status == "hit":
                self.bridge.revoke(other)
        if self.stopped is not None:
            self._skip(step, self.stopped)
            return
        self.steps.set(step, "checking")
        self.lookup[step] = Lookup("miss", reason)
        self._proceed(step)

    def _on_failed(self, event: _native.Event) -> None:
        if event.step in self.told_to_end and self.stopped is not None:
            self._leave(event.step)
            self._skip(event.step, self.stopped)
            return
        told, code = not_started(event)
        self._lose(event.step, told, code)

    def _on_helper_lost(self, event: _native.Event) -> None:
        """The program that supervises all steps was killed: no running step has an end."""
        for step in sorted(self.running) or [event.step]:
            self._lose(step, Lost(step), 1)
        if self.stopped is None:
            self._stop("stopped")

    def _lose(self, step: int, event: NotStarted | Lost, code: int) -> None:
        if step not in self.running:
            return
        self._leave(step)
        self._tell_begun(step)
        self.report(event)
        lookup = self._found(step)
        self._fail(Outcome(step, "failed", lookup, code, not_cached=Reason("failed")))

    def _found(self, step: int) -> Lookup:
        return self.lookup[step] or Lookup("miss")

    def _not_cached(self, event: _native.Event) -> None:
        """Keep the engine's reason, unless a better one is known."""
        outcome = self.outcome[event.step]
        if outcome is not None:
            self.outcome[event.step] = judged(outcome, event)

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
                self._tell_to_end(step, signals.SIGKILL if again else signal, "interrupted")
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
