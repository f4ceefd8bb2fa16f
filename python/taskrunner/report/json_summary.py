"""The summary of a run for programs; `version` changes when a reader would have to."""

from __future__ import annotations

import json
import os
from time import gmtime, strftime
from typing import TYPE_CHECKING, Any, NamedTuple

from taskrunner.reasons import word
from taskrunner.report.summary import count, is_hit, why_not_cached

if TYPE_CHECKING:
    from collections.abc import Sequence

    from taskrunner.events import Outcome
    from taskrunner.plan import Plan
    from taskrunner.reasons import ReasonLike

VERSION = 1


class Run(NamedTuple):
    """What is said of a run as a whole."""

    id: str
    started_at: float
    """Seconds since the epoch."""
    seconds: float
    exit_code: int


def document(plan: Plan, outcomes: Sequence[Outcome], run: Run) -> dict[str, Any]:
    """Return the summary: one element for each step that ran or was answered from the cache."""
    return {
        "version": VERSION,
        "runId": run.id,
        "startedAt": strftime("%Y-%m-%dT%H:%M:%SZ", gmtime(run.started_at)),
        "durationMs": round(run.seconds * 1000),
        "exitCode": run.exit_code,
        "counts": count(plan, outcomes),
        "tasks": [element(plan, outcome) for outcome in outcomes if outcome.lookup is not None],
    }


def element(plan: Plan, outcome: Outcome) -> dict[str, Any]:
    """Return what there is to say of one step."""
    action, lookup = plan.actions[outcome.step], outcome.lookup
    status = lookup.status if lookup else None
    missed = lookup.reason if lookup and status == "miss" else None
    skipped = why_not_cached(outcome)
    return {
        "taskId": text(action.task.label),
        "step": action.part,
        "id": action.id,
        "label": text(action.label),
        "command": text(action.line),
        "state": outcome.state,
        "cacheStatus": status,
        "cacheMissReason": reason_element(missed),
        "cacheSkipReason": reason_element(skipped),
        "cacheHints": _escaped(outcome.hints),
        "exitCode": outcome.exit_code,
        "attempts": outcome.attempts,
        "endedBy": outcome.ended_by,
        "durationMs": round(outcome.seconds * 1000),
        "savedMs": round(lookup.saved * 1000) if lookup and is_hit(outcome) else 0,
    }


def reason_element(reason: ReasonLike | None) -> dict[str, str | None] | None:
    """Return a reason with its words."""
    if reason is None:
        return None
    return {
        "kind": reason.kind,
        "path": None if reason.path is None else text(reason.path),
        "detail": None if reason.detail is None else text(reason.detail),
        "message": word(reason),
    }


def _escaped(value: Any) -> Any:
    """Return values with all texts in them fit for UTF-8."""
    if isinstance(value, str):
        return text(value)
    if isinstance(value, dict):
        return {text(key): _escaped(item) for key, item in value.items()}
    return [_escaped(item) for item in value] if isinstance(value, list) else value


def text(words: str) -> str:
    """Return text that UTF-8 can hold; bytes that were none are escaped."""
    return words.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


def write(path: str, summary: dict[str, Any]) -> None:
    """Write a summary so that a reader sees the old or the new one, never half of it."""
    data = (json.dumps(summary, indent=2, ensure_ascii=False) + "\n").encode()
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
