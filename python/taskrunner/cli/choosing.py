"""The options that choose tasks, as click has them, and the plan of what they choose."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import click

from taskrunner import env_vars, graph, plan, query, select
from taskrunner.cli import session

if TYPE_CHECKING:
    from taskrunner.graph import Graph
    from taskrunner.plan import Plan
    from taskrunner.query import Query
    from taskrunner.select import Selection
    from taskrunner.workspace import Workspace

AFTER_EQUALS_ONLY = frozenset(
    name for option in query.OPTIONS if option.takes == "perhaps" for name in option.names
)
"""The names of options whose value may be left out."""


def options() -> list[click.Option]:
    """Return the options of `taskrunner run` that choose tasks."""
    return [_option(option) for option in query.OPTIONS]


def _option(option: query.Option) -> click.Option:
    names = [*option.names, option.field]
    if option.takes == "nothing":
        return click.Option(names, is_flag=True, help=option.help)
    if option.takes == "perhaps":
        return click.Option(names, metavar="[=BASE]", help=option.help)
    return click.Option(names, metavar="FILTER", multiple=True, help=option.help)


def taken(words: tuple[str, ...], given: dict[str, Any]) -> Query:
    """Take the options that choose tasks out of all that were given."""
    fields = {option.field: given.pop(option.field) for option in query.OPTIONS}
    if fields["affected"] == "":
        # In a pull request GitHub says what it is to be merged into.
        base = os.environ.get(env_vars.BASE_BRANCH)
        fields["affected"] = f"origin/{base}" if base else ""
    return query.Query(names=words[0], args=words[1:], **fields)


def chosen(found: Workspace, wanted: Query) -> tuple[Graph, Selection]:
    """Return all tasks, and which of them are wanted."""
    tasks = graph.build(found)
    return tasks, select.select(tasks, wanted, found.here)


def planned(found: Workspace, wanted: Query, *, parallel: bool = False) -> Plan:
    """Return the plan of what is wanted, having said what there is to say about the choice."""
    return planned_of(*chosen(found, wanted), wanted, parallel=parallel)


def planned_of(
    tasks: Graph, selection: Selection, wanted: Query, *, parallel: bool = False
) -> Plan:
    """Return the plan of a selection, having said what there is to say about it."""
    made = plan.plan(tasks, selection, wanted.args, os.environ, parallel=parallel)
    session.warn(made.warnings)
    return made
