"""Real tools, nothing declared: hits, restores, freshness, undos and clones, one tool at a time.

`make test-tools` fetches the tools first and writes the table `docs/tools.md`.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from ..metamorphic.surroundings import directory_outside
from . import tools_native, tools_node, tools_python
from .bench import Bench
from .kits import lacking

if TYPE_CHECKING:
    from .tool import Tool

TOOLS = [*tools_python.TOOLS, *tools_node.TOOLS, *tools_native.TOOLS]
ROWS = os.environ.get("TASKRUNNER_TOOL_ROWS")
MAY_STAY_UNCACHED = 4
QUICK = 8


def _marks(tool: Tool) -> list[pytest.MarkDecorator]:
    kind = [pytest.mark.slow] if tool.quick and not ROWS else [pytest.mark.tools]
    if tool.not_yet:
        kind.append(pytest.mark.xfail(reason=tool.not_yet, strict=False))
    return [*kind, pytest.mark.timeout(900), pytest.mark.xdist_group("tools")]


@pytest.mark.parametrize(
    "tool", [pytest.param(tool, id=tool.name, marks=_marks(tool)) for tool in TOOLS]
)
def test_tool(tool: Tool) -> None:
    absent = lacking(tool)
    if absent:
        pytest.skip(
            f"not on this machine: {', '.join(absent)}; scripts/fetch-tools fetches what it can"
        )
    # A home below a temporary directory would make every file in it a temporary one.
    with directory_outside() as base:
        row = Bench(tool, base).go()
    if ROWS:
        name = tool.name.replace("/", "-").replace(" ", "-")
        Path(ROWS, f"{name}.json").write_text(json.dumps(row.as_json(), indent=2))
    told = "\n".join(row.notes)
    if tool.uncached is None:
        assert row.broken() == [], told
    else:
        assert row.fresh, told
        assert not row.hit, "it is a hit now: say so in its `uncached`"


def test_few_stay_uncached() -> None:
    assert sum(tool.uncached is not None for tool in TOOLS) <= MAY_STAY_UNCACHED


def test_names_are_distinct() -> None:
    assert len({tool.name for tool in TOOLS}) == len(TOOLS)


def test_enough_are_quick() -> None:
    assert sum(tool.quick and tool.not_yet is None for tool in TOOLS) >= QUICK
