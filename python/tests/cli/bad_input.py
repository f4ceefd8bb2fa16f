"""Bad input and the exact message about it: exit code 2, and nothing run."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ..conftest import MakeWorkspace
    from .conftest import Cli, Engines

Cases = dict[str, tuple[Mapping[str, str], str]]
"""By name the files of a workspace, and what is said of them; `*` stands for the rest of a line."""

GOOD = '[tasks.build]\ncommand = "make"\n'
MEMBERS = '[workspace]\npackages = ["libs/*"]\n'


def check(
    case: tuple[Mapping[str, str], str], make_workspace: MakeWorkspace, cli: Cli, engines: Engines
) -> None:
    """Run `build` in a workspace, which must say what is expected and do nothing."""
    files, expected = case
    make_workspace(files)
    result = cli("run", "build")
    start, star, end = expected.partition("*\n")
    assert result.err.startswith(start)
    assert result.err.endswith(end)
    assert star or result.err == expected
    assert (result.code, result.out, engines) == (2, "", [])
