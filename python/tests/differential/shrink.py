"""Makes a failing scenario small: fewer moves, tasks and steps, as long as it still fails."""

from __future__ import annotations

import shutil
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from ..metamorphic.workspace import configuration
from .player import DifferenceError, Player
from .world import TARGET, Scenario

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from ..metamorphic.case import Task
    from .inside import Opener

# How often a smaller scenario is tried; a replay takes a tenth of a second per move.
ATTEMPTS = 120


@dataclass(slots=True)
class Shrinker:
    """Plays ever smaller scenarios below `base` that fail in the same way."""

    base: Path
    opener: Opener
    attempts: int = 0

    def shrink(
        self, scenario: Scenario, found: DifferenceError
    ) -> tuple[Scenario, DifferenceError]:
        """The smallest scenario found, and how it fails."""
        best, error = replace(scenario, moves=scenario.moves[: found.at + 1]), found
        progress = True
        while progress:
            progress = False
            for smaller in _smaller(best):
                again = self._fails(smaller, error.kind)
                if again is not None:
                    best = replace(smaller, moves=smaller.moves[: again.at + 1])
                    error, progress = again, True
                    break
        return best, error

    def _fails(self, scenario: Scenario, kind: str) -> DifferenceError | None:
        if self.attempts >= ATTEMPTS:
            return None
        self.attempts += 1
        place = self.base / f"smaller-{self.attempts}"
        try:
            Player(scenario, place, self.opener).play()
        except DifferenceError as error:
            return error if error.kind == kind else None
        finally:
            shutil.rmtree(place, ignore_errors=True)
        return None


def _smaller(scenario: Scenario) -> Iterator[Scenario]:
    moves = scenario.moves
    if len(moves) > 3:
        yield replace(scenario, moves=moves[len(moves) // 2 :])
    for at in range(len(moves)):
        yield replace(scenario, moves=moves[:at] + moves[at + 1 :])
    tasks = scenario.world.tasks
    for task in tasks:
        if task.name != TARGET:
            yield _with_tasks(scenario, _without(tasks, task.name))
        for at in range(len(task.lines)):
            if len(task.lines) > 1:
                lines = task.lines[:at] + task.lines[at + 1 :]
                smaller = replace(task, command=lines if len(lines) > 1 else lines[0])
                yield _with_tasks(
                    scenario, tuple(smaller if other is task else other for other in tasks)
                )
    for name in scenario.world.sources:
        sources = {key: node for key, node in scenario.world.sources.items() if key != name}
        yield replace(scenario, world=replace(scenario.world, sources=sources))


def _with_tasks(scenario: Scenario, tasks: tuple[Task, ...]) -> Scenario:
    return replace(scenario, world=replace(scenario.world, tasks=tasks))


def _without(tasks: tuple[Task, ...], name: str) -> tuple[Task, ...]:
    """The tasks but one; what depended on it depends on what that depended on."""
    gone = next(task for task in tasks if task.name == name)
    return tuple(
        replace(task, depends_on=_spliced(task.depends_on, name, gone.depends_on))
        for task in tasks
        if task.name != name
    )


def _spliced(names: tuple[str, ...], gone: str, instead: tuple[str, ...]) -> tuple[str, ...]:
    spliced = [other for name in names for other in (instead if name == gone else (name,))]
    return tuple(dict.fromkeys(spliced))


def told(scenario: Scenario, error: DifferenceError) -> str:
    """A scenario and its difference, to be replayed by hand."""
    lines = [f"seed {scenario.seed}: {error}", "taskrunner.toml:"]
    lines += [f"    {line}" for line in configuration(scenario.world.tasks)["."].splitlines()]
    lines.append("sources:")
    lines += [f"    {name}: {node}" for name, node in scenario.world.sources.items()]
    lines.append("moves, each followed by `taskrunner run all`, as is the start:")
    lines += [f"    {number}. {move}" for number, move in enumerate(scenario.moves, 1)]
    return "\n".join(lines)
