"""Real tools, nothing declared: hits, restores, freshness, undos and clones, one tool at a time.

`make test-tools` fetches the tools first and writes the table `docs/tools.md`. The workspace lies
beside the home directory there, or where `TASKRUNNER_TOOLS_PLACE` says; the few of `make test` lie
in different places.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from . import tools_native, tools_node, tools_python
from .bench import Bench, Row
from .kits import lacking
from .where import PLACES

if TYPE_CHECKING:
    from .tool import Tool

TOOLS = [*tools_python.TOOLS, *tools_node.TOOLS, *tools_native.TOOLS]
PLACE = os.environ.get("TASKRUNNER_TOOLS_PLACE")
ROWS = os.environ.get("TASKRUNNER_TOOL_ROWS")
MAY_STAY_UNCACHED = 4
QUICK = 8


def _marks(tool: Tool) -> list[pytest.MarkDecorator]:
    kind = [pytest.mark.slow] if tool.quick and not ROWS else [pytest.mark.tools]
    if tool.not_yet:
        kind.append(pytest.mark.xfail(reason=tool.not_yet, strict=False))
    return [*kind, pytest.mark.timeout(1800), pytest.mark.xdist_group("tools")]


@pytest.mark.parametrize(
    "tool", [pytest.param(tool, id=tool.name, marks=_marks(tool)) for tool in TOOLS]
)
def test_tool(tool: Tool) -> None:
    absent = lacking(tool)
    if absent:
        pytest.skip(
            f"not on this machine: {', '.join(absent)}; scripts/fetch-tools fetches what it can"
        )
    with PLACES[_place(tool)]() as where:
        row = Bench(tool, where).go()
    if ROWS:
        _keep(row)
    told = "\n".join(row.notes)
    if tool.uncached is None:
        assert row.broken() == [], told
    else:
        assert row.fresh, told
        assert not row.hit, "it is a hit now: say so in its `uncached`"


def _place(tool: Tool) -> str:
    """Where the workspace lies: one tool after the other elsewhere, but for the table."""
    if PLACE or ROWS or not tool.quick:
        return PLACE or "beside"
    return list(PLACES)[[one for one in TOOLS if one.quick].index(tool) % len(PLACES)]


def _keep(row: Row) -> None:
    """Leave a row for `scripts/tools_table.py`."""
    name = row.tool.replace("/", "-").replace(" ", "-")
    Path(str(ROWS), f"{name}.json").write_text(json.dumps(row.as_json(), indent=2))


def test_few_stay_uncached() -> None:
    assert sum(tool.uncached is not None for tool in TOOLS) <= MAY_STAY_UNCACHED


def test_names_are_distinct() -> None:
    assert len({tool.name for tool in TOOLS}) == len(TOOLS)


def test_enough_are_quick() -> None:
    assert sum(tool.quick and tool.not_yet is None for tool in TOOLS) >= QUICK
