"""Every case is sound by itself: its command works plainly, and its edits fit its files."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from .reference import Plain, Reference
from .test_cases import PLAIN
from .tree import differences
from .workspace import missing

if TYPE_CHECKING:
    from pathlib import Path

    from .case import Case


def _reference(case: Case) -> Reference:
    return Reference(
        case.files, case.tasks, case.ordered(), case.conditions, case.git, case.neutral
    )


@pytest.mark.parametrize("case", PLAIN, ids=lambda case: case.name)
def test_reference(case: Case, tmp_path: Path) -> None:
    lacking = missing(case.needs)
    if lacking:
        pytest.skip(f"not on this machine: {', '.join(lacking)}")
    reference = _reference(case)
    first = reference.result(tmp_path / "first")
    assert first.code == 0, first.stderr
    assert differences(first.tree, reference.result(tmp_path / "again").tree) == []
    assert first.stdout or first.outputs or case.neutral or case.git
    for index, change in enumerate(case.changes):
        edited = reference.result(tmp_path / str(index), change.edit)
        if not change.runs:
            assert _told(edited) == _told(first), change


def _told(plain: Plain) -> tuple[int, bytes, bytes]:
    return plain.code, plain.stdout, plain.stderr
