"""What GitHub Actions is shown."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from taskrunner.report.github import data, parameter

from ..unit.fake_engine import Script

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..conftest import MakeWorkspace
    from .conftest import Cli

FILES = {
    "taskrunner.toml": """
[workspace]
[tasks.gen]
command = "gen"
[tasks.build]
command = "build"
depends-on = ["gen"]
""",
}


@pytest.fixture(autouse=True)
def workspace(make_workspace: MakeWorkspace, cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    make_workspace(FILES)
    monkeypatch.setenv("GITHUB_ACTIONS", "true")


def test_steps_are_groups_on_one_stream(cli: Cli, script: Callable[..., None]) -> None:
    script(gen=Script(output=((1, b"out\n"), (2, b"err"))), build=Script(code=2))
    code, out, err = cli("run", "build")
    assert (code, err) == (2, "")
    shown, numbers = out.splitlines()[:-1], out.splitlines()[-1]
    assert shown == [
        "::group::ws#gen: $ gen  ~ cache miss: no earlier run",
        "out",
        "err",
        "::endgroup::",
        "ws#build: $ build  ~ cache miss: no earlier run",
        "ws#build failed: exit code 2",
        "::error title=ws#build failed::exit code 2",
    ]
    assert numbers.startswith("2 tasks: ")


def test_a_chosen_log_is_kept_and_annotated(cli: Cli, script: Callable[..., None]) -> None:
    script(gen=Script(output=((1, b"out\n"),), code=1))
    _, out, err = cli("run", "--log=labeled", "gen")
    assert out == "[ws#gen] out\n"
    assert "::group::" not in err
    assert "::error title=ws#gen failed::exit code 1\n" in err


def test_elsewhere_there_are_none(
    cli: Cli, script: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GITHUB_ACTIONS", "false")
    script(gen=Script(output=((1, b"out\n"),), code=1))
    _, out, err = cli("run", "gen")
    assert out == "out\n"
    assert "::" not in err


def test_nothing_in_a_text_ends_the_command() -> None:
    assert data("50%\r\n::x") == "50%25%0D%0A::x"
    assert parameter("a,b:c%") == "a%2Cb%3Ac%25"
