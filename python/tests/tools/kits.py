"""Where the tools under test are: the project's own, those that were fetched, the machine's."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .tool import Kit, Tool

REPOSITORY = Path(__file__).parents[3]
FETCHED = REPOSITORY / "target" / "tools"
PYTHON = FETCHED / "python" / "bin"
NODE = FETCHED / "node" / "node_modules" / ".bin"
SYSTEM = f"{sys.base_prefix}/bin:/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin"
ASKED_DEADLINE = 30.0


@cache
def kit_path(kit: Kit) -> str:
    """The PATH on which a kit's tools are found first."""
    first = {"dev": str(Path(sys.executable).parent), "python": str(PYTHON), "node": str(NODE)}
    found = [first[kit]] if kit in first else []
    return os.pathsep.join([*found, *_compilers(), SYSTEM])


@cache
def _compilers() -> tuple[str, ...]:
    """Go, and cargo itself instead of rustup's proxy, which has files of its own."""
    places = []
    if shutil.which("rustc"):
        asked = subprocess.run(
            ["rustc", "--print", "sysroot"],
            check=True, capture_output=True, text=True, timeout=ASKED_DEADLINE,
        )  # fmt: skip
        places.append(f"{asked.stdout.strip()}/bin")
    go = shutil.which("go")
    if go:
        places.append(str(Path(go).parent))
    return tuple(places)


def lacking(tool: Tool) -> list[str]:
    """The programs that a tool needs and this machine lacks."""
    path = kit_path(tool.kit)
    return [name for name in tool.needs if shutil.which(name, path=path) is None]
