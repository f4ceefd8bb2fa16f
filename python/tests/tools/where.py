"""Where a tool's workspace lies: beside the home directory, in it, or below a temporary one."""

from __future__ import annotations

import tempfile
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ..metamorphic.surroundings import directory_outside
from ..metamorphic.workspace import Place

if TYPE_CHECKING:
    from collections.abc import Iterator

LIVED_IN = (".cache", ".config", ".cargo")
# Not below this repository: many tools look upwards for their configuration, and would find ours.
PARENTS = (Path("/srv"), Path("/opt"), Path.home(), Path(__file__).parent)


@dataclass(frozen=True, slots=True)
class Where:
    """The place of a workspace, and a directory of the bench's own that no tool looks into."""

    place: Place
    aside: Path


@contextmanager
def beside_home() -> Iterator[Where]:
    """The workspace is not in the home directory, as in most containers."""
    # A home below a temporary directory would make every file in it a temporary one.
    with directory_outside(*PARENTS) as base:
        yield _where(base / "at" / "workspace", base / "aside", base / "aside" / "home")


@contextmanager
def in_home() -> Iterator[Where]:
    """The workspace is in the home directory, and that where the interpreter may be, too."""
    with directory_outside(Path.home()) as home, directory_outside(*PARENTS) as base:
        yield _where(home / "projects" / "workspace", base, home)


@contextmanager
def below_temporary() -> Iterator[Where]:
    """The workspace is below a temporary directory, the home directory is not."""
    with (
        tempfile.TemporaryDirectory(prefix="at-") as at,
        directory_outside(*PARENTS) as base,
    ):
        yield _where(Path(at).resolve() / "workspace", base, base / "home")


PLACES = {"beside": beside_home, "home": in_home, "temporary": below_temporary}


def _where(root: Path, aside: Path, home: Path) -> Where:
    # Some tools list every directory above the workspace: nothing comes or goes there.
    place = Place(root, home, aside / "temp")
    for directory in (*(home / name for name in LIVED_IN), place.root, place.temp):
        directory.mkdir(parents=True, exist_ok=True)
    return Where(place, aside)
