"""Makes small plans for tests without a workspace on disk."""

from __future__ import annotations

from typing import TYPE_CHECKING

from taskrunner.config import CacheConfig
from taskrunner.errors import Place
from taskrunner.graph import Graph
from taskrunner.model import Dependency, Package, PathRules, Task
from taskrunner.plan import plan
from taskrunner.select import Selection
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
    *,
    parallel: bool = False,
) -> Plan:
    """Tasks by name with the names they depend on; `#2` stands for two commands.

    `keys` has what else is said of a task.
    """
    made = []
    for number, (name, others) in enumerate(tasks.items()):
        lines = (f"tool {name}",) * (2 if "#2" in others else 1)
        needed = tuple(_on(other) for other in others if other != "#2")
        more = (keys or {}).get(name, {})
        made.append(make_task(number, name, *lines, depends_on=needed, **more))
    graph = Graph(make_workspace(*made))
    selection = Selection(tuple(range(len(made))), {}, depends=True)
    return plan(graph, selection, (), environ or {}, parallel=parallel)


def _on(name: str) -> Dependency:
    return Dependency(name, None, None, deep=False, text=name, place=PLACE)
