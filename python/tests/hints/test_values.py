"""Values that a tool tracks and the task declares: worked out before a run."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from ..e2e.space import Space
from ..metamorphic.case import Task
from .tool import PREAMBLE, Tool

if TYPE_CHECKING:
    from pathlib import Path

# The file lies beside the workspace's package, in what git would keep: nothing that the tool reads.
TOOL = "import os\ntrack_value('rev', os.environ['REV'])\nopen('out.txt', 'w').write('made')\n"
TOML = """
[workspace]
[tasks.build]
command = "python3 tool/tool.py"
untracked-env = ["REV", "DERIVED"]
values = { rev = 'printf "%s\\n" "$DERIVED"' }
"""


@pytest.fixture
def tool(tmp_path: Path) -> Tool:
    made = Tool(Space.make(tmp_path, {"tool/tool.py": PREAMBLE + TOOL}, []).place)
    made.put("taskrunner.toml", TOML)
    return made


def test_a_value_that_is_as_worked_out_is_a_hit_and_another_a_miss(tool: Tool) -> None:
    assert tool.build(REV="a", DERIVED="a") == "no earlier run"
    assert tool.hints() == {"trackedValues": ["rev"]}
    assert tool.build(REV="a", DERIVED="a") == "hit"
    assert tool.build(REV="b", DERIVED="b") == "value 'rev' changed"
    assert tool.build(REV="a", DERIVED="a") == "hit"
    tool.remove("out.txt")
    assert tool.build(REV="b", DERIVED="b") == "hit"
    assert tool.read("out.txt") == "made"


def test_a_tool_that_says_otherwise_is_not_cached(tool: Tool) -> None:
    assert tool.build(REV="b", DERIVED="a") == "not cached: conflicting-values"
    assert b"`rev` has two values" in tool.told()
    assert tool.build(REV="a", DERIVED="a") == "its last result was not stored"


def test_values_are_kept_nowhere(tool: Tool) -> None:
    secret = "hunter2-hunter2"  # noqa: S105  # the test's own
    assert tool.build(REV=secret, DERIVED=secret) == "no earlier run"
    kept = [path for path in (tool.root / ".taskrunner").rglob("*") if path.is_file()]
    assert kept
    assert [path for path in kept if secret.encode() in path.read_bytes()] == []


def test_a_command_that_fails_is_an_error_before_anything_runs(tool: Tool) -> None:
    tool.put("taskrunner.toml", TOML.replace("printf", "echo no such thing >&2; exit 3; printf"))
    run = tool.run(env={"REV": "a"})
    told = run.stderr.decode()
    assert run.code == 2, run.told()
    assert "taskrunner.toml:3" in told
    assert "which works out the value `rev` of" in told
    assert "no such thing" in told
    assert not (tool.root / "out.txt").exists()


def test_it_is_asked_for_only_where_it_counts(tool: Tool) -> None:
    tool.put("taskrunner.toml", TOML.replace("printf", "exit 3; printf"))
    assert tool.run("build", "--no-cache", env={"REV": "a"}).code == 0


def test_without_a_command_the_line_to_add_is_said(tmp_path: Path) -> None:
    tool = Tool.of(tmp_path, "track_value('rev', 'a')")
    assert tool.build() == "not cached: tracked-value"
    assert b"say in `values` how to work `rev` out" in tool.told()


def test_one_command_is_run_once_however_many_steps_ask(tmp_path: Path) -> None:
    tasks = [Task("one", "true"), Task("two", "true && true", depends_on=("one",))]
    tool = Tool(Space.make(tmp_path, {"tool/tool.py": ""}, tasks).place)
    path = tool.root / "taskrunner.toml"
    counted = f"values = {{ n = 'echo + >> {tmp_path}/count' }}\n"
    lines = path.read_text().splitlines(keepends=True)
    with_values = [line + counted * line.startswith("command") for line in lines]
    path.write_text("".join(with_values))
    run = tool.run("two")
    assert run.code == 0, run.told()
    assert (tmp_path / "count").read_text() == "+\n"
