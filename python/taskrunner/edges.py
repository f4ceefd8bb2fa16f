"""Which package needs which: what manifests name, found among the packages of the workspace."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from taskrunner.manifests.semver import satisfies
from taskrunner.model import Need
from taskrunner.paths import relative, upwards

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from taskrunner.manifests import Family, Manifest, Target
    from taskrunner.members import Member
    from taskrunner.model import Kind

_DEPTH = 3
"""How often a name may stand for another: a member's, the root's, its patch."""


def find(root: str, members: Sequence[Member]) -> tuple[tuple[Need, ...], ...]:
    """Return for each package, by its index, the others it needs."""
    return _Edges(root, members).all()


class _Edges:
    def __init__(self, root: str, members: Sequence[Member]) -> None:
        self.root = root
        self.members = members
        self.by_path = {member.path: number for number, member in enumerate(members)}
        self.by_name: dict[tuple[Family, str], tuple[int, str | None]] = {}
        for number, member in enumerate(members):
            for manifest in member.manifests:
                if manifest.name:
                    key = (manifest.family, canonical(manifest.family, manifest.name))
                    self.by_name.setdefault(key, (number, manifest.version))

    def all(self) -> tuple[tuple[Need, ...], ...]:
        return tuple(self.of(number, member) for number, member in enumerate(self.members))

    def of(self, number: int, member: Member) -> tuple[Need, ...]:
        found: dict[int, dict[Kind, None]] = {}
        for manifest in member.manifests:
            for kind, target in manifest.needs:
                for other in self.resolve(manifest, member.path, target, _DEPTH):
                    if other != number:
                        found.setdefault(other, {})[kind] = None
        return tuple(Need(other, tuple(kinds)) for other, kinds in sorted(found.items()))

    def resolve(self, manifest: Manifest, base: str, target: Target, depth: int) -> Iterator[int]:
        if target.shared is not None:
            if depth:
                yield from self.shared(manifest, base, target.shared, depth)
        elif target.path is not None:
            found = self.at(base, target.path)
            if found is not None:
                yield found
        elif target.name is not None:
            key = (manifest.family, canonical(manifest.family, target.name))
            number, version = self.by_name.get(key, (None, None))
            fits = target.range is None or satisfies(version, target.range)
            if number is not None and fits:
                yield number

    def at(self, base: str, path: str) -> int | None:
        whole = os.path.normpath(os.path.join(self.root, base, path))
        return self.by_path.get(relative(self.root, whole))

    def shared(self, manifest: Manifest, base: str, name: str, depth: int) -> Iterator[int]:
        """Look up what the nearest directory above says of a name to all below it."""
        for path in upwards(base):
            number = self.by_path.get(path)
            for other in () if number is None else self.members[number].manifests:
                if other.family == manifest.family and name in other.shared:
                    for target in other.shared[name]:
                        yield from self.resolve(other, path, target, depth - 1)
                    return


def canonical(family: Family, name: str) -> str:
    """Return a name as its registry compares it."""
    if family != "python":
        return name
    from taskrunner.manifests.python import canonical as of_python

    return of_python(name)
