"""Which of the steps that may run begin now: a ready heap, weights, locks, steps that run alone."""

from __future__ import annotations

from heapq import heappop, heappush
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from taskrunner.plan import Action


class Slots:
    """Gives out places to steps: first to the one with the longest chain of steps after it.

    What many wait for in turn decides how long the whole takes. Among equals the smallest id is
    first. Where there is too little room for the first, no lighter one takes its place; one that
    waits for a lock is passed by.
    """

    def __init__(self, actions: Sequence[Action], places: int | None) -> None:
        self._actions = actions
        self._places = places
        self._rank = ranks(actions)
        self._heap: list[tuple[int, int]] = []
        self._parked: dict[str, list[int]] = {}
        self._holders: dict[str, int] = {}  # lock to task
        self._running: set[int] = set()
        self._used = 0
        self.alone = False
        """Whether an interactive step runs: nothing else may begin."""

    def add(self, step: int) -> None:
        """A step may run as soon as there is a place for it."""
        heappush(self._heap, (self._rank[step], step))

    def clear(self) -> None:
        """No step that waits for a place is to run any more."""
        self._heap.clear()
        self._parked.clear()

    def take(self, still: Callable[[int], bool], *, busy: bool) -> int | None:
        """Return the next step to begin, if any; `still` tells whether one is to run at all.

        While the runner is `busy` with anything else, no step begins that has to be alone.
        """
        while self._heap:
            step = self._heap[0][1]
            if not still(step) or step in self._running:
                heappop(self._heap)
            elif taken := self._taken_lock(step):
                heappop(self._heap)
                self._parked.setdefault(taken, []).append(step)
            elif self._fits(step, busy=busy):
                heappop(self._heap)
                return self._place(step)
            else:
                return None
        return None

    def leave(self, step: int) -> None:
        """The step runs no more: its place is free, its locks are still held."""
        if step in self._running:
            self._running.remove(step)
            self._used -= self._weight(step)
            self.alone = False

    def finish(self, step: int) -> None:
        """The step is over: its locks are free, unless its task goes right on."""
        action = self._actions[step]
        if self._goes_on(step):
            return
        for lock in action.task.lock:
            if self._holders.get(lock) == action.task.id:
                del self._holders[lock]
                for waiting in self._parked.pop(lock, ()):
                    self.add(waiting)

    def _taken_lock(self, step: int) -> str | None:
        task = self._actions[step].task
        return next((name for name in task.lock if self._holder(name, task.id) != task.id), None)

    def _holder(self, lock: str, default: int) -> int:
        return self._holders.get(lock, default)

    def _fits(self, step: int, *, busy: bool) -> bool:
        if self.alone:
            return False
        if self._actions[step].task.interactive:
            return not self._running and not busy
        if not self._running or self._places is None:
            return True
        return self._used + self._weight(step) <= self._places

    def _weight(self, step: int) -> int:
        return self._actions[step].task.weight

    def _place(self, step: int) -> int:
        task = self._actions[step].task
        self._running.add(step)
        self._used += self._weight(step)
        self.alone = task.interactive
        for lock in task.lock:
            self._holders[lock] = task.id
        return step

    def _goes_on(self, step: int) -> bool:
        """Whether the next step of the same task waits for nothing but this one.

        Where other tasks come in between, they may need the very locks that this one holds.
        """
        following = step + 1
        if following == len(self._actions):
            return False
        action = self._actions[following]
        return action.task.id == self._actions[step].task.id and action.after == (step,)


def ranks(actions: Sequence[Action]) -> list[int]:
    """Return a number for each step, the smaller the longer the longest chain of steps after it."""
    found = [0] * len(actions)
    for action in reversed(actions):
        for other in action.after:
            found[other] = min(found[other], found[action.id] - 1)
    return found
