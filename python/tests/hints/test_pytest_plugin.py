"""What the plugin tells of a pytest run, and that it is silent outside a runner."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest

from taskrunner.hints import Skip, skip

from .harness import Outcome, run

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

CONFIG = "[pytest]\ncache_dir = .cache/pytest\n"
# Loaded by its entry point where taskrunner is installed, so by name alone.
PLUGIN = ["-p", "taskrunner"]


@pytest.fixture
def project(space: Path) -> Path:
    (space / "pytest.ini").write_text(CONFIG)
    (space / "test_it.py").write_text("def test_it(): pass\n")
    return space


def pytest_run(
    project: Path,
    *options: str,
    env: Mapping[str, str] | None = None,
    passed: Mapping[str, str] | None = None,
) -> Outcome:
    command = [sys.executable, "-m", "pytest", *PLUGIN, *options]
    outcome = run(command, project, env=env, passed=passed)
    assert outcome.code == 0, outcome.output
    return outcome


def test_its_cache_directory_is_its_own_business(project: Path) -> None:
    outcome = pytest_run(project)
    assert outcome.hints.ignored_inputs == outcome.hints.ignored_outputs == (".cache/pytest",)
    assert outcome.hints.env == {"PYTEST_ADDOPTS": None, "PYTEST_PLUGINS": None}
    assert skip(outcome.hints) is None


@pytest.mark.parametrize("option", ["--lf", "--ff", "--nf", "--sw", "--sw-skip", "--cache-show"])
def test_a_choice_by_the_last_run_is_not_cached(option: str, project: Path) -> None:
    outcome = pytest_run(project, option)
    assert outcome.hints.ignored_inputs == ()
    skipped = skip(outcome.hints)
    assert skipped is not None
    assert skipped.kind == "disabled-by-task"
    assert str(skipped.subject).endswith("depends on the runs before")


def test_a_variable_that_pytest_did_without(project: Path) -> None:
    outcome = pytest_run(project, env={"PYTEST_ADDOPTS": "-x"})
    assert skip(outcome.hints) == Skip("withheld-variable", "PYTEST_ADDOPTS")


def test_a_variable_that_pytest_had(project: Path) -> None:
    outcome = pytest_run(project, env={"PYTEST_ADDOPTS": "-x"}, passed={"PYTEST_ADDOPTS": "-x"})
    assert outcome.hints.env["PYTEST_ADDOPTS"] == "-x"
    assert skip(outcome.hints) is None


def test_without_a_cache_there_is_none_to_ignore(project: Path) -> None:
    (project / "pytest.ini").write_text("[pytest]\n")
    assert pytest_run(project, "-p", "no:cacheprovider").hints.ignored_inputs == ()


def test_a_cache_among_the_tests_is_not_ignored_with_them(project: Path) -> None:
    (project / "pytest.ini").write_text("[pytest]\ncache_dir = .\n")
    assert pytest_run(project).hints.ignored_inputs == ()


def test_workers_say_nothing_of_their_own(project: Path) -> None:
    outcome = pytest_run(project, "-n", "2")
    assert outcome.hints.ignored_inputs == (".cache/pytest",)
    assert outcome.said == 4
