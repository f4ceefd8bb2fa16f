"""The edges between packages, as filters and orders look at them."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

from taskrunner.order import components, reached

if TYPE_CHECKING:
    from collections.abc import Container, Iterable, Sequence

    from taskrunner.model import Need

_FOR_TESTS = {"dev-dependencies"}


class PackageGraph:
    """Which packages come before which, and what can be reached from where."""

    def __init__(self, needs: Sequence[Sequence[Need]]) -> None:
        self.all = [[need.package for need in each] for each in needs]
        """For each package those that its manifests name."""
        together = components(self.all)
        self.before = [
            [
                need.package
                for need in each
                if together[need.package] != together[package]
                or not _FOR_TESTS.issuperset(need.kinds)
            ]
            for package, each in enumerate(needs)
        ]
        """For each package those that come before it.

        Packages that need each other, one of them only to be developed, are common: the other way
        round they have an order. So such an edge is left out where it closes a circle.
        """
        self._knot = components(self.before)

    def in_circle(self, one: int, other: int) -> bool:
        """Return whether two packages need each other for good, so that neither comes first."""
        return self._knot[one] == self._knot[other]

    def circles(self, among: Iterable[int]) -> list[list[int]]:
        """Return the sets of packages, out of some, that need each other for good."""
        found: dict[int, list[int]] = {}
        for package in among:
            found.setdefault(self._knot[package], []).append(package)
        return [each for each in found.values() if len(each) > 1]

    def nearest(self, package: int, wanted: Container[int]) -> list[int]:
        """Return the wanted packages that come before one, seeing through all others."""
        found, seen = [], {package}
        waiting = list(reversed(self.before[package]))
        while waiting:
            other = waiting.pop()
            if other in seen:
                continue
            seen.add(other)
            if other in wanted:
                found.append(other)
            else:
                waiting += reversed(self.before[other])
        return found

    def dependencies(self, of: Iterable[int]) -> set[int]:
        """Return packages and all that they need."""
        return reached(self.all, of)

    def dependents(self, of: Iterable[int]) -> set[int]:
        """Return packages and all that need them."""
        return reached(self.dependents_of, of)

    @cached_property
    def dependents_of(self) -> list[list[int]]:
        """For each package those whose manifests name it."""
        back: list[list[int]] = [[] for _ in self.all]
        for package, others in enumerate(self.all):
            for other in others:
                back[other].append(package)
        return back
