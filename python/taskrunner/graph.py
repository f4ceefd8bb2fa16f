"""Which task comes after which: resolves `depends-on`, and refuses cycles."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from taskrunner.config import unknown
from taskrunner.errors import ConfigError, GraphError

if TYPE_CHECKING:
    from taskrunner.model import Dependency, Task
    from taskrunner.workspace import Workspace


class Graph(NamedTuple):
    """The tasks of a workspace and the tasks each one directly depends on, by id."""

    workspace: Workspace
    depends: tuple[tuple[int, ...], ...]
    by_name: dict[tuple[str, str], int]
    """Every way to name a task: any of its package's names, and its own."""

    @property
    def tasks(self) -> tuple[Task, ...]:
        """The tasks, by id."""
        return self.workspace.tasks


def build(workspace: Workspace) -> Graph:
    """Return the graph of all tasks."""
    by_name = {
        (name, task.name): task.id for task in workspace.tasks for name in task.package.names
    }
    resolver = _Resolver(workspace, by_name)
    depends = tuple(resolver.depends(task) for task in workspace.tasks)
    cycle = find_cycle(depends)
    if cycle:
        chain = " -> ".join(workspace.tasks[n].label for n in cycle)
        place = workspace.tasks[cycle[0]].place.below("depends-on")
        raise GraphError(f"{place}: tasks depend on each other: {chain}")
    return Graph(workspace, depends, by_name)


class _Resolver:
    """Turns the strings of `depends-on` into task ids."""

    def __init__(self, workspace: Workspace, by_name: dict[tuple[str, str], int]) -> None:
        self.workspace = workspace
        self.by_name = by_name
        self.at = {(task.package.id, task.name): task.id for task in workspace.tasks}

    def depends(self, task: Task) -> tuple[int, ...]:
        found: dict[int, None] = {}
        for dependency in task.depends_on:
            if dependency.along is None:
                found[self.one(task, dependency)] = None
            elif dependency.deep:
                found.update(dict.fromkeys(self.along_edges(task, dependency.task)))
            else:
                found.update(dict.fromkeys(self.directly(task, dependency)))
        return tuple(found)

    def one(self, task: Task, dependency: Dependency) -> int:
        package, name = dependency.package, dependency.task
        key = (task.package.name if package is None else package, name)
        target = self.by_name.get(key)
        if target is None:
            own = [name for package, name in self.by_name if package == key[0]]
            full = [f"{package}#{name}" for package, name in self.by_name]
            message = f"`{task.label}` depends on `{dependency.text}`, which does not exist"
            known = own if package is None else full
            raise unknown(dependency.place, message, dependency.text, known)
        if target == task.id:
            raise ConfigError(f"`{task.label}` depends on itself", place=dependency.place)
        return target

    def directly(self, task: Task, dependency: Dependency) -> list[int]:
        """Return tasks of that name in the packages needed in the ways that `from` names."""
        kinds = set(dependency.along or ())
        return [
            self.at[need.package, dependency.task]
            for need in self.workspace.needs[task.package.id]
            if kinds.intersection(need.kinds) and (need.package, dependency.task) in self.at
        ]

    def along_edges(self, task: Task, name: str) -> list[int]:
        """Return tasks of that name in the packages needed, seeing through those without it."""
        found, seen = [], {task.package.id}
        waiting = list(reversed(self.workspace.needs[task.package.id]))
        while waiting:
            package = waiting.pop().package
            if package in seen:
                continue
            seen.add(package)
            target = self.at.get((package, name))
            if target is None:
                waiting += reversed(self.workspace.needs[package])
            else:
                found.append(target)
        return found


def find_cycle(depends: tuple[tuple[int, ...], ...]) -> list[int] | None:
    """Return the ids along a cycle, the first one again at the end, or None."""
    done: set[int] = set()
    for start in range(len(depends)):
        path: list[int] = []
        on_path: set[int] = set()
        waiting = [(start, False)]
        while waiting:
            task, leaving = waiting.pop()
            if leaving:
                on_path.remove(path.pop())
                done.add(task)
            elif task in on_path:
                return [*path[path.index(task) :], task]
            elif task not in done:
                path.append(task)
                on_path.add(task)
                waiting.append((task, True))
                waiting += ((other, False) for other in reversed(depends[task]))
    return None
