"""`taskrunner graph`: which task depends on which, drawn."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, get_args

import click

from taskrunner import query
from taskrunner.cli import choosing
from taskrunner.cli.completion import task_names
from taskrunner.cli.lazy import Command
from taskrunner.report.drawing import Format, draw

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from taskrunner.workspace import Workspace


def _graph(words: tuple[str, ...], form: Format, *, as_json: bool, **options: Any) -> int:
    from taskrunner.cli import session
    from taskrunner.report.sink import Sink

    wanted = choosing.taken(words or ("",), options)
    if not words and wanted != query.Query():
        raise click.UsageError("options that choose packages need the name of a task")
    found = session.workspace()
    depends = _planned(found, wanted) if words else _declared(found)
    out = Sink(1)
    for line in draw("json" if as_json else form, depends):
        out.line(line)
    return 0


def _planned(found: Workspace, wanted: query.Query) -> Mapping[str, Sequence[str]]:
    """Return for every task of a run those whose steps come directly before its own."""
    actions = choosing.planned(found, wanted).actions
    depends: dict[str, dict[str, None]] = {}
    for action in actions:
        before = depends.setdefault(action.task.label, {})
        labels = [actions[other].task.label for other in action.after]
        before.update(dict.fromkeys(label for label in labels if label != action.task.label))
    return {label: list(before) for label, before in depends.items()}


def _declared(found: Workspace) -> Mapping[str, Sequence[str]]:
    """Return for every task of the workspace those it depends on."""
    from taskrunner import graph
    from taskrunner.cli import session

    tasks = graph.build(found)
    session.warn(f"{error}" for error in found.broken.values())
    depends = tasks.depends
    return {
        task.label: [tasks.tasks[other].label for other in depends[task.id]] for task in tasks.tasks
    }


command = Command(
    "graph",
    callback=_graph,
    help="Draw which task depends on which: of all tasks, or of what a run would do.",
    params=[
        *choosing.options(),
        click.Option(
            ["--format", "form"],
            type=click.Choice(get_args(Format)),
            default="text",
            show_default=True,
            help="How to draw: as text, for Graphviz, for Mermaid, or as JSON.",
        ),
        click.Option(["--json", "as_json"], is_flag=True, help="The same as --format=json."),
        click.Argument(
            ["words"], nargs=-1, shell_complete=task_names, metavar="[TASK[,TASK...] [ARGS...]]"
        ),
    ],
)
