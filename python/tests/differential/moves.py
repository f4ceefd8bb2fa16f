"""What can happen to a workspace between two runs; each does what it can, and never fails."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from ..metamorphic import edits


@dataclass(frozen=True, slots=True)
class Edit:
    """A source or the surroundings change."""

    edit: edits.Edit


@dataclass(frozen=True, slots=True)
class Undo:
    """All sources and surroundings are as they were before the last edit."""


@dataclass(frozen=True, slots=True)
class Lose:
    """One output is deleted by hand, or every one."""

    pick: int
    everything: bool


@dataclass(frozen=True, slots=True)
class Overwrite:
    """One output is written over by hand, or has its permission bits changed."""

    pick: int


@dataclass(frozen=True, slots=True)
class Clone:
    """The sources are cloned to another place, which shares the cache; work goes on there."""


@dataclass(frozen=True, slots=True)
class Again:
    """Nothing: the run must be answered from the cache."""


@dataclass(frozen=True, slots=True)
class Forget:
    """All tasks are run by hand: what they leave is nobody's."""


Move: TypeAlias = Edit | Undo | Lose | Overwrite | Clone | Again | Forget
