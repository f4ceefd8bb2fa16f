"""`taskrunner trace` and `taskrunner.trace`, with the real tracer."""

from __future__ import annotations

import json
import os
import sys
from typing import TYPE_CHECKING

import pytest

import taskrunner
from taskrunner import tracing
from taskrunner.cli.main import run_command

if TYPE_CHECKING:
    from pathlib import Path

SCRIPT = "cat a > b; mv b c; rm old; : > t; rm t; test -e none; ls sub; chmod 600 kept"


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("a", "old", "kept"):
        (tmp_path / name).write_text("content\n")
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "entry").write_text("")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture(autouse=True)
def can_trace() -> None:
    tracer = tracing._started(["true"], "/", os.environ)
    if tracer.fidelity == "none":
        pytest.skip(f"no tracing here: {tracer.fidelity_reason}")


def below(directory: Path, paths: list[str]) -> list[str]:
    prefix = f"{directory}/"
    return [path.removeprefix(prefix) for path in paths if path.startswith(prefix)]


def test_every_list_names_what_belongs_there(here: Path) -> None:
    trace = taskrunner.trace(["sh", "-c", SCRIPT])
    assert trace.complete
    assert trace.exit_code == 0
    assert below(here, trace.read) == ["a"]
    assert below(here, trace.listed) == ["sub"]
    assert "none" in below(here, trace.probed)
    assert below(here, trace.wrote) == ["c", "kept"]
    assert below(here, trace.deleted) == ["old"]
    assert below(here, trace.temporary) == ["b", "t"]
    assert trace.renamed == [(f"{here}/b", f"{here}/c")]
    assert trace.stdout == b"entry\n"


@pytest.mark.parametrize("way", ["fast", "notify", "ptrace-filter", "ptrace"])
def test_each_way_that_may_be_asked_for_sees_the_same(
    here: Path, monkeypatch: pytest.MonkeyPatch, way: str
) -> None:
    monkeypatch.setenv("TASKRUNNER_TRACER", way)
    trace = taskrunner.trace(["sh", "-c", SCRIPT])
    if trace.fidelity == "none":
        pytest.skip("that way is not to be had here")
    assert trace.fidelity == way.replace("fast", "notify")
    assert trace.complete
    assert below(here, trace.read) == ["a"]
    assert below(here, trace.listed) == ["sub"]
    assert below(here, trace.wrote) == ["c", "kept"]


@pytest.mark.usefixtures("here")
def test_a_way_that_does_not_exist_is_refused(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("TASKRUNNER_TRACER", "quick")
    assert run_command(["trace", "--", "true"]) != 0
    said = capfd.readouterr().err
    assert said.startswith("error: TASKRUNNER_TRACER is `quick`, but can only be one of fast, ")


def test_the_json_says_the_same(here: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert run_command(["trace", "--json", "--", "sh", "-c", SCRIPT]) == 0
    out, err = capfd.readouterr()
    assert err == "entry\n"
    said = json.loads(out)
    assert {key: said[key] for key in ("version", "cwd", "exitCode", "signal", "complete")} == {
        "version": 1,
        "cwd": str(here),
        "exitCode": 0,
        "signal": None,
        "complete": True,
    }
    assert said["command"] == ["sh", "-c", SCRIPT]
    assert said["renames"] == [{"from": f"{here}/b", "to": f"{here}/c"}]
    paths = {path["path"]: path for path in said["paths"]}
    assert paths[f"{here}/sub"]["names"] == [{"name": "entry", "kind": "file"}]
    assert paths[f"{here}/kept"] == {
        "path": f"{here}/kept",
        "before": "file",
        "after": "file",
        "did": ["stat", "attributes"],
    }
    assert paths[f"{here}/b"]["did"] == ["create", "rename"]
    assert paths[f"{here}/old"]["after"] == "absent"


def test_the_text_is_relative_to_where_it_ran(
    here: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    assert run_command(["trace", "--", "sh", "-c", "echo out; cat a >c; mv c d"]) == 0
    out, err = capfd.readouterr()
    assert err == "out\n"
    assert "\n  a\n" in out
    assert "renamed:\n  c -> " in out
    assert out.splitlines()[-1].endswith("traced by notify")


def test_with_an_output_file_the_streams_stay(
    here: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    assert run_command(["trace", "-o", "report", "sh", "-c", "echo out; echo err >&2; exit 7"]) == 7
    assert capfd.readouterr() == ("out\n", "err\n")
    assert (here / "report").read_text().startswith("read:\n")


def test_odd_bytes_come_through(here: Path, capfd: pytest.CaptureFixture[str]) -> None:
    odd = os.fsdecode(b"odd\xff\n")
    trace = taskrunner.trace(["cat", odd])
    assert f"{here}/{odd}" in trace.probed
    assert run_command(["trace", "--json", "cat", odd]) == 1
    assert any(
        path["path"].endswith("odd\udcff\n") for path in json.loads(capfd.readouterr().out)["paths"]
    )
    assert run_command(["trace", "cat", odd]) == 1
    assert "  odd\\udcff\\n\n" in capfd.readouterr().out


def test_a_signal_that_ends_it_is_told(here: Path) -> None:
    trace = taskrunner.trace(["sh", "-c", "kill -TERM $$"])
    assert (trace.exit_code, trace.signal) == (143, 15)


def test_environment_and_directory_are_what_was_asked(here: Path) -> None:
    script = "import os; print(sorted(os.environ), os.getcwd())"
    trace = taskrunner.trace([sys.executable, "-IS", "-c", script], cwd="sub", env={"X": "1"})
    assert trace.stdout.decode() in {
        f"['X'] {here}/sub\n",
        f"['LC_CTYPE', 'X'] {here}/sub\n",  # Python adds it by itself
    }


def test_what_cannot_be_started_is_an_error(here: Path, capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(tracing.TraceError, match="`no-such` not found"):
        taskrunner.trace(["no-such"])
    with pytest.raises(tracing.TraceError, match="Permission denied"):
        taskrunner.trace(["./a"])
    assert run_command(["trace", "./a"]) == 126
    assert run_command(["trace", "no-such"]) == 127
    assert "error: program `no-such` not found" in capfd.readouterr().err
    assert run_command(["trace", "-o", "no/such/file", "true"]) == 2
    assert run_command(["trace"]) == 2
