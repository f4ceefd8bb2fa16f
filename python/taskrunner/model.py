"""What a workspace declares, as frozen values: packages, tasks and their rules. No I/O."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from taskrunner.errors import Place


class PathRules(NamedTuple):
    """Which files count as input, or as output: globs relative to the workspace root."""

    auto: bool = True
    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()


class Package(NamedTuple):
    """A directory with a manifest. `path` is relative to the root; the root's own is empty."""

    id: int
    path: str
    names: tuple[str, ...]

    @property
    def name(self) -> str:
        """The name it is shown by; the others are known too."""
        return self.names[0]


class Task(NamedTuple):
    """A declared unit of work that a user can name."""

    id: int
    package: Package
    name: str
    commands: tuple[str, ...]
    depends_on: tuple[str, ...]
    cwd: str
    env: tuple[str, ...]
    untracked_env: tuple[str, ...]
    input: PathRules
    output: PathRules
    cache: bool
    description: str | None
    place: Place

    @property
    def label(self) -> str:
        """The full name, `package#task`."""
        return f"{self.package.name}#{self.name}"
