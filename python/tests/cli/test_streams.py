"""Streams that are closed, full or slow, and errors that are nobody's fault."""

from __future__ import annotations

import fcntl
import os
import subprocess
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from taskrunner.cli import main
from taskrunner.report.sink import Sink

if TYPE_CHECKING:
    from ..conftest import MakeWorkspace
    from .conftest import Cli

UNIT = str(Path(__file__).parents[1] / "unit")
CHILD_DEADLINE = 30


def test_a_slow_reader_gets_everything() -> None:
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    fcntl.fcntl(writer, fcntl.F_SETPIPE_SZ, 4096)
    found: list[bytes] = []

    def read() -> None:
        with os.fdopen(reader, "rb") as file:
            found.append(file.read())

    thread = threading.Thread(target=read)
    thread.start()
    Sink(writer, colour=False).write(b"x" * 100_000)
    os.close(writer)
    thread.join()
    assert found == [b"x" * 100_000]


def test_nothing_is_written_to_a_closed_stream() -> None:
    reader, writer = os.pipe()
    os.close(reader)
    sink = Sink(writer, colour=False)
    sink.write(b"x")
    assert sink.closed
    os.close(writer)
    sink.write(b"x")


def test_text_that_cant_be_encoded_is_escaped() -> None:
    reader, writer = os.pipe()
    Sink(writer, colour=False).line("a\udcff")
    assert os.read(reader, 100) == b"a\\udcff\n"
    os.close(reader)
    os.close(writer)


@pytest.mark.parametrize("closed", ["0", "1", "2", "0 1 2"])
def test_closed_standard_streams_are_put_in_place(closed: str, tmp_path: Path) -> None:
    program = f"""
import os, sys
sys.path.insert(0, {UNIT!r})
import fake_engine
fake_engine.install()
for number in {closed.split()!r}:
    os.close(int(number))
from taskrunner.cli.main import run_command
code = run_command(["list"])
with open("opened", "w") as file:
    file.write(f"{{code}} {{file.fileno() > 2}}")
"""
    (tmp_path / "taskrunner.toml").write_text('[tasks.a]\ncommand = "x"\n')
    subprocess.run(
        [sys.executable, "-c", program],
        cwd=tmp_path,
        check=False,
        capture_output=True,
        timeout=CHILD_DEADLINE,
        env={"PYTHONPATH": ":".join(sys.path)},
    )
    assert (tmp_path / "opened").read_text() == "0 True"


def test_a_traceback_can_be_had(
    cli: Cli, make_workspace: MakeWorkspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_workspace({"taskrunner.toml": "x"})
    monkeypatch.setenv("TASKRUNNER_TRACEBACK", "1")
    result = cli("list")
    assert result.code == 2
    assert "Traceback" in result.err


def test_a_missing_native_part_is_said(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_: object) -> int:
        raise ImportError("no such file", name="taskrunner._native")

    monkeypatch.setattr(main, "_run", fail)
    assert cli("list") == (
        3,
        "",
        (
            "error: the native part can't be loaded: no such file\n"
            "hint: install the package again, as a wheel for this platform\n"
        ),
    )


def test_an_error_of_the_system_is_one_line(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_: object) -> int:
        raise OSError("can't open the cache: disk full")

    monkeypatch.setattr(main, "_run", fail)
    assert cli("list") == (2, "", "error: can't open the cache: disk full\n")
