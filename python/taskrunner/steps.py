"""Where each step of a run stands, and how the steps hang together: one state machine, no I/O."""

from __future__ import annotations

from heapq import heapify, heappop, heappush
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from taskrunner.plan import Action

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


class Steps:
    """The states of all steps. A step is decided if it is a hit, or done."""

    def __init__(self, actions: Sequence[Action]) -> None:
        count = len(actions)
        self.state: list[State] = ["waiting"] * count
        self.ready: list[int] = []
        """The steps that became ready; some may have left that state again."""
        self._then: list[list[int]] = [[] for _ in range(count)]
        # How many of the steps directly before it are neither a hit nor done; are not done.
        self._undecided = [len(action.after) for action in actions]
        self._undone = list(self._undecided)
        self._decided = [False] * count
        for action in actions:
            for other in action.after:
                self._then[other].append(action.id)

    def begin(self) -> None:
        """Make all those ready that have nothing before them."""
        for step, count in enumerate(self._undecided):
            if count == 0:
                self._make_ready(step)

    def set(self, step: int, state: State) -> None:
        """Put a step into another state; the only place where one changes."""
        if state not in _NEXT[self.state[step]]:
            raise AssertionError(f"BUG: step {step} goes from {self.state[step]} to {state}")
        self.state[step] = state

    def may_proceed(self, step: int) -> bool:
        """Tell whether what was found for a step may happen: all before it are done."""
        return self._undone[step] == 0 and self.state[step] == "checking"

    def decide(self, step: int) -> None:
        """The step is a hit, or done: those after it may be looked up."""
        if self._decided[step]:
            return
        self._decided[step] = True
        for other in self._then[step]:
            self._undecided[other] -= 1
            if self._undecided[other] == 0:
                self._make_ready(other)

    def undecide(self, step: int) -> list[int]:
        """The step is no hit after all; return those whose look-up doesn't hold any more."""
        recalled = []
        undecided = [step]
        while undecided:
            step = undecided.pop()
            if not self._decided[step]:
                continue
            self._decided[step] = False
            for other in self._then[step]:
                self._undecided[other] += 1
                if self.state[other] in {"ready", "checking"}:
                    self.set(other, "waiting")
                    recalled.append(other)
                    undecided.append(other)
        return recalled

    def finish(self, step: int) -> list[int]:
        """The step is done; return those after it, which may be able to begin."""
        self.set(step, "done")
        self.decide(step)
        for other in self._then[step]:
            self._undone[other] -= 1
        return self._then[step]

    def unbegun(self) -> Iterator[int]:
        """Yield the steps that have not begun, each in the state it has by then."""
        return (step for step, state in enumerate(self.state) if state in _UNBEGUN)

    def unbegun_after(self, failed: int) -> Iterator[int]:
        """Yield all steps that need a failed one; they are to be skipped as they come."""
        found = list(self._then[failed])
        heapify(found)
        while found:
            step = heappop(found)
            if self.state[step] in _UNBEGUN:
                yield step
                for other in self._then[step]:
                    heappush(found, other)

    def wavefront(self, lookahead: int, looks_up: Callable[[int], bool]) -> list[int]:
        """Take all ready steps, and those that are ready if these are hits, in topological order.

        Ids are given in that order. Looking at all at once lets the engine judge a step in the
        tree without the results of those that come after it. At most `lookahead` are looked at
        ahead. A step that `looks_up` denies can't be a hit.
        """
        wave = sorted({step for step in self.ready if self.state[step] == "ready"})
        self.ready.clear()
        limit = len(wave) + lookahead
        undecided: dict[int, int] = {}
        for step in wave:  # grows
            if len(wave) >= limit:
                break
            if not looks_up(step):
                continue
            for other in self._then[step]:
                undecided[other] = undecided.get(other, self._undecided[other]) - 1
                if undecided[other] == 0 and self.state[other] == "waiting":
                    wave.append(other)
        return sorted(wave)

    def _make_ready(self, step: int) -> None:
        if self.state[step] == "waiting":
            self.set(step, "ready")
            self.ready.append(step)
