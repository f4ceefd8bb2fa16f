"""`taskrunner list`: the tasks of the workspace, one to a line, or as JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from taskrunner.cli.lazy import Command

if TYPE_CHECKING:
    from taskrunner.graph import Graph
    from taskrunner.model import Task

VERSION = 1


def _list(*, as_json: bool) -> int:
    from taskrunner import graph
    from taskrunner.cli import session
    from taskrunner.report.sink import Sink

    tasks = graph.build(session.workspace())
    depends = tasks.depends
    session.warn(f"{error}" for error in tasks.workspace.broken.values())
    shown = [task for task in tasks.tasks if not task.internal]
    out = Sink(1)
    if as_json:
        import json

        document = {
            "version": VERSION,
            "tasks": [_element(tasks, depends[task.id], task) for task in shown],
        }
        out.line(json.dumps(document, indent=2, ensure_ascii=False))
        return 0
    for task in shown:
        note = out.style(f"  ({_note(task)})", "dim") if _note(task) else ""
        out.line(f"{out.style(task.label, 'bold')}: {_words(task)}{note}")
    return 0


def _words(task: Task) -> str:
    from taskrunner.reasons import show
    from taskrunner.report.plain import shown_line

    if task.description:
        return show(task.description)
    return "; ".join(shown_line(line) for line in task.commands)


def _note(task: Task) -> str:
    """Say where a task comes from, if that isn't the configuration alone."""
    if task.script is None:
        return ""
    if not task.declared:
        return "script"
    return "" if task.is_script else "instead of the script of that name"


def _element(tasks: Graph, depends: tuple[int, ...], task: Task) -> dict[str, Any]:
    from taskrunner.report.json_summary import text

    return {
        "taskId": text(task.label),
        "package": text(task.package.name),
        "directory": text(task.package.path),
        "name": text(task.name),
        "commands": [text(line) for line in task.commands],
        "description": None if task.description is None else text(task.description),
        "dependsOn": [text(tasks.tasks[other].label) for other in depends],
        "isScript": not task.declared,
        "cache": task.cache,
        "interactive": task.interactive,
        "configuredIn": text(task.place.file),
    }


command = Command(
    "list",
    callback=_list,
    help="List the tasks of the workspace.",
    params=[click.Option(["--json", "as_json"], is_flag=True, help="List them as JSON.")],
)
