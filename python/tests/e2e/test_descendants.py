"""However a step is ended, nothing of it is left: no orphan, and nothing that left its session."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING

import pytest

from ..metamorphic.case import Task
from ..metamorphic.runner import RUN_DEADLINE
from .space import Space, processes_in, wait_until, wait_until_gone

if TYPE_CHECKING:
    from pathlib import Path

# A child, an orphan, one in a session of its own, one that is deaf to all that can be ignored.
FAMILY = (
    'sleep 600 & (sleep 601 &) ; setsid sleep 602 & (setsid sh -c \'trap "" TERM INT HUP; '
    "touch up; while :; do sleep 603; done' &); echo begun; sleep 604"
)
# Begins when the family is complete.
FAIL = "until test -e up; do :; done; exit 5"
HAS_ALL = 6


def make(base: Path, **keys: str | bool) -> Space:
    tasks = [
        Task("slow", FAMILY, keys=keys),
        Task("bad", FAIL),
        Task("build", "true", depends_on=("slow", "bad")),
    ]
    return Space.make(base, {}, tasks)


@pytest.fixture(params=[True, False], ids=["traced", "untraced"])
def traced(request: pytest.FixtureRequest) -> bool:
    return bool(request.param)


def test_a_failed_sibling(tmp_path: Path, *, traced: bool) -> None:
    space = make(tmp_path, trace=traced)
    run = space.run("build", "--concurrency=2")
    assert run.code == 5, run.told()
    wait_until_gone(lambda: processes_in(space.root))


def test_a_timeout(tmp_path: Path, *, traced: bool) -> None:
    space = make(tmp_path, timeout="2s", trace=traced)
    run = space.run("slow")
    assert run.code == 124, run.told()
    wait_until_gone(lambda: processes_in(space.root))


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGKILL])
def test_a_signal_to_the_runner(tmp_path: Path, number: signal.Signals, *, traced: bool) -> None:
    space = make(tmp_path, trace=traced)
    with space.started("slow") as run:
        run.wait_for(b"begun\n")
        wait_until((space.root / "up").exists, "the family")
        wait_until(lambda: len(processes_in(space.root)) >= HAS_ALL, "the family")
        run.process.send_signal(number)
        run.process.wait(RUN_DEADLINE)
        wait_until_gone(lambda: processes_in(space.root))
