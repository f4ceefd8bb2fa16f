"""`taskrunner graph`: which task depends on which, drawn."""

from __future__ import annotations

from typing import TYPE_CHECKING, get_args

import click

from taskrunner.cli.lazy import Command
from taskrunner.report.drawing import Format, draw

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from taskrunner.graph import Graph


def _graph(form: Format, *, as_json: bool) -> int:
    from taskrunner import graph
    from taskrunner.cli import session
    from taskrunner.report.sink import Sink

    if as_json:
        form = "json"
    tasks = graph.build(session.workspace())
    session.warn(f"{error}" for error in tasks.workspace.broken.values())
    out = Sink(1)
    for line in draw(form, _declared(tasks)):
        out.line(line)
    return 0


def _declared(tasks: Graph) -> Mapping[str, Sequence[str]]:
    """Return for every task of the workspace those it depends on."""
    depends = tasks.depends
    return {
        task.label: [tasks.tasks[other].label for other in depends[task.id]] for task in tasks.tasks
    }


command = Command(
    "graph",
    callback=_graph,
    help="Draw which task depends on which.",
    params=[
        click.Option(
            ["--format", "form"],
            type=click.Choice(get_args(Format)),
            default="text",
            show_default=True,
            help="How to draw: as text, for Graphviz, for Mermaid, or as JSON.",
        ),
        click.Option(["--json", "as_json"], is_flag=True, help="The same as --format=json."),
    ],
)
