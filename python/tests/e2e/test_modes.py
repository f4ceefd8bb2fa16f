"""Permission bits that a run keeps from what it finds: only those that it would give are kept."""

from __future__ import annotations

import stat
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from ..metamorphic.case import Task
from .space import Space
from .test_scenarios import clone, put

if TYPE_CHECKING:
    from pathlib import Path

FILES = {"x": "one\n"}
COPY = [Task("build", "cat x > o")]


def mode(space: Space, name: str) -> int:
    return stat.S_IMODE((space.root / name).stat().st_mode)


def mode_in_a_clone(space: Space, base: Path, name: str) -> int:
    other = clone(space, base, FILES, COPY)
    put(other, "x", (space.root / "x").read_text())
    run = other.run()
    assert run.one("build").status == "hit", run.told()
    return mode(other, name)


def test_bits_that_the_user_gave_an_output(tmp_path: Path) -> None:
    space = Space.make(tmp_path / "here", FILES, COPY)
    space.run()
    (space.root / "o").chmod(0o600)
    put(space, "x", "two\n")
    assert space.run().one("build").skip is None
    assert mode(space, "o") == 0o644
    assert mode_in_a_clone(space, tmp_path / "clone", "o") == 0o644


def test_a_file_of_the_users_with_odd_bits_is_overwritten(tmp_path: Path) -> None:
    space = Space.make(tmp_path / "here", {**FILES, "o": "mine\n"}, COPY)
    (space.root / "o").chmod(0o600)
    skip = space.run().one("build").skip
    assert skip is not None
    assert (skip.kind, skip.path) == ("replaced-unknown", "o")
    assert space.run().one("build").skip is None
    assert mode(space, "o") == 0o644
    assert mode_in_a_clone(space, tmp_path / "clone", "o") == 0o644


def test_a_file_of_the_users_with_usual_bits_is_overwritten(tmp_path: Path) -> None:
    space = Space.make(tmp_path, {**FILES, "o": "mine\n"}, COPY)
    assert space.run().one("build").skip is None
    assert space.run().one("build").status == "hit"


@pytest.mark.parametrize("edited", [False, True])
def test_a_shared_directory_under_another_umask(tmp_path: Path, *, edited: bool) -> None:
    tasks = [
        Task("other", "mkdir -p dist; cat x > dist/p"),
        Task("build", "mkdir -p dist; cat x > dist/o", depends_on=("other",)),
    ]
    here = Space.make(tmp_path / "here", FILES, tasks)
    here.run()
    strict = replace(here.conditions, umask=0o077)
    for _ in range(2):
        assert Space(here.place, strict).run().code == 0
    again = Space(here.place, strict).run()
    assert not again.ran(), again.told()
    if edited:  # the next results are made under the same umask, in the directory as it stands
        put(here, "x", "two\n")
        assert Space(here.place, strict).run().code == 0
    there = clone(here, tmp_path / "clone", FILES, tasks)
    put(there, "x", (here.root / "x").read_text())
    assert Space(there.place, strict).run().code == 0
    assert mode(there, "dist") == 0o700
    assert mode(there, "dist/o") == 0o600


def test_a_later_step_that_gives_another_mode(tmp_path: Path) -> None:
    tasks = [Task("build", ("cat x > o", "chmod 755 o"))]
    space = Space.make(tmp_path, FILES, tasks)
    assert [step.skip for step in space.run().outcomes] == [None, None]
    again = space.run()
    assert not again.ran(), again.told()
    (space.root / "o").unlink()
    space.run()
    assert mode(space, "o") == 0o755
