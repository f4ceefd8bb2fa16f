"""What a task's environment holds, and what of it is tracked."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from taskrunner.environ import Environments, matching
from taskrunner.model import Package

from .plans import make_task

if TYPE_CHECKING:
    from taskrunner.environ import Environment

OUTER = {
    "PATH": "/usr/bin:/ws/node_modules/.bin:/bin",
    "HOME": "/home/me",
    "LANG": "C",
    "LC_ALL": "C",
    "NO_COLOR": "1",
    "NODE_OPTIONS": "--inspect",
    "LD_PRELOAD": "x.so",
    "VITE_A": "a",
    "VITE_SECRET": "s",
    "PWD": "/elsewhere",
}


def environment(**changes: object) -> Environment:
    return Environments("/ws", OUTER).of(make_task(0, "t", **changes))


def test_only_what_is_named_passes() -> None:
    assert environment() == (
        {
            "HOME": "/home/me",
            "LANG": "C",
            "LC_ALL": "C",
            "NO_COLOR": "1",
            "PATH": "/ws/node_modules/.bin:/ws/.venv/bin:/usr/bin:/bin",
        },
        frozenset({"LANG", "LC_ALL", "NO_COLOR"}),
        "/ws",
    )


def test_declared_names_are_tracked_and_untracked_ones_not() -> None:
    made = environment(env=("VITE_*", "!VITE_SECRET"), untracked_env=("NODE_OPTIONS",))
    assert made.values["VITE_A"] == "a"
    assert "VITE_SECRET" not in made.values
    assert made.values["NODE_OPTIONS"] == "--inspect"
    assert made.tracked == {"LANG", "LC_ALL", "NO_COLOR", "VITE_A"}


def test_a_name_in_env_is_tracked_even_if_passed_anyway() -> None:
    assert "HOME" in environment(env=("HOME",)).tracked


def test_a_path_that_is_declared_is_left_alone() -> None:
    made = environment(env=("PATH",))
    assert made.values["PATH"] == OUTER["PATH"]
    assert "PATH" in made.tracked


def test_the_tools_of_the_package_come_first() -> None:
    made = environment(package=Package(1, "libs/a", ("a",)), cwd="libs/a/src")
    assert made.values["PATH"].split(":")[:6] == [
        "/ws/libs/a/node_modules/.bin",
        "/ws/libs/a/.venv/bin",
        "/ws/libs/node_modules/.bin",
        "/ws/libs/.venv/bin",
        "/ws/node_modules/.bin",
        "/ws/.venv/bin",
    ]


def test_a_script_is_told_what_npm_tells_it() -> None:
    npm = (("name", "@acme/a"), ("version", "1.2.3"))
    task = make_task(0, "build", package=Package(1, "libs/a", ("a",)), npm=npm)
    made = Environments("/ws", OUTER).of(task, ("prebuild", "clean"))
    told = {
        "npm_lifecycle_event": "prebuild",
        "npm_lifecycle_script": "clean",
        "npm_package_name": "@acme/a",
        "npm_package_version": "1.2.3",
    }
    assert {name: made.values[name] for name in told} == told
    assert told.keys() < made.tracked
    assert made.values["INIT_CWD"] == "/ws/libs/a"
    assert made.values["npm_package_json"] == "/ws/libs/a/package.json"
    assert "npm_package_name" not in Environments("/ws", OUTER).of(task).values


def test_variables_of_a_nested_run_are_outside_of_its_tasks() -> None:
    task = make_task(0, "t", env=("MODE",))
    both = Environments("/ws", OUTER)
    made = both.of(task, None, (("MODE", "fast"), ("OTHER", "x")))
    assert (made.values["MODE"], "OTHER" in made.values) == ("fast", False)
    assert "MODE" not in both.of(task).values


def test_without_a_path_there_is_a_default() -> None:
    made = Environments("/ws", {}).of(make_task(0, "t"))
    assert made.values["PATH"].endswith(":/usr/local/bin:/usr/bin:/bin")


@pytest.mark.parametrize(
    ("patterns", "expected"),
    [
        ((), set()),
        (("A",), {"A"}),
        (("A*",), {"A", "AB", "A.B"}),
        (("A?",), {"AB"}),
        (("A.B",), {"A.B"}),
        (("*", "!A*"), {"B"}),
        (("!A",), set()),
        (("a",), set()),
    ],
)
def test_patterns(patterns: tuple[str, ...], expected: set[str]) -> None:
    assert matching(["A", "AB", "A.B", "B"], patterns) == expected
