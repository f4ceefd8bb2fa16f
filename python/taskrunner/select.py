"""Turns the names on a command line into tasks, or says which names there are."""

from __future__ import annotations

from typing import TYPE_CHECKING

from taskrunner.errors import SelectionError, suggestion

if TYPE_CHECKING:
    from taskrunner.graph import Graph


_LIST = "`taskrunner list` shows all tasks"


def select(graph: Graph, names: str) -> tuple[int, ...]:
    """Return the ids of the tasks that `name,package#name,...` means."""
    found: dict[int, None] = {}
    for name in names.split(","):
        if not name:
            raise SelectionError(f"`{names}` has an empty name", hint="write TASK or TASK,TASK")
        found[_one(graph, name)] = None
    return tuple(found)


def _one(graph: Graph, name: str) -> int:
    package, separator, task = name.rpartition("#")
    current = graph.workspace.current
    target = graph.by_name.get((package if separator else current.name, task))
    if target is not None:
        return target
    if separator and not any(package == owner for owner, _ in graph.by_name):
        raise _unknown_package(graph, package)
    where = package if separator else current.name
    raise SelectionError(f"no task `{task}` in package `{where}`", hint=_hint(graph, where, task))


def _unknown_package(graph: Graph, package: str) -> SelectionError:
    known = [name for each in graph.workspace.packages for name in each.names]
    if package in known:
        return SelectionError(f"package `{package}` has no tasks")
    return SelectionError(f"no package `{package}`", hint=suggestion(package, known) or _LIST)


def _hint(graph: Graph, package: str, task: str) -> str:
    """Return the nearest names: in this package, then the same name in another one."""
    here = [name for owner, name in graph.by_name if owner == package]
    elsewhere = [f"{owner}#{name}" for owner, name in graph.by_name if name == task]
    near = suggestion(task, here) or suggestion(f"{package}#{task}", elsewhere)
    if near is None and elsewhere:
        near = f"did you mean `{min(elsewhere)}`?"
    return near or _LIST
