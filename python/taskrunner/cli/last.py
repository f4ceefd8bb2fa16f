"""`taskrunner last`: the last run of the workspace, and what its tasks printed."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING, Any

import click

from taskrunner.cli.lazy import Command
from taskrunner.errors import SelectionError, TaskrunnerError, suggestion

if TYPE_CHECKING:
    from collections.abc import Iterator

    from taskrunner.report.sink import Sink


def _last(log: str | None, *, as_json: bool) -> int:
    from taskrunner.cli import session
    from taskrunner.execute import state_dir
    from taskrunner.report.sink import Sink

    directory = state_dir(session.workspace().root)
    summary = _summary(directory)
    if log is not None:
        return _show_log(directory, summary, log)
    out = Sink(1)
    if as_json:
        out.line(json.dumps(summary, indent=2, ensure_ascii=False))
        return 0
    for line in _lines(summary, out):
        out.line(line)
    return 0


def _summary(directory: str) -> dict[str, Any]:
    from taskrunner.cli.perform import SUMMARY
    from taskrunner.report.json_summary import VERSION

    path = os.path.join(directory, SUMMARY)
    try:
        with open(path, encoding="utf-8") as file:
            found = json.load(file)
    except FileNotFoundError:
        raise TaskrunnerError("there was no run here yet", hint="`taskrunner run TASK`") from None
    except ValueError:
        found = None
    if not isinstance(found, dict) or found.get("version") != VERSION or "runId" not in found:
        raise TaskrunnerError(
            f"{path}: another version of taskrunner wrote this, or it is damaged",
            hint="run a task again",
        )
    return found


def steps(directory: str) -> list[dict[str, Any]]:
    """Return the elements of the last run's summary; none if there is none to be read."""
    try:
        found: list[dict[str, Any]] = _summary(directory)["tasks"]
    except (TaskrunnerError, OSError):
        return []
    return found


def _lines(summary: dict[str, Any], out: Sink) -> Iterator[str]:
    from taskrunner.report.plain import shown_line
    from taskrunner.report.summary import duration, totals

    took = duration(summary["durationMs"] / 1000)
    yield f"started {summary['startedAt']}, took {took}, exit code {summary['exitCode']}"
    for task in summary["tasks"]:
        label = out.style(task["label"], "bold")
        yield f"{label}: $ {shown_line(task['command'])}  {_how(task)}"
        skipped = task["cacheSkipReason"]
        if skipped is not None and task["cacheStatus"] != "disabled":
            yield f"  not cached: {skipped['message']}"
    saved = sum(task["savedMs"] for task in summary["tasks"]) / 1000
    yield totals(summary["counts"], summary["durationMs"] / 1000, saved)


def _how(task: dict[str, Any]) -> str:
    from taskrunner.report.summary import duration

    took = duration(task["durationMs"] / 1000)
    if task["cacheStatus"] == "hit":
        return f"cache hit in {took}, saved {duration(task['savedMs'] / 1000)}"
    if task["endedBy"] == "stopped":
        return f"stopped after {took}"
    end = "ran" if task["state"] == "done" else f"failed with exit code {task['exitCode']}"
    tries = f", attempt {task['attempts']}" if task["attempts"] > 1 else ""
    missed = task["cacheMissReason"]
    why = f": {missed['message']}" if missed is not None else ""
    return f"{end} in {took}{tries}, cache {task['cacheStatus']}{why}"


def _show_log(directory: str, summary: dict[str, Any], wanted: str) -> int:
    from taskrunner.report.log import Interleaved
    from taskrunner.report.record import read
    from taskrunner.report.sink import Sink

    steps = _steps(summary, wanted)
    log = Interleaved({1: Sink(1), 2: Sink(2)})
    try:
        for step, stream, data in read(directory, summary["runId"]):
            if step in steps and stream in {1, 2}:
                log.output(step, stream, data)
    except FileNotFoundError:
        raise TaskrunnerError("the output of the last run was not kept") from None
    for step in steps:
        log.end(step)
    return 0


def _steps(summary: dict[str, Any], wanted: str) -> set[int]:
    """Return the ids of a task's steps; its package may be left out if that is clear."""
    names = {task["taskId"] for task in summary["tasks"]}
    found = {name for name in names if wanted in {name, name.rpartition("#")[2]}}
    if not found:
        raise SelectionError(f"`{wanted}` was not run last", hint=suggestion(wanted, names))
    if len(found) > 1:
        from taskrunner.errors import one_of

        raise SelectionError(f"`{wanted}` was run in several packages", hint=one_of(sorted(found)))
    return {task["id"] for task in summary["tasks"] if task["taskId"] in found}


command = Command(
    "last",
    callback=_last,
    help="Show the last run: what each step did and why, or what a task printed.",
    params=[
        click.Option(["--log"], metavar="TASK", help="Print the output of a task, as it was."),
        click.Option(["--json", "as_json"], is_flag=True, help="Print the summary as JSON."),
    ],
)
