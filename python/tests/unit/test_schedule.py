"""What the schedule does with each step, against the scripted engine."""

from __future__ import annotations

import signal
from signal import SIGKILL
from typing import TYPE_CHECKING, Any, cast

import pytest

from taskrunner import events
from taskrunner.cache import Policy
from taskrunner.events import Lookup
from taskrunner.execute import Bridge
from taskrunner.forecast import forecast
from taskrunner.outcomes import failed
from taskrunner.schedule import KILL_GRACE, Options, Schedule

from .fake_engine import Engine, Reason, Script
from .plans import make_plan

if TYPE_CHECKING:
    from taskrunner import _native
    from taskrunner.cache import Mode
    from taskrunner.plan import Plan


class Run:
    """A run over the scripted engine, and all that was reported."""

    def __init__(
        self,
        tasks: dict[str, list[str]],
        *,
        mode: Mode = "configured",
        concurrency: int | None = 2,
        keep_going: bool = False,
        keys: dict[str, dict[str, object]] | None = None,
        scripts: dict[str, Script] | None = None,
        **more: Script,
    ) -> None:
        self.plan: Plan = make_plan(tasks, keys=keys)
        self.engine = Engine({**(scripts or {}), **more})
        self.events: list[events.Event] = []
        self.bridge = bridge_to(self.engine, self.plan, mode)
        options = Options(concurrency, keep_going=keep_going)
        self.schedule = Schedule(self.plan, self.bridge, options, self.take, self.engine.clock)
        self.outcomes: tuple[events.Outcome, ...] = ()

    def take(self, event: events.Event) -> None:
        self.events.append(event)

    def go(self) -> Run:
        self.outcomes = self.schedule.run()
        return self

    def states(self) -> dict[str, str]:
        return {self.name(o.step): o.state for o in self.outcomes}

    def statuses(self) -> dict[str, str]:
        return {self.name(o.step): o.lookup.status for o in self.outcomes if o.lookup}

    def name(self, step: int) -> str:
        return self.plan.actions[step].task.name

    def told(self, kind: type) -> list[Any]:
        return [event for event in self.events if isinstance(event, kind)]


def bridge_to(engine: Engine, plan: Plan, mode: Mode = "configured") -> Bridge:
    return Bridge(cast("_native.Engine", engine), plan, Policy(mode))


CHAIN = {"a": [], "b": ["a"], "c": ["b"]}
DIAMOND = {"top": ["left", "right"], "left": ["base"], "right": ["base"], "base": []}
HIT = Script(hit=True)


def test_misses_run_in_order_and_each_is_recorded() -> None:
    run = Run(CHAIN).go()
    assert run.engine.named("run") == ["a", "b", "c"]
    assert run.engine.named("record") == ["a", "b", "c"]
    assert run.states() == {"a": "done", "b": "done", "c": "done"}


def test_a_wavefront_is_checked_in_one_call() -> None:
    tasks: dict[str, list[str]] = {"x": [], "y": [], "z": ["x", "y"]}
    run = Run(tasks, x=HIT, y=HIT, z=HIT).go()
    assert run.engine.named("check") == [["x", "y", "z"]]


def test_a_step_after_a_miss_is_checked_when_that_has_run() -> None:
    run = Run(CHAIN, a=HIT).go()
    kinds = [call[:2] for call in run.engine.calls]
    assert kinds.index(("record", "b")) < kinds.index(("check", ["c"]))


def test_hits_are_restored_in_dependency_order_and_replayed() -> None:
    output = ((1, b"out\n"), (2, b"err\n"), (1, b"more\n"))
    run = Run(DIAMOND, base=HIT, left=HIT, right=Script(hit=True, output=output), top=HIT).go()
    assert run.engine.named("restore") == ["base", "left", "right", "top"]
    assert run.engine.named("run") == []
    assert [(e.stream, e.data) for e in run.told(events.Output)] == list(output)
    assert run.statuses() == dict.fromkeys(DIAMOND, "hit")


def test_no_more_run_at_once_than_asked() -> None:
    tasks: dict[str, list[str]] = {f"t{n}": [] for n in range(9)}
    assert Run(tasks, concurrency=3).go().engine.most_running == 3
    assert Run(tasks, concurrency=1).go().engine.most_running == 1


def test_a_failure_ends_what_runs_and_nothing_new_starts() -> None:
    tasks = {"bad": [], "long": [], "later": [], "after": ["bad"]}
    run = Run(tasks, concurrency=2, bad=Script(code=3), long=Script(holds=True)).go()
    assert run.states() == {
        "bad": "failed",
        "long": "failed",
        "later": "skipped",
        "after": "skipped",
    }
    assert run.engine.named("kill") == [("long", signal.SIGTERM)]
    assert [run.name(outcome.step) for outcome in failed(run.outcomes)] == ["bad"]
    assert run.engine.named("run") == ["bad", "long"]
    ended = {run.name(e.outcome.step): (e.cause, e.because_of) for e in run.told(events.Ended)}
    assert ended["after"] == ("dependency-failed", 0)
    assert ended["later"] == ("stopped", None)


def test_a_step_that_does_not_end_when_told_is_killed_after_the_grace() -> None:
    stubborn = Script(holds=True, stubborn=True)
    run = Run({"bad": [], "deaf": []}, bad=Script(code=3), deaf=stubborn).go()
    assert run.engine.named("kill") == [("deaf", signal.SIGTERM), ("deaf", SIGKILL)]
    assert run.engine.now == KILL_GRACE


def test_a_step_told_to_end_has_not_succeeded_whatever_it_says() -> None:
    run = Run({"bad": [], "polite": []}, bad=Script(code=3), polite=Script(holds=True))
    run.engine.kill = lambda step, signal: run.engine._exit(step, 0)  # type: ignore[method-assign]  # noqa: ARG005
    run.go()
    outcome = run.outcomes[1]
    assert (outcome.state, outcome.ended_by) == ("failed", "stopped")


def test_keep_going_skips_only_what_depends_on_the_failure() -> None:
    tasks = {"bad": [], "after": ["bad"], "last": ["after"], "other": [], "more": ["other"]}
    run = Run(tasks, keep_going=True, bad=Script(code=3)).go()
    assert run.states() == {
        "bad": "failed",
        "after": "skipped",
        "last": "skipped",
        "other": "done",
        "more": "done",
    }


def test_a_failed_step_is_recorded_and_named() -> None:
    run = Run({"bad": []}, bad=Script(signal=9)).go()
    assert run.engine.named("record") == ["bad"]
    outcome = run.outcomes[0]
    assert (outcome.signal, outcome.exit_code, outcome.state) == (9, 137, "failed")
    assert outcome.not_cached is not None
    assert outcome.not_cached.kind == "failed"


def test_a_failed_restore_makes_the_step_run_and_checks_its_dependents_again() -> None:
    damaged = Script(hit=True, restore=Reason("entry-damaged"))
    run = Run(CHAIN, a=damaged, b=HIT, c=HIT).go()
    assert run.engine.named("check") == [["a", "b", "c"], ["b", "c"]]
    assert run.engine.named("run") == ["a"]
    assert run.engine.named("revoke") == ["b", "c"]
    assert run.engine.named("restore") == ["a", "b", "c"]
    assert run.statuses() == {"a": "miss", "b": "hit", "c": "hit"}
    lookup = run.outcomes[0].lookup
    assert lookup is not None
    assert lookup.reason is not None
    assert lookup.reason.kind == "entry-damaged"


def test_a_failed_restore_after_a_failure_is_skipped() -> None:
    tasks: dict[str, list[str]] = {"bad": [], "hit": []}
    run = Run(tasks, bad=Script(code=1), hit=Script(hit=True, restore=Reason("entry-damaged")))
    run.engine.on_wait = _last_first
    run.go()
    assert run.states() == {"bad": "failed", "hit": "skipped"}


def _last_first(engine: Engine) -> None:
    """Let running steps end before restores do."""
    restored = [event for event in engine.events if event.kind == "restored"]
    if restored and engine.running:
        for event in restored:
            engine.events.remove(event)
        engine._end_first()
        engine.events.extend(restored)


def test_a_step_done_by_another_runner_is_a_hit() -> None:
    run = Run({"a": []}, a=Script(elsewhere=True, output=((1, b"x"),))).go()
    assert len(run.told(events.Waiting)) == 1
    assert run.statuses() == {"a": "hit"}
    assert [event.data for event in run.told(events.Output)] == [b"x"]


def test_a_result_of_another_runner_that_cant_be_restored_is_made_anew() -> None:
    run = Run({"a": []}, a=Script(elsewhere=True, restore=Reason("entry-damaged"))).go()
    assert run.engine.named("run anew") == ["a"]
    assert run.statuses() == {"a": "miss"}


def test_a_missing_program_fails_its_step_alone() -> None:
    missing = Script(spawn_error=Reason("spawn-failed", detail="No such file or directory"))
    run = Run({"bad": [], "good": []}, keep_going=True, bad=missing).go()
    assert run.states() == {"bad": "failed", "good": "done"}
    assert run.outcomes[0].exit_code == 127
    assert run.told(events.NotStarted)[0].why == "No such file or directory"


def test_force_looks_nothing_up() -> None:
    run = Run(CHAIN, mode="force", a=HIT).go()
    assert run.engine.named("check") == []
    assert run.engine.named("run anew") == ["a", "b", "c"]
    assert run.outcomes[0].lookup == Lookup("miss", Reason("forced"))


def test_without_cache_nothing_is_looked_up_or_stored() -> None:
    run = Run(CHAIN, mode="off", a=HIT).go()
    assert run.engine.named("check") == []
    assert not any(step.cached for step in run.engine.steps.values())
    assert run.statuses() == dict.fromkeys(CHAIN, "disabled")


def test_not_cached_is_kept_with_the_outcome() -> None:
    reason = Reason("modified-its-input", "src/x")
    run = Run({"a": []}, a=Script(not_cached=reason)).go()
    assert run.outcomes[0].not_cached == reason


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_goes_to_what_runs_and_nothing_more_begins(number: int) -> None:
    tasks: dict[str, list[str]] = {"a": [], "b": [], "c": ["a"]}
    run = Run(tasks, a=Script(holds=True), b=Script(holds=True))
    run.engine.on_wait = _once(lambda: run.schedule.interrupt(number), run)
    run.go()
    assert run.engine.named("kill") == [("a", number), ("b", number)]
    assert run.states() == {"a": "failed", "b": "failed", "c": "skipped"}
    assert run.schedule.signal == number


def test_a_signal_ends_the_wait_for_another_runner() -> None:
    run = Run({"a": []}, a=Script(locked=True))

    def interrupt(engine: Engine) -> None:
        if not engine.events and run.schedule.signal is None:
            run.schedule.interrupt(signal.SIGINT)

    run.engine.on_wait = interrupt
    assert run.go().states() == {"a": "skipped"}


def test_a_second_signal_kills() -> None:
    run = Run({"a": []}, a=Script(holds=True))
    deaf = run.engine.kill

    def kill(step: int, signal: int) -> None:
        if signal == SIGKILL:
            deaf(step, signal)
        else:
            run.engine.log("asked", signal)

    run.engine.kill = kill  # type: ignore[method-assign]

    def twice() -> None:
        run.schedule.interrupt(signal.SIGINT)
        run.schedule.interrupt(signal.SIGINT)

    run.engine.on_wait = _once(twice, run)
    run.go()
    assert run.engine.named("asked") == [signal.SIGINT]
    assert run.engine.named("kill") == [("a", signal.SIGKILL)]
    assert [event.killed for event in run.told(events.Interrupted)] == [False, True]


def _once(action: Any, run: Run) -> Any:
    def on_wait(engine: Engine) -> None:
        if engine.running and not engine.events and run.schedule.signal is None:
            action()

    return on_wait


def test_a_lost_helper_fails_what_runs() -> None:
    run = Run({"a": [], "b": [], "c": ["a"]}, a=Script(holds=True), b=Script(holds=True))

    def lose(engine: Engine) -> None:
        if not engine.events:
            event = _helper_lost()
            engine.running.clear()
            engine.events.append(event)

    run.engine.on_wait = lose
    run.go()
    assert run.states() == {"a": "failed", "b": "failed", "c": "skipped"}
    assert len(run.told(events.Lost)) == 2


def _helper_lost() -> Any:
    from .fake_engine import Event

    return Event("helper-lost", 0)


def test_the_run_ends_only_when_all_is_stored() -> None:
    run = Run({"a": []})
    held: list[Any] = []

    def hold(engine: Engine) -> None:
        for event in [e for e in engine.events if e.kind == "stored"]:
            engine.events.remove(event)
            held.append(event)
        if held and not engine.events:
            engine.events.append(held.pop()._replace(ok=False, reason=Reason("store-failed")))

    run.engine.on_wait = hold
    run.go()
    reason = run.outcomes[0].not_cached
    assert reason is not None
    assert reason.kind == "store-failed"


def test_steps_of_a_task_run_one_after_the_other() -> None:
    run = Run({"a": ["#2"], "b": ["a"]}).go()
    assert [run.engine.steps[n].name for n in range(3)] == ["a", "a:1", "b"]
    assert run.engine.named("run") == ["a", "a:1", "b"]


def test_a_changed_description_is_worded() -> None:
    run = Run({"a": []}, a=Script(miss=Reason("description-changed")))
    run.engine.descriptions[0] = run.engine.steps[0].description.replace(b"tool a", b"old tool a")
    run.engine.descriptions[0] = run.engine.descriptions[0].replace(b'"a"]', b'"b"]')
    run.go()
    lookup = run.outcomes[0].lookup
    assert lookup is not None
    assert lookup.reason is not None
    assert lookup.reason.detail == "command changed"


def test_a_forecast_runs_nothing() -> None:
    run = Run(CHAIN, a=HIT)
    found = forecast(run.plan, run.bridge)
    assert [lookup and lookup.status for lookup in found] == ["hit", "miss", None]
    assert {call[0] for call in run.engine.calls} == {"check"}


def test_thousands_of_steps_end() -> None:
    names = [f"t{n}" for n in range(3000)]
    tasks = {name: names[max(0, n - 3) : n] for n, name in enumerate(names)}
    run = Run(tasks, concurrency=8, scripts=dict.fromkeys(names[:1500], HIT)).go()
    assert set(run.states().values()) == {"done"}


def test_what_most_steps_wait_for_in_turn_begins_first() -> None:
    tasks = {"a": [], "b": [], "c": ["first"], "d": ["c"], "first": []}
    run = Run(tasks, concurrency=1).go()
    # `c` and `d` are ready a moment after what they need: by then another step has the place.
    assert run.engine.named("run") == ["first", "a", "c", "b", "d"]


def test_among_equals_the_plan_decides() -> None:
    names = [f"t{number}" for number in range(9)]
    run = Run({name: [] for name in names}, concurrency=1).go()
    assert run.engine.named("run") == names
