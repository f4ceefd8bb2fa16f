"""When a step has to be looked at again: at most one moment for each."""

from __future__ import annotations

from heapq import heappop, heappush


class Deadlines:
    """Moments by the clock of whoever sets them, in seconds."""

    def __init__(self) -> None:
        self._heap: list[tuple[float, int]] = []
        self._moments: dict[int, float] = {}

    def set(self, step: int, moment: float) -> None:
        """Set the moment of a step; an earlier one is forgotten."""
        self._moments[step] = moment
        heappush(self._heap, (moment, step))

    def clear(self, step: int) -> None:
        """The step need not be looked at."""
        self._moments.pop(step, None)

    def wait(self, now: float, longest: float) -> float:
        """Return how long there is nothing to do, at most `longest`."""
        self._drop_forgotten()
        return max(0.0, min(longest, self._heap[0][0] - now)) if self._heap else longest

    def due(self, now: float) -> list[int]:
        """Return the steps whose moment has come, each once."""
        found = []
        while self._heap and self._heap[0][0] <= now:
            moment, step = heappop(self._heap)
            if self._moments.get(step) == moment:
                del self._moments[step]
                found.append(step)
        return found

    def _drop_forgotten(self) -> None:
        while self._heap and self._moments.get(self._heap[0][1]) != self._heap[0][0]:
            heappop(self._heap)
