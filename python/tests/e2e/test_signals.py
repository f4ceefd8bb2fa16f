"""Interruptions: Ctrl-C, a killed runner, a killed helper, a closed stdout."""

from __future__ import annotations

import os
import random
import signal
import subprocess
from typing import TYPE_CHECKING

import pytest

from ..metamorphic.case import Task
from ..metamorphic.reference import Reference
from ..metamorphic.runner import RUN_DEADLINE, command
from ..metamorphic.tree import differences
from .space import Space, children, processes_in, program, wait_until_gone

if TYPE_CHECKING:
    from pathlib import Path

# Says itself that it is ready: a shell that is about to start it would put a SIGINT off.
WAIT_PY = (
    "import signal, time; signal.signal(signal.SIGINT, signal.SIG_DFL); "
    "print('ready', flush=True); time.sleep(600)"
)
WAIT = f'python3 -c "{WAIT_PY}"'
# The step starts a process that would outlive it, were it not ended with the run.
ENDLESS = f"mkdir -p out; echo part > out/part; (sleep 600; true) & {WAIT}"

CHAIN = [
    Task("one", "mkdir -p out/one; for n in 1 2 3 4 5 6; do sort src/* > out/one/$n; done"),
    Task(
        "two",
        "mkdir -p out/two; cp -r out/one/. out/two; ln -sfn one out/link",
        depends_on=("one",),
    ),
    Task(
        "build",
        "for n in 1 2 3 4; do cat out/two/* src/* > out/all.$n; done; echo built",
        depends_on=("two",),
    ),
]
SOURCES = {f"src/{n}.txt": f"line {n}\n" * 50 for n in range(8)}

KILLS_PER_SEED = 5
# A whole run of the chain takes about this long; kills are spread over it.
RUN_SECONDS = 0.6


def endless(base: Path) -> Space:
    return Space.make(base, {"a.txt": ""}, [Task("build", ENDLESS)])


def helper_of(pid: int) -> int:
    """The helper program of a run, found by its name among the run's children."""
    found = [child for child in children(pid) if program(child).endswith("taskrunner-helper")]
    assert len(found) == 1, f"helpers of {pid}: {found}"
    return found[0]


def test_interrupt_ends_the_whole_tree(tmp_path: Path) -> None:
    space = endless(tmp_path)
    with space.started() as run:
        run.wait_for(b"ready\n")
        run.process.send_signal(signal.SIGINT)
        done = run.finish()
    assert done.code == 130, done.told()
    wait_until_gone(lambda: processes_in(space.root))
    assert b"Traceback" not in done.stderr


def test_terminate_ends_the_whole_tree(tmp_path: Path) -> None:
    space = endless(tmp_path)
    with space.started() as run:
        run.wait_for(b"ready\n")
        run.process.send_signal(signal.SIGTERM)
        done = run.finish()
    assert done.code == 128 + signal.SIGTERM, done.told()
    wait_until_gone(lambda: processes_in(space.root))


def test_a_killed_runner_takes_its_steps_along(tmp_path: Path) -> None:
    space = endless(tmp_path)
    with space.started() as run:
        run.wait_for(b"ready\n")
        run.process.kill()
        run.process.wait(RUN_DEADLINE)
        wait_until_gone(lambda: processes_in(space.root))


def test_a_killed_helper_fails_the_step_without_a_hang(tmp_path: Path) -> None:
    space = endless(tmp_path)
    with space.started() as run:
        run.wait_for(b"ready\n")
        os.kill(helper_of(run.process.pid), signal.SIGKILL)
        done = run.finish()
    assert done.code != 0
    assert b"the program that supervises it was killed" in done.stderr, done.told()
    assert b"Traceback" not in done.stderr
    wait_until_gone(lambda: processes_in(space.root))


def test_an_interrupted_step_is_run_again(tmp_path: Path) -> None:
    line = f"test -e quick || {WAIT}; cat a.txt > out.txt"
    space = Space.make(tmp_path, {"a.txt": "a\n"}, [Task("build", line)])
    with space.started() as run:
        run.wait_for(b"ready\n")
        run.process.send_signal(signal.SIGINT)
        run.finish()
    (space.root / "quick").touch()
    assert space.run().ran() == {"build"}
    assert (space.root / "out.txt").read_text(encoding="utf-8") == "a\n"
    assert space.run().ran() == frozenset()


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(4))
def test_kill_at_any_moment(seed: int, tmp_path: Path) -> None:
    chance = random.Random(seed)  # noqa: S311 - not for secrets
    space = Space.make(tmp_path / "run", SOURCES, CHAIN)
    files = dict(SOURCES)
    for number in range(KILLS_PER_SEED):
        name = f"src/{chance.randrange(8)}.txt"
        files[name] = f"edit {number}\n"
        (space.root / name).write_text(files[name], encoding="utf-8")
        kill_after(space, chance.uniform(0, RUN_SECONDS))
    reference = Reference(files, CHAIN, CHAIN, space.conditions).result(tmp_path / "plain")
    run = space.run()
    assert run.code == 0, run.told()
    assert differences(reference.tree, space.tree()) == [], run.told()
    again = space.run()
    if again.ran():  # Half-made outputs were strangers' to the first: what stands settles now.
        again = space.run()
    assert again.ran() == frozenset(), again.told()
    assert differences(reference.tree, space.tree()) == []


def kill_after(space: Space, seconds: float) -> None:
    with space.started() as run:
        try:
            run.process.wait(seconds)
        except subprocess.TimeoutExpired:
            run.process.kill()
    wait_until_gone(lambda: processes_in(space.root))


def test_a_closed_stdout_loses_no_result(tmp_path: Path) -> None:
    line = "cat a.txt > out.txt; yes | head -n 200000; echo end > end.txt"
    space = Space.make(tmp_path, {"a.txt": "a\n"}, [Task("build", line)])
    summary = tmp_path / "closed.json"
    arguments = [*command(), "run", f"--summarize={summary}", "build"]
    with subprocess.Popen(
        arguments,
        cwd=space.root,
        env=space.place.environment(space.conditions),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.read(10)
        process.stdout.close()
        errors = process.stderr.read()
        process.wait(RUN_DEADLINE)
    assert b"Traceback" not in errors, errors
    assert b"BrokenPipe" not in errors, errors
    assert (space.root / "end.txt").exists()
    again = space.run()
    assert again.ran() == frozenset(), again.told()
    assert again.stdout.count(b"y\n") >= 200000
