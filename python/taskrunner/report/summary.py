"""The lines at the end of a run: what was not cached and why, and the tasks in numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from taskrunner.hints import FAULTS, HARMLESS
from taskrunner.reasons import next_step, show, word

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from taskrunner.events import Finished, Outcome
    from taskrunner.plan import Plan
    from taskrunner.reasons import ReasonLike
    from taskrunner.style import Style

_SLOW = 1.0
"""From how many seconds a step is named among the slowest."""

_NAMED = 3
"""How many of the slowest are named, if as many ran."""

# Said elsewhere: as the failure itself, or once for the whole run, or by the user.
_SAID = frozenset({"failed", "killed", "cancelled", "timed-out", "cache-disabled", "untraced"})


def lines(plan: Plan, event: Finished, style: Style, *, verbose: bool) -> Iterator[str]:
    """Return the lines that end a run."""
    for outcome in event.outcomes:
        reason = why_not_cached(outcome)
        if reason is None or (reason.kind in _SAID and not verbose):
            continue
        label = style(plan.actions[outcome.step].label, "bold")
        yield f"{label} {style('not cached', 'yellow')}: {word(reason)}"
        advice = next_step(reason)
        if advice:
            yield style(f"  {advice}", "cyan")
    yield from _bad_hints(plan, event.outcomes, style, verbose=verbose)
    yield from _failures(plan, event.outcomes, style)
    slow = slowest(plan, event.outcomes)
    if slow:
        yield style(f"slowest: {slow}", "dim")
    yield totals(count(plan, event.outcomes), event.seconds, saved(event.outcomes))


def _bad_hints(
    plan: Plan, outcomes: Iterable[Outcome], style: Style, *, verbose: bool
) -> Iterator[str]:
    """Count what tools said and could not be used; what can have cost nothing, only if asked."""
    for outcome in outcomes:
        faults = outcome.hints.get("badInput", {})
        told = [kind for kind in faults if verbose or kind not in HARMLESS]
        if told:
            label = style(plan.actions[outcome.step].label, "bold")
            words = "; ".join(f"{FAULTS[kind]} ({faults[kind]})" for kind in told)
            yield f"{label} {style('bad hints', 'yellow')}: {words}"


def _failures(plan: Plan, outcomes: Iterable[Outcome], style: Style) -> Iterator[str]:
    """Name what failed once more, if there is so much that it may be out of sight."""
    found = [o for o in outcomes if o.state == "failed" and o.ended_by != "stopped"]
    if len(found) > 1:
        names = ", ".join(show(plan.actions[outcome.step].label) for outcome in found)
        yield f"{style('failed', 'red')}: {names}"


def slowest(plan: Plan, outcomes: Iterable[Outcome]) -> str:
    """Return the steps that took longest, if some took long and others ran beside them."""
    ran = [outcome for outcome in outcomes if outcome.lookup is not None and not is_hit(outcome)]
    ran.sort(key=lambda outcome: (-outcome.seconds, outcome.step))
    if len(ran) < _NAMED or ran[0].seconds < _SLOW:
        return ""
    return ", ".join(
        f"{show(plan.actions[outcome.step].label)} {duration(outcome.seconds)}"
        for outcome in ran[:_NAMED]
    )


def saved(outcomes: Iterable[Outcome]) -> float:
    """Return the seconds that the runs took whose results were used again."""
    return sum(o.lookup.saved for o in outcomes if o.lookup is not None and is_hit(o))


def why_not_cached(outcome: Outcome) -> ReasonLike | None:
    """Return why nothing was stored: what was known before the step ran, or found out after."""
    lookup = outcome.lookup
    if lookup is not None and lookup.status == "disabled":
        return lookup.reason
    return outcome.not_cached


def totals(counts: Mapping[str, int], seconds: float, saved: float) -> str:
    """Return the line of numbers: `5 tasks: 3 hits, 2 ran, 0 failed in 1.2s (saved 3.4s)`."""
    total = sum(counts.values())
    parts = [
        f"{counts['hit']} {'hit' if counts['hit'] == 1 else 'hits'}",
        f"{counts['ran']} ran",
        f"{counts['failed']} failed",
    ]
    parts += [f"{counts[name]} {name}" for name in ("stopped", "skipped") if counts[name]]
    tail = f" (saved {duration(saved)})" if counts["hit"] else ""
    tasks = "task" if total == 1 else "tasks"
    return f"{total} {tasks}: {', '.join(parts)} in {duration(seconds)}{tail}"


def count(plan: Plan, outcomes: Iterable[Outcome]) -> dict[str, int]:
    """Return how many tasks were hits, ran, failed and were skipped."""
    by_task: dict[int, str] = {}
    for outcome in outcomes:
        task = plan.actions[outcome.step].task.id
        now = _class(outcome)
        by_task[task] = max(by_task.get(task, "hit"), now, key=_WEIGHT.__getitem__)
    counts = dict.fromkeys(_WEIGHT, 0)
    for word_ in by_task.values():
        counts[word_] += 1
    return counts


# A task is what the heaviest of its steps is.
_WEIGHT = {"hit": 0, "ran": 1, "skipped": 2, "stopped": 3, "failed": 4}


def _class(outcome: Outcome) -> str:
    if is_hit(outcome):
        return "hit"
    if outcome.ended_by == "stopped":
        return "stopped"
    return "ran" if outcome.state == "done" else outcome.state


def is_hit(outcome: Outcome) -> bool:
    """Tell whether a step was answered from the cache."""
    return outcome.lookup is not None and outcome.lookup.status == "hit"


def duration(seconds: float) -> str:
    """Return a time as people read it."""
    if seconds < 1:
        return f"{round(seconds * 1000)}ms"
    if seconds < 60:  # noqa: PLR2004 - a minute
        return f"{seconds:.1f}s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes}m{rest:02}s"
