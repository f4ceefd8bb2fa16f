"""Hears what the tools of a run's steps say: one collector a step, from its start to its end."""

from __future__ import annotations

import os.path
from typing import TYPE_CHECKING

from taskrunner import _native, hints
from taskrunner.environ import is_always_passed, matching, tracks

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from taskrunner._native import Engine, Event, Message
    from taskrunner.plan import Action, Plan
    from taskrunner.probes import Probes

_TRACKED = b"\1"


class Listening:
    """The steps that can be heard."""

    def __init__(self, engine: Engine, plan: Plan, probes: Probes) -> None:
        self._engine = engine
        self._actions = plan.actions
        self._root = os.path.realpath(plan.root)
        self._environ = plan.outer
        self._probes = probes
        self._collectors: dict[int, hints.Collector] = {}

    def hear(self, event: Event) -> None:
        """Take what was said, and answer what was asked."""
        step = event.step
        if event.kind == "opened":
            # A further attempt: all of them are one run.
            if step not in self._collectors:
                self._collectors[step] = self._open(self._actions[step], event.names)
        elif event.kind == "exited":
            collector = self._collectors[step]
            collector.note(event.faults, lost=event.lost)
            collector.sees(name for name in event.names if not is_always_passed(name))
        else:
            for message in event.hints:
                self._take(step, message)

    def end(self, step: int) -> tuple[hints.Provenance, _native.Hinted]:
        """Return what the tools of an exited step said, and what the cache makes of it."""
        collector = self._collectors.pop(step, None)
        if collector is None:
            return {}, hinted(hints.Hints(), {})
        said = collector.done()
        return hints.provenance(said), hinted(said, self._probes.values(self._actions[step]))

    def _open(self, action: Action, given: list[str]) -> hints.Collector:
        task, env = action.task, action.env
        collector = hints.Collector(
            hints.Setting(
                root=self._root,
                cwd=os.path.join(self._root, action.cwd),
                env={**self._environ, **env},
                passed=env.keys() | given,
                untracked=_matcher(task.untracked_env),
                declared=lambda name: _is_declared(name, action),
            )
        )
        collector.gives(given)
        for name in action.variables:
            if not is_always_passed(name):
                # The shell looks it up in its own environment, like a tool that writes to the file.
                collector.receive("get_env", [os.fsencode(name), _TRACKED], "file")
        return collector

    def _take(self, step: int, message: Message) -> None:
        collector = self._collectors[step]
        answer = collector.receive(message.verb, message.fields, message.source)
        if message.connection is None or answer is None:
            return
        if isinstance(answer, hints.Refusal):
            self._engine.refuse(step, message.connection, answer.code, answer.text)
        else:
            self._engine.reply(step, message.connection, list(answer))


def hinted(said: hints.Hints, derived: Mapping[str, str]) -> _native.Hinted:
    """Return hints as the cache wants them; `derived` are the values that the task declares."""
    refused = hints.skip(said, derived)
    return _native.Hinted(
        ignored_inputs=said.ignored_inputs,
        ignored_outputs=said.ignored_outputs,
        tracked_inputs=said.tracked_inputs,
        tracked_outputs=said.tracked_outputs,
        env=[(name, name in said.looked_up) for name in said.env],
        env_globs=[(glob, glob in said.looked_up) for glob in said.patterns],
        provenance=hints.encode(hints.provenance(said)),
        refused=None if refused is None else (refused.kind, refused.subject),
    )


def _matcher(patterns: tuple[str, ...]) -> Callable[[str], bool]:
    return lambda name: bool(matching([name], patterns))


def _is_declared(name: str, action: Action) -> bool:
    """Tell whether the fingerprint has a variable by value, set or not."""
    assigned = {name for name, _ in action.command.assignments}
    known = action.environment.knows(name) or name in assigned
    return known or tracks(name, action.task.env)
