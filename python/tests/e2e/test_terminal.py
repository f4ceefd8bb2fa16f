"""Runs on a terminal: log modes, progress, Ctrl-C, failures."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from ..metamorphic.case import Task
from .space import Space, processes_in, wait_until_gone
from .terminal import COLUMNS, on_terminal, screen
from .test_transcripts import TIME

if TYPE_CHECKING:
    from pathlib import Path

# Ends when somebody makes `go`: a fifo, so that nothing has to sleep.
HELD = "mkfifo go 2>/dev/null; echo held; read word < go; echo $word"
BAR = r"\[=*-*\] \d+/\d+, \d+ running"


def shown(written: str) -> list[str]:
    """The lines that stay, without what differs from run to run."""
    return TIME.sub("[TIME]", screen(written)).splitlines()


def release(space: Space, word: str = "on") -> None:
    with (space.root / "go").open("w", encoding="utf-8") as file:
        file.write(f"{word}\n")


MODES = {
    "interleaved": ["held", "on"],
    "labeled": ["[workspace#build] held", "[workspace#build] on"],
    "grouped": ["held", "on"],
}


@pytest.mark.parametrize("mode", MODES)
def test_log_modes_leave_the_same_screen_with_progress(tmp_path: Path, mode: str) -> None:
    space = Space.make(tmp_path, {}, [Task("build", HELD, keys={"cache": False})])
    with on_terminal(space, "build", f"--log={mode}") as terminal:
        terminal.wait_for(BAR)
        release(space)
        written = terminal.finish(0)
    command = "workspace#build: $ " + HELD
    assert shown(written) == [
        f"{command}  ~ cache disabled: cache = false",
        *MODES[mode],
        "1 task: 0 hits, 1 ran, 0 failed in [TIME]",
    ]


def test_progress_names_what_runs_and_fits_the_screen(tmp_path: Path) -> None:
    package = "p" * 100
    space = Space.make(tmp_path, {}, [Task("build", HELD, package=package, cwd="..")])
    with on_terminal(space, f"{package}#build") as terminal:
        terminal.wait_for(r"  ppp\S*… *\n|  ppp\S*\n")
        release(space)
        written = terminal.finish(0)
    drawn = [line for line in re.split(r"\n|\x1b\[\d+A\x1b\[J", written) if line.startswith("  pp")]
    assert drawn
    assert all(len(line) < COLUMNS for line in drawn)
    assert "ppp" * 10 + "#build" not in "".join(drawn)


def test_nothing_is_drawn_into_an_open_line(tmp_path: Path) -> None:
    line = "mkfifo go; echo begun; read word < go; printf open; read word < go; echo; true"
    space = Space.make(tmp_path, {}, [Task("build", line)])
    with on_terminal(space, "build") as terminal:
        terminal.wait_for(BAR)
        release(space)
        terminal.wait_for(r"\x1b\[Jopen")
        release(space)
        written = terminal.finish(0)
    assert "open" in shown(written)
    assert re.search(r"open\n", written)


def test_a_cached_run_draws_nothing_and_imports_no_rich(tmp_path: Path) -> None:
    space = Space.make(tmp_path, {"a": "a\n"}, [Task("build", "cat a")])
    assert space.run().code == 0
    with on_terminal(space, "build", env={"PYTHONVERBOSE": "1"}) as terminal:
        written = terminal.finish(0)
    assert not re.search(BAR, written)
    assert "import 'click'" in written
    assert "import 'rich" not in written


@pytest.mark.parametrize("variable", [{"TERM": "dumb"}])
def test_a_dumb_terminal_gets_plain_lines(tmp_path: Path, variable: dict[str, str]) -> None:
    space = Space.make(tmp_path, {}, [Task("build", f"sleep 1; {HELD}")])
    with on_terminal(space, "build", env=variable) as terminal:
        terminal.wait_for("held")
        release(space)
        written = terminal.finish(0)
    assert "\x1b" not in written


def test_ctrl_c_ends_everything(tmp_path: Path) -> None:
    tasks = [
        Task("a", "echo ready-a; (sleep 600; true) & sleep 600"),
        Task("build", "true", depends_on=("a",)),
    ]
    space = Space.make(tmp_path, {}, tasks)
    with on_terminal(space, "build") as terminal:
        terminal.wait_for("\nready-a")
        terminal.wait_for(BAR)
        terminal.type("\x03")
        written = terminal.finish(130)
    lines = shown(written)
    assert "SIGINT: ending what runs; again to kill it" in [
        line.removeprefix("^C") for line in lines
    ]
    assert "workspace#a failed: killed by SIGINT" in lines
    assert lines[-1] == "2 tasks: 0 hits, 0 ran, 1 failed, 1 skipped in [TIME]"
    wait_until_gone(lambda: processes_in(space.root))


def test_a_second_ctrl_c_kills_what_ignores_the_first(tmp_path: Path) -> None:
    line = "trap '' INT; echo ready; while :; do sleep 600; done"
    space = Space.make(tmp_path, {}, [Task("build", line)])
    with on_terminal(space, "build") as terminal:
        terminal.wait_for("\nready")
        terminal.type("\x03")
        terminal.wait_for("ending what runs")
        terminal.type("\x03")
        terminal.finish(130)
    wait_until_gone(lambda: processes_in(space.root))


def test_a_failure_stays_on_the_screen(tmp_path: Path) -> None:
    line = "mkfifo go; echo begun; read word < go; echo broken >&2; exit 4"
    space = Space.make(tmp_path, {}, [Task("build", line)])
    with on_terminal(space, "build") as terminal:
        terminal.wait_for(BAR)
        release(space)
        lines = shown(terminal.finish(4))
    assert lines[1:] == [
        "begun",
        "broken",
        "workspace#build failed: exit code 4",
        "1 task: 0 hits, 0 ran, 1 failed in [TIME]",
    ]


def test_what_was_drawn_and_erased_is_gone() -> None:
    assert screen("a\nbar\n  x\n\x1b[2A\x1b[Jb\n") == "a\nb\n"
