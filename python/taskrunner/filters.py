"""pnpm's filter language: which packages an expression such as `...^@acme/*[main]` means."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from taskrunner import patterns
from taskrunner.errors import SelectionError
from taskrunner.order import reached
from taskrunner.paths import inside

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from taskrunner.model import Package
    from taskrunner.package_graph import PackageGraph

    ChangedSince = Callable[[str], Iterable[int]]

_DOTS = "..."
_CORE = re.compile(
    r"(?P<name>[^.{}\[\]][^{}\[\]]*)?(?:\{(?P<dir>[^{}]+)\})?(?:\[(?P<since>[^\[\]]+)\])?"
)
_PLACE = re.compile(r"(?P<dir>\.\.?(?:/[^\[\]]*)?)(?:\[(?P<since>[^\[\]]+)\])?")


class Filter(NamedTuple):
    """An expression, taken apart; what isn't said of a package makes no difference."""

    text: str
    exclude: bool
    name: str | None
    directory: str | None
    """As written: relative to where the user is."""
    since: str | None
    """A commit; packages in which something changed after it."""
    dependencies: bool
    dependents: bool
    itself: bool
    """Whether the packages so described are meant too, not only those around them."""


def parse(text: str) -> Filter:
    """Take a filter expression apart."""
    rest, exclude = text.removeprefix("!"), text.startswith("!")
    dependencies = rest.endswith(_DOTS)
    rest = rest.removesuffix(_DOTS)
    not_itself = dependencies and rest.endswith("^")
    rest = rest[:-1] if not_itself else rest
    dependents = rest.startswith(_DOTS)
    rest = rest.removeprefix(_DOTS)
    if dependents and rest.startswith("^"):
        rest, not_itself = rest[1:], True
    core = _CORE.fullmatch(rest) or _PLACE.fullmatch(rest)
    if not core or not rest:
        raise SelectionError(
            f"`{text}` is not a filter",
            hint="write a name, `./directory` or `[commit]`, and `...` for what is around it",
        )
    parts = core.groupdict()
    return Filter(
        text=text,
        exclude=exclude,
        name=parts.get("name"),
        directory=parts["dir"],
        since=parts["since"],
        dependencies=dependencies,
        dependents=dependents,
        itself=not not_itself,
    )


class Packages:
    """The packages of a workspace, as filters choose among them."""

    def __init__(
        self,
        packages: Sequence[Package],
        edges: PackageGraph,
        here: str,
        changed_since: ChangedSince,
    ) -> None:
        self.packages = packages
        self.edges = edges
        self.here = here
        self.changed_since = changed_since

    def choose(self, filters: Iterable[Filter]) -> tuple[set[int], list[str]]:
        """Return the ids of packages, and the expressions that none matches.

        What is included is put together, then what is excluded is taken out. If nothing is
        included by name, all packages are.
        """
        included: set[int] = set()
        excluded: set[int] = set()
        unmatched = []
        only_exclusions = True
        for each in filters:
            seeds = self.seeds(each)
            (excluded if each.exclude else included).update(self.around(each, seeds))
            only_exclusions = only_exclusions and each.exclude
            if not seeds and not each.exclude:
                unmatched.append(each.text)
        if only_exclusions:
            included.update(package.id for package in self.packages)
        return included - excluded, unmatched

    def seeds(self, wanted: Filter) -> set[int]:
        """Return the packages that an expression describes, without those around them."""
        found = {package.id for package in self.packages}
        if wanted.directory is not None:
            found &= self.in_directory(wanted.directory)
        if wanted.name is not None:
            found &= self.named(wanted.name)
        if wanted.since is not None and found:
            found &= set(self.changed_since(wanted.since))
        return found

    def around(self, wanted: Filter, seeds: set[int]) -> set[int]:
        """Return what is meant beside the packages described: what they need, what needs them."""
        found = (
            set(seeds) if wanted.itself or not (wanted.dependencies or wanted.dependents) else set()
        )
        back = self.edges.dependents_of if wanted.dependents else None
        if wanted.dependencies:
            found |= self._beyond(self.edges.all, seeds)
        if back is not None:
            above = self._beyond(back, seeds)
            found |= above
            if wanted.dependencies:
                found |= reached(self.edges.all, above)
        return found

    def _beyond(self, edges: Sequence[Sequence[int]], seeds: set[int]) -> set[int]:
        return reached(edges, [other for seed in seeds for other in edges[seed]])

    def named(self, pattern: str) -> set[int]:
        """Return packages by name; a name without a scope means the one that has any scope."""
        found = self._matching(pattern)
        if not found and not pattern.startswith("@") and "/" not in pattern:
            scoped = self._matching(f"@*/{pattern}")
            return scoped if len(scoped) == 1 else set()
        return found

    def _matching(self, pattern: str) -> set[int]:
        regex = re.compile(".*".join(map(re.escape, pattern.split("*"))))
        return {each.id for each in self.packages if any(map(regex.fullmatch, each.names))}

    def in_directory(self, written: str) -> set[int]:
        """Return packages by directory: that one or, if it is none, those below; or a pattern's."""
        path = inside(self.here, written)
        if path is None:
            raise SelectionError(f"`{written}` leads out of the workspace")
        if patterns.has_wildcard(path):
            regex = patterns.path_regex(path)
            return {each.id for each in self.packages if regex.fullmatch(each.path)}
        exact = {each.id for each in self.packages if each.path == path}
        below = {each.id for each in self.packages if each.path.startswith(f"{path}/")}
        return exact or below
