"""Timeouts, retries, weights, locks and the terminal, with real processes."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import pytest

from ..metamorphic.case import Conditions, Task
from ..metamorphic.runner import RUN_DEADLINE, command
from .space import Space, processes_in, wait_until_gone
from .terminal import on_terminal

if TYPE_CHECKING:
    from pathlib import Path

ENDLESS = "(sleep 600; true) & echo begun; sleep 600"


# timeout


def test_a_step_that_takes_too_long_ends_with_all_its_processes(tmp_path: Path) -> None:
    space = Space.make(tmp_path, {}, [Task("build", ENDLESS, keys={"timeout": "1s"})])
    run = space.run()
    assert run.code == 124, run.told()
    assert b"workspace#build failed: timed out after 1.0s\n" in run.stderr
    wait_until_gone(lambda: processes_in(space.root))
    assert run.stdout == b"begun\n"
    skip = run.one("build").skip
    assert skip is not None
    assert skip.kind == "timed-out"


# noise


def noisy(base: Path, directory: str, noise: list[str]) -> Space:
    line = f"mkdir -p {directory}; cat a.txt > {directory}/copy; cat a.txt > out.txt"
    return Space.make(base, {"a.txt": "a\n"}, [Task("build", line, keys={"noise": noise})])


def test_what_is_noise_is_no_output(tmp_path: Path) -> None:
    space = noisy(tmp_path, "kept", ["kept"])
    assert space.run().one("build").skip is None
    (space.root / "kept/copy").unlink()
    (space.root / "out.txt").unlink()
    assert space.run().ran() == frozenset()
    assert (space.root / "out.txt").read_text(encoding="utf-8") == "a\n"
    assert not (space.root / "kept/copy").exists()


def test_what_is_taken_out_of_the_table_is_an_output(tmp_path: Path) -> None:
    space = noisy(tmp_path, ".mypy_cache", ["!.mypy_cache"])
    assert space.run().one("build").skip is None
    (space.root / ".mypy_cache/copy").unlink()
    assert space.run().ran() == frozenset()
    assert (space.root / ".mypy_cache/copy").read_text(encoding="utf-8") == "a\n"


# retries

# Fails as often as `failures` has lines; leaves a trail of its attempts.
FLAKY = (
    "echo attempt >> log.txt; cat log.txt; "
    "test $(wc -l < log.txt) -gt $(cat failures) || exit 3; cat in.txt > out.txt"
)


def flaky(base: Path, failures: int, retries: int) -> Space:
    files = {"failures": f"{failures}\n", "in.txt": "in\n"}
    return Space.make(base, files, [Task("build", FLAKY, keys={"retries": retries})])


def test_all_attempts_are_one_run_and_its_result_is_cached(tmp_path: Path) -> None:
    # What `build || build || build` leaves from nothing; with `>>` on a file made by the first.
    space = flaky(tmp_path, failures=2, retries=2)
    run = space.run()
    assert run.code == 0, run.told()
    assert run.stderr.count(b"trying again") == 2
    assert b"workspace#build: attempt 1 of 3 failed: exit code 3; trying again\n" in run.stderr
    assert run.one("build").skip is None, run.told()
    made = space.tree()
    (space.root / "out.txt").unlink()
    (space.root / "log.txt").unlink()
    again = space.run()
    assert again.ran() == frozenset(), again.told()
    assert again.stdout == run.stdout == b"attempt\n" * 6
    assert space.tree() == made


def test_what_only_the_first_attempt_read_is_an_input(tmp_path: Path) -> None:
    line = "test -e mark && cat b.txt > out.txt || { cat a.txt > mark; exit 1; }"
    tasks = [Task("build", line, keys={"retries": 1})]
    space = Space.make(tmp_path, {"a.txt": "a\n", "b.txt": "b\n"}, tasks)
    assert space.run().code == 0
    assert space.run().ran() == frozenset()
    (space.root / "a.txt").write_text("A\n", encoding="utf-8")
    run = space.run()
    miss = run.one("build").miss
    assert miss is not None, run.told()
    assert miss.path == "a.txt"


def test_a_step_that_fails_every_time_has_failed(tmp_path: Path) -> None:
    run = flaky(tmp_path, failures=9, retries=1).run()
    assert run.code == 3, run.told()
    assert run.stdout.count(b"attempt\n") == 3
    assert run.one("build").skip is not None


def test_what_an_attempt_leaves_running_does_not_meet_the_next_one(tmp_path: Path) -> None:
    # A process that was killed and not yet waited for has no command line.
    again = "test -e pid && { grep -q sleep /proc/$(cat pid)/cmdline; exit $((5 + $?)); }"
    line = f"{again}; sleep 600 > /dev/null 2>&1 & echo $! > pid; exit 1"
    run = Space.make(tmp_path, {}, [Task("build", line, keys={"retries": 1})]).run()
    assert run.code > 5, run.told()


# a failed sibling


def test_a_failure_ends_the_steps_beside_it(tmp_path: Path) -> None:
    tasks = [
        Task("slow", f"mkfifo gate; {ENDLESS}"),
        Task("bad", "until test -p gate; do :; done; exit 5"),
        Task("build", "true", depends_on=("slow", "bad")),
    ]
    space = Space.make(tmp_path, {}, tasks)
    run = space.run("build", "--concurrency=2")
    assert run.code == 5, run.told()
    assert b"workspace#slow stopped: another step failed\n" in run.stderr
    assert b"1 failed, 1 stopped, 1 skipped" in run.stderr
    wait_until_gone(lambda: processes_in(space.root))


# lock

# Fails if it finds the other one at work.
CRITICAL = "mkdir busy || exit 9; {line}; rmdir busy"


@pytest.mark.parametrize("concurrency", [1, 4])
def test_a_lock_is_one_across_packages(tmp_path: Path, concurrency: int) -> None:
    line = CRITICAL.format(line="for n in $(seq 200); do :; done")
    tasks = [Task(f"t{n}", line, package=f"p{n}", cwd="..", keys={"lock": "one"}) for n in range(4)]
    space = Space.make(tmp_path, {}, tasks)
    names = ",".join(f"p{n}#t{n}" for n in range(4))
    assert space.run(names, f"--concurrency={concurrency}").code == 0


# interactive


def test_an_interactive_step_has_the_terminal(tmp_path: Path) -> None:
    line = "test -t 0 && test -t 1 && test -t 2; printf 'name? '; read name; echo \"<$name>\" > out"
    space = Space.make(tmp_path, {}, [Task("ask", line, keys={"interactive": True})])
    with on_terminal(space, "ask") as terminal:
        terminal.wait_for(r"\nname\? ")
        terminal.type("ada\n")
        screen = terminal.finish(0)
    assert (space.root / "out").read_text(encoding="utf-8") == "<ada>\n"
    assert "cache disabled: interactive = true" in screen


def test_without_a_terminal_it_reads_what_the_runner_would(tmp_path: Path) -> None:
    space = Space.make(tmp_path, {}, [Task("ask", "cat > out", keys={"interactive": True})])
    done = subprocess.run(
        [*command(), "run", "ask"],
        cwd=space.root,
        env=space.place.environment(Conditions()),
        input=b"typed\n",
        capture_output=True,
        timeout=RUN_DEADLINE,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert (space.root / "out").read_text(encoding="utf-8") == "typed\n"


def test_ctrl_c_is_the_steps_own(tmp_path: Path) -> None:
    line = "trap 'echo caught; exit 7' INT; echo ready; read never"
    space = Space.make(tmp_path, {}, [Task("ask", line, keys={"interactive": True})])
    with on_terminal(space, "ask") as terminal:
        terminal.wait_for("\nready")
        terminal.type("\x03")
        screen = terminal.finish(7)
    assert "caught" in screen
    assert "ending what runs" not in screen
