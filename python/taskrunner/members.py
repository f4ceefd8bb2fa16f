"""Finds the directories that belong to a workspace, by what manifests and configuration say."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, NamedTuple

from taskrunner import config, manifests, patterns
from taskrunner.errors import ConfigError
from taskrunner.paths import inside, join
from taskrunner.toml_source import Source, read_file

if TYPE_CHECKING:
    import re
    from collections.abc import Iterable, Iterator

    from taskrunner.config import Config
    from taskrunner.manifests import Manifest, Members
    from taskrunner.toml_source import Cursor

# Only entered by name: a workspace's own `**` would lose itself in there.
_NEVER_ENTERED = frozenset({"node_modules", "bower_components", "target", "__pycache__"})


class Member(NamedTuple):
    """A directory as read."""

    path: str
    """Relative to the root; the root's own is empty."""
    config: Config | ConfigError | None
    """The error stands for a configuration that can't be read, until it is needed."""
    manifests: tuple[Manifest, ...]

    @property
    def members(self) -> tuple[Members, ...]:
        """What the workspaces consist of that other tools see here."""
        return tuple(each.members for each in self.manifests if each.members is not None)


def read(root: str, path: str) -> Member:
    """Read a directory's configuration and manifests."""
    directory = join(root, path)
    file = os.path.join(directory, config.PYPROJECT)
    data = read_file(file)
    pyproject = None if data is None else Source(file, data)
    try:
        found: Config | ConfigError | None = config.load(directory, pyproject)
    except ConfigError as error:
        found = error
    return Member(path, found, manifests.read(directory, pyproject))


def find(root: str, at_root: Member, patterns_: tuple[Cursor, ...]) -> list[Member]:
    """Return the root and all packages of the workspace, in order of their paths."""
    refused = [_refusal(at.string()[1:]) for at in patterns_ if at.string().startswith("!")]
    found = {"": at_root}
    waiting = [*claimed(root, at_root), *_configured(root, patterns_)]
    while waiting:
        path = waiting.pop()
        if path in found or any(regex.fullmatch(path) for regex in refused):
            continue
        found[path] = read(root, path)
        waiting += claimed(root, found[path])
    return [found[path] for path in sorted(found)]


def claimed(root: str, member: Member) -> Iterator[str]:
    """Yield the directories that a directory's manifests make packages, relative to the root."""
    for members in member.members:
        yield from _expand(root, member.path, members)
    for manifest in member.manifests:
        if manifest.family == "cargo":
            yield from _path_dependencies(root, member.path, manifest)


def _expand(root: str, base: str, members: Members) -> Iterator[str]:
    negative = [text[1:] for text in members.patterns if text.startswith("!")]
    refused = [_refusal(_normal(text)) for text in (*negative, *members.exclude)]
    for pattern in members.patterns:
        if pattern.startswith("!"):
            continue
        for path in match(join(root, base), pattern):
            whole = inside(base, path)
            if whole is None or any(regex.fullmatch(path) for regex in refused):
                continue
            if os.path.exists(os.path.join(root, whole, members.file)):
                yield whole


def _normal(pattern: str) -> str:
    return pattern.removeprefix("./").rstrip("/")


def _refusal(pattern: str) -> re.Pattern[str]:
    return patterns.path_regex(_normal(pattern))


def _path_dependencies(root: str, base: str, manifest: Manifest) -> Iterator[str]:
    """Yield the directories of path dependencies: Cargo makes them members by themselves."""
    targets = [target for _, target in manifest.needs]
    targets += [target for shared in manifest.shared.values() for target in shared]
    for target in targets:
        whole = None if target.path is None else inside(base, target.path)
        if whole is not None and os.path.exists(os.path.join(root, whole, manifest.file)):
            yield whole


def _configured(root: str, given: Iterable[Cursor]) -> Iterator[str]:
    """Yield the package directories that `[workspace] packages` names."""
    for at in given:
        pattern = at.string()
        if pattern.startswith("!"):
            continue
        paths = [path for path in match(root, pattern) if _is_package(os.path.join(root, path))]
        if not paths:
            raise at.error(
                f"`{pattern}` matches no package",
                hint=f"a package is a directory with a {config.FILE} or another manifest",
            )
        yield from paths


def _is_package(directory: str) -> bool:
    own = os.path.exists(os.path.join(directory, config.FILE))
    return own or manifests.is_package(directory)


def match(root: str, pattern: str) -> set[str]:
    """Return the directories that a pattern names, relative to the root."""
    found: set[str] = set()
    for choice in patterns.braces(pattern):
        paths = {""}
        for part in choice.split("/"):
            if part not in {"", "."}:
                paths = {inner for path in paths for inner in _below(root, path, part)}
        found |= paths
    return found


def _below(root: str, path: str, part: str) -> Iterator[str]:
    if part == "**":
        yield from _walk(root, path)
    elif patterns.has_wildcard(part):
        fits = patterns.name_regex(part).fullmatch
        for name in _directories(root, path):
            if fits(name) and name != "node_modules":
                yield join(path, name)
    else:
        yield os.path.normpath(join(path, part)) if part == ".." else join(path, part)


def _walk(root: str, path: str) -> Iterator[str]:
    yield path
    for name in _directories(root, path):
        if name not in _NEVER_ENTERED:
            yield from _walk(root, join(path, name))


def _directories(root: str, path: str) -> list[str]:
    """Return the names of a directory's directories; hidden ones are no packages."""
    try:
        with os.scandir(os.path.join(root, path)) as entries:
            return [
                entry.name
                for entry in entries
                if not entry.name.startswith(".") and entry.is_dir(follow_symlinks=False)
            ]
    except OSError:
        return []
