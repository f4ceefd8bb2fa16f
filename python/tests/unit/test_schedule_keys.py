"""What timeouts, retries, weights, locks and the terminal do to the order of work."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING, Any

import pytest

from taskrunner import events
from taskrunner.events import TIMED_OUT
from taskrunner.schedule import KILL_GRACE

from .fake_engine import Engine, Reason, Script
from .test_schedule import Run

if TYPE_CHECKING:
    from collections.abc import Sequence

ENDLESS = Script(holds=True)


def most_at_once(run: Run, names: Sequence[str]) -> int:
    """Let the run go; the most steps of these names that ran at once."""
    most = 0

    def look(engine: Engine) -> None:
        nonlocal most
        most = max(most, sum(engine.steps[step].task in names for step in engine.running))

    run.engine.on_wait = look
    run.go()
    return most


# timeout


def test_a_step_that_takes_too_long_is_ended_and_failed() -> None:
    run = Run({"slow": [], "after": ["slow"]}, keys={"slow": {"timeout": 30.0}}, slow=ENDLESS).go()
    assert run.engine.named("kill") == [("slow", signal.SIGTERM)]
    assert run.engine.now == 30.0
    outcome = run.outcomes[0]
    assert (outcome.state, outcome.exit_code, outcome.ended_by) == ("failed", TIMED_OUT, "timeout")
    assert outcome.not_cached is not None
    assert outcome.not_cached.kind == "timed-out"
    assert run.states()["after"] == "skipped"


def test_one_that_ignores_it_is_killed() -> None:
    deaf = Script(holds=True, stubborn=True)
    run = Run({"slow": []}, keys={"slow": {"timeout": 30.0}}, slow=deaf).go()
    assert run.engine.named("kill") == [("slow", signal.SIGTERM), ("slow", signal.SIGKILL)]
    assert run.engine.now == 30.0 + KILL_GRACE


def test_one_that_ends_well_after_being_told_to_has_timed_out() -> None:
    run = Run({"slow": []}, keys={"slow": {"timeout": 30.0}}, slow=ENDLESS)
    run.engine.kill = lambda step, signal: run.engine._exit(step, 0)  # type: ignore[method-assign]  # noqa: ARG005
    assert run.go().outcomes[0].exit_code == TIMED_OUT


def test_a_step_in_time_is_left_alone() -> None:
    tasks: dict[str, list[str]] = {"quick": [], "slow": []}
    keys: dict[str, dict[str, object]] = {"quick": {"timeout": 30.0}, "slow": {"timeout": 60.0}}
    run = Run(tasks, keys=keys, slow=ENDLESS).go()
    assert run.engine.named("kill") == [("slow", signal.SIGTERM)]


# retries


def test_a_failed_step_is_tried_again_and_recorded_once() -> None:
    flaky = Script(codes=(1, 2), code=0, output=((1, b"x"),))
    run = Run({"a": [], "b": ["a"]}, keys={"a": {"retries": 2}}, a=flaky).go()
    assert run.engine.named("retry") == ["a", "a"]
    assert run.engine.named("record") == ["a", "b"]
    assert run.states() == {"a": "done", "b": "done"}
    assert run.outcomes[0].attempts == 3
    failures = [(event.outcome.attempts, event.outcome.code) for event in run.told(events.Retrying)]
    assert failures == [(1, 1), (2, 2)]
    assert [run.name(event.step) for event in run.told(events.Began)] == ["a", "b"]


def test_the_last_attempt_counts() -> None:
    run = Run({"a": []}, keys={"a": {"retries": 1}}, a=Script(codes=(1,), code=7)).go()
    assert (run.outcomes[0].state, run.outcomes[0].exit_code) == ("failed", 7)
    assert run.engine.named("record") == ["a"]


def test_each_attempt_has_the_whole_timeout() -> None:
    run = Run({"a": []}, keys={"a": {"retries": 1, "timeout": 30.0}}, a=ENDLESS).go()
    assert run.engine.now == 60.0
    assert run.outcomes[0].exit_code == TIMED_OUT


def test_a_missing_program_is_not_looked_for_again() -> None:
    missing = Script(spawn_error=Reason("spawn-failed", detail="not found"))
    run = Run({"a": []}, keys={"a": {"retries": 5}}, a=missing).go()
    assert run.engine.named("retry") == []


def test_nothing_is_tried_again_once_the_run_is_to_end() -> None:
    tasks: dict[str, list[str]] = {"bad": [], "flaky": []}
    run = Run(tasks, keys={"flaky": {"retries": 5}}, bad=Script(code=1), flaky=ENDLESS).go()
    assert run.engine.named("retry") == []
    assert run.outcomes[1].ended_by == "stopped"


# weight


def test_heavy_steps_take_several_places() -> None:
    names = [f"heavy{n}" for n in range(4)]
    keys: dict[str, dict[str, object]] = {name: {"weight": 2} for name in names}
    run = Run({name: [] for name in names}, keys=keys, concurrency=5)
    assert most_at_once(run, names) == 2


def test_one_heavier_than_all_places_runs_by_itself() -> None:
    tasks: dict[str, list[str]] = {"light": [], "huge": [], "other": []}
    run = Run(tasks, keys={"huge": {"weight": 100}}, concurrency=3)
    together: list[set[str]] = []
    run.engine.on_wait = lambda engine: together.append(
        {engine.steps[step].task for step in engine.running}
    )
    run.go()
    assert {"huge"} in together
    assert not any(len(group) > 1 and "huge" in group for group in together)


def test_without_a_limit_all_run_at_once() -> None:
    names = [f"t{n}" for n in range(50)]
    run = Run({name: [] for name in names}, concurrency=None)
    assert most_at_once(run, names) == 50


# lock


def test_steps_that_share_a_lock_take_turns_and_others_pass_by() -> None:
    tasks: dict[str, list[str]] = {"a": [], "b": [], "c": [], "free": []}
    keys: dict[str, dict[str, object]] = {
        "a": {"lock": ("db",)},
        "b": {"lock": ("port", "db")},
        "c": {"lock": ("port",)},
    }
    run = Run(tasks, keys=keys, concurrency=4)
    assert most_at_once(run, ["a", "b"]) == 1
    assert run.engine.named("run") == ["a", "c", "free", "b"]


def test_a_lock_is_kept_between_the_steps_of_a_task() -> None:
    tasks = {"a": ["#2"], "b": ["#2"]}
    keys: dict[str, dict[str, object]] = {"a": {"lock": ("db",)}, "b": {"lock": ("db",)}}
    run = Run(tasks, keys=keys, concurrency=2).go()
    assert run.engine.named("run") == ["a", "a:1", "b", "b:1"]


def test_a_failed_step_gives_its_lock_back() -> None:
    tasks = {"a": ["#2"], "b": []}
    keys: dict[str, dict[str, object]] = {"a": {"lock": ("db",)}, "b": {"lock": ("db",)}}
    run = Run(tasks, keys=keys, keep_going=True, a=Script(code=1)).go()
    assert run.states() == {"a": "skipped", "b": "done"}


def test_a_hit_needs_no_lock() -> None:
    tasks: dict[str, list[str]] = {"a": [], "b": []}
    keys: dict[str, dict[str, object]] = {"a": {"lock": ("db",)}, "b": {"lock": ("db",)}}
    run = Run(tasks, keys=keys, a=Script(code=1, holds=True), b=Script(hit=True))
    run.engine.on_wait = _end_when_restored
    assert run.go().statuses()["b"] == "hit"


def _end_when_restored(engine: Engine) -> None:
    if not engine.events and engine.named("restore"):
        engine._exit(engine.running[0], 1)


# interactive


def test_an_interactive_step_has_the_terminal_to_itself() -> None:
    tasks: dict[str, list[str]] = {"a": [], "ask": [], "b": [], "hit": ["a"]}
    run = Run(tasks, keys={"ask": {"interactive": True}}, concurrency=4, hit=Script(hit=True))
    alone: list[set[str]] = []
    run.engine.on_wait = lambda engine: alone.append(
        {engine.steps[step].task for step in engine.running}
    )
    run.go()
    assert not any(len(group) > 1 and "ask" in group for group in alone)
    assert set(run.states().values()) == {"done"}
    assert run.statuses()["ask"] == "disabled"
    step = next(step for step in run.engine.steps.values() if step.task == "ask")
    assert step.interactive
    assert not step.cached


def test_an_interactive_step_is_told_before_it_can_write() -> None:
    run = Run({"ask": []}, keys={"ask": {"interactive": True}})
    run.engine.run = lambda step, force=False: told.extend(run.told(events.Began))  # type: ignore[method-assign]  # noqa: ARG005
    told: list[Any] = []
    run.schedule.steps.begin()
    run.schedule._begin()
    assert len(told) == 1


@pytest.mark.parametrize(("number", "stops"), [(signal.SIGINT, False), (signal.SIGTERM, True)])
def test_ctrl_c_is_for_the_step_that_has_the_terminal(number: int, stops: bool) -> None:  # noqa: FBT001
    run = Run({"ask": []}, keys={"ask": {"interactive": True}}, ask=ENDLESS)
    sent: list[Any] = []

    def interrupt(engine: Engine) -> None:
        if engine.running and not engine.events and not sent:
            sent.append(number)
            run.schedule.interrupt(number)

    run.engine.on_wait = interrupt
    run.go()
    assert run.engine.named("kill") == [("ask", number)]
    assert run.schedule.signal == (number if stops else None)
