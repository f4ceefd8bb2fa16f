"""Runs the tasks of a workspace in this process: what `taskrunner run` does, without a start."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias

from taskrunner import cache, events, graph, plan, query, schedule, select
from taskrunner.execute import Bridge, open_engine
from taskrunner.workspace import discover

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from taskrunner._native import Engine
    from taskrunner.plan import Plan

    from ..metamorphic.case import Conditions
    from ..metamorphic.workspace import Place

Opener: TypeAlias = "Callable[[str, str, Mapping[str, str]], Engine]"
"""Opens the engine of a run, given the root, the directory of the cache, and the environment."""


@dataclass(frozen=True, slots=True)
class Step:
    """How one step ended."""

    task: str
    label: str
    status: str
    after: frozenset[str]
    failed: bool
    why: str
    skip: str | None

    def __str__(self) -> str:
        skipped = f", not stored: {self.skip}" if self.skip else ""
        return f"{self.label}: {self.status}{self.why}{skipped}"


@dataclass(slots=True)
class Done:
    """One run: its steps, and what each task printed."""

    steps: list[Step] = field(default_factory=list)
    printed: dict[str, dict[int, bytes]] = field(default_factory=dict)

    @property
    def failed(self) -> bool:
        """Whether any step failed."""
        return any(step.failed for step in self.steps)

    def skips(self) -> frozenset[str]:
        """The kinds of reasons for which results were not stored."""
        return frozenset(step.skip for step in self.steps if step.skip)


def open_here(root: str, cache_dir: str, environ: Mapping[str, str]) -> Engine:
    """The engine as it is."""
    return open_engine(root, cache_dir, environ, workers=2)


def run(
    place: Place, conditions: Conditions, target: str, cache_dir: str, opener: Opener = open_here
) -> Done:
    """Run a task and all it depends on."""
    root, environ = str(place.root), place.environment(conditions)
    found = discover(root)
    tasks = graph.build(found)
    chosen = select.select(tasks, query.Query(target), found.here)
    planned = plan.plan(tasks, chosen, (), environ)
    before = os.umask(conditions.umask)
    try:
        engine = opener(root, cache_dir, environ)
        try:
            done = Done()
            bridge = Bridge(engine, planned, cache.Policy())
            report = _Report(planned, done)
            schedule.Schedule(planned, bridge, schedule.Options(2), report).run()
            return done
        finally:
            engine.close()
    finally:
        os.umask(before)


class _Report:
    def __init__(self, planned: Plan, done: Done) -> None:
        self._plan = planned
        self._done = done

    def __call__(self, event: events.Event) -> None:
        if isinstance(event, events.Output):
            task = self._plan.actions[event.step].task.name
            streams = self._done.printed.setdefault(task, {1: b"", 2: b""})
            streams[event.stream] += event.data
        elif isinstance(event, events.Finished):
            self._done.steps = [self._step(outcome) for outcome in event.outcomes]

    def _step(self, outcome: events.Outcome) -> Step:
        action = self._plan.actions[outcome.step]
        lookup = outcome.lookup
        reason = lookup.reason if lookup else None
        return Step(
            action.task.name,
            action.label,
            lookup.status if lookup else outcome.state,
            frozenset(self._plan.actions[other].label for other in action.after),
            outcome.state == "failed",
            f" ({reason.kind} {reason.path or reason.detail or ''})" if reason else "",
            outcome.not_cached.kind if outcome.not_cached else None,
        )
