"""Finds the workspace around a directory, its packages, and which package needs which."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING, NamedTuple

from taskrunner import config, manifests, tasks
from taskrunner.config import CacheConfig, Config, TaskConfig
from taskrunner.errors import WorkspaceError
from taskrunner.model import Need, Package
from taskrunner.toml_source import shown_path

if TYPE_CHECKING:
    from collections.abc import Iterator

    from taskrunner.manifests import Manifest
    from taskrunner.model import Kind, Task
    from taskrunner.toml_source import Cursor

_NEVER_ENTERED = frozenset({"node_modules", "target", "__pycache__"})


class Workspace(NamedTuple):
    """A workspace as it is declared."""

    root: str
    packages: tuple[Package, ...]
    needs: tuple[tuple[Need, ...], ...]
    """For each package the packages its manifests name."""
    tasks: tuple[Task, ...]
    cache: CacheConfig
    current: Package
    """The package that the directory asked about lies in."""


class _Member(NamedTuple):
    """A package's directory as read."""

    path: str
    config: Config | None
    manifests: list[Manifest]


def discover(directory: str) -> Workspace:
    """Return the workspace that a directory lies in."""
    root, root_config = _find_root(directory)
    members = _members(root, root_config)
    packages = tuple(_package(root, n, member) for n, member in enumerate(members))
    _refuse_duplicates(packages)
    return Workspace(
        root=root,
        packages=packages,
        needs=_needs(root, packages, members),
        tasks=_tasks(packages, members, root_config.defaults),
        cache=root_config.cache or CacheConfig(),
        current=_current(root, packages, directory),
    )


def _find_root(directory: str) -> tuple[str, Config]:
    """Return the nearest ancestor with `[workspace]`, else the nearest with any configuration."""
    nearest: tuple[str, Config] | None = None
    for ancestor in _ancestors(directory):
        found = config.load(ancestor)
        if found is not None and found.is_workspace:
            return ancestor, found
        if found is not None and nearest is None:
            nearest = ancestor, found
    if nearest is None:
        raise WorkspaceError(
            f"no workspace found in {directory} or above it",
            hint=f"make a {config.FILE} with a [workspace] or [tasks.NAME] table",
        )
    return nearest


def _ancestors(directory: str) -> Iterator[str]:
    while True:
        yield directory
        parent = os.path.dirname(directory)
        if parent == directory:
            return
        directory = parent


def _members(root: str, root_config: Config) -> list[_Member]:
    """Return the root and the packages its patterns name, in order of their paths."""
    members = [_Member("", root_config, manifests.read(root))]
    for path in _expand(root, root_config.packages or ()):
        directory = os.path.join(root, path)
        found = config.load(directory)
        _refuse_root_tables(found)
        members.append(_Member(path, found, manifests.read(directory)))
    return members


def _refuse_root_tables(found: Config | None) -> None:
    for key in ("workspace", "cache", "task-defaults") if found else ():
        at = found.at.table().get(key) if found else None
        if at is not None:
            raise at.error(
                f"`[{key}]` belongs into the workspace's own {config.FILE}",
                hint="move it there; this is one of its packages",
            )


def _expand(root: str, patterns: tuple[Cursor, ...]) -> list[str]:
    """Return the package directories that patterns name, relative to the root."""
    found: set[str] = set()
    for at in patterns:
        pattern = at.string()
        paths = _match(root, pattern.removeprefix("!"))
        if pattern.startswith("!"):
            found.difference_update(paths)
            continue
        packages = {path for path in paths if _is_package(os.path.join(root, path))}
        if not packages:
            raise at.error(
                f"`{pattern}` matches no package",
                hint=f"a package is a directory with a {config.FILE} or another manifest",
            )
        found |= packages
    return sorted(found - {""})


def _match(root: str, pattern: str) -> set[str]:
    from fnmatch import translate

    braces = re.search(r"\{([^{}]*)\}", pattern)
    if braces:
        before, after = pattern[: braces.start()], pattern[braces.end() :]
        choices = (before + choice + after for choice in braces[1].split(","))
        return {path for choice in choices for path in _match(root, choice)}
    found = {""}
    for part in pattern.split("/"):
        if part in {"", "."}:
            continue
        if part == "**":
            found = {inner for path in found for inner in _walk(root, path)}
        elif re.search(r"[*?[]", part):
            fits = re.compile(translate(part)).match
            inner = [(path, name) for path in found for name in _directories(root, path)]
            found = {_join(path, name) for path, name in inner if fits(name)}
        else:
            found = {_join(path, part) for path in found}
    return found


def _walk(root: str, path: str) -> Iterator[str]:
    yield path
    for name in _directories(root, path):
        yield from _walk(root, _join(path, name))


def _directories(root: str, path: str) -> list[str]:
    """Return the names of a directory's directories that may be packages or hold some."""
    try:
        with os.scandir(os.path.join(root, path)) as entries:
            return [
                entry.name
                for entry in entries
                if not entry.name.startswith(".")
                and entry.name not in _NEVER_ENTERED
                and entry.is_dir(follow_symlinks=False)
            ]
    except OSError:
        return []


def _join(path: str, name: str) -> str:
    return f"{path}/{name}" if path else name


def _is_package(directory: str) -> bool:
    files = (config.FILE, "package.json", config.PYPROJECT, "Cargo.toml")
    return any(os.path.exists(os.path.join(directory, file)) for file in files)


def _package(root: str, number: int, member: _Member) -> Package:
    names = [manifest.name for manifest in member.manifests if manifest.name]
    directory = os.path.join(root, member.path).rstrip("/")
    names = names or [os.path.basename(directory) or "root"]
    return Package(number, member.path, tuple(dict.fromkeys(names)))


def _refuse_duplicates(packages: tuple[Package, ...]) -> None:
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


def _needs(
    root: str, packages: tuple[Package, ...], members: list[_Member]
) -> tuple[tuple[Need, ...], ...]:
    by_path = {package.path: package.id for package in packages}
    by_name = {_canonical(name): package.id for package in packages for name in package.names}
    edges = []
    for package, member in zip(packages, members, strict=True):
        found: dict[int, dict[Kind, None]] = {}
        for need in (need for manifest in member.manifests for need in manifest.needs):
            target = _target(root, package, need, by_path, by_name)
            if target is not None and target != package.id:
                found.setdefault(target, {})[need.kind] = None
        edges.append(tuple(Need(target, tuple(kinds)) for target, kinds in sorted(found.items())))
    return tuple(edges)


def _target(
    root: str,
    package: Package,
    need: manifests.Need,
    by_path: dict[str, int],
    by_name: dict[str, int],
) -> int | None:
    if need.path is None:
        return by_name.get(_canonical(need.name or ""))
    target = os.path.normpath(os.path.join(root, package.path, need.path))
    relative = os.path.relpath(target, root)
    return by_path.get("" if relative == "." else relative)


def _canonical(name: str) -> str:
    """Return a name as Python's index compares it; npm names stay apart all the same."""
    return re.sub(r"[-_.]+", "-", name).lower()


def _tasks(
    packages: tuple[Package, ...], members: list[_Member], defaults: dict[str, TaskConfig]
) -> tuple[Task, ...]:
    found: list[Task] = []
    for package, member in zip(packages, members, strict=True):
        if member.config is not None:
            found += tasks.of(package, member.config.tasks, defaults, len(found))
    return tuple(found)


def _current(root: str, packages: tuple[Package, ...], directory: str) -> Package:
    by_path = {package.path: package for package in packages}
    for ancestor in _ancestors(directory):
        path = os.path.relpath(ancestor, root)
        path = "" if path == "." else path
        if path in by_path:
            return by_path[path]
        if os.path.exists(os.path.join(ancestor, config.FILE)):
            raise WorkspaceError(
                f"{shown_path(ancestor)} has a {config.FILE}, but is no package of the workspace"
                f" in {root}",
                hint=f'add "{path}" to `[workspace] packages`, or give it a [workspace] of its own',
            )
    return by_path[""]
