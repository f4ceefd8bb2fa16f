"""One table, through the whole run: each verb, by each way in, and its effect on the cache.

The table is that of docs/protocol.md.
"""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, NamedTuple

import pytest

from ..e2e.space import Space
from ..metamorphic.case import Task
from .harness import CLIENTS, HERE
from .tool import FILE_ALONE, Tool

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

SPEAKERS = HERE / "speakers"
PYTHON = f"env PYTHONPATH={CLIENTS} python3 say/say.py"


class Way(NamedTuple):
    command: str
    needs: str | None = None
    """A program that has to be there."""
    package: str | None = None
    """A package of the npm registry that is imported."""
    verbs: str = "all"
    """`vite`: it has only the verbs of Vite's client."""
    asks: bool = True
    """Whether the runner answers its questions."""


WAYS = {
    "python": Way(PYTHON),
    "python by the file": Way(f"{FILE_ALONE} {PYTHON}", asks=False),
    "rust": Way("{say}"),
    "node addon": Way("node say/say.mjs addon", "node"),
    "@voidzero-dev/vite-task-client": Way(
        "node say/say.mjs @voidzero-dev/vite-task-client",
        "node",
        "@voidzero-dev/vite-task-client",
        verbs="vite",
    ),
    "@visulima/task-runner-client": Way(
        "node say/say.mjs @visulima/task-runner-client",
        "node",
        "@visulima/task-runner-client",
        asks=False,
    ),
}

# What the step does besides: reads, writes and looks at everything that a verb may be about.
WORK = """
cat noise/x > /dev/null; cat in.txt > out.txt
echo + > log.txt
mkdir -p more && echo b > more/b
"""
FILES = {"work/work.sh": WORK, "in.txt": "one", "noise/x": "1", "data/x": "1"}


def ignored_input(tool: Tool, way: Way) -> None:
    assert tool.build() == "no earlier run"
    tool.put("noise/x", "2")
    assert tool.build() == "hit"


def ignored_output(tool: Tool, way: Way) -> None:
    assert tool.build() == "no earlier run"
    tool.remove("log.txt", "out.txt")
    assert tool.build() == "hit"
    assert not (tool.root / "log.txt").exists()
    assert tool.read("out.txt") == "one"


def tracked_input(tool: Tool, way: Way) -> None:
    assert tool.build() == "no earlier run"
    assert tool.build() == "hit"
    tool.put("data/x", "2")
    assert tool.build() == "files matching a pattern changed: data"


def tracked_output(tool: Tool, way: Way) -> None:
    assert tool.build() == "no earlier run"
    tool.remove("more/b", "log.txt")
    assert tool.build() == "hit"
    assert tool.read("more/b") == "b\n"
    assert not (tool.root / "log.txt").exists(), "without the verb it is no output here"


def not_cached(kind: str) -> Callable[[Tool, Way], None]:
    def effect(tool: Tool, way: Way) -> None:
        assert tool.build() == f"not cached: {kind}"

    return effect


def variable(name: str) -> Callable[[Tool, Way], None]:
    def effect(tool: Tool, way: Way) -> None:
        first = tool.build(**{name: "found-it"})
        assert (b"found-it" in tool.printed()) == way.asks
        assert first == ("no earlier run" if way.asks else "not cached: withheld-variable")
        if not way.asks:
            tool.build(**{name: "found-it"})
            assert b"found-it" in tool.printed()
        assert tool.build(**{name: "found-it"}) == "hit"
        assert tool.build(**{name: "other"}) == f"env '{name}' changed"
        assert tool.build() == f"env '{name}' removed"

    return effect


class Row(NamedTuple):
    said: str
    effect: Callable[[Tool, Way], None]
    output: tuple[str, ...] | None = None
    """The task's `output`, if not inferred."""
    vite: bool = True
    """Whether Vite's client has the verb."""
    visulima: bool = True
    """Whether visulima's client has it."""


TABLE = {
    "ignore_input": Row("ignore_input noise", ignored_input),
    "ignore_output": Row("ignore_output log.txt", ignored_output),
    "track_input": Row("track_input data", tracked_input, vite=False),
    "track_output": Row("track_output more", tracked_output, ("out.txt",), vite=False),
    "track_value": Row("track_value rev abc", not_cached("tracked-value"), vite=False),
    "get_env": Row("get_env API_URL", variable("API_URL")),
    "get_envs_glob": Row("get_envs_glob 'VITE_*'", variable("VITE_A")),
    "get_envs_prefix": Row("get_envs_prefix VITE_", variable("VITE_A"), visulima=False),
    "disable_cache": Row("disable_cache", not_cached("disabled-by-task")),
}


def cells() -> list[object]:
    found = []
    for verb, row in TABLE.items():
        for name, way in WAYS.items():
            absent = (way.verbs == "vite" and not row.vite) or (
                "visulima" in name and not row.visulima
            )
            marks = [pytest.mark.tools] if way.package else []
            if not absent:
                found.append(pytest.param(row, way, id=f"{verb} by {name}", marks=marks))
    return list(found)


@pytest.mark.parametrize(("row", "way"), cells())
def test_verb_by_way_and_effect(
    row: Row,
    way: Way,
    tmp_path: Path,
    programs: Mapping[str, str],
    request: pytest.FixtureRequest,
) -> None:
    if way.needs and shutil.which(way.needs) is None:
        pytest.skip(f"needs {way.needs}")
    says = way.command.replace("{say}", programs["say"])
    task = Task(
        "build",
        f"sh -c '{says} {row.said.replace(chr(39), chr(34))}; sh work/work.sh'",
        keys={"output": row.output} if row.output else {},
    )
    files = {
        **FILES,
        "say/say.py": (SPEAKERS / "say.py").read_text(),
        "say/say.mjs": (SPEAKERS / "say.mjs").read_text(),
    }
    tool = Tool(Space.make(tmp_path, files, [task]).place)
    if way.package:
        modules: Path = request.getfixturevalue("modules")
        shutil.copytree(modules, tool.root / "node_modules", symlinks=True)
    row.effect(tool, way)
