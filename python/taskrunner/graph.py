"""Which task comes after which: resolves `depends-on`, and refuses cycles."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from taskrunner.config import unknown
from taskrunner.errors import ConfigError, GraphError

if TYPE_CHECKING:
    from taskrunner.model import Task
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
        for index, text in enumerate(task.depends_on):
            if text.startswith("^"):
                found.update(dict.fromkeys(self.along_edges(task, text[1:])))
            else:
                found[self.one(task, index, text)] = None
        return tuple(found)

    def one(self, task: Task, index: int, text: str) -> int:
        package, separator, name = text.rpartition("#")
        key = (package if separator else task.package.name, name)
        target = self.by_name.get(key)
        place = task.place.below("depends-on", index)
        if target is None:
            own = [name for package, name in self.by_name if package == key[0]]
            full = [f"{package}#{name}" for package, name in self.by_name]
            message = f"`{task.label}` depends on `{text}`, which does not exist"
            raise unknown(place, message, text, full if separator else own)
        if target == task.id:
            raise ConfigError(f"`{task.label}` depends on itself", place=place)
        return target

    def along_edges(self, task: Task, name: str) -> list[int]:
        """Return tasks of that name in the packages needed, seeing through those without it."""
        found, seen = [], {task.package.id}
        waiting = list(reversed(self.workspace.needs[task.package.id]))
        while waiting:
            package = waiting.pop()
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
