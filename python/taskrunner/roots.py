"""Finds the root of the workspace around a directory."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from taskrunner import config, members
from taskrunner.config import Config
from taskrunner.errors import ConfigError, WorkspaceError
from taskrunner.members import Member
from taskrunner.paths import relative

if TYPE_CHECKING:
    from collections.abc import Iterator

_REPOSITORY = ".git"


def find(directory: str) -> tuple[str, Member]:
    """Return the root of the workspace that a directory lies in, and what is there.

    The nearest directory whose configuration has `[workspace]` is the root. Without one it is the
    outermost workspace of another tool inside the repository that has the directory's package, or
    the nearest, unless a configuration stands alone below it; without any it is the nearest
    configuration, then the nearest manifest.
    """
    seen: dict[str, Member] = {}
    in_repository = True
    for ancestor in ancestors(directory):
        seen[ancestor] = members.read(ancestor, "") if in_repository else _configured(ancestor)
        found = seen[ancestor].config
        if isinstance(found, Config) and found.is_workspace:
            return ancestor, seen[ancestor]
        in_repository = in_repository and not os.path.exists(os.path.join(ancestor, _REPOSITORY))
    root = _of_other_tools(seen) or _nearest(seen)
    _raise_at_or_above(root, seen)
    if root is None:
        raise WorkspaceError(
            f"no workspace found in {directory} or above it",
            hint=f"make a {config.FILE} with a [workspace] or [tasks.NAME] table",
        )
    return root, seen[root]


def ancestors(directory: str) -> Iterator[str]:
    """Yield a directory and all above it."""
    while True:
        yield directory
        parent = os.path.dirname(directory)
        if parent == directory:
            return
        directory = parent


def _configured(directory: str) -> Member:
    """Read a directory outside the repository: nothing but its configuration matters there."""
    try:
        return Member("", config.load(directory), ())
    except ConfigError as error:
        return Member("", error, ())


def _of_other_tools(seen: dict[str, Member]) -> str | None:
    """Return the root that other tools' workspaces make, given the directories inside out."""
    opened = [path for path, at in seen.items() if at.members]
    if not opened:
        return None
    package = next(path for path, at in seen.items() if at.manifests or at.config)
    for outer in reversed(opened[1:]):
        inner = {relative(outer, opened[0]), relative(outer, package)}
        if inner.intersection(members.claimed(outer, seen[outer])):
            return outer
    return None if _stands_alone(opened[0], seen) else opened[0]


def _stands_alone(workspace: str, seen: dict[str, Member]) -> bool:
    """Return whether a configuration below another tool's workspace is none of its business.

    It is if that workspace neither claims its directory nor has a configuration itself.
    """
    own = next(path for path, at in seen.items() if at.config is not None or path == workspace)
    if own == workspace or seen[workspace].config is not None:
        return False
    return relative(workspace, own) not in set(members.claimed(workspace, seen[workspace]))


def _nearest(seen: dict[str, Member]) -> str | None:
    with_config = (path for path, at in seen.items() if isinstance(at.config, Config))
    with_manifest = (path for path, at in seen.items() if at.manifests)
    return next(with_config, None) or next(with_manifest, None)


def _raise_at_or_above(root: str | None, seen: dict[str, Member]) -> None:
    """Raise the error of a configuration that may hold the `[workspace]` that was looked for."""
    for path, at in reversed(seen.items()):
        if isinstance(at.config, ConfigError):
            raise at.config
        if path == root:
            return
