"""The bridge to the engine: makes its steps out of a plan's actions, and asks it about them."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from taskrunner import _native, fingerprint
from taskrunner.cache import lookup
from taskrunner.environ import matching
from taskrunner.events import Lookup
from taskrunner.explanation import explanation
from taskrunner.listen import Listening
from taskrunner.probes import Probes
from taskrunner.reasons import Reason
from taskrunner.tracing import HELPER

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from taskrunner._native import Engine, Event
    from taskrunner.cache import Policy
    from taskrunner.explanation import Explanation
    from taskrunner.hints import Provenance
    from taskrunner.plan import Action, Plan

ADDON = os.path.join(os.path.dirname(HELPER), "taskrunner-client.node")
EVENTS_AT_ONCE = 256

_DESCRIBED = frozenset({"description-changed", "env-added", "env-changed", "env-removed"})
_FORCED = Lookup("miss", Reason("forced"))


def open_engine(root: str, cache_dir: str, environ: Mapping[str, str], workers: int) -> Engine:
    """Open the cache of a workspace and make ready to run its steps."""
    return _native.Engine(
        root=root,
        cache_dir=cache_dir,
        state_dir=state_dir(root),
        helper=HELPER,
        addon=ADDON if os.path.exists(ADDON) else None,
        environment=dict(environ),
        home=environ.get("HOME", "/"),
        temp=environ.get("TMPDIR", "/tmp"),  # noqa: S108 - named, not used
        workers=workers,
    )


def state_dir(root: str) -> str:
    """Return where a workspace keeps what belongs to its place."""
    return os.path.join(root, ".taskrunner")


class Bridge:
    """An engine that knows a plan's steps."""

    def __init__(self, engine: Engine, plan: Plan, policy: Policy) -> None:
        self._engine = engine
        self._root = plan.root
        self._environ = plan.outer
        self._probes = Probes(plan.root)
        self._listening = Listening(engine, plan, self._probes)
        self._forced = policy.mode == "force"
        self._disabled = [policy.disabled(action) for action in plan.actions]
        self._descriptions: list[bytes] = []
        self.missed: dict[int, Explanation] = {}
        """Why steps missed, compared in the tree as they would have found it."""
        self._actions = plan.actions
        facts = fingerprint.facts(engine.fidelity)
        for action, before in zip(plan.actions, plan.before(), strict=True):
            self._add(action, before, facts)

    def _add(self, action: Action, before: bytes, facts: fingerprint.Facts) -> None:
        cached = self._disabled[action.id] is None
        values = self._probes.values(action) if cached else {}
        digesting, explaining = fingerprint.Digesting(), fingerprint.Explaining()
        for visitor in (digesting, explaining):
            fingerprint.describe(action, facts, values, self._engine.keyed_digest, visitor)
        description = explaining.description()
        self._descriptions.append(description)
        weak = digesting.digest()
        names = {**self._environ, **action.env}
        untracked = sorted(matching(names, action.task.untracked_env))
        made = step(
            self._root, action, before, weak, description, untracked=untracked, cached=cached
        )
        self._engine.add(made)

    def looks_up(self, number: int) -> bool:
        """Return whether a step may be a hit at all."""
        return self._disabled[number] is None and not self._forced

    def check(self, steps: Sequence[int]) -> dict[int, Lookup]:
        """Look up steps, all those before each of them being hits or done."""
        found: dict[int, Lookup] = {}
        asked = []
        for number in steps:
            disabled = self._disabled[number]
            if disabled is not None:
                found[number] = Lookup("disabled", disabled)
            elif self._forced:
                found[number] = _FORCED
            else:
                asked.append(number)
        for checked in self._engine.check(asked) if asked else ():
            description = self._descriptions[checked.step]
            found[checked.step] = lookup(self._engine, checked, description)
        for number in asked:
            self._note(number, found[number])
        return found

    def _note(self, number: int, lookup: Lookup) -> None:
        """Keep why a step missed, for `explain --last`; when it has run the tree is another."""
        reason = lookup.reason
        if lookup.status == "miss" and reason is not None and reason.kind != "dependency-ran":
            self.missed[number] = self.explain(number, lookup)

    def explain(self, number: int, lookup: Lookup, *, whole: bool = False) -> Explanation:
        """Compare the nearest stored result of a looked-up step with the tree it would find."""
        if lookup.status == "disabled":
            return explanation(self._actions[number], lookup, None)
        described: Iterable[tuple[str, str, str]] = ()
        if lookup.reason is not None and lookup.reason.kind in _DESCRIBED:
            earlier = self._engine.previous_description(number)
            described = fingerprint.changes(earlier, self._descriptions[number])
        explained = self._engine.explain(number, whole=whole)
        return explanation(self._actions[number], lookup, explained, described)

    def restore(self, number: int) -> None:
        """Begin to restore a hit."""
        self._engine.restore(number)

    def revoke(self, number: int) -> None:
        """Forget a hit: a step before it has to run after all."""
        self._engine.revoke(number)

    def replay(self, number: int) -> list[tuple[int, bytes]]:
        """Return the log of a restored step."""
        return self._engine.replay(number)

    def run(self, number: int, *, anew: bool = False) -> None:
        """Begin to run a step; `anew` leaves out the second look-up."""
        if anew or self._forced:
            self._engine.run(number, force=True)
        else:
            self._engine.run(number)

    def retry(self, number: int) -> None:
        """Run an exited step again that was not recorded: both attempts are one run."""
        self._engine.retry(number)

    def hear(self, event: Event) -> None:
        """Take what the tools of a step say, and answer what they ask."""
        if self._disabled[event.step] is None:
            self._listening.hear(event)

    def record(self, number: int) -> Provenance:
        """Begin to judge and store an exited step; what its tools had said."""
        said, hinted = self._listening.end(number)
        self._engine.record(number, hinted)
        return said

    def kill(self, number: int, signal: int) -> None:
        """Send a signal to the whole process tree of a step."""
        self._engine.kill(number, signal)

    def events(self, timeout: float) -> list[Event]:
        """Wait for events."""
        return self._engine.next_events(EVENTS_AT_ONCE, timeout)

    def wake(self) -> None:
        """Make a wait for events return."""
        self._engine.wake()


def step(
    root: str,
    action: Action,
    before: bytes,
    weak: bytes,
    description: bytes,
    *,
    untracked: Sequence[str],
    cached: bool,
) -> _native.Step:
    """Return an action as the engine wants it."""
    task = action.task
    return _native.Step(
        id=action.id,
        package=task.package.name,
        task=task.name,
        index=action.part,
        args=action.args,
        weak=weak,
        description=description,
        argv=action.command.argv,
        env=action.env,
        untracked_env=untracked,
        cwd=os.path.join(root, action.cwd).rstrip("/") or "/",
        before=before,
        cached=cached,
        traced=task.trace and not task.interactive,
        interactive=task.interactive,
        input_auto=task.input.auto,
        input_include=task.input.include,
        input_exclude=task.input.exclude,
        output_auto=task.output.auto,
        output_include=task.output.include,
        output_exclude=task.output.exclude,
        noise=task.noise,
    )
