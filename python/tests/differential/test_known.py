"""Scenarios that were once not as a clean build: found by the random ones, kept as they are."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..metamorphic import edits
from ..metamorphic.case import Conditions, Task
from ..metamorphic.tree import File, Link
from .moves import Again, Edit, Move
from .player import Player
from .world import TARGET, Scenario, World

if TYPE_CHECKING:
    from pathlib import Path

    from ..metamorphic.tree import Node

APPEND = "[ ! -f {0} ] || echo more >> {0}"
BY_TIME = "if [ ! -e o ] || [ x -nt o ]; then cat x > o; fi"
COPY = "mkdir -p out; for f in dir/*; do [ ! -f $f ] || cat $f > out/${f##*/}; done"


def play(base: Path, sources: dict[str, Node], command: tuple[str, ...], *moves: Move) -> None:
    tasks = (Task("task", command), Task(TARGET, "true", ("task",)))
    world = World(sources, tasks, Conditions(), by_time=True, shares=False)
    Player(Scenario(0, world, moves), base).play()


def test_a_tool_that_trusts_times_beneath_a_step_that_appends(tmp_path: Path) -> None:
    play(tmp_path, {"x": File(b"x\n")}, (BY_TIME, APPEND.format("o")), Again())


def test_a_source_that_goes_beneath_a_step_that_appends(tmp_path: Path) -> None:
    sources: dict[str, Node] = {"src/x": File(b"x\n"), "dir": Link("src")}
    gone = Edit(edits.Put("src", File(b"no directory\n")))
    play(tmp_path, sources, (COPY, APPEND.format("out/x")), gone)


def test_a_listing_beneath_a_step_that_appends(tmp_path: Path) -> None:
    play(tmp_path, {}, ("ls -1 | grep '^x' > o || :", APPEND.format("o")), Again())


def test_a_link_that_a_step_reads_through_and_replaces(tmp_path: Path) -> None:
    link = Edit(edits.Put("b", Link("x")))
    other = Edit(edits.Write("y", b"y\n"))
    play(tmp_path, {"x": File(b"x\n")}, ("[ ! -f b ] || sed -i s/zz/yy/ b",), link, other)


def test_what_is_stale_in_a_shared_directory_under_another_umask(tmp_path: Path) -> None:
    shared = Edit(edits.Put("out/notes", File(b"notes\n")))
    gone = Edit(edits.Delete("dir/x"))
    strict = Edit(edits.SetUmask(0o077))
    play(tmp_path, {"dir/x": File(b"x\n")}, (COPY,), shared, strict, gone)
