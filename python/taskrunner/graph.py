"""Which task comes after which: resolves `depends-on` when asked, and refuses cycles."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from taskrunner.config import unknown
from taskrunner.errors import ConfigError, GraphError
from taskrunner.order import ordered
from taskrunner.package_graph import PackageGraph
from taskrunner.workspace import by_path, package_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from taskrunner.model import Dependency, Package, Task
    from taskrunner.workspace import Workspace


class Graph:
    """The tasks of a workspace and the tasks each one directly depends on, by id.

    Nothing is resolved before it is asked for, so what is wrong with one task doesn't keep others
    from being run.
    """

    def __init__(self, workspace: Workspace) -> None:
        self.workspace = workspace
        self.by_name = {
            (name, task.name): task.id for task in workspace.tasks for name in task.package.names
        }
        """Every way to name a task: any of its package's names, and its own."""
        self.packages = {name: each for each in workspace.packages for name in each.names}
        """Every package, by each of its names."""
        self._at = {(task.package.id, task.name): task.id for task in workspace.tasks}
        self._depends: dict[int, tuple[int, ...]] = {}

    @property
    def tasks(self) -> tuple[Task, ...]:
        """The tasks, by id."""
        return self.workspace.tasks

    @property
    def depends(self) -> tuple[tuple[int, ...], ...]:
        """For every task the tasks it directly depends on."""
        found = tuple(self.depends_on(task.id) for task in self.tasks)
        ordered(self.depends_on, range(len(found)), self.cycle)
        return found

    def task_of(self, package: int, name: str) -> int | None:
        """Return the id of a package's task; if its configuration is broken, raise the error."""
        if package in self.workspace.broken:
            raise self.workspace.broken[package]
        return self._at.get((package, name))

    def depends_on(self, task: int) -> tuple[int, ...]:
        """Return the ids of the tasks that a task directly depends on."""
        if task not in self._depends:
            self._depends[task] = self._resolve(self.tasks[task])
        return self._depends[task]

    def _resolve(self, task: Task) -> tuple[int, ...]:
        found: dict[int, None] = {}
        for dependency in task.depends_on:
            if dependency.along is None:
                found[self._one(task, dependency)] = None
            elif dependency.deep:
                found.update(dict.fromkeys(self.upstream(task.package.id, dependency.task)))
            else:
                found.update(dict.fromkeys(self._directly(task, dependency)))
        return tuple(found)

    def _one(self, task: Task, dependency: Dependency) -> int:
        name = task.package.name if dependency.package is None else dependency.package
        package = self.packages.get(name)
        target = None if package is None else self.task_of(package.id, dependency.task)
        if target is None:
            raise self._unknown(task, dependency, name)
        if target == task.id:
            raise ConfigError(f"`{task.label}` depends on itself", place=dependency.place)
        return target

    def _unknown(self, task: Task, dependency: Dependency, name: str) -> ConfigError:
        own = [each for package, each in self.by_name if package == name]
        full = [f"{package}#{each}" for package, each in self.by_name]
        message = f"`{task.label}` depends on `{dependency.text}`, which does not exist"
        known = own if dependency.package is None else full
        return unknown(dependency.place, message, dependency.text, known)

    def _directly(self, task: Task, dependency: Dependency) -> list[int]:
        """Return tasks of that name in the packages needed in the ways that `from` names."""
        kinds = set(dependency.along or ())
        needed = [
            self.task_of(need.package, dependency.task)
            for need in self.workspace.needs[task.package.id]
            if kinds.intersection(need.kinds)
        ]
        return [target for target in needed if target is not None]

    def upstream(self, package: int, name: str) -> list[int]:
        """Return tasks of that name in the packages needed, seeing through those without it."""
        before = self.edges.nearest(package, _Having(self, name))
        return [self._at[other, name] for other in before]

    def package_of(self, path: str) -> Package:
        """Return the package that a path relative to the root lies in."""
        return package_of(path, self._by_path)

    @cached_property
    def _by_path(self) -> dict[str, Package]:
        return by_path(self.workspace.packages)

    @cached_property
    def edges(self) -> PackageGraph:
        """The edges between packages."""
        return PackageGraph(self.workspace.needs)

    def cycle(self, chain: Sequence[int]) -> GraphError:
        """Return the error for tasks that wait for each other, the first one again at the end."""
        labels = " -> ".join(self.tasks[number].label for number in chain)
        place = self.tasks[chain[0]].place.below("depends-on")
        return GraphError(f"{place}: tasks depend on each other: {labels}")


class _Having:
    """The packages that have a task of some name."""

    def __init__(self, graph: Graph, name: str) -> None:
        self._graph = graph
        self._name = name

    def __contains__(self, package: object) -> bool:
        return isinstance(package, int) and self._graph.task_of(package, self._name) is not None


def build(workspace: Workspace) -> Graph:
    """Return the graph of all tasks."""
    return Graph(workspace)
