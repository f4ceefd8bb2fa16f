"""`run --parallel`: everything begins, but what a command says comes first still does."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from ..conftest import MakeWorkspace
    from .conftest import Cli, Engines

FILES = {
    "taskrunner.toml": """
[workspace]
[tasks.base]
command = "base"
[tasks.inner]
command = "inner"
depends-on = ["base"]
[tasks.outer]
command = "before && taskrunner run inner && behind"
depends-on = ["base"]
""",
}


@pytest.fixture(autouse=True)
def workspace(make_workspace: MakeWorkspace) -> None:
    make_workspace(FILES)


def after(cli: Cli, *options: str) -> dict[str, list[str]]:
    steps = json.loads(cli("run", "--dry-run", "--json", *options, "outer").out)["steps"]
    return {step["command"]: [steps[n]["command"] for n in step["after"]] for step in steps}


def test_only_what_stands_in_one_command_is_ordered(cli: Cli) -> None:
    assert after(cli) == {
        "base": [],
        "before": ["base"],
        "inner": ["base", "before"],
        "behind": ["inner"],
    }
    found = after(cli, "--parallel")
    assert found["before"] == []
    assert found["inner"] == ["before"]
    assert "inner" in found["behind"]


def test_there_are_places_for_all_unless_said_otherwise(cli: Cli, engines: Engines) -> None:
    names = "base,inner,outer"
    cli("run", "--parallel", names)
    assert engines[-1].most_running >= 2
    cli("run", "--parallel", "--concurrency=1", names)
    assert engines[-1].most_running == 1
