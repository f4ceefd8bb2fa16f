"""The workspace around a directory: its packages, which needs which, and their tasks."""

from __future__ import annotations

import os
from collections import Counter
from typing import TYPE_CHECKING, NamedTuple

from taskrunner import config, edges, members, roots, tasks
from taskrunner.config import CacheConfig, Config
from taskrunner.errors import ConfigError, WorkspaceError
from taskrunner.model import Package
from taskrunner.paths import join, relative, upwards
from taskrunner.toml_source import shown_path

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from taskrunner.members import Member
    from taskrunner.model import Need, Task


class Workspace(NamedTuple):
    """A workspace as it is declared."""

    root: str
    packages: tuple[Package, ...]
    """By id, in order of their paths; the root is the first."""
    needs: tuple[tuple[Need, ...], ...]
    """For each package the packages its manifests name."""
    tasks: tuple[Task, ...]
    cache: CacheConfig
    current: Package
    """The package that the directory asked about lies in."""
    here: str = ""
    """That directory, relative to the root."""
    broken: Mapping[int, ConfigError] = {}
    """What is wrong with the configuration of packages, which have no tasks therefore."""


def discover(directory: str) -> Workspace:
    """Return the workspace that a directory lies in."""
    root, at_root = roots.find(directory)
    if isinstance(at_root.config, ConfigError):
        raise at_root.config
    own = at_root.config
    found = members.find(root, at_root, (own and own.packages) or ())
    packages = _packages(root, found)
    declared, broken = _tasks(packages, found, own)
    return Workspace(
        root=root,
        packages=packages,
        needs=edges.find(root, found),
        tasks=declared,
        cache=(own and own.cache) or CacheConfig(),
        current=_current(root, packages, directory),
        here=relative(root, directory),
        broken=broken,
    )


def _packages(root: str, found: Sequence[Member]) -> tuple[Package, ...]:
    """Name the packages: as their manifests do, or else by their directories."""
    named = [_names(member) for member in found]
    bases = [os.path.basename(join(root, member.path)) or "root" for member in found]
    unnamed = [base for base, names in zip(bases, named, strict=True) if not names]
    taken = Counter([*unnamed, *(name for names in named for name in names)])
    packages = []
    for number, (member, names, base) in enumerate(zip(found, named, bases, strict=True)):
        fallback = base if taken[base] == 1 or not member.path else member.path
        packages.append(Package(number, member.path, names or (fallback,)))
    _refuse_duplicates(packages)
    return tuple(packages)


def _names(member: Member) -> tuple[str, ...]:
    names = [manifest.name for manifest in member.manifests if manifest.name]
    return tuple(dict.fromkeys(names))


def _refuse_duplicates(packages: Sequence[Package]) -> None:
    owners: dict[str, Package] = {}
    for package in packages:
        for name in package.names:
            other = owners.setdefault(name, package)
            if other is not package:
                raise WorkspaceError(
                    f"two packages are called `{name}`: {_shown(other)} and {_shown(package)}",
                    hint="give one of them another name in its manifest",
                )


def _shown(package: Package) -> str:
    return package.path or "the workspace root"


def _tasks(
    packages: tuple[Package, ...], found: Sequence[Member], own: Config | None
) -> tuple[tuple[Task, ...], dict[int, ConfigError]]:
    """Return the tasks of all packages, and what is wrong with those that have none for it."""
    declared: list[Task] = []
    broken: dict[int, ConfigError] = {}
    defaults = own.defaults if own else {}
    for package, member in zip(packages, found, strict=True):
        try:
            declared += _of(package, member, defaults, len(declared))
        except ConfigError as error:
            if not package.path:
                raise
            broken[package.id] = error
    return tuple(declared), broken


def _of(
    package: Package, member: Member, defaults: Mapping[str, config.TaskConfig], first: int
) -> list[Task]:
    if isinstance(member.config, ConfigError):
        raise member.config
    if package.path and member.config:
        _refuse_root_tables(member.config)
    own = member.config.tasks if member.config else {}
    scripts = [manifest for manifest in member.manifests if manifest.scripts]
    return list(tasks.of(package, own, defaults, scripts[0] if scripts else None, first))


def _refuse_root_tables(found: Config) -> None:
    for key in ("workspace", "cache", "task-defaults"):
        at = found.at.table().get(key)
        if at is not None:
            raise at.error(
                f"`[{key}]` belongs into the workspace's own {config.FILE}",
                hint="move it there; this is one of its packages",
            )


def _current(root: str, packages: tuple[Package, ...], directory: str) -> Package:
    found = package_of(relative(root, directory), by_path(packages))
    for ancestor in roots.ancestors(directory):
        path = relative(root, ancestor)
        if path == found.path:
            break
        if os.path.exists(os.path.join(ancestor, config.FILE)):
            raise WorkspaceError(
                f"{shown_path(ancestor)} has a {config.FILE}, but is no package of the workspace"
                f" in {root}",
                hint=f'add "{path}" to `[workspace] packages`, or give it a [workspace] of its own',
            )
    return found


def by_path(packages: Iterable[Package]) -> dict[str, Package]:
    """Return packages by their paths."""
    return {package.path: package for package in packages}


def package_of(path: str, packages: Mapping[str, Package]) -> Package:
    """Return the innermost of some packages, by their paths, that a path lies in."""
    return next(packages[each] for each in upwards(path) if each in packages)
