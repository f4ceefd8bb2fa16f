"""The lines at the end of a run."""

from __future__ import annotations

from taskrunner.events import Finished, Lookup, Outcome
from taskrunner.report import summary
from taskrunner.style import Style

from .plans import make_plan

HIT, MISS = Lookup("hit", saved=60.0), Lookup("miss")
NAMES = ("a", "b", "c", "d", "e")
PLAN = make_plan({name: [] for name in NAMES})


def ran(step: int, seconds: float = 0.1, lookup: Lookup = MISS) -> Outcome:
    return Outcome(step, "done", lookup, 0, None, seconds)


def failed(step: int, **more: object) -> Outcome:
    return Outcome(step, "failed", MISS, 1)._replace(**more)  # type: ignore[arg-type]


def lines(*outcomes: Outcome) -> list[str]:
    event = Finished(outcomes, 1.5)
    return list(summary.lines(PLAN, event, Style(colour=False), verbose=False))


def test_the_slowest_are_named_when_it_is_worth_it() -> None:
    quick = [ran(0), ran(1), ran(2)]
    assert "slowest" not in "".join(lines(*quick))
    slow = [ran(0, 0.5), ran(1, 90), ran(2, 1.25), ran(3, 3), ran(4, 300, HIT)]
    assert lines(*slow)[-2] == "slowest: ws#b 1m30s, ws#d 3.0s, ws#c 1.2s"
    assert "slowest" not in "".join(lines(ran(0, 90), ran(1, 60)))


def test_several_failures_are_named_again() -> None:
    assert lines(failed(0), ran(1), failed(3))[-2] == "failed: ws#a, ws#d"
    assert len(lines(failed(0), ran(1))) == 1


def test_what_was_stopped_has_not_failed() -> None:
    stopped = failed(1, ended_by="stopped")
    assert lines(failed(0), stopped, Outcome(2, "skipped")) == [
        "3 tasks: 0 hits, 0 ran, 1 failed, 1 stopped, 1 skipped in 1.5s"
    ]


def test_time_saved() -> None:
    assert lines(ran(0, 0.1, HIT), ran(1, 0.1, HIT)) == [
        "2 tasks: 2 hits, 0 ran, 0 failed in 1.5s (saved 2m00s)"
    ]
