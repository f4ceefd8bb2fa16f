"""The documents name what there is."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from taskrunner import config, env_vars, environ, reasons
from taskrunner.cli.run import command

DOCS = Path(__file__).parents[3] / "docs"


@pytest.mark.parametrize("kind", [*reasons.MISS_KINDS, *reasons.NOT_CACHED_KINDS])
def test_every_reason_is_documented(kind: str) -> None:
    assert f"`{kind}`" in (DOCS / "cli.md").read_text()


def test_every_scenario_has_its_test() -> None:
    text = (DOCS / "semantics.md").read_text()
    table = text.partition("## Scenarios")[2].partition("\n## ")[0]
    tests = [cell for line in table.splitlines() for cell in line.split("|")[2:3]]
    names = [name for cell in tests for name in re.findall(r'`(\w+)`|("[^"]+")', cell)]
    assert len(names) > 38
    root = DOCS.parent
    sources = [*root.glob("crates/*/tests/**/*.rs"), *root.glob("crates/*/src/*.rs")]
    sources += (root / "python/tests").glob("*/*.py")
    code = "".join(path.read_text() for path in sources)
    wanted = [f" {function}(" if function else quoted for function, quoted in names]
    assert [want for want in wanted if want not in code] == []


def test_every_option_is_documented() -> None:
    text = (DOCS / "cli.md").read_text()
    options = [name for param in command.params for name in param.opts if name.startswith("-")]
    assert "--log" in options
    assert [name for name in options if f"`{name}" not in text] == []


def test_every_variable_is_documented() -> None:
    text = (DOCS / "cli.md").read_text()
    names = [value for name, value in vars(env_vars).items() if name.isupper()]
    assert [name for name in names if f"`{name}`" not in text] == []


def test_every_key_is_documented() -> None:
    text = (DOCS / "configuration.md").read_text()
    keys = [*config.TASK_KEYS, *config._CACHE_KEYS, *config._WORKSPACE_KEYS]
    assert [key for key in keys if f"`{key}`" not in text] == []
    tables = [f"`[{key}]`" for key in config.CONFIG_KEYS if key != "tasks"]
    assert [table for table in tables if table not in text] == []


def test_every_passed_variable_is_documented() -> None:
    text = (DOCS / "configuration.md").read_text()
    names = [*environ.TRACKED, *environ.UNTRACKED]
    assert [name for name in names if f"`{name}`" not in text] == []
