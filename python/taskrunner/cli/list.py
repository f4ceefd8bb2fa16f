"""`taskrunner list`: the tasks of the workspace, one to a line."""

from __future__ import annotations

from typing import TYPE_CHECKING

from taskrunner.cli.lazy import Command

if TYPE_CHECKING:
    from taskrunner.model import Task


def _list() -> int:
    from taskrunner import graph
    from taskrunner.cli import session
    from taskrunner.report.sink import Sink

    found = session.workspace()
    graph.build(found)
    out = Sink(1)
    for task in found.tasks:
        out.line(f"{out.style(task.label, 'bold')}: {_words(task)}")
    return 0


def _words(task: Task) -> str:
    from taskrunner.report.plain import shown_line

    return task.description or "; ".join(shown_line(line) for line in task.commands)


command = Command("list", callback=_list, help="List the tasks of the workspace.")
