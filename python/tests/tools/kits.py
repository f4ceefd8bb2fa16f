"""Where the tools under test are: the project's own, those that were fetched, the machine's."""

from __future__ import annotations

import json
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
MODULES = FETCHED / "node" / "node_modules"
NODE = MODULES / ".bin"
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


def install(packages: tuple[str, ...], place: Path) -> None:
    """Copy npm packages, all they need, and their programs into a new directory."""
    place.mkdir()
    for name in sorted(_needed(packages)):
        target = place / name
        target.parent.mkdir(exist_ok=True)
        subprocess.run(["cp", "-a", str(MODULES / name), str(target)], check=True)
    (place / ".bin").mkdir()
    for program in NODE.iterdir():
        link = program.readlink()
        if (place / ".bin" / link).exists():
            (place / ".bin" / program.name).symlink_to(link)


def _needed(packages: tuple[str, ...]) -> set[str]:
    """The packages that have to be installed, by the names of their directories."""
    locked = json.loads((FETCHED / "node" / "package-lock.json").read_text())["packages"]
    todo, needed = list(packages), set()
    while todo:
        name = todo.pop()
        if name in needed or not (MODULES / name).is_dir():
            continue
        needed.add(name)
        inside = f"node_modules/{name}"
        for path, package in locked.items():
            if path == inside or path.startswith(f"{inside}/"):
                for kind in ("dependencies", "optionalDependencies", "peerDependencies"):
                    todo += package.get(kind, ())
    return needed


def lacking(tool: Tool) -> list[str]:
    """The programs that a tool needs and this machine lacks."""
    path = kit_path(tool.kit)
    return [name for name in tool.needs if shutil.which(name, path=path) is None]
