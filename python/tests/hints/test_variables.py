"""Variables that tools look up, through the whole run: what is tracked, named, withheld, passed."""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path

import pytest

from ..e2e.space import Space
from ..metamorphic.case import Task
from .tool import PREAMBLE, WAYS, Tool

ANSWERED = ("channel", "snapshot")
ASK = "open('out.txt', 'w').write(str(get_env('API_URL')))"
MATCH = "open('out.txt', 'w').write(str(get_envs('VITE_*')))"


@pytest.mark.parametrize("way", ANSWERED)
def test_a_name_set_changed_and_unset_is_a_miss_that_names_it(tmp_path: Path, way: str) -> None:
    tool = Tool.of(tmp_path, ASK, way)
    assert tool.build() == "no earlier run"
    assert tool.build() == "hit"
    assert tool.build(OTHER="x") == "hit"
    assert tool.build(API_URL="a") == "env 'API_URL' added"
    assert tool.read("out.txt") == "a"
    assert tool.build(API_URL="a") == "hit"
    assert tool.build(API_URL="b") == "env 'API_URL' changed"
    assert tool.build(API_URL="") == "env 'API_URL' changed"
    assert tool.read("out.txt") == ""
    (tool.root / "out.txt").unlink()
    assert tool.build(API_URL="a") == "hit"
    assert tool.read("out.txt") == "a"
    assert tool.build() == "hit"
    assert tool.read("out.txt") == "None"


def test_a_name_that_was_set_at_first_and_is_not_any_more(tmp_path: Path) -> None:
    tool = Tool.of(tmp_path, ASK)
    assert tool.build(API_URL="a") == "no earlier run"
    assert tool.build() == "env 'API_URL' removed"


@pytest.mark.parametrize("way", ANSWERED)
def test_a_glob_remembers_what_it_matched(tmp_path: Path, way: str) -> None:
    tool = Tool.of(tmp_path, MATCH, way)
    assert tool.build(VITE_A="1") == "no earlier run"
    assert tool.build(VITE_A="1", VIT="x") == "hit"
    assert tool.build(VITE_A="1", VITE_B="2") == "env 'VITE_B' added"
    assert tool.build(VITE_A="2", VITE_B="2") == "env 'VITE_A' changed"
    assert tool.build(VITE_B="2") == "env 'VITE_A' removed"
    assert tool.read("out.txt") == "{'VITE_B': '2'}"
    assert tool.build(VITE_A="1") == "hit"


@pytest.mark.parametrize(("code", "name"), [(ASK, "API_URL"), (MATCH, "VITE_A")])
def test_a_variable_that_the_tool_did_without(tmp_path: Path, code: str, name: str) -> None:
    """By the file alone it sees its own environment: wrong once, said, and right from then on."""
    tool = Tool.of(tmp_path, code, "file")
    run = tool.run(env={name: "a"})
    skip = run.one("build").skip
    assert skip is not None, run.told()
    assert skip.kind == "withheld-variable"
    assert f'env = ["{name}"]' in run.stderr.decode()
    assert tool.build(**{name: "a"}) == "its last result was not stored"
    assert "a" in tool.read("out.txt")
    assert tool.build(**{name: "a"}) == "hit"
    assert tool.build(**{name: "b"}) == f"env '{name}' changed"
    assert tool.build() == f"env '{name}' removed"
    assert tool.build(**{name: "b"}) == "hit"


def test_so_it_is_with_a_variable_in_the_command(tmp_path: Path) -> None:
    made = Tool.make(tmp_path, {}, [Task("build", 'echo "mode $MODE" > out.txt')])
    tool = Tool(made.place)
    assert tool.build(MODE="fast") == "not cached: withheld-variable"
    assert tool.build(MODE="fast") == "its last result was not stored"
    assert tool.read("out.txt") == "mode fast\n"
    assert tool.build(MODE="fast") == "hit"
    assert tool.build() == "env 'MODE' removed"
    assert tool.read("out.txt") == "mode \n"
    assert tool.build() == "hit"
    assert tool.build(MODE="slow") == "env 'MODE' added", "compared with the result used last"


def test_what_a_stored_result_looked_up_is_passed_in_another_checkout(tmp_path: Path) -> None:
    tool = Tool.of(tmp_path / "here", ASK, "file")
    assert tool.build() == "no earlier run"
    other = Tool.of(tmp_path / "there", ASK, "file")
    shared = {"TASKRUNNER_CACHE_DIR": str(tool.cache)}
    assert other.build(**shared) == "hit"
    assert other.build(**shared, API_URL="a") == "env 'API_URL' added"
    assert other.read("out.txt") == "a"
    assert other.build(**shared, API_URL="a") == "hit"


def test_configuration_beats_hints(tmp_path: Path) -> None:
    code = ASK + "; print(get_envs('*_URL'))"
    tool = Tool.of(tmp_path, code, keys={"untracked-env": ["API_URL"]})
    assert tool.build(API_URL="a") == "no earlier run"
    assert tool.read("out.txt") == "a"
    assert tool.build(API_URL="b") == "hit"
    assert tool.build(API_URL="b", OTHER_URL="c") == "env 'OTHER_URL' added"


def test_a_declared_variable_is_named_alike(tmp_path: Path) -> None:
    tool = Tool.of(tmp_path, ASK, keys={"env": ["API_URL"]})
    assert tool.build(API_URL="a") == "no earlier run"
    assert tool.build(API_URL="b") == "env 'API_URL' changed"
    assert tool.build() == "env 'API_URL' removed"


def test_a_variable_of_an_env_file_counts_by_its_file(tmp_path: Path) -> None:
    task = Task("build", 'echo "mode $MODE" > out.txt', keys={"env-file": "mode.env"})
    tool = Tool(Tool.make(tmp_path, {"mode.env": "MODE=fast\n"}, [task]).place)
    assert tool.build(MODE="outer") == "no earlier run"
    assert tool.read("out.txt") == "mode fast\n"
    assert tool.build(MODE="outer") == "hit"
    assert tool.build() == "hit"
    tool.put("mode.env", "MODE=slow\n")
    assert tool.build() == "env 'MODE' changed"
    assert tool.read("out.txt") == "mode slow\n"
    tool.put("mode.env", "OTHER=1\n")
    assert "env 'MODE' removed" in tool.build()
    tool.put("mode.env", "MODE=fast\n")
    assert tool.build() == "hit"


def test_a_hint_on_what_is_declared_adds_nothing(tmp_path: Path) -> None:
    """What the fingerprint has by value already needs no second way to count."""
    task = Task("build", "python3 tool.py", keys={"env-file": "mode.env", "env": ["API_URL"]})
    code = "[get_env(name) for name in ('MODE', 'API_URL', 'LANG', 'OTHER')]"
    files = {"mode.env": "MODE=fast\n", "tool.py": PREAMBLE + code}
    tool = Tool(Tool.make(tmp_path, files, [task]).place)
    assert tool.build() == "no earlier run"
    assert tool.hints() == {"trackedEnv": ["OTHER"]}


def test_what_npm_tells_a_script_counts_by_the_packages_place(tmp_path: Path) -> None:
    script = 'echo "$INIT_CWD ${npm_package_json##*/} $npm_lifecycle_event" > out.txt'
    files = {"package.json": json.dumps({"name": "a", "scripts": {"build": script}})}
    tool = Tool(Tool.make(tmp_path, files, []).place)
    tool.put("taskrunner.toml", "[workspace]\n[tasks.build]\n")
    assert tool.build() == "no earlier run"
    assert tool.hints() == {}
    assert tool.build() == "hit"


def test_a_hit_tells_the_hints_of_the_run_that_it_stands_for(tmp_path: Path) -> None:
    code = ASK + "; get_envs('VITE_*'); ignore_input('cache'); ignore_output('cache')"
    tool = Tool.of(tmp_path, code)
    assert tool.build(API_URL="a") == "no earlier run"
    told = tool.hints()
    assert told["trackedEnv"] == ["API_URL"]
    assert told["ignoredInputs"] == told["ignoredOutputs"] == ["cache"]
    assert tool.build(API_URL="a") == "hit"
    assert tool.hints() == told
    tool.remove("out.txt")
    assert tool.build(API_URL="a") == "hit"
    assert tool.hints() == told


def test_a_prefix_of_the_command_is_what_the_tool_is_told(tmp_path: Path) -> None:
    files = {"tool.py": PREAMBLE + ASK}
    tool = Tool(Tool.make(tmp_path, files, [Task("build", "API_URL=mine python3 tool.py")]).place)
    assert tool.build(API_URL="outer") == "no earlier run"
    assert tool.read("out.txt") == "mine"
    assert tool.build(API_URL="other") == "hit"


@pytest.mark.parametrize("way", WAYS)
def test_a_wish_not_to_be_cached_with_its_reason(tmp_path: Path, way: str) -> None:
    tool = Tool.of(tmp_path, "disable_cache('asks the network')", way)
    for _ in range(2):
        run = tool.run()
        skip = run.one("build").skip
        assert skip is not None, run.told()
        assert (skip.kind, skip.detail) == ("disabled-by-task", "asks the network")
        assert "asks the network" in run.stderr.decode()
        assert run.one("build").hints == {"disabled": True, "disabledReasons": ["asks the network"]}


def test_values_are_kept_nowhere(tmp_path: Path) -> None:
    secret = "hunter2-hunter2"  # noqa: S105  # the test's own
    tool = Tool.of(tmp_path, "get_env('API_KEY'); get_envs('API_*')")
    with tempfile.TemporaryDirectory() as private:  # short, so that sockets can be made in it
        env = {"API_KEY": secret, "XDG_RUNTIME_DIR": private}
        assert tool.build(**env) == "no earlier run"
        assert tool.build(**env) == "hit"
        assert list(Path(private).iterdir()) == []
    kept = [path for path in (tool.root / ".taskrunner").rglob("*") if path.is_file()]
    assert kept
    assert [path for path in kept if secret.encode() in path.read_bytes()] == []


def test_a_runner_in_a_runner_has_ways_in_of_its_own(tmp_path: Path) -> None:
    inner = "import os, subprocess, sys\n"
    inner += "sys.exit(subprocess.call([sys.executable, '-m', 'taskrunner', 'run', 'inner']))"
    tasks = [
        Task("outer", f"{sys.executable} run.py", keys={"env": ["TASK*"]}),
        Task("inner", "python3 tool.py"),
    ]
    code = PREAMBLE + "disable_cache('inner')"
    space = Space.make(tmp_path, {"run.py": inner, "tool.py": code}, tasks)
    run = space.run("outer")
    assert run.code == 0, run.told()
    assert b"inner not cached: a tool asked for that: inner" in run.stdout + run.stderr
    assert "disabled" not in run.one("outer").hints, run.told()
