"""What there is: `list` and `graph`."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from ..conftest import MakeWorkspace
    from .conftest import Cli

FILES = {
    "taskrunner.toml": """
[workspace]
packages = ["ui"]
[tasks.gen]
command = ["gen a", "gen b"]
[tasks.build]
command = "make"
description = "Builds it\\u001b[2J."
depends-on = ["gen", "ui#build"]
cache = false
[tasks.helper]
command = "help"
internal = true
""",
    "ui/taskrunner.toml": '[tasks.build]\ncommand = "vite build"\ninteractive = true\n',
}


@pytest.fixture(autouse=True)
def workspace(make_workspace: MakeWorkspace) -> None:
    make_workspace(FILES)


def test_one_line_a_task(cli: Cli) -> None:
    assert cli("list") == (
        0,
        ("ws#gen: gen a; gen b\nws#build: Builds it\\x1b[2J.\nui#build: vite build\n"),
        "",
    )


def test_list_as_json(cli: Cli) -> None:
    found = json.loads(cli("list", "--json").out)
    assert found["version"] == 1
    gen, build, ui = found["tasks"]
    assert build == {
        "taskId": "ws#build",
        "package": "ws",
        "directory": "",
        "name": "build",
        "commands": ["make"],
        "description": "Builds it\x1b[2J.",
        "dependsOn": ["ws#gen", "ui#build"],
        "isScript": False,
        "cache": False,
        "interactive": False,
        "configuredIn": "taskrunner.toml",
    }
    assert gen["commands"] == ["gen a", "gen b"]
    assert (ui["directory"], ui["interactive"]) == ("ui", True)


def test_graph(cli: Cli) -> None:
    assert cli("graph") == (
        0,
        "ws#gen\nws#build\n  ws#gen\n  ui#build\nws#helper\nui#build\n",
        "",
    )


def test_graph_for_other_programs(cli: Cli) -> None:
    assert '"ws#build" -> "ui#build";' in cli("graph", "--format=dot").out
    assert cli("graph", "--format=mermaid").out.startswith("graph LR\n")
    as_json = cli("graph", "--json")
    assert as_json == cli("graph", "--format=json")
    assert {"taskId": "ws#build", "dependsOn": ["ws#gen", "ui#build"]} in json.loads(as_json.out)[
        "tasks"
    ]


def test_an_unknown_format(cli: Cli) -> None:
    assert cli("graph", "--format=svg").code == 2


def test_graph_of_a_run(cli: Cli) -> None:
    assert cli("graph", "build").out == "ws#gen\nui#build\nws#build\n  ws#gen\n  ui#build\n"
    assert cli("graph", "--filter=ui", "build").out == "ui#build\n"
    assert cli("graph", "--ignore-depends-on", "build").out == "ws#build\n"


def test_options_without_a_task_choose_nothing(cli: Cli) -> None:
    result = cli("graph", "-r")
    assert result.code == 2
    assert "options that choose packages need the name of a task" in result.plain()
