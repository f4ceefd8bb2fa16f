"""Turns a query into tasks and the order among them, or says what it could have meant."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from taskrunner.changes import Changes
from taskrunner.errors import SelectionError, UsageError, suggestion
from taskrunner.filters import Packages, parse

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from taskrunner.graph import Graph
    from taskrunner.query import Query

_LIST = "`taskrunner list` shows all tasks"
_SCOPES = {
    "--recursive": "recursive",
    "--transitive": "transitive",
    "--filter": "filters",
    "--affected": "affected",
    "--workspace-root": "root",
}
_TOGETHER = [
    {"--filter", "--affected"},
    {"--filter", "--workspace-root"},
    {"--recursive", "--affected"},
]


class Selection(NamedTuple):
    """Tasks to run, by id."""

    tasks: tuple[int, ...]
    order: Mapping[int, tuple[int, ...]]
    """Which of them come after which others along package edges, beside `depends-on`."""
    depends: bool
    """Whether what they depend on is run too."""
    warnings: tuple[str, ...] = ()


def select(graph: Graph, query: Query, here: str, *, outer: bool = True) -> Selection:
    """Return the tasks that a query means, asked in a directory relative to the root.

    `outer` is a query from the command line: that reaches no internal task.
    """
    scopes = [
        option
        for option, field in _SCOPES.items()
        if getattr(query, field) not in {False, (), None}
    ]
    _refuse_conflicts(scopes)
    names = query.names.split(",")
    if not all(names):
        raise SelectionError(f"`{query.names}` has an empty name", hint="write TASK or TASK,TASK")
    chooser = _Chooser(graph, query, here, outer=outer)
    if not scopes or scopes == ["--workspace-root"]:
        found = dict.fromkeys(chooser.one(name) for name in names)
        return Selection(tuple(found), {}, not query.ignore_depends_on)
    packages, warnings = chooser.packages(scopes)
    return chooser.across(names, packages, warnings)


def _refuse_conflicts(scopes: list[str]) -> None:
    for index, one in enumerate(scopes):
        for other in scopes[index + 1 :]:
            if {one, other} not in _TOGETHER:
                raise UsageError(f"{one} and {other} can't be used together")


class _Chooser:
    def __init__(self, graph: Graph, query: Query, here: str, *, outer: bool) -> None:
        self.graph = graph
        self.query = query
        self.here = here
        self.outer = outer
        workspace = graph.workspace
        self.current = workspace.packages[0] if query.root else graph.package_of(here)
        self.changes = Changes(workspace.root, graph.package_of)

    # One package

    def one(self, name: str) -> int:
        """Return the task that `task` or `package#task` names."""
        written, separator, task = name.rpartition("#")
        if separator and self.query.root:
            raise UsageError(f"`{name}` names a package, and so does --workspace-root")
        package = self.package(written) if separator else self.current.id
        target = self.graph.task_of(package, task)
        if target is not None:
            return self.reachable(target)
        where = self.graph.workspace.packages[package].name
        message = f"no task `{task}` in package `{where}`"
        raise SelectionError(message, hint=self.hint(where, task))

    def package(self, name: str) -> int:
        """Return a package by name; one without a scope means the one that has any scope."""
        known = self.graph.packages
        if name in known:
            return known[name].id
        scoped = {
            known[each].id for each in known if each.startswith("@") and each.endswith(f"/{name}")
        }
        if len(scoped) == 1 and "/" not in name:
            return scoped.pop()
        raise SelectionError(f"no package `{name}`", hint=suggestion(name, known) or _LIST)

    def reachable(self, task: int) -> int:
        """Return a task that may be named where the query stands."""
        if self.outer and self.graph.tasks[task].internal:
            label = self.graph.tasks[task].label
            raise SelectionError(
                f"`{label}` is internal", hint="only other tasks can reach it; see `internal`"
            )
        return task

    def hint(self, package: str, task: str) -> str:
        """Return the nearest names: in this package, then the same name in another one."""
        by_name = self.graph.by_name
        here = [name for owner, name in by_name if owner == package]
        elsewhere = [f"{owner}#{name}" for owner, name in by_name if name == task]
        near = suggestion(task, here) or suggestion(f"{package}#{task}", elsewhere)
        if near is None and elsewhere:
            near = f"did you mean `{min(elsewhere)}`?"
        return near or _LIST

    # Many packages

    def packages(self, scopes: list[str]) -> tuple[set[int], list[str]]:
        """Return the packages that the options choose, and what is to be said about that."""
        everything = {package.id for package in self.graph.workspace.packages}
        found = everything
        warnings: list[str] = []
        if "--transitive" in scopes:
            return set(), []  # each name has a package of its own to begin with
        if "--filter" in scopes:
            found, warnings = self.filtered()
        if "--affected" in scopes:
            changed = self.changes.since_branching(self.query.affected or None)
            found = found & self.graph.edges.dependents(changed)
            if not found:
                warnings.append("no package is affected")
        if warnings and self.query.fail_if_no_match:
            raise SelectionError(warnings[0])
        return found, warnings

    def filtered(self) -> tuple[set[int], list[str]]:
        """Return the packages that the filters mean."""
        workspace = self.graph.workspace
        chooser = Packages(workspace.packages, self.graph.edges, self.here, self.changes.since)
        found, unmatched = chooser.choose([parse(text) for text in self.query.filters])
        found |= {0} if self.query.root else set()
        return found, [f"no package matches the filter `{text}`" for text in unmatched]

    def across(self, names: list[str], packages: set[int], warnings: list[str]) -> Selection:
        """Return the tasks of some names in all the packages, ordered along package edges."""
        chosen: dict[int, None] = {}
        order: dict[int, tuple[int, ...]] = {}
        for name in names:
            start, task = self.start(name)
            among = packages if start is None else self.graph.edges.dependencies([start])
            having = self.having(task, among)
            if not having and (among or not warnings):
                raise self.nowhere(task, among)
            chosen.update(dict.fromkeys(having.values()))
            order |= self.order(having)
            warnings += self.tangled(having)
        return Selection(
            tuple(chosen), order, not self.query.ignore_depends_on, tuple(dict.fromkeys(warnings))
        )

    def start(self, name: str) -> tuple[int | None, str]:
        """Return the package that `-t` begins with, and the task's name."""
        package, separator, task = name.rpartition("#")
        if self.query.transitive:
            return (self.package(package) if separator else self.current.id), task
        if separator:
            raise UsageError(
                f"`{name}` names a package, and so do --recursive, --filter and --affected"
            )
        return None, task

    def having(self, task: str, packages: Iterable[int]) -> dict[int, int]:
        """Return the task of that name in each package that has it."""
        found = {}
        for package in sorted(packages):
            target = self.graph.task_of(package, task)
            if target is not None and not (self.outer and self.graph.tasks[target].internal):
                found[package] = target
        return found

    def nowhere(self, task: str, packages: set[int]) -> SelectionError:
        """Return the error for a task that none of the packages has."""
        known = {each.name for each in self.graph.tasks if each.package.id in packages}
        everywhere = len(packages) == len(self.graph.workspace.packages)
        where = "no package" if everywhere else "none of the selected packages"
        return SelectionError(f"{where} has a task `{task}`", hint=suggestion(task, known) or _LIST)

    def order(self, having: dict[int, int]) -> dict[int, tuple[int, ...]]:
        """Return for each task those of the nearest packages that its own needs."""
        edges = self.graph.edges
        found = {}
        for package, task in having.items():
            before = edges.nearest(package, having)
            first = [having[other] for other in before if not edges.in_circle(package, other)]
            if first:
                found[task] = tuple(first)
        return found

    def tangled(self, having: dict[int, int]) -> list[str]:
        """Return what is to be said of packages that need each other."""
        names = self.graph.workspace.packages
        return [
            f"packages need each other, so their tasks have no order:"
            f" {', '.join(names[package].name for package in circle)}"
            for circle in self.graph.edges.circles(having)
        ]
