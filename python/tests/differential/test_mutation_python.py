"""What the Python side puts into a weak fingerprint is needed: left out, a hit is wrong."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from taskrunner import fingerprint

from ..metamorphic.edits import SetEnv, SetUmask
from .moves import Clone, Edit
from .mutants import Mutant
from .player import DifferenceError, Player

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Patch = pytest.MonkeyPatch


def without_variables(patch: Patch) -> None:
    patch.setattr(fingerprint, "_tracked", lambda _: {})


def without_umask(patch: Patch) -> None:
    patch.setattr(fingerprint, "_umask", lambda: "0022")


MUTANTS: dict[str, tuple[Mutant, Callable[[Patch], None]]] = {
    "a variable that the task declares": (
        Mutant(('echo "$VAR" > o',), (Edit(SetEnv("VAR", "two")),), keys={"env": ["VAR"]}),
        without_variables,
    ),
    "the umask": (Mutant(("cat x > o",), (Edit(SetUmask(0o077)), Clone())), without_umask),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", MUTANTS)
def test_it_is_part_of_the_fingerprint(name: str, tmp_path: Path, monkeypatch: Patch) -> None:
    mutant, leave_out = MUTANTS[name]
    Player(mutant.scenario(), tmp_path / "with").play()
    leave_out(monkeypatch)
    with pytest.raises(DifferenceError):
        Player(mutant.scenario(), tmp_path / "without").play()
