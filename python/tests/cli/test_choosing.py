"""Choosing tasks on the command line: what is run, what is said about the choice."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from ..conftest import MakeWorkspace
    from .conftest import Cli, Engines

FILES = {
    "package.json": '{"name": "root", "workspaces": ["libs/*"]}',
    "libs/a/package.json": '{"name": "a", "scripts": {"build": "tool a"},'
    ' "dependencies": {"b": "*"}}',
    "libs/b/package.json": '{"name": "b", "scripts": {"build": "tool b"}}',
    "libs/c/package.json": '{"name": "c"}',
    "libs/c/taskrunner.toml": "[tasks.build]\ncomand = 'tool'\n",
}
WARNING = "warning: libs/c/taskrunner.toml:2: unknown key `comand` in `[tasks.build]`\n"


def ran(engines: Engines) -> list[str]:
    (engine,) = engines
    return [engine.steps[number].package for number in sorted(engine.steps)]


def test_a_broken_configuration_that_is_not_needed_is_a_warning(
    make_workspace: MakeWorkspace, cli: Cli, engines: Engines
) -> None:
    make_workspace(FILES)
    result = cli("run", "--filter", "a...", "build")
    assert (result.code, ran(engines)) == (0, ["b", "a"])
    assert result.err.startswith(WARNING)


def test_one_that_is_needed_is_an_error(
    make_workspace: MakeWorkspace, cli: Cli, engines: Engines
) -> None:
    make_workspace(FILES)
    result = cli("run", "-r", "build")
    assert (result.code, engines) == (2, [])
    assert result.err == WARNING.replace("warning", "error") + "hint: did you mean `command`?\n"


def test_list_and_graph_say_what_is_broken(make_workspace: MakeWorkspace, cli: Cli) -> None:
    make_workspace(FILES)
    for command in ("list", "graph"):
        result = cli(command)
        assert (result.code, result.err) == (0, WARNING)
        assert "a#build" in result.out


def test_a_filter_that_matches_nothing(
    make_workspace: MakeWorkspace, cli: Cli, engines: Engines
) -> None:
    make_workspace({**FILES, "libs/c/taskrunner.toml": ""})
    result = cli("run", "--filter", "nope", "--filter", "b", "build")
    assert (result.code, ran(engines)) == (0, ["b"])
    assert result.err.startswith("warning: no package matches the filter `nope`\n")
    result = cli("run", "--filter", "nope", "--fail-if-no-match", "build")
    assert result == (2, "", "error: no package matches the filter `nope`\n")


def test_nothing_to_run_is_no_failure(make_workspace: MakeWorkspace, cli: Cli) -> None:
    make_workspace({**FILES, "libs/c/taskrunner.toml": ""})
    assert cli("run", "--filter", "nope", "build").code == 0


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("-r", "-t", "build"), "--recursive and --transitive can't be used together"),
        (("-r", "--filter=a", "build"), "--recursive and --filter can't be used together"),
        (("--filter", "a{", "build"), "`a{` is not a filter"),
        (("--filter=", "build"), "`` is not a filter"),
        (("-r", "a#build"), "`a#build` names a package"),
        (("-r", "nope"), "no package has a task `nope`"),
        (("--filter", "c", "build"), "none of the selected packages has a task `build`"),
        (("--affected=nope", "build"), "git doesn't know what changed"),
        (("--filter",), "Option '--filter' requires an argument"),
    ],
)
def test_what_can_not_be_chosen(
    words: tuple[str, ...],
    message: str,
    make_workspace: MakeWorkspace,
    cli: Cli,
    engines: Engines,
) -> None:
    make_workspace({**FILES, "libs/c/taskrunner.toml": ""})
    result = cli("run", *words)
    assert message in result.plain()
    assert (result.code, engines) == (2, [])


def test_scripts_are_cached_if_the_configuration_says_so(
    make_workspace: MakeWorkspace, cli: Cli, engines: Engines
) -> None:
    root = make_workspace({"package.json": '{"name": "x", "scripts": {"build": "tool"}}'})
    cached = []
    for text in ("", "[cache]\nscripts = true\n", "[task-defaults.build]\ncache = true\n"):
        (root / "taskrunner.toml").write_text(text)
        for options in ((), ("--cache",)):
            engines.clear()
            assert cli("run", *options, "build").code == 0
            cached.append(engines[0].steps[0].cached)
    assert cached == [False, True, True, True, False, True]
    (root / "taskrunner.toml").write_text("[tasks.build]\n")
    engines.clear()
    assert cli("run", "build").code == 0
    assert engines[0].steps[0].cached
