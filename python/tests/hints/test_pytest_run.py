"""The pytest plugin through whole runs: loaded by its entry point, with nothing declared."""

from __future__ import annotations

import sys
from importlib.metadata import entry_points
from typing import TYPE_CHECKING

import pytest

from ..e2e.space import Space
from ..metamorphic.case import Task
from .tool import Tool

if TYPE_CHECKING:
    from pathlib import Path

PYTEST = f"{sys.executable} -m pytest -q -p no:xdist"
FILES = {
    "pytest.ini": "[pytest]\ncache_dir = kept\n",
    "source.py": "VALUE = 1\n",
    "test_it.py": "from source import VALUE\ndef test_it(): assert VALUE == 1\n",
}

pytestmark = pytest.mark.skipif(
    "taskrunner" not in {point.name for point in entry_points(group="pytest11")},
    reason="needs taskrunner installed in the environment of the tests",
)


def project(base: Path, options: str = "") -> Tool:
    return Tool(Space.make(base, FILES, [Task("build", f"{PYTEST} {options}")]).place)


def test_its_cache_is_nobodys_business(tmp_path: Path) -> None:
    tests = project(tmp_path)
    assert tests.build() == "no earlier run"
    assert tests.hints()["ignoredInputs"] == tests.hints()["ignoredOutputs"] == ["kept"]
    assert (tests.root / "kept/v/cache").is_dir()
    assert tests.build() == "hit"
    tests.put("source.py", "VALUE = 0 + 1\n")
    assert tests.build() == "input changed: source.py"
    assert tests.build() == "hit"


def test_a_choice_by_the_last_run_is_not_cached(tmp_path: Path) -> None:
    assert project(tmp_path, "--lf").build() == "not cached: disabled-by-task"


def test_options_in_a_variable_that_was_withheld(tmp_path: Path) -> None:
    tests = project(tmp_path)
    env = {"PYTEST_ADDOPTS": "-vv"}
    assert tests.build(**env) == "not cached: withheld-variable"
    assert b"PASSED" not in tests.printed()
    assert tests.build(**env) == "its last result was not stored"
    assert b"PASSED" in tests.printed()
    assert tests.build(**env) == "hit"
    assert tests.build() == "env 'PYTEST_ADDOPTS' removed"
