"""The summary of a run for programs; `version` changes when a reader would have to."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any

from taskrunner.reasons import word
from taskrunner.report.summary import is_hit, why_not_cached

if TYPE_CHECKING:
    from collections.abc import Iterable

    from taskrunner.events import Outcome
    from taskrunner.plan import Plan
    from taskrunner.reasons import ReasonLike

VERSION = 1


def document(plan: Plan, outcomes: Iterable[Outcome]) -> dict[str, Any]:
    """Return the summary: one element for each step that ran or was answered from the cache."""
    tasks = [_element(plan, outcome) for outcome in outcomes if outcome.lookup is not None]
    return {"version": VERSION, "tasks": tasks}


def _element(plan: Plan, outcome: Outcome) -> dict[str, Any]:
    action, lookup = plan.actions[outcome.step], outcome.lookup
    status = lookup.status if lookup else None
    missed = lookup.reason if lookup and status == "miss" else None
    skipped = why_not_cached(outcome)
    return {
        "taskId": action.task.label,
        "step": action.part,
        "cacheStatus": status,
        "cacheMissReason": _reason(missed),
        "cacheSkipReason": _reason(skipped),
        "exitCode": outcome.exit_code,
        "durationMs": round(outcome.seconds * 1000),
        "savedMs": round(lookup.saved * 1000) if lookup and is_hit(outcome) else 0,
    }


def _reason(reason: ReasonLike | None) -> dict[str, str | None] | None:
    if reason is None:
        return None
    return {
        "kind": reason.kind,
        "path": None if reason.path is None else _text(reason.path),
        "detail": None if reason.detail is None else _text(reason.detail),
        "message": word(reason),
    }


def _text(text: str) -> str:
    """Return text that UTF-8 can hold; bytes that were none are escaped."""
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


def write(path: str, plan: Plan, outcomes: Iterable[Outcome]) -> None:
    """Write the summary so that a reader sees the old or the new one, never half of it."""
    data = (json.dumps(document(plan, outcomes), indent=2, ensure_ascii=False) + "\n").encode()
    os.makedirs(os.path.dirname(path) or ".", mode=0o700, exist_ok=True)
    if os.path.exists(path) and not os.path.isfile(path):
        _write_all(path, data)  # a pipe or a terminal can't be replaced
        return
    partial = f"{path}.{os.getpid()}.tmp"
    try:
        _write_all(partial, data)
        os.replace(partial, path)
    finally:
        if os.path.exists(partial):
            os.unlink(partial)


def _write_all(path: str, data: bytes) -> None:
    with open(path, "wb") as file:
        file.write(data)
