"""The commands that help with taskrunner itself: doctor, init, completion."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from taskrunner import config
from taskrunner.cli import doctor

from ..unit import fake_engine

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..conftest import MakeWorkspace
    from .conftest import Cli, Engines

CHILD_DEADLINE = 30
FILES = {
    "taskrunner.toml": """
[workspace]
packages = ["lib"]
[tasks.build]
command = "make"
description = "Builds it."
[tasks.bundle]
command = "make bundle"
[tasks.hidden]
command = "x"
internal = true
""",
    "lib/taskrunner.toml": '[tasks.build]\ncommand = "lib"\n',
}


# doctor


def verdicts(cli: Cli) -> dict[str, tuple[str, str]]:
    found = json.loads(cli("doctor", "--json").out)
    assert found["version"] == 1
    return {each["name"]: (each["verdict"], each["words"]) for each in found["findings"]}


@pytest.mark.usefixtures("engines")
def test_all_is_well(cli: Cli, make_workspace: MakeWorkspace) -> None:
    root = make_workspace(FILES)
    (root / ".taskrunner/cache").mkdir(parents=True)
    code, out, err = cli("doctor")
    assert (code, err) == (0, "")
    lines = out.splitlines()
    assert lines[0].startswith("ok       versions: taskrunner ")
    assert f"ok       workspace: {root}: 2 packages, 4 tasks" in lines
    assert "ok       tracing: complete (seccomp user notification)" in lines
    assert any(
        f"cache: {root}/.taskrunner/cache: 3 entries, 2.5 kB of 10.0 GB; " in x for x in lines
    )


def test_why_nothing_is_traced(
    cli: Cli, make_workspace: MakeWorkspace, engines: Engines, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_workspace(FILES)
    monkeypatch.setattr(fake_engine.Engine, "fidelity", "none")
    monkeypatch.setattr(fake_engine.Engine, "fidelity_reason", "seccomp is forbidden")
    assert verdicts(cli)["tracing"] == ("limited", "not possible here: seccomp is forbidden")
    assert engines[-1].closed


@pytest.mark.usefixtures("engines")
def test_outside_of_a_workspace(cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    found = verdicts(cli)
    assert found["workspace"][0] == "limited"
    assert found["tracing"][0] == "ok"


@pytest.mark.usefixtures("engines")
def test_a_broken_configuration(cli: Cli, make_workspace: MakeWorkspace) -> None:
    make_workspace({"taskrunner.toml": "[workspace]\n[tasks.a]\ncomand = 1\n"})
    code, out, _ = cli("doctor")
    assert code == 1
    assert "broken   workspace: taskrunner.toml:3: " in out


def test_an_engine_that_does_not_start(
    cli: Cli, make_workspace: MakeWorkspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    from taskrunner import _native

    def fail(**_: object) -> None:
        raise OSError("cannot start the tracer's helper")

    make_workspace(FILES)
    monkeypatch.setattr(_native, "Engine", fail)
    found = verdicts(cli)
    assert found["engine"] == ("broken", "cannot start the tracer's helper")


def test_limits_and_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    import resource

    monkeypatch.setattr(resource, "getrlimit", lambda _: (256, 4096))
    assert doctor._descriptors().words == "256 is little; `ulimit -n 4096` allows more"
    monkeypatch.setenv("TASKRUNNER_CACHE_DIR", "/secret/place")
    monkeypatch.setenv("NO_COLOR", "1")
    (finding,) = doctor._variables()
    assert finding.words == "NO_COLOR, TASKRUNNER_CACHE_DIR set"


# init


def test_it_writes_what_can_be_read(
    cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    path = tmp_path / config.FILE
    assert cli("init") == (0, f"wrote {path}\n", "")
    assert cli("list") == (0, "", "")
    text = path.read_text(encoding="utf-8")
    # The example in it is one that works.
    example = text.replace("# [tasks.build]\n# command", "[tasks.build]\ncommand")
    path.write_text(example, encoding="utf-8")
    assert "#build: make\n" in cli("list").out


@pytest.mark.parametrize(
    ("name", "text"),
    [("taskrunner.toml", ""), ("pyproject.toml", '[tool.taskrunner.tasks.a]\ncommand = "x"\n')],
)
def test_it_writes_over_nothing(
    cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, text: str
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / name).write_text(text, encoding="utf-8")
    code, _, err = cli("init")
    assert code == 2
    assert "has a configuration of taskrunner already" in err
    assert (tmp_path / name).read_text(encoding="utf-8") == text


# completion


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_scripts(cli: Cli, shell: str) -> None:
    code, out, err = cli("completion", shell)
    assert (code, err) == (0, "")
    assert f"_TASKRUNNER_COMPLETE={shell}_complete" in out


def test_an_unknown_shell(cli: Cli) -> None:
    assert cli("completion", "csh").code == 2


@pytest.fixture
def complete(make_workspace: MakeWorkspace) -> Callable[[str], list[str]]:
    root = make_workspace(FILES)

    def ask(line: str) -> list[str]:
        """What is offered where the line ends, as bash is told."""
        done = subprocess.run(
            [sys.executable, "-m", "taskrunner"],
            cwd=root,
            env={
                "PYTHONPATH": ":".join(sys.path),
                "COMP_WORDS": line,
                "COMP_CWORD": str(len(line.split(" ")) - 1),
                "_TASKRUNNER_COMPLETE": "bash_complete",
            },
            capture_output=True,
            text=True,
            timeout=CHILD_DEADLINE,
            check=False,
        )
        assert done.stderr == ""
        return [item.partition(",")[2] for item in done.stdout.splitlines() if item]

    return ask


def test_commands_options_and_tasks(complete: Callable[[str], list[str]]) -> None:
    assert complete("taskrunner do") == ["doctor"]
    assert "--concurrency" in complete("taskrunner run --con")
    assert complete("taskrunner run bu") == ["build", "bundle"]
    assert complete("taskrunner run lib") == ["lib#build"]
    assert complete("taskrunner run --continue bui") == ["build"]
    assert complete("taskrunner run bundle,lib") == ["bundle,lib#build"]
    assert complete("taskrunner run hid") == []


def test_nothing_for_arguments_of_tasks(complete: Callable[[str], list[str]]) -> None:
    assert complete("taskrunner run build b") == []


def test_a_broken_workspace_is_silent(complete: Callable[[str], list[str]]) -> None:
    Path("taskrunner.toml").write_text("[", encoding="utf-8")
    assert complete("taskrunner run b") == []
