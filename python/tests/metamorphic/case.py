"""What a case is: a workspace, its tasks, and the edits it must survive."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from .edits import Edit
    from .tree import Source

Toml: TypeAlias = str | bool | int | Sequence[str]


@dataclass(frozen=True, slots=True)
class Conditions:
    """What surrounds a run: variables (with `{root}` for the workspace) and the umask."""

    env: Mapping[str, str] = field(default_factory=dict)
    umask: int = 0o022

    def with_env(self, name: str, value: str | None) -> Conditions:
        """The same conditions with one variable set, or unset for `None`."""
        env = {key: old for key, old in self.env.items() if key != name}
        return replace(self, env=env if value is None else env | {name: value})


@dataclass(frozen=True, slots=True)
class Task:
    """One task of the workspace. `package` is the directory that declares it."""

    name: str
    command: str | tuple[str, ...]
    depends_on: tuple[str, ...] = ()
    package: str = "."
    cwd: str = "."
    keys: Mapping[str, Toml] = field(default_factory=dict)

    @property
    def lines(self) -> tuple[str, ...]:
        """The shell lines of the task, in order."""
        return (self.command,) if isinstance(self.command, str) else self.command


@dataclass(frozen=True, slots=True)
class Change:
    """An edit and what must follow from it.

    `runs` names the steps (`task`, or `task:1` for a later step) that must miss; all others must
    hit, but those in `may` are free to run. `names` is a path or variable that a miss must name;
    `kinds` are the reason kinds allowed for it. `uncached` is set only where the first run after
    the edit may stay uncached: it is the reason kind; the run after it must then be stored and the
    third hit.
    """

    edit: Edit
    runs: frozenset[str]
    names: str | None = None
    kinds: frozenset[str] = frozenset()
    may: frozenset[str] = frozenset()
    uncached: str | None = None


def change(
    edit: Edit,
    *runs: str,
    names: str | None = None,
    kinds: Sequence[str] = (),
    may: Sequence[str] = (),
    uncached: str | None = None,
) -> Change:
    """A `Change` in one line."""
    return Change(edit, frozenset(runs), names, frozenset(kinds), frozenset(may), uncached)


@dataclass(frozen=True, slots=True)
class Case:
    """A workspace whose tasks must be cached, and the edits to try on it.

    `stranger_in` is a directory of outputs in which the harness plants a user's file after the
    first run. `neutral` are names that count as no output (documented tool caches). `corrupt_fails`
    says why the command itself may fail over outputs edited by hand, `trusts_outputs` why it may
    leave them as they are until they are deleted. `slow` keeps it out of `make check`.
    """

    name: str
    files: Source
    tasks: tuple[Task, ...]
    changes: tuple[Change, ...] = ()
    run: str = ""
    conditions: Conditions = field(default_factory=Conditions)
    git: bool = False
    stranger_in: str | None = None
    neutral: tuple[str, ...] = ()
    needs: tuple[str, ...] = ()
    corrupt_fails: str | None = None
    trusts_outputs: str | None = None
    slow: bool = False

    @property
    def target(self) -> str:
        """The task to run: the last one unless the case says otherwise."""
        return self.run or self.tasks[-1].name

    def ordered(self) -> list[Task]:
        """The tasks behind `target`, in an order that `depends-on` allows."""
        found: list[Task] = []
        self._visit(self.target, found)
        return found

    def _visit(self, name: str, found: list[Task]) -> None:
        task = next(task for task in self.tasks if task.name == name.rpartition("#")[2])
        if task in found:
            return
        for needed in task.depends_on:
            self._visit(needed, found)
        found.append(task)


@dataclass(frozen=True, slots=True)
class Refusal:
    """A task that must not be cached, with the reason kind, and the path or peer it must name.

    `settled` says that a second plain run finds nothing left to do, and so may be stored.
    """

    name: str
    files: Source
    task: Task
    kind: str
    names: str | None = None
    conditions: Conditions = field(default_factory=Conditions)
    code: int = 0
    settled: bool = False


def simple(command: str, **keys: Toml) -> tuple[Task, ...]:
    """The one task `build` of a small case."""
    return (Task("build", command, keys=keys),)
