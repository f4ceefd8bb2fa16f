"""Makes small plans for tests without a workspace on disk."""

from __future__ import annotations

from typing import TYPE_CHECKING

from taskrunner.config import CacheConfig
from taskrunner.errors import Place
from taskrunner.graph import Graph
from taskrunner.model import Package, PathRules, Task
from taskrunner.plan import plan
from taskrunner.workspace import Workspace

if TYPE_CHECKING:
    from collections.abc import Mapping

    from taskrunner.plan import Plan

PACKAGE = Package(0, "", ("ws",))
PLACE = Place("taskrunner.toml", (), lambda _: 1)


def make_task(number: int, name: str, *commands: str, **changes: object) -> Task:
    """A task in the root package."""
    task = Task(
        id=number,
        package=PACKAGE,
        name=name,
        commands=commands or (f"tool {name}",),
        depends_on=(),
        cwd="",
        env=(),
        untracked_env=(),
        input=PathRules(),
        output=PathRules(),
        cache=True,
        description=None,
        place=PLACE,
    )
    return task._replace(**changes)  # type: ignore[arg-type]


def make_workspace(*tasks: Task) -> Workspace:
    return Workspace("/ws", (PACKAGE,), ((),), tasks, CacheConfig(), PACKAGE)


def make_plan(
    tasks: Mapping[str, list[str]],
    environ: Mapping[str, str] | None = None,
    keys: Mapping[str, Mapping[str, object]] | None = None,
) -> Plan:
    """Tasks by name with the names they depend on; `#2` stands for two commands.

    `keys` has what else is said of a task.
    """
    keys = keys or {}
    numbers = {name: number for number, name in enumerate(tasks)}
    made = [
        make_task(
            number,
            name,
            *(f"tool {name}" for _ in range(2 if "#2" in tasks[name] else 1)),
            **keys.get(name, {}),
        )
        for name, number in numbers.items()
    ]
    depends = tuple(
        tuple(numbers[other] for other in others if other != "#2") for others in tasks.values()
    )
    graph = Graph(make_workspace(*made), depends, {("ws", t.name): t.id for t in made})
    return plan(graph, range(len(made)), (), environ or {})
