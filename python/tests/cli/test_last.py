"""What `last` knows of the run before it."""

from __future__ import annotations

import json
import os
import stat
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from taskrunner.report import record

from ..unit.fake_engine import Reason, Script

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..conftest import MakeWorkspace
    from .conftest import Cli

FILES = {
    "taskrunner.toml": """
[workspace]
packages = ["lib"]
[tasks.gen]
command = "gen"
[tasks.build]
command = ["one", "two"]
depends-on = ["gen"]
""",
    "lib/taskrunner.toml": '[tasks.build]\ncommand = "lib"\n',
}


@pytest.fixture(autouse=True)
def workspace(make_workspace: MakeWorkspace) -> None:
    make_workspace(FILES)


def run(cli: Cli, script: Callable[..., None]) -> None:
    script(
        gen=Script(hit=True, output=((1, b"made\n"), (2, b"warned"))),
        build=Script(code=3, output=((1, b"\x1b[31mred\x1b[0m\n"),)),
    )
    assert cli("run", "build").code == 3


def test_it_shows_every_step(cli: Cli, script: Callable[..., None]) -> None:
    run(cli, script)
    code, out, err = cli("last")
    assert (code, err) == (0, "")
    head, gen, build, skipped, totals = out.splitlines()
    assert head.startswith("started 2")
    assert head.endswith(", exit code 3")
    assert gen.startswith("ws#gen: $ gen  cache hit in ")
    assert gen.endswith(", saved 2.0s")
    assert build.startswith("ws#build (1/2): $ one  failed with exit code 3 in 1.5s, cache miss: ")
    assert skipped == "  not cached: it failed"
    assert totals.startswith("2 tasks: 1 hit, 0 ran, 1 failed in ")


def test_it_prints_what_a_task_printed(cli: Cli, script: Callable[..., None]) -> None:
    run(cli, script)
    assert cli("last", "--log", "gen") == (0, "made\n", "warned")
    assert cli("last", "--log", "ws#build") == (0, "red\n", "")


def test_a_name_that_was_not_run(cli: Cli, script: Callable[..., None]) -> None:
    run(cli, script)
    assert cli("last", "--log", "ws#bild") == (
        2,
        "",
        "error: `ws#bild` was not run last\nhint: did you mean `ws#build`?\n",
    )


def test_a_name_of_several_packages(cli: Cli, script: Callable[..., None]) -> None:
    script()
    cli("run", "ws#build,lib#build")
    code, _, err = cli("last", "--log", "build")
    assert code == 2
    assert "`lib#build` or `ws#build`" in err


def test_json(cli: Cli, script: Callable[..., None]) -> None:
    run(cli, script)
    kept = json.loads(Path(".taskrunner/last-run.json").read_text(encoding="utf-8"))
    assert json.loads(cli("last", "--json").out) == kept


def test_without_a_run(cli: Cli) -> None:
    assert cli("last") == (
        2,
        "",
        "error: there was no run here yet\nhint: `taskrunner run TASK`\n",
    )


@pytest.mark.parametrize("text", ["{", "[]", '{"version": 99}', '{"version": 1, "tasks": []}'])
def test_a_summary_that_cant_be_read(cli: Cli, text: str) -> None:
    Path(".taskrunner").mkdir()
    Path(".taskrunner/last-run.json").write_text(text, encoding="utf-8")
    code, _, err = cli("last")
    assert code == 2
    assert "another version of taskrunner wrote this, or it is damaged" in err


def test_a_log_of_another_run_is_not_shown(cli: Cli, script: Callable[..., None]) -> None:
    run(cli, script)
    path = Path(".taskrunner/last-run.log")
    path.write_bytes(path.read_bytes().replace(record.MAGIC, record.MAGIC + b"0"))
    assert cli("last", "--log", "gen").out == ""
    path.unlink()
    assert cli("last", "--log", "gen").err == "error: the output of the last run was not kept\n"


def test_a_log_that_was_cut_off_is_shown_as_far_as_it_goes(
    cli: Cli, script: Callable[..., None]
) -> None:
    run(cli, script)
    path = Path(".taskrunner/last-run.log")
    path.write_bytes(path.read_bytes()[:-3])
    assert cli("last", "--log", "gen").out == "made\n"


def test_only_the_first_part_of_a_large_output_is_kept(
    cli: Cli, script: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(record, "LIMIT", 6)
    run(cli, script)
    assert cli("last", "--log", "gen") == (0, "made\n", "w")
    assert cli("last", "--log", "ws#build").out == ""


def test_the_log_is_private_and_leftovers_go(cli: Cli, script: Callable[..., None]) -> None:
    directory = Path(".taskrunner")
    directory.mkdir()
    dead, alive = directory / f"{record._PARTIAL}999999999", directory / f"{record._PARTIAL}1"
    dead.touch()
    alive.touch()
    run(cli, script)
    assert stat.S_IMODE((directory / record.NAME).stat().st_mode) == 0o600
    assert not dead.exists()
    assert alive.exists()


@pytest.mark.skipif(os.geteuid() == 0, reason="root writes everywhere")
def test_a_directory_that_cant_be_written_costs_the_log_alone(
    cli: Cli, script: Callable[..., None]
) -> None:
    directory = Path(".taskrunner")
    directory.mkdir(mode=0o500)
    script(gen=Script(not_cached=Reason("store-failed")))
    assert cli("run", "gen").code == 0


def test_a_full_disk_costs_the_log_alone(
    cli: Cli, script: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(record, "NAME", "missing/last-run.log")
    script(gen=Script(output=((1, b"x"),)))
    assert cli("run", "gen").code == 0
    assert cli("last", "--log", "gen").code == 2
