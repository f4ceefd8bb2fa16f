"""For each rule of the cache a scenario that is as a clean build only if the rule holds."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from ..metamorphic.case import Conditions, Task, Toml
from ..metamorphic.edits import Chmod, Delete, Put, SetEnv, SetUmask, Write
from ..metamorphic.tree import Dir, File, Link
from .moves import Again, Clone, Edit, Lose, Move
from .world import TARGET, Scenario, World

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ..metamorphic.tree import Node

ALL = Lose(0, everything=True)
OTHER = Edit(Write("x", b"other\n"))
SAY = 'echo \'{{"op":"{}","path":"{}"}}\' >> "${{TASK_RUNNER_HINTS:-/dev/null}}"; '
PROGRAM = File(b"#!/bin/sh\necho said\n", 0o755)


@dataclass(frozen=True, slots=True)
class Mutant:
    """What shows that a rule is needed: sources, the steps of one task, and moves."""

    steps: tuple[str, ...]
    moves: tuple[Move, ...]
    sources: Mapping[str, Node] = field(default_factory=lambda: {"x": File(b"word\n")})
    keys: Mapping[str, Toml] = field(default_factory=dict)

    def scenario(self) -> Scenario:
        """The scenario to play."""
        command = self.steps if len(self.steps) > 1 else self.steps[0]
        tasks = (Task("task", command, keys=self.keys), Task(TARGET, "true", ("task",)))
        env = Conditions({"PATH": "{root}/first:{root}/second:/usr/bin:/bin"})
        return Scenario(
            0, World(dict(self.sources), tasks, env, by_time=False, shares=False), self.moves
        )


TWO: Mapping[str, Node] = {"src/a": File(b"a\n"), "src/b": File(b"b\n")}

MUTANTS: dict[str, Mutant] = {
    # What a look finds.
    "content": Mutant(("cat x > o",), (OTHER,)),
    "mode": Mutant(("stat -c %A d > o",), (Edit(Chmod("d", 0o700)),), {"d": Dir()}),
    "stat": Mutant(("[ -s x ] && echo yes > o || echo no > o",), (Edit(Write("x", b"")),)),
    "absence": Mutant(("cat y 2>/dev/null > o || echo none > o",), (Edit(Write("y")),)),
    "kind": Mutant(
        ("(cd d 2>/dev/null) && echo yes > o || echo no > o",),
        (Edit(Put("d", File(b"no directory\n"))),),
        {"d": Dir()},
    ),
    "link": Mutant(("readlink to > o",), (Edit(Put("to", Link("y"))),), {"to": Link("x")}),
    "access": Mutant(("[ -x x ] && echo yes > o || echo no > o",), (Edit(Chmod("x", 0o755)),)),
    "lookup": Mutant(
        ("say > o",),
        (Edit(Put("first/say", PROGRAM)),),
        {"second/say": File(b"#!/bin/sh\necho hello\n", 0o755), "first/none": File()},
    ),
    "listing": Mutant(("ls d > o",), (Edit(Write("d/y")),), {"d/x": File()}),
    "declared": Mutant(
        ("cat x > o",),
        (OTHER,),
        keys={"input": ["x"]},
    ),
    "own": Mutant(
        ("[ -e lock ] || echo 1 > lock; cat lock > o",), (Edit(Write("lock", b"2\n")),), {}
    ),
    # What tools say, by the hint file.
    "variable": Mutant(('echo "$NAME" > o',), (Edit(SetEnv("NAME", "two")),)),
    "ignored": Mutant(
        (SAY.format("ignoreInput", "d/noise") + "ls d | grep -v noise > o",),
        (Again(),),
        {"d/x": File(), "d/noise": File()},
    ),
    # What belongs to whom.
    "own-as-absent": Mutant(("rm -rf out; mkdir out; cat x > out/o",), (Again(),)),
    "own-mode": Mutant(
        ("mkdir -p dist; cat x > dist/o", "mkdir -p dist; cat x > dist/p"),
        (Edit(SetUmask(0o077)), Clone()),
    ),
    "later": Mutant(("[ -e p ] && echo yes > o || echo no > o", "cat x > p"), (Again(),)),
    "overlay": Mutant(("cat x > o", "cat o > p"), (ALL,)),
    "leftovers": Mutant(
        ("mkdir -p out; for f in src/*; do cat $f > out/${f##*/}; done",),
        (Edit(Delete("src/b")),),
        TWO,
    ),
    # Building on a result.
    "foundation": Mutant(
        ("[ -e o ] || cat Makefile > o; cat Makefile > p",),
        (Edit(Write("Makefile", b"new\n")),),
        {"Makefile": File(b"old\n")},
    ),
    "fresh": Mutant(
        ("[ -e o ] || cat x > o; cat y > p",),
        (Edit(Write("x", b"new\n")), Again()),
        {"x": File(b"x\n"), "y": File(b"y\n")},
    ),
    "take-over-inputs": Mutant(
        ("[ -e o ] || cat x > o; cat y > p",),
        (Edit(Write("y", b"new\n")), Edit(Write("x", b"new\n"))),
        {"x": File(b"x\n"), "y": File(b"y\n")},
    ),
    "take-over-outputs": Mutant(
        ("[ -e s ] || { echo 1 > s; echo 2 > q; }; cat y > p",),
        (Edit(Write("y", b"new\n")), ALL),
        {"y": File(b"y\n")},
    ),
    # Refusals.
    "modified-its-input": Mutant(("sed -i s/w/ww/ x",), (Again(),)),
    "removed": Mutant(("rm -f x",), (Edit(Write("x")), Again())),
    "replaced-unknown": Mutant(
        ("if [ -s x ]; then echo some > x; else echo none > x; fi",),
        (Edit(Write("x", b"")),),
    ),
    "special-file": Mutant(("rm -f p; mkfifo p",), (ALL,)),
}
