"""What is planned in long chains and in circles of nested runs; small cases are snapshots."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from taskrunner.errors import GraphError
from taskrunner.graph import Graph
from taskrunner.model import Need, Package
from taskrunner.plan import plan
from taskrunner.query import Query
from taskrunner.select import select

from .plans import make_plan, make_task, make_workspace

if TYPE_CHECKING:
    from taskrunner.plan import Plan
    from taskrunner.workspace import Workspace

MANY = 3000


def planned(workspace: Workspace, name: str, **options: object) -> Plan:
    graph = Graph(workspace)
    query = Query(name, **options)  # type: ignore[arg-type]
    return plan(graph, select(graph, query, ""), query.args, {})


def nested(**commands: str) -> Workspace:
    """Tasks of one package by their commands."""
    tasks = [make_task(number, name, line) for number, (name, line) in enumerate(commands.items())]
    return make_workspace(*tasks)


def test_a_long_chain_of_tasks() -> None:
    names = [f"t{number}" for number in range(MANY)]
    made = make_plan({name: names[n - 1 : n] for n, name in enumerate(names)})
    assert [action.after for action in made.actions] == [(), *((n,) for n in range(MANY - 1))]


def test_a_long_chain_of_packages() -> None:
    packages = tuple(Package(n, f"p{n}" if n else "", (f"p{n}",)) for n in range(MANY))
    needs = ((), *((Need(n, ("dependencies",)),) for n in range(MANY - 1)))
    tasks = tuple(make_task(n, "build", package=package) for n, package in enumerate(packages))
    base = make_workspace()
    workspace = base._replace(packages=packages, needs=needs, tasks=tasks, current=packages[0])
    made = planned(workspace, "build", recursive=True)
    assert [action.after for action in made.actions] == [(), *((n,) for n in range(MANY - 1))]


def test_runs_inside_runs_inside_runs() -> None:
    depth = 50
    commands = {f"t{n}": f"x{n} && taskrunner run t{n + 1} && y{n}" for n in range(depth)}
    made = planned(nested(**commands, **{f"t{depth}": "end"}), "t0")
    lines = [f"x{n}" for n in range(depth)] + ["end"] + [f"y{n}" for n in reversed(range(depth))]
    assert [action.line for action in made.actions] == lines
    assert [action.after for action in made.actions] == [(), *((n,) for n in range(2 * depth))]


def test_the_chain_of_tasks_that_run_each_other() -> None:
    commands = {f"t{n}": f"x && taskrunner run t{n + 1}" for n in range(4)}
    commands["t4"] = "taskrunner run t2"
    with pytest.raises(GraphError, match=r"run each other: ws#t2 -> ws#t3 -> ws#t4 -> ws#t2$"):
        planned(nested(**commands), "t0")


def test_what_is_reached_twice_is_done_once_and_first() -> None:
    workspace = nested(
        both="taskrunner run left && taskrunner run right",
        left="l && taskrunner run common",
        right="r && taskrunner run common && end",
        common="c",
    )
    made = planned(workspace, "both")
    assert [(action.line, action.after) for action in made.actions] == [
        ("l", ()),
        ("c", (0,)),
        ("r", (1,)),
        ("end", (1, 2)),
    ]


def test_what_others_reached_first_still_waits_for_what_a_command_does_before_it() -> None:
    workspace = nested(fresh="clean && taskrunner run build", build="make", user="use")
    made = planned(workspace, "build,user,fresh")
    assert [(action.line, action.after) for action in made.actions] == [
        ("use", ()),
        ("clean", ()),
        ("make", (1,)),
    ]


def test_other_variables_and_arguments_are_other_steps() -> None:
    workspace = nested(
        all="taskrunner run b && A=1 taskrunner run b && taskrunner run b --x && taskrunner run b",
        b="make",
    )
    made = planned(workspace, "all")
    assert [(action.line, action.after) for action in made.actions] == [
        ("make", ()),
        ("make", (0,)),
        ("make --x", (1,)),
    ]
