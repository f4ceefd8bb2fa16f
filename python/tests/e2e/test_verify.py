"""`run --verify` and `run --clean`: from nothing again, and nobody's files but the steps' own."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from ..metamorphic.case import Task
from ..metamorphic.workspace import init_git
from .space import Space

if TYPE_CHECKING:
    from pathlib import Path

FILES = {"in.txt": "in\n"}
GEN = Task("gen", "mkdir -p dist; cat in.txt > dist/gen.txt")
# The kernel's own files are no input: what they hold is what a tool's own randomness would be.
RANDOM = "cat dist/gen.txt /proc/sys/kernel/random/uuid > dist/random.txt"
BREAKS = 'test -z "$BREAK" || exit 3; cat dist/gen.txt > dist/use.txt'
USE = Task("use", BREAKS, ("gen",), keys={"untracked-env": ["BREAK"]})


def stderr(space: Space, *options: str, target: str = "use") -> tuple[int, str]:
    run = space.run(target, *options)
    return run.code, run.stderr.decode()


@pytest.fixture
def space(tmp_path: Path) -> Space:
    made = Space.make(tmp_path, FILES, (GEN, USE))
    assert made.run("use").code == 0
    return made


def test_what_repeats_is_verified(space: Space) -> None:
    before = space.tree()
    run = space.run("use", "--verify")
    assert run.code == 0
    assert run.stderr.decode().endswith("verified 2 hits: all repeat\n")
    assert {item.miss.kind for item in run.outcomes if item.miss} == {"verified"}
    assert space.tree() == before
    assert space.run("use").ran() == frozenset()


def test_what_does_not_repeat_is_named(tmp_path: Path) -> None:
    space = Space.make(tmp_path, FILES, (GEN, Task("use", RANDOM, ("gen",))))
    space.run("use")
    code, told = stderr(space, "--verify")
    assert code == 1
    assert "workspace#use does not repeat:\n  dist/random.txt has other content\n" in told
    assert told.endswith("verified 2 hits: 1 does not repeat\n")
    assert space.run("use").ran() == frozenset()


def test_what_would_miss_just_runs(space: Space) -> None:
    (space.root / "in.txt").write_text("other\n")
    code, told = stderr(space, "--verify")
    assert (code, told.splitlines()[-1]) == (0, "verified 0 hits: all repeat")
    assert (space.root / "dist/use.txt").read_text() == "other\n"


def test_a_failing_rerun_takes_nothing_away(space: Space) -> None:
    before = space.tree()
    run = space.run("use", "--verify", env={"BREAK": "yes"})
    assert run.code == 3
    assert space.tree() == before
    assert space.run("use").ran() == frozenset()


def test_a_tool_that_finds_its_result_up_to_date_is_verified_from_nothing(tmp_path: Path) -> None:
    lazy = Task("use", f"test -e dist/random.txt || {{ {RANDOM}; }}", ("gen",))
    space = Space.make(tmp_path, FILES, (GEN, lazy))
    space.run("use")
    code, told = stderr(space, "--verify")
    assert (code, "dist/random.txt has other content" in told) == (1, True)


def test_clean_removes_what_the_steps_left_and_nothing_else(space: Space) -> None:
    (space.root / "dist/notes.txt").write_text("a user's\n")
    (space.root / "dist/use.txt").write_text("written by hand\n")
    init_git(space.root)
    (space.root / "untracked").write_text("a user's\n")
    run = space.run("use", "--clean", "--force", env={"BREAK": "yes"})
    assert run.code == 3
    left = {name for name, entry in space.tree().items() if entry.kind == "file"}
    assert {"dist/notes.txt", "dist/use.txt", "dist/gen.txt", "untracked", "in.txt"} <= left


def test_clean_makes_a_step_begin_from_nothing(tmp_path: Path) -> None:
    keeps = Task("use", f"test -e dist/random.txt || {{ {RANDOM}; }}", ("gen",))
    space = Space.make(tmp_path, FILES, (GEN, keeps))
    space.run("use")
    first = (space.root / "dist/random.txt").read_bytes()
    space.run("use", "--force")
    assert (space.root / "dist/random.txt").read_bytes() == first
    space.run("use", "--force", "--clean")
    assert (space.root / "dist/random.txt").read_bytes() != first


def test_clean_alone_is_a_restore(space: Space) -> None:
    before = space.tree()
    run = space.run("use", "--clean")
    assert run.ran() == frozenset()
    assert space.tree() == before


def test_a_dry_run_cleans_nothing(space: Space) -> None:
    before = space.tree()
    space.run("use", "--clean", "--dry-run")
    assert space.tree() == before


@pytest.mark.parametrize("other", ["--force", "--no-cache", "--cache"])
def test_verify_stands_alone(space: Space, other: str) -> None:
    code, told = stderr(space, other, "--verify")
    assert code == 2
    assert "can't be used together" in told
