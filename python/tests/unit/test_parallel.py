"""What `--parallel` leaves of the order."""

from __future__ import annotations

from .plans import make_plan

TASKS = {"base": ["#2"], "left": ["base"], "top": ["left", "base"]}


def order(*, parallel: bool) -> list[tuple[str, tuple[int, ...]]]:
    actions = make_plan(TASKS, parallel=parallel).actions
    return [(action.label, action.after) for action in actions]


def test_tasks_wait_for_nobody_and_steps_for_each_other() -> None:
    assert order(parallel=True) == [
        ("ws#base (1/2)", ()),
        ("ws#base (2/2)", (0,)),
        ("ws#left", ()),
        ("ws#top", ()),
    ]


def test_without_it_they_do() -> None:
    assert [after for _, after in order(parallel=False)] == [(), (0,), (1,), (1, 2)]
