"""Edits a user makes to sources and surroundings, each of which can be undone."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Protocol, TypeAlias

from .tree import File, Node, read_nodes, remove, write_node

if TYPE_CHECKING:
    from pathlib import Path

    from .case import Conditions

EMPTY = File()

Undo: TypeAlias = Callable[[], None]


class Edit(Protocol):
    """A change of the tree, of the conditions, or of both."""

    def paths(self) -> tuple[str, ...]:
        """The paths it may change."""
        ...

    def apply(self, root: Path) -> None:
        """Make the change below `root`."""
        ...

    def adjust(self, conditions: Conditions) -> Conditions:
        """The conditions after the change."""
        ...


def apply_undoably(edit: Edit, root: Path) -> Undo:
    """Apply `edit`; the result puts back what was there, as an editor or `git checkout` would."""
    tops = {_first_missing(root, root / name) for name in edit.paths()}
    saved = {top: read_nodes(top) for top in tops}
    edit.apply(root)

    def undo() -> None:
        for top, nodes in saved.items():
            remove(top)
            for path, node in nodes:
                write_node(path, node)

    return undo


def _first_missing(root: Path, path: Path) -> Path:
    """The path, or the first directory on the way to it that an edit would have to make."""
    missing = [above for above in path.parents if root in above.parents and not above.exists()]
    return missing[-1] if missing else path


@dataclass(frozen=True, slots=True)
class OnPath:
    """Base of the edits that change one path and no condition."""

    path: str

    def paths(self) -> tuple[str, ...]:
        """The one path."""
        return (self.path,)

    def adjust(self, conditions: Conditions) -> Conditions:
        """Nothing changes there."""
        return conditions


@dataclass(frozen=True, slots=True)
class Write(OnPath):
    """New content, in place; also creates the file."""

    data: bytes = b"edited\n"

    def apply(self, root: Path) -> None:
        """Write the content, keeping the mode of what is there."""
        path = root / self.path
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(self.data)


@dataclass(frozen=True, slots=True)
class SameSize(OnPath):
    """Other content of the same size under the old times: only the ctime tells."""

    old: bytes = b"a"
    new: bytes = b"b"

    def apply(self, root: Path) -> None:
        """Replace the first `old` by `new` and put the times back."""
        path = root / self.path
        before = path.stat()
        data = path.read_bytes()
        if self.old not in data or len(self.old) != len(self.new):
            raise ValueError(f"the case's same-size edit does not fit {self.path!r}")
        with path.open("r+b") as out:
            out.write(data.replace(self.old, self.new, 1))
        os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


@dataclass(frozen=True, slots=True)
class Delete(OnPath):
    """The path goes, a directory with all in it."""

    def apply(self, root: Path) -> None:
        """Remove it."""
        remove(root / self.path)


@dataclass(frozen=True, slots=True)
class Put(OnPath):
    """Another node takes the place: a program, a link, a directory where a file was."""

    node: Node = EMPTY

    def apply(self, root: Path) -> None:
        """Write the node."""
        write_node(root / self.path, self.node)


@dataclass(frozen=True, slots=True)
class Chmod(OnPath):
    """Another mode."""

    mode: int = 0o755

    def apply(self, root: Path) -> None:
        """Set the mode."""
        (root / self.path).chmod(self.mode)


@dataclass(frozen=True, slots=True)
class Touch(OnPath):
    """New times, nothing else: no reason to run."""

    def apply(self, root: Path) -> None:
        """Set the times to now."""
        os.utime(root / self.path)


@dataclass(frozen=True, slots=True)
class Rename(OnPath):
    """The path gets another name."""

    to: str = ""

    def paths(self) -> tuple[str, ...]:
        """Both names."""
        return (self.path, self.to)

    def apply(self, root: Path) -> None:
        """Rename it."""
        target = root / self.to
        target.parent.mkdir(parents=True, exist_ok=True)
        (root / self.path).rename(target)


@dataclass(frozen=True, slots=True)
class SetEnv:
    """A variable is set to another value, or unset."""

    name: str
    value: str | None

    def paths(self) -> tuple[str, ...]:
        """No path."""
        return ()

    def apply(self, root: Path) -> None:
        """Leave the tree alone."""

    def adjust(self, conditions: Conditions) -> Conditions:
        """Set or unset the variable."""
        return conditions.with_env(self.name, self.value)


@dataclass(frozen=True, slots=True)
class SetUmask:
    """Another umask."""

    umask: int

    def paths(self) -> tuple[str, ...]:
        """No path."""
        return ()

    def apply(self, root: Path) -> None:
        """Leave the tree alone."""

    def adjust(self, conditions: Conditions) -> Conditions:
        """Set the umask."""
        return replace(conditions, umask=self.umask)
