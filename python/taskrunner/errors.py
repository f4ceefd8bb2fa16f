"""The errors a user can meet: what failed, where, and what to do next. Nothing is printed here."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

Keys = tuple[str | int, ...]
"""The way to a value inside a configuration file: `("tasks", "build", "env", 0)`."""


class Place(NamedTuple):
    """Where in a configuration file something was said; the line is looked up only if needed."""

    file: str
    keys: Keys
    locate: Callable[[Keys], int]

    def __str__(self) -> str:
        """Return `file:line`."""
        return f"{self.file}:{self.locate(self.keys)}"

    def below(self, *keys: str | int) -> Place:
        """Return the place of a value inside this one."""
        return self._replace(keys=(*self.keys, *keys))


class TaskrunnerError(Exception):
    """The base of every error this package raises on purpose."""

    exit_code: int = 2

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class ConfigError(TaskrunnerError):
    """A configuration file says something that can't be meant."""

    def __init__(self, message: str, *, place: Place | str, hint: str | None = None) -> None:
        super().__init__(f"{place}: {message}", hint=hint)
        self.place = place


class WorkspaceError(TaskrunnerError):
    """There is no workspace here, or its packages don't fit together."""


class GraphError(TaskrunnerError):
    """The tasks can't be put in an order."""


class SelectionError(TaskrunnerError):
    """A name on the command line means no task."""


class UsageError(TaskrunnerError):
    """An option was given a value it can't have."""


class NativeError(TaskrunnerError):
    """The native part is missing or does not work: an installation to repair."""

    exit_code: int = 3


def suggestion(wrong: str, known: Iterable[str]) -> str | None:
    """Return a did-you-mean for `wrong`, or None if nothing known is close to it."""
    from difflib import get_close_matches

    matches = get_close_matches(wrong, sorted(known), n=3, cutoff=0.6)
    return f"did you mean {one_of(matches)}?" if matches else None


def one_of(names: Iterable[str]) -> str:
    """Return names as a choice: `a`, `b` or `c`, each in backticks."""
    quoted = [f"`{name}`" for name in names]
    return " or ".join([", ".join(quoted[:-1]), quoted[-1]] if len(quoted) > 1 else quoted)
