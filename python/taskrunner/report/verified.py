"""Says what running hits again has shown. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from taskrunner.reasons import show

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from taskrunner.events import Difference, Verified
    from taskrunner.plan import Plan

SHOWN = 10
"""How many paths of one step are named; the others are counted."""

_WORDS = {
    "missing": "{path} was not made again",
    "extra": "{path} was not made before",
    "kind": "{path} is of another kind",
    "content": "{path} has other content",
    "target": "{path} points elsewhere",
    "mode": "{path} has another mode",
}
_ADVICE = "  if that matters, make the command repeatable, or set `cache = false`"


def lines(
    plan: Plan, found: Sequence[Verified], style: Callable[..., str], *, verbose: bool
) -> Iterator[str]:
    """Yield the steps that differ with their paths, and a line of numbers."""
    differing = [one for one in found if one.differences]
    for one in differing:
        label = style(plan.actions[one.step].label, "bold")
        yield f"{label} {style('does not repeat', 'red')}:"
        shown = one.differences if verbose else one.differences[:SHOWN]
        yield from (f"  {_word(difference)}" for difference in shown)
        if len(shown) < len(one.differences):
            yield f"  and {len(one.differences) - len(shown)} more; -v names them all"
        yield _ADVICE
    yield f"verified {_hits(len(found))}: {_verdict(len(differing))}"


def _word(difference: Difference) -> str:
    return _WORDS[difference.kind].replace("{path}", show(difference.path))


def _hits(count: int) -> str:
    return "1 hit" if count == 1 else f"{count} hits"


def _verdict(count: int) -> str:
    if count == 0:
        return "all repeat"
    return f"{count} does not repeat" if count == 1 else f"{count} do not repeat"
