"""`taskrunner run --dry-run`: the steps, and what the cache says of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from taskrunner.forecast import forecast
from taskrunner.report.json_summary import reason_element, text
from taskrunner.report.plain import lookup_words, shown_line
from taskrunner.report.sink import Sink
from taskrunner.report.summary import duration

if TYPE_CHECKING:
    from taskrunner.events import Lookup
    from taskrunner.execute import Bridge
    from taskrunner.plan import Action, Plan

VERSION = 1


def show(plan: Plan, bridge: Bridge, *, as_json: bool) -> int:
    """Print what a run would do, and run nothing."""
    found = list(zip(plan.actions, forecast(plan, bridge), strict=True))
    out = Sink(1)
    if as_json:
        import json

        steps = [_element(action, lookup) for action, lookup in found]
        out.line(json.dumps({"version": VERSION, "steps": steps}, indent=2, ensure_ascii=False))
        return 0
    for action, lookup in found:
        line = shown_line(action.line)
        out.line(f"{out.style(action.label, 'bold')}: $ {line}  {_prospect(lookup)}")
    Sink(2).line(_totals([lookup for _, lookup in found]))
    return 0


def _prospect(lookup: Lookup | None) -> str:
    if lookup is None:
        return "unknown: a step before it has to run"
    return "cache hit" if lookup.status == "hit" else lookup_words(lookup)


def _totals(found: list[Lookup | None]) -> str:
    hits = [lookup for lookup in found if lookup is not None and lookup.status == "hit"]
    unknown = sum(lookup is None for lookup in found)
    parts = [f"{len(hits)} from the cache", f"{len(found) - len(hits) - unknown} to run"]
    if unknown:
        parts.append(f"{unknown} unknown")
    steps = "step" if len(found) == 1 else "steps"
    saves = f" (saves {duration(sum(lookup.saved for lookup in hits))})" if hits else ""
    return f"{len(found)} {steps}: {', '.join(parts)}{saves}"


def _element(action: Action, lookup: Lookup | None) -> dict[str, Any]:
    return {
        "taskId": text(action.task.label),
        "step": action.part,
        "id": action.id,
        "command": text(action.line),
        "after": list(action.after),
        "cacheStatus": "unknown" if lookup is None else lookup.status,
        "reason": reason_element(lookup.reason) if lookup is not None else None,
        "savedMs": round(lookup.saved * 1000) if lookup is not None else 0,
    }
