"""What a task's command means once it is really run: scripts, directories, tools, nested runs."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from ..conftest import MakeWorkspace

DEADLINE = 60.0
ROOT = '[workspace]\npackages = ["*"]\n[cache]\nscripts = true\n'


def run(root: Path, *words: str, **variables: str) -> tuple[int, dict[str, str], str]:
    """The exit code, what the cache said of each step, and all that was printed."""
    done = subprocess.run(
        [sys.executable, "-m", "taskrunner", "run", "--summarize=out.json", *words],
        cwd=root,
        env={**os.environ, **variables},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=DEADLINE,
        check=False,
    )
    file = root / "out.json"
    summary = json.loads(file.read_text()) if file.exists() else {"tasks": []}
    file.unlink(missing_ok=True)
    steps = {f"{task['taskId']}:{task['step']}": task["cacheStatus"] for task in summary["tasks"]}
    return done.returncode, steps, done.stdout


def package(**scripts: str) -> str:
    return json.dumps({"name": "a", "version": "1.2.3", "scripts": scripts})


def tool(root: Path, where: str, says: str) -> None:
    path = root / where
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\necho {says}\n")
    path.chmod(0o755)


def workspace(make: MakeWorkspace, files: Mapping[str, str]) -> Path:
    return make({"taskrunner.toml": ROOT, **files})


def test_a_script_with_those_around_it(make_workspace: MakeWorkspace) -> None:
    told = "$npm_lifecycle_event $npm_package_name $npm_package_version"
    scripts = {
        "prebuild": f'echo "{told}" > pre.txt',
        "build": f'echo "{told} ${{INIT_CWD##*/}} ${{npm_package_json##*/}}" > main.txt && cat',
        "postbuild": "cat pre.txt main.txt > post.txt",
    }
    root = workspace(make_workspace, {"a/package.json": package(**scripts)})
    code, steps, told = run(root, "a#build", "pre.txt")
    assert code == 0, told
    assert list(steps.values()) == ["miss"] * 3
    assert (root / "a/post.txt").read_text() == ("prebuild a 1.2.3\nbuild a 1.2.3 a package.json\n")
    assert "prebuild a 1.2.3\n" in told
    (root / "a/post.txt").unlink()
    assert set(run(root, "a#build", "pre.txt")[1].values()) == {"hit"}
    assert (root / "a/post.txt").exists()


def test_tools_of_the_package_come_before_those_above_it(make_workspace: MakeWorkspace) -> None:
    files = {"a/taskrunner.toml": '[tasks.build]\ncommand = ["one", "two", "three"]\n'}
    root = workspace(make_workspace, files)
    tool(root, "a/node_modules/.bin/one", "one-of-a")
    tool(root, "node_modules/.bin/one", "one-of-root")
    tool(root, "a/.venv/bin/two", "two-of-a")
    tool(root, "node_modules/.bin/three", "three-of-root")
    code, steps, told = run(root, "a#build")
    assert code == 0, told
    for name in ("one-of-a", "two-of-a", "three-of-root"):
        assert f"{name}\n" in told
    # A tool that appears in front of the one that was found is another tool.
    tool(root, "a/node_modules/.bin/three", "three-of-a")
    code, steps, told = run(root, "a#build")
    assert steps == {"a#build:0": "hit", "a#build:1": "hit", "a#build:2": "miss"}
    assert "three-of-a\n" in told


def test_a_directory_for_the_rest_of_the_line(make_workspace: MakeWorkspace) -> None:
    line = "mkdir -p sub/deep && cd sub && pwd > where.txt && cd deep && echo $PWD > where.txt"
    root = workspace(make_workspace, {"a/taskrunner.toml": f"[tasks.build]\ncommand = '{line}'\n"})
    assert run(root, "a#build")[:2] == (
        0,
        dict.fromkeys((f"a#build:{n}" for n in range(3)), "miss"),
    )
    assert (root / "a/sub/where.txt").read_text() == f"{root}/a/sub\n"
    assert (root / "a/sub/deep/where.txt").read_text() == f"{root}/a/sub/deep\n"
    assert set(run(root, "a#build")[1].values()) == {"hit"}


def test_a_missing_program_fails_its_step_alone(make_workspace: MakeWorkspace) -> None:
    text = (
        '[tasks.bad]\ncommand = "no-such-program x"\n'
        '[tasks.after]\ncommand = "true"\ndepends-on = ["bad"]\n'
        '[tasks.good]\ncommand = "cat taskrunner.toml"\n'
    )
    root = workspace(make_workspace, {"a/taskrunner.toml": text})
    code, steps, told = run(root, "--continue", "a#after,a#good")
    assert code == 127
    assert steps["a#good:0"] == "miss"
    assert "a#after:0" not in steps
    assert "no-such-program" in told


@pytest.mark.parametrize(
    ("command", "code"),
    [("./configure && make", 126), ("configure", 126), ("./none", 127), ("./configure/x", 127)],
)
def test_a_program_that_is_there_and_cant_be_executed_is_told_from_none(
    make_workspace: MakeWorkspace, command: str, code: int
) -> None:
    text = f'[tasks.a]\ncommand = "{command}"\n'
    root = workspace(make_workspace, {"a/taskrunner.toml": text, "a/configure": "exit 0\n"})
    path = f"{root}/a:{os.environ['PATH']}"
    assert run(root, "a#a", PATH=path)[0] == code


def test_a_run_inside_a_command_is_part_of_the_outer_one(make_workspace: MakeWorkspace) -> None:
    files = {
        "taskrunner.toml": ROOT
        + '[tasks.all]\ncommand = "taskrunner run -r build && cat a/out.txt b/out.txt > all.txt"\n',
        "a/package.json": '{"name": "a", "version": "1.0.0", "scripts":'
        ' {"build": "cat ../b/out.txt in.txt > out.txt"}, "dependencies": {"b": "^1.0.0"}}',
        "a/in.txt": "a\n",
        "b/package.json": '{"name": "b", "version": "1.0.0",'
        ' "scripts": {"build": "cat in.txt > out.txt"}}',
        "b/in.txt": "b\n",
    }
    root = workspace(make_workspace, files)
    code, steps, told = run(root, "all")
    assert (code, list(steps)) == (0, ["b#build:0", "a#build:0", "ws#all:0"]), told
    assert (root / "all.txt").read_text() == "b\na\nb\n"
    assert set(run(root, "all")[1].values()) == {"hit"}
    (root / "a/in.txt").write_text("A\n")
    assert run(root, "all")[1] == {"b#build:0": "hit", "a#build:0": "miss", "ws#all:0": "miss"}


def test_variables_from_a_file_count(make_workspace: MakeWorkspace) -> None:
    text = "[tasks.build]\ncommand = 'echo $MODE > out.txt'\nenv-file = '.env'\n"
    root = workspace(make_workspace, {"a/taskrunner.toml": text, "a/.env": "MODE=fast\n"})
    assert run(root, "a#build")[0] == 0
    assert (root / "a/out.txt").read_text() == "fast\n"
    assert run(root, "a#build")[1] == {"a#build:0": "hit"}
    (root / "a/.env").write_text("MODE=slow\n")
    _code, steps, told = run(root, "a#build")
    assert steps == {"a#build:0": "miss"}
    assert "env 'MODE' changed" in told
    assert "slow" not in told
    assert (root / "a/out.txt").read_text() == "slow\n"
