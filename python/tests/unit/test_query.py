"""The words after `taskrunner run` inside a command mean what they mean on the command line."""

from __future__ import annotations

import shlex

import pytest

from taskrunner.cli import choosing
from taskrunner.cli.run import command
from taskrunner.errors import UsageError
from taskrunner.query import OPTIONS, Query, parse

LINES = {
    "build": Query("build"),
    "build,test --fix -r": Query("build,test", ("--fix", "-r")),
    "-r build": Query("build", recursive=True),
    "--recursive --ignore-depends-on build x": Query(
        "build", ("x",), recursive=True, ignore_depends_on=True
    ),
    "-t a#build": Query("a#build", transitive=True),
    "-w build": Query("build", root=True),
    "--filter a --filter=b... -F '!c' build": Query("build", filters=("a", "b...", "!c")),
    "--filter -x build": Query("build", filters=("-x",)),
    "--affected build": Query("build", affected=""),
    "--affected=main --fail-if-no-match build": Query(
        "build", affected="main", fail_if_no_match=True
    ),
    "-- build --": Query("build", ("--",)),
}


@pytest.mark.parametrize("line", LINES)
def test_a_line_inside_a_command(line: str) -> None:
    assert parse(shlex.split(line)) == LINES[line]


@pytest.mark.parametrize("line", LINES)
def test_the_same_line_on_the_command_line(line: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GITHUB_BASE_REF", raising=False)
    context = command.make_context("run", shlex.split(line))
    words = context.params.pop("words")
    assert choosing.taken(words, context.params) == LINES[line]
    assert not {option.field for option in OPTIONS} & context.params.keys()


def test_options_of_the_whole_run_are_passed_over() -> None:
    line = "--log labeled --log=grouped --concurrency 4 --continue -v --verbose build"
    assert parse(shlex.split(line)) == Query("build")


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("", "a task's name is missing"),
        ("-r", "a task's name is missing"),
        ("--filter", "`--filter` needs a value"),
        ("--log", "`--log` needs a value"),
        ("-r=1 build", "`-r` takes no value"),
        ("--force build", "`--force` has no meaning inside a task's command"),
        ("--recursiv build", "`--recursiv` has no meaning inside a task's command"),
    ],
)
def test_what_can_not_be_meant(line: str, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        parse(shlex.split(line))


def test_a_pull_request_says_what_to_compare_with(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GITHUB_BASE_REF", "develop")
    for line, expected in (("--affected x", "origin/develop"), ("--affected=y x", "y")):
        context = command.make_context("run", shlex.split(line))
        words = context.params.pop("words")
        assert choosing.taken(words, context.params).affected == expected
