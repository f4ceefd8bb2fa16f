"""Every case, with the installed command."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import pytest

from . import cases_files, cases_runs, cases_text, cases_tools, cases_trees
from .harness import Harness
from .runner import CommandRunner
from .workspace import missing

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from .case import Case

# Cases of more edits are left out of `make check`, which has two minutes for everything.
QUICK_CHANGES = 2

PLAIN = [
    *cases_files.CASES,
    *cases_text.CASES,
    *cases_trees.CASES,
    *cases_tools.CASES,
    *cases_runs.CASES,
]


def _marks(case: Case) -> list[pytest.MarkDecorator]:
    return [pytest.mark.slow] if case.slow or len(case.changes) > QUICK_CHANGES else []


NEEDS_GCC = pytest.mark.skipif(bool(missing(["gcc"])), reason="not on this machine: gcc")
PARAMETERS = [
    *(
        pytest.param(partial(lambda case: case, case), id=case.name, marks=_marks(case))
        for case in PLAIN
    ),
    *(pytest.param(build, id=build.__name__, marks=NEEDS_GCC) for build in cases_tools.BUILT),
]


@pytest.mark.parametrize("make", PARAMETERS)
def test_case(make: Callable[[], Case], tmp_path: Path) -> None:
    case = make()
    lacking = missing(case.needs)
    if lacking:
        pytest.skip(f"not on this machine: {', '.join(lacking)}")
    Harness(case, CommandRunner(), tmp_path).check()


def test_names_are_distinct() -> None:
    names = [case.name for case in PLAIN]
    assert len(set(names)) == len(names)
