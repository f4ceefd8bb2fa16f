"""What happens while a step runs: streams, stdin, edits under its feet, processes left behind."""

from __future__ import annotations

import fcntl
import os
import re
import signal
import subprocess
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from ..metamorphic.case import Task
from ..metamorphic.runner import RUN_DEADLINE, command
from .space import Space, processes_in, wait_until_gone

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

GATED = "cat a.txt > out.txt; echo ready; flock gate true; cat a.txt"


@contextmanager
def held(path: Path) -> Iterator[None]:
    """Hold the lock that a `flock` in a step waits for."""
    with path.open("rb") as gate:
        fcntl.flock(gate, fcntl.LOCK_EX)
        yield


def gated(base: Path) -> Space:
    return Space.make(base, {"a.txt": "old\n", "gate": ""}, [Task("build", GATED)])


def test_output_comes_while_the_step_runs(tmp_path: Path) -> None:
    space = gated(tmp_path)
    with space.started() as run:
        with held(space.root / "gate"):
            run.wait_for(b"ready\n")
            assert run.process.poll() is None
        assert run.finish().code == 0


def test_an_input_edited_during_the_run_is_not_cached(tmp_path: Path) -> None:
    space = gated(tmp_path)
    with space.started() as started:
        with held(space.root / "gate"):
            started.wait_for(b"ready\n")
            (space.root / "a.txt").write_text("new\n", encoding="utf-8")
        run = started.finish()
    outcome = run.one("build")
    assert outcome.skip is not None, run.told()
    assert outcome.skip.kind == "input-modified", run.told()
    assert outcome.skip.mentions("a.txt")
    assert (space.root / "out.txt").read_text(encoding="utf-8") == "old\n"
    assert space.run().ran() == {"build"}
    assert (space.root / "out.txt").read_text(encoding="utf-8") == "new\n"
    assert space.run().ran() == frozenset()


def test_a_file_created_in_a_listed_directory_during_the_run(tmp_path: Path) -> None:
    line = "ls src > list.txt; echo ready; flock gate true"
    space = Space.make(tmp_path, {"src/a": "", "gate": ""}, [Task("build", line)])
    with space.started() as started:
        with held(space.root / "gate"):
            started.wait_for(b"ready\n")
            (space.root / "src" / "b").touch()
        run = started.finish()
    assert run.one("build").skip is not None, run.told()
    assert space.run().ran() == {"build"}
    assert (space.root / "list.txt").read_text(encoding="utf-8") == "a\nb\n"


def test_a_source_saved_during_the_run_but_not_read_is_no_matter(tmp_path: Path) -> None:
    space = gated(tmp_path)
    with space.started() as started:
        with held(space.root / "gate"):
            started.wait_for(b"ready\n")
            (space.root / "b.txt").write_text("new\n", encoding="utf-8")
        run = started.finish()
    assert run.one("build").skip is None, run.told()
    assert space.run().ran() == frozenset()


def test_stdin_is_empty(tmp_path: Path) -> None:
    space = Space.make(tmp_path, {}, [Task("build", "cat > got.txt; echo done")])
    done = subprocess.run(
        [*command(), "run", "build"],
        cwd=space.root,
        env=space.place.environment(space.conditions),
        input=b"typed by the user\n",
        capture_output=True,
        timeout=RUN_DEADLINE,
        check=True,
    )
    assert b"done\n" in done.stdout
    assert (space.root / "got.txt").read_bytes() == b""


def test_both_streams_are_replayed_in_the_order_they_came(tmp_path: Path) -> None:
    line = "".join(f"echo out{n}; echo err{n} >&2; " for n in range(5))
    space = Space.make(tmp_path, {}, [Task("build", line)])
    first, replayed = printed(space), printed(space)
    assert [line for line in first if line.startswith("out")] == [f"out{n}" for n in range(5)]
    assert [line for line in first if line.startswith("err")] == [f"err{n}" for n in range(5)]
    assert replayed == first


def printed(space: Space) -> list[str]:
    """The step's lines in a run whose streams both end in one pipe."""
    done = subprocess.run(
        [*command(), "run", "build"],
        cwd=space.root,
        env=space.place.environment(space.conditions),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        timeout=RUN_DEADLINE,
        check=True,
    )
    return re.findall(r"^(?:out|err)\d$", done.stdout.decode(), re.MULTILINE)


@pytest.fixture
def left_behind() -> Iterator[list[int]]:
    pids: list[int] = []
    yield pids
    for pid in set(pids):
        os.kill(pid, signal.SIGKILL)


def test_a_process_left_writing_is_not_cached(tmp_path: Path, left_behind: list[int]) -> None:
    line = "sleep 600 > late.txt 2>&1 < /dev/null & echo $! > pid.txt; cat a.txt > out.txt"
    space = Space.make(tmp_path, {"a.txt": "a\n"}, [Task("build", line)])
    run = space.run()
    left_behind.append(int((space.root / "pid.txt").read_text(encoding="utf-8")))
    assert run.code == 0
    skip = run.one("build").skip
    assert skip is not None, run.told()
    assert skip.kind == "still-writing", run.told()
    assert skip.mentions("late.txt")
    assert left_behind[0] in processes_in(space.root), "the process must be left alone"
    again = space.run()
    left_behind.append(int((space.root / "pid.txt").read_text(encoding="utf-8")))
    assert again.ran() == {"build"}


def test_a_harmless_process_left_behind_does_not_hold_up_the_run(tmp_path: Path) -> None:
    line = "sleep 600 > /dev/null 2>&1 < /dev/null & echo $! > pid.txt"
    space = Space.make(tmp_path, {}, [Task("build", line)])
    run = space.run()
    pid = int((space.root / "pid.txt").read_text(encoding="utf-8"))
    assert run.code == 0
    os.kill(pid, signal.SIGKILL)
    wait_until_gone(lambda: processes_in(space.root))
