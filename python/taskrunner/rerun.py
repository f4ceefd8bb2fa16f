"""Runs what would be hits once more, from nothing, and compares what they leave with the cache."""

from __future__ import annotations

from typing import TYPE_CHECKING

from taskrunner.events import Difference, Lookup, Verified
from taskrunner.execute import Bridge
from taskrunner.model import PathRules
from taskrunner.reasons import Reason

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from typing import TypeAlias

    from taskrunner._native import Engine
    from taskrunner.cache import Policy
    from taskrunner.events import DifferenceKind, Outcome
    from taskrunner.plan import Plan

    Leaves: TypeAlias = Mapping[str, tuple[str, str, int]]

_VERIFIED = Lookup("miss", Reason("verified"))
_DEFAULT = PathRules()
_RESTORE_WAIT = 600.0


class Rerunning(Bridge):
    """A bridge over which no step is a hit: what would be one is run again, from nothing."""

    def __init__(self, engine: Engine, plan: Plan, policy: Policy) -> None:
        super().__init__(engine, plan, policy)
        self._plan = plan
        self._expected: dict[int, Leaves] = {}
        engine.clean([action.id for action in plan.actions])

    def check(self, steps: Sequence[int]) -> dict[int, Lookup]:
        """Look up steps, and remember what the hits would leave."""
        found = super().check(steps)
        for number, lookup in found.items():
            leaves = self._engine.hit_leaves(number) if lookup.status == "hit" else None
            if leaves is not None:
                self._expected[number] = leaves
                self._engine.revoke(number)
                found[number] = _VERIFIED
        return found

    def run(self, number: int, *, anew: bool = False) -> None:
        """Begin to run a step; what another runner stored meanwhile is no answer."""
        super().run(number, anew=anew or number in self._expected)

    def verified(self, outcomes: Iterable[Outcome]) -> Iterator[Verified]:
        """Compare the steps that ended well with what was stored of them."""
        for outcome in outcomes:
            expected = self._expected.get(outcome.step)
            if expected is None or outcome.state != "done":
                continue
            left = self._engine.standing_leaves(outcome.step)
            if self._plan.actions[outcome.step].task.output != _DEFAULT:
                # What the rules leave out was left, too, and is none of the result.
                left = {path: left[path] for path in left if path in expected}
            yield Verified(outcome.step, tuple(differences(expected, left)))

    def put_back(self, outcomes: Iterable[Outcome]) -> None:
        """Restore what did not get as far as to be made anew: no output is lost by verifying."""
        lost = sorted(outcome.step for outcome in outcomes if outcome.state != "done")
        waiting = {step for step in lost if self._hits(step)}
        for step in sorted(waiting):
            self._engine.restore(step)
        while waiting:
            events = self._engine.next_events(len(waiting), _RESTORE_WAIT)
            if not events:
                return
            waiting -= {event.step for event in events}

    def _hits(self, step: int) -> bool:
        return self.looks_up(step) and self._engine.check([step])[0].hit


def differences(expected: Leaves, left: Leaves) -> Iterator[Difference]:
    """Compare what a step left with what it was to leave, path by path."""
    for path in sorted(expected.keys() | left.keys()):
        kind = _kind(expected.get(path), left.get(path))
        if kind is not None:
            yield Difference(path, kind)


def _kind(
    old: tuple[str, str, int] | None, new: tuple[str, str, int] | None
) -> DifferenceKind | None:
    if old is None or new is None:
        return "extra" if old is None else "missing"
    if old[0] != new[0]:
        return "kind"
    if old[1] != new[1]:
        return "target" if old[0] == "link" else "content"
    return None if old[2] == new[2] or old[0] == "link" else "mode"
