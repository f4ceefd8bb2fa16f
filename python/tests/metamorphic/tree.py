"""File trees as values: written to disk, read back whole, compared in words.

Names are strings with undecodable bytes as surrogate escapes, as `pathlib` takes them.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import stat
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias

if TYPE_CHECKING:
    from pathlib import Path

Kind: TypeAlias = Literal["file", "directory", "link", "special"]

# Shorter contents are kept as they are, so that a failure can show them.
SHOWN_WHOLE = 4096


@dataclass(frozen=True, slots=True)
class File:
    """A regular file; `size` makes it sparse up to that length."""

    data: bytes = b""
    mode: int = 0o644
    size: int | None = None


@dataclass(frozen=True, slots=True)
class Link:
    """A symbolic link."""

    target: str


@dataclass(frozen=True, slots=True)
class Dir:
    """A directory, named only to have it empty or with its own mode."""

    mode: int = 0o755


Node: TypeAlias = File | Link | Dir
Source: TypeAlias = Mapping[str, Node | bytes | str]


@dataclass(frozen=True, slots=True)
class Entry:
    """What a snapshot keeps of one path: all that is a value: no times, no owners."""

    kind: Kind
    mode: int
    data: bytes


Snapshot: TypeAlias = dict[str, Entry]


def as_node(value: Node | bytes | str) -> Node:
    """Text and bytes stand for plain files."""
    if isinstance(value, str):
        return File(value.encode())
    return File(value) if isinstance(value, bytes) else value


def write_tree(root: Path, source: Source) -> None:
    """Write every node of `source` below `root`."""
    for name, value in source.items():
        write_node(root / name, as_node(value))


def write_node(path: Path, node: Node) -> None:
    """Write one node, replacing whatever is at `path`."""
    remove(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    match node:
        case File():
            _write_file(path, node)
        case Link():
            path.symlink_to(node.target)
        case Dir():
            path.mkdir()
            path.chmod(node.mode)


def _write_file(path: Path, node: File) -> None:
    with path.open("wb") as out:
        out.write(node.data)
        if node.size is not None:
            out.truncate(node.size)
    path.chmod(node.mode)


def remove(path: Path) -> None:
    """Remove a file, a link or a whole directory; nothing there is fine."""
    if is_real_dir(path):
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def is_real_dir(path: Path) -> bool:
    """Whether a directory is there, and no link to one."""
    return path.is_dir() and not path.is_symlink()


def read_nodes(path: Path) -> list[tuple[Path, Node]]:
    """What is at and below `path`, to be written again by `write_node`; parents first."""
    if path.is_symlink():
        return [(path, Link(str(path.readlink())))]
    if path.is_file():
        return [(path, File(path.read_bytes(), stat.S_IMODE(path.stat().st_mode)))]
    if not path.is_dir():
        return []
    nodes: list[tuple[Path, Node]] = [(path, Dir(stat.S_IMODE(path.stat().st_mode)))]
    for item in sorted(path.iterdir()):
        nodes += read_nodes(item)
    return nodes


def snapshot(root: Path, ignore: Iterable[str] = ()) -> Snapshot:
    """Everything below `root` but the runner's own directory and paths with an ignored name."""
    ignored = frozenset(ignore)
    return {str(path.relative_to(root)): entry(path) for path in _walk(root, root, ignored)}


def _walk(root: Path, below: Path, ignored: frozenset[str]) -> Iterator[Path]:
    for path in sorted(below.iterdir()):
        if path == root / ".taskrunner" or path.name in ignored:
            continue
        yield path
        if is_real_dir(path):
            yield from _walk(root, path, ignored)


def entry(path: Path) -> Entry:
    """The entry of one path, which must exist."""
    status = path.lstat()
    mode = stat.S_IMODE(status.st_mode)
    if stat.S_ISLNK(status.st_mode):
        return Entry("link", 0, os.fsencode(path.readlink()))
    if stat.S_ISDIR(status.st_mode):
        return Entry("directory", mode, b"")
    if stat.S_ISREG(status.st_mode):
        return Entry("file", mode, _content(path, status.st_size))
    return Entry("special", mode, b"")


def _content(path: Path, size: int) -> bytes:
    with path.open("rb") as source:
        if size <= SHOWN_WHOLE:
            return source.read()
        hasher = hashlib.sha256()
        while chunk := source.read(1 << 20):
            hasher.update(chunk)
    return f"{size} bytes, sha256 {hasher.hexdigest()}".encode()


def differences(expected: Snapshot, found: Snapshot) -> list[str]:
    """One line per path that differs, in words; nothing if the trees are equal."""
    lines = []
    for name in sorted(expected.keys() | found.keys()):
        line = _difference(expected.get(name), found.get(name))
        if line:
            lines.append(f"{name!r}: {line}")
    return lines


def _difference(expected: Entry | None, found: Entry | None) -> str | None:
    if expected == found:
        return None
    if expected is None:
        return "is there, and should not be (stale or foreign)"
    if found is None:
        return f"is missing (a {expected.kind})"
    if expected.kind != found.kind:
        return f"is a {found.kind}, should be a {expected.kind}"
    if expected.data != found.data:
        return f"holds {found.data!r:.200}, should hold {expected.data!r:.200}"
    return f"has mode {found.mode:04o}, should have {expected.mode:04o}"


def created(before: Snapshot, after: Snapshot) -> list[str]:
    """The paths of `after` that were not there, or were something else, before; parents first."""
    return sorted(name for name, value in after.items() if before.get(name) != value)
