"""Command lines that can't be meant."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from .bad_input import GOOD

if TYPE_CHECKING:
    from ..conftest import MakeWorkspace
    from .conftest import Cli, Engines


@pytest.mark.parametrize("number", ["0", "-1", "x", "1.5", ""])
def test_bad_concurrency(number: str, make_workspace: MakeWorkspace, cli: Cli) -> None:
    make_workspace({"taskrunner.toml": GOOD})
    result = cli("run", f"--concurrency={number}", "build")
    assert result.code == 2
    assert (
        f"Invalid value for '--concurrency': `{number}` is not a number of steps to run at once;"
        " give 1 or more" in result.plain()
    )


def test_bad_concurrency_from_the_environment(
    make_workspace: MakeWorkspace, cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_workspace({"taskrunner.toml": GOOD})
    monkeypatch.setenv("TASKRUNNER_CONCURRENCY", "many")
    result = cli("run", "build")
    assert result.code == 2
    assert "`many` is not a number of steps to run at once" in result.plain()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("run",), "Missing argument"),
        (("run", "--cache", "--force", "build"), "--cache and --force can't be used together"),
        (("run", "--nope", "build"), "No such option"),
        (("nope",), "No such command 'nope'"),
        (("run", "--log", "loud", "build"), "'loud' is not one of"),
        (("run", "build,,lint"), "`build,,lint` has an empty name"),
    ],
)
def test_usage_errors(
    arguments: tuple[str, ...],
    message: str,
    make_workspace: MakeWorkspace,
    cli: Cli,
    engines: Engines,
) -> None:
    make_workspace({"taskrunner.toml": GOOD})
    result = cli(*arguments)
    assert message in result.plain()
    assert (result.code, engines) == (2, [])
