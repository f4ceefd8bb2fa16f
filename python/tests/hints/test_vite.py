"""Stock Vite from the npm registry, with nothing declared but its command."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest

from ..e2e.space import Space
from ..metamorphic.case import Task
from .tool import Tool

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = [
    pytest.mark.tools,
    pytest.mark.skipif(shutil.which("node") is None, reason="needs node"),
]

SERVER = """
import { createServer } from 'vite';
const server = await createServer({ server: { middlewareMode: true, ws: false, watch: null } });
await server.close();
"""
FILES = {
    "package.json": '{"type": "module"}',
    "index.html": '<script type="module" src="/main.js"></script>',
    "main.js": "console.log(import.meta.env.VITE_LABEL, import.meta.env.MODE)",
    "dev.mjs": SERVER,
}


@pytest.fixture
def app(tmp_path: Path, modules: Path) -> Tool:
    tasks = [Task("build", "vite build"), Task("dev", "node dev.mjs")]
    tool = Tool(Space.make(tmp_path, FILES, tasks).place)
    shutil.copytree(modules, tool.root / "node_modules", symlinks=True)
    return tool


def bundle(app: Tool) -> str:
    return "".join(path.read_text() for path in (app.root / "dist/assets").iterdir())


def test_a_build_is_a_hit_the_second_time(app: Tool) -> None:
    assert app.build() == "no earlier run"
    built = bundle(app)
    assert app.build() == "hit"
    shutil.rmtree(app.root / "dist")
    assert app.build() == "hit"
    assert bundle(app) == built
    app.put("main.js", "console.log('other')")
    assert app.build() == "input changed: main.js"
    assert "other" in bundle(app)


def test_variables_make_misses_that_name_them(app: Tool) -> None:
    app.build()
    assert app.hints()["trackedEnv"] == ["NODE_ENV"]
    assert app.hints()["trackedEnvPatterns"] == ["VITE_*"]
    assert app.build(UNRELATED="x") == "hit"
    assert app.build(VITE_LABEL="from-the-runner") == "env 'VITE_LABEL' added"
    assert "from-the-runner" in bundle(app)
    assert app.build(VITE_LABEL="from-the-runner") == "hit"
    assert app.build(VITE_LABEL="changed") == "env 'VITE_LABEL' changed"
    assert "changed" in bundle(app)
    assert app.build() == "hit", "that of the first run"
    assert "changed" not in bundle(app)
    assert app.build(NODE_ENV="production") == "env 'NODE_ENV' added"
    assert app.build(NODE_ENV="development") == "env 'NODE_ENV' changed"


def test_a_variable_that_goes_is_named_too(app: Tool) -> None:
    assert app.build(VITE_LABEL="x") == "no earlier run"
    assert app.build() == "env 'VITE_LABEL' removed"


def test_a_server_is_not_cached_because_it_asked_not_to_be(app: Tool) -> None:
    run = app.run("dev")
    skip = run.one("dev").skip
    assert skip is not None, run.told()
    assert skip.kind == "disabled-by-task"
