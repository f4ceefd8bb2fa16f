"""What planning costs: workspaces of 100, 1,000 and 5,000 packages, with a task each.

Processor time of one process, medians:
`.venv/bin/python benches/plan.py [--rounds N] [--packages N ...]`.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from taskrunner import graph
from taskrunner.plan import plan
from taskrunner.query import Query
from taskrunner.select import select
from taskrunner.workspace import discover

if TYPE_CHECKING:
    from collections.abc import Callable

SIZES = (100, 1_000, 5_000)
NEEDS = (1, 2, 7)
"""How far before each package those are that it needs."""


def main() -> None:
    """Make each workspace, time each part of planning in turn, print a table."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--packages", type=int, nargs="+", default=list(SIZES))
    options.add_argument("--rounds", type=int, default=5)
    wanted = options.parse_args()
    sys.stdout.write(f"{'workspace':<24}{'packages':>9}{'discover':>10}{'select':>9}{'plan':>9}\n")
    for kind, make in KINDS.items():
        for count in wanted.packages:
            with tempfile.TemporaryDirectory() as scratch:
                root = Path(scratch)
                make(root, count)
                measured = [measure(str(root), count) for _ in range(wanted.rounds)]
            columns = [statistics.median(column) for column in zip(*measured, strict=True)]
            shown = "".join(f"{seconds * 1000:>7.0f} ms" for seconds in columns)
            sys.stdout.write(f"{kind:<24}{count:>9}{shown}\n")


def measure(root: str, count: int) -> tuple[float, float, float]:
    """Return the seconds that each part of planning `run -r build` takes."""
    times = [time.process_time()]
    workspace = discover(root)
    times.append(time.process_time())
    tasks = graph.build(workspace)
    chosen = select(tasks, Query(names="build", recursive=True), "")
    times.append(time.process_time())
    made = plan(tasks, chosen, (), os.environ)
    times.append(time.process_time())
    if len(made.actions) != count:
        raise SystemExit(f"planned {len(made.actions)} actions instead of {count}")
    return times[1] - times[0], times[2] - times[1], times[3] - times[2]


def ours(root: Path, count: int) -> None:
    """Packages with a taskrunner.toml, tasks ordered by `^build`, edges from package.json."""
    write(root, "taskrunner.toml", '[workspace]\npackages = ["pkgs/*"]\n' + DEFAULTS)
    for number in range(count):
        needs = {name(other): "workspace:*" for other in needed(number)}
        manifest = {"name": name(number), "dependencies": needs}
        write(root, f"pkgs/{name(number)}/package.json", json.dumps(manifest))
        task = '[tasks.build]\ncommand = "tsc -p ."\nenv = ["MODE"]\n'
        write(root, f"pkgs/{name(number)}/taskrunner.toml", task)


def scripts(root: Path, count: int) -> None:
    """Packages of npm, tasks ordered by package edges alone."""
    write(root, "package.json", '{"workspaces": ["pkgs/*"]}')
    for number in range(count):
        needs = {name(other): "^1.0.0" for other in needed(number)} | {"react": "^19.0.0"}
        manifest = {"name": name(number), "version": "1.2.0", "dependencies": needs}
        manifest["scripts"] = {"build": "tsc -b", "test": "vitest", "lint": "eslint ."}
        write(root, f"pkgs/{name(number)}/package.json", json.dumps(manifest))


def uv(root: Path, count: int) -> None:
    """Python packages, configured in their pyproject.toml."""
    head = '[tool.uv.workspace]\nmembers = ["pkgs/*"]\n[tool.uv.sources]\n'
    sources = "".join(f"{name(number)} = {{ workspace = true }}\n" for number in range(count))
    write(root, "pyproject.toml", head + sources)
    for number in range(count):
        needs = json.dumps([*map(name, needed(number)), "requests>=2", "attrs"])
        text = f'[project]\nname = "{name(number)}"\nversion = "1.0"\ndependencies = {needs}\n'
        text += '[build-system]\nrequires = ["uv_build"]\nbuild-backend = "uv_build"\n'
        text += '[tool.taskrunner.tasks.build]\ncommand = "pytest"\n'
        write(root, f"pkgs/{name(number)}/pyproject.toml", text)


DEFAULTS = '[task-defaults.build]\ndepends-on = ["^build"]\noutput = ["dist/"]\n'
KINDS: dict[str, Callable[[Path, int], None]] = {
    "taskrunner.toml": ours,
    "npm scripts": scripts,
    "uv": uv,
}


def name(number: int) -> str:
    """Return a package's name; names are in the order in which packages need each other."""
    return f"package-{number:05}"


def needed(number: int) -> list[int]:
    """Return the packages that one needs."""
    return [number - step for step in NEEDS if step <= number]


def write(root: Path, path: str, text: str) -> None:
    """Write a file, and make its directory."""
    (root / path).parent.mkdir(parents=True, exist_ok=True)
    (root / path).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
