"""A random workspace, and the random edits made to it: all a scenario is, as values."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random
from typing import TYPE_CHECKING

from ..metamorphic import edits
from ..metamorphic.case import Conditions, Task
from ..metamorphic.tree import Dir, File, Link
from .lines import ABSENT, DIRECTORIES, FILES, LINKS, PROGRAM, Line, Maker
from .moves import Again, Clone, Edit, Forget, Lose, Move, Overwrite, Undo

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..metamorphic.tree import Node

WORDS = ("alpha", "beta", "gamma", "aaa", "one\ntwo", "zz", "src", "x.txt", "b\na")
TARGET = "all"
HARD_LINK = "; ln "
ENV = {"VAR": "one", "PATH": "{root}/first:{root}/second:/usr/bin:/bin"}


@dataclass(frozen=True, slots=True)
class World:
    """The sources and tasks of one scenario, the tasks in an order that `depends-on` allows.

    `by_time`: a task decides by modification times. `shares`: a directory belongs to several tasks,
    or an output is a source by another name. `keeps`: a task leaves a file that it finds, so what
    a user wrote there stays.
    """

    sources: dict[str, Node]
    tasks: tuple[Task, ...]
    conditions: Conditions
    by_time: bool
    shares: bool
    keeps: bool = False


@dataclass(frozen=True, slots=True)
class Scenario:
    """A workspace and what happens to it, before each run of the task `all`."""

    seed: int
    world: World
    moves: tuple[Move, ...]


def scenario(seed: int, length: int) -> Scenario:
    """The scenario of a seed: always the same."""
    random = Random(seed)  # noqa: S311 - reproducible, not secret
    world = _world(random)
    return Scenario(seed, world, tuple(_move(random, world) for _ in range(length)))


def _world(random: Random) -> World:
    maker = Maker(random)
    steps: dict[str, list[Line]] = {}
    tasks: dict[str, Task] = {}
    if random.random() < 0.15:
        steps["fix"] = [maker.fixer()]
        tasks["fix"] = _task("fix", steps["fix"], [])
    for number in range(random.randint(1, 4)):
        name = f"task{number}"
        depends = [other for other in tasks if random.random() < 0.6]
        before = _closure(tasks, depends)
        maker.products = [path for other in before for line in steps[other] for path in line.leaves]
        lines = []
        for _ in range(random.choice((1, 1, 2))):
            lines.append(maker.line())
            maker.products += lines[-1].leaves
        if any(line.meddles for some in (*steps.values(), lines) for line in some):
            depends = list(tasks)
        steps[name] = lines
        tasks[name] = _task(name, lines, depends)
    tasks[TARGET] = Task(TARGET, "true", tuple(tasks))
    lines = [line for some in steps.values() for line in some]
    return World(
        _sources(random),
        tuple(tasks.values()),
        Conditions(ENV),
        by_time=any(line.by_time for line in lines),
        shares=any("dist/" in line.text or HARD_LINK in line.text for line in lines),
        keeps=any(line.keeps for line in lines),
    )


def _task(name: str, lines: Sequence[Line], depends: Sequence[str]) -> Task:
    texts = tuple(line.text for line in lines)
    return Task(name, texts[0] if len(texts) == 1 else texts, tuple(depends), keys={"env": ["VAR"]})


def _closure(tasks: dict[str, Task], names: Sequence[str]) -> list[str]:
    found: list[str] = []
    for name in names:
        found += [*_closure(tasks, tasks[name].depends_on), name]
    return list(dict.fromkeys(found))


def _sources(random: Random) -> dict[str, Node]:
    """What a scenario begins with: not all of what the lines may ask for."""
    found: dict[str, Node] = {
        name: File(_text(random)) for name in FILES if name == "src/x.txt" or random.random() < 0.9
    }
    found["to-file"] = Link(random.choice(("a.src", "src/x.txt", "none")))
    found["to-dir"] = Link(random.choice(("src", "etc", "none")))
    found["extra"] = Dir()
    found["first/README"] = File()
    found[f"second/{PROGRAM}"] = _program("second")
    return found


def _text(random: Random) -> bytes:
    return (random.choice(WORDS) + "\n").encode()


def _program(word: str) -> File:
    return File(f"#!/bin/sh\necho {word}\n".encode(), 0o755)


def _move(random: Random, world: World) -> Move:
    roll = random.random()
    if roll < 0.62:
        return Edit(_edit(random, world))
    if roll < 0.74:
        return Undo()
    if roll < 0.82:
        return Lose(random.randrange(1 << 16), everything=random.random() < 0.4)
    if roll < 0.88 and not world.by_time and not world.keeps:
        return Overwrite(random.randrange(1 << 16))
    if roll < 0.91:
        return Clone()
    return random.choice((Again(), Forget()))


def _edit(random: Random, world: World) -> edits.Edit:
    """An edit of a source, or of the surroundings, that may or may not matter to a task."""
    path = random.choice((*FILES, *FILES, *FILES, *ABSENT, *LINKS))
    choices: list[edits.Edit] = [
        edits.Write(path, _text(random)),
        edits.Write(path, _text(random)),
        edits.Write(path, _text(random)),
        edits.Put(path, File(_text(random))),
        edits.Delete(path),
        edits.Delete(random.choice(DIRECTORIES)),
        edits.Put(path, Dir()),
        edits.Put(random.choice(DIRECTORIES), Dir()),
        edits.Put(random.choice(DIRECTORIES), File(_text(random))),
        edits.Put(path, Link(random.choice(FILES))),
        edits.Put("to-dir", Link(random.choice(DIRECTORIES))),
        edits.Put("to-file", Link(random.choice((*FILES, *ABSENT)))),
        edits.Chmod(path, random.choice((0o755, 0o644, 0o600))),
        edits.Touch(path),
        edits.SetEnv("VAR", random.choice(("one", "two"))),
        edits.SetUmask(random.choice((0o022, 0o077))),
        edits.Put(f"first/{PROGRAM}", _program(random.choice(WORDS[:3]))),
        edits.Delete(f"first/{PROGRAM}"),
        edits.Put("dist/user's notes", File(b"notes\n")),
        edits.Write("unrelated", _text(random)),
    ]
    if not world.by_time:  # what trusts the clock would be deceived
        choices += [
            edits.SameSize(path),
            edits.Rename(path, random.choice((*FILES, *ABSENT))),
            edits.Rename(random.choice(DIRECTORIES), random.choice(DIRECTORIES)),
        ]
    return random.choice(choices)
