"""What a tool under test is: sources, a command in its default configuration, edits, a probe."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ..metamorphic.edits import Edit
    from ..metamorphic.tree import Source

Kit: TypeAlias = Literal["dev", "python", "node", "none"]
"""Where it comes from: the project's own tools, those that `scripts/fetch-tools` installs, or the
machine."""


@dataclass(frozen=True, slots=True)
class Tool:
    """A tool as its users run it: nothing is declared but the command.

    `probe` is a shell line that tells what the result is; it must tell the same as after a plain
    run. `prints` says whether what the tool prints must be the same, too, times left out, and what
    `history` matches: what it tells of its own earlier runs, which no fresh copy has. `packages`
    are installed into its `node_modules`, with what they need. `env` are variables that the task
    declares. `uncached` is why it can't be cached, and what would lift it; `not_yet` is what stands
    in the way of one of the promises today. `quick` puts it into `make test`.
    """

    name: str
    files: Source
    command: str
    edits: tuple[Edit, ...]
    probe: str = "true"
    kit: Kit = "none"
    needs: tuple[str, ...] = ()
    packages: tuple[str, ...] = ()
    env: Mapping[str, str] = field(default_factory=dict)
    prints: bool = True
    history: str = ""
    git: bool = False
    uncached: str | None = None
    not_yet: str | None = None
    quick: bool = False
