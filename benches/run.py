"""What a run costs beside doing the work plainly: cold, warm, and with nothing to do.

Ratios of medians from one run on one machine, the variants interleaved:
`.venv/bin/python benches/run.py [--tasks N] [--rounds N]`.
"""

from __future__ import annotations

import argparse
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

TASKRUNNER = [sys.executable, "-m", "taskrunner"]
FILES_A_TASK = 5


def main() -> None:
    """Build a workspace, time each variant in turn, print a table."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--tasks", type=int, default=100)
    options.add_argument("--rounds", type=int, default=5)
    wanted = options.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        root = workspace(Path(scratch) / "ws", wanted.tasks)
        table(measure(variants(root, wanted.tasks), wanted.rounds), wanted.tasks)


def workspace(root: Path, tasks: int) -> Path:
    """Make a workspace in which each task compiles one small C file with its headers."""
    lines = ["[workspace]"]
    for number in range(tasks):
        unit = root / f"unit{number}"
        unit.mkdir(parents=True)
        for header in range(FILES_A_TASK):
            (unit / f"h{header}.h").write_text(f"#define H{header} {number}\n", encoding="utf-8")
        includes = "".join(f'#include "h{header}.h"\n' for header in range(FILES_A_TASK))
        (unit / "main.c").write_text(includes + f"int f{number}(void) {{ return H0; }}\n", "utf-8")
        lines += [f"[tasks.unit{number}]", f'command = "{command(number)}"']
    (root / "taskrunner.toml").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return root


def command(number: int) -> str:
    """Return the command line of one task."""
    return f"gcc -c unit{number}/main.c -o unit{number}/main.o"


def variants(root: Path, tasks: int) -> dict[str, Callable[[], None]]:
    """Return what is timed, by name; the first is what the others are compared with."""
    names = ",".join(f"unit{number}" for number in range(tasks))
    plain = " && ".join(command(number) for number in range(tasks))

    def run(*options: str) -> None:
        subprocess.run(
            [*TASKRUNNER, "run", *options, names], cwd=root, check=True, capture_output=True
        )

    def without_outputs(*options: str) -> None:
        for made in root.glob("unit*/main.o"):
            made.unlink()
        run(*options)

    def cold() -> None:
        # What others made is replaced once without being stored: here it would be the plain run's.
        shutil.rmtree(root / ".taskrunner", ignore_errors=True)
        without_outputs("--concurrency=1")

    return {
        "plain sh, one after the other": lambda: sh(plain, root),
        "untraced, uncached (--no-cache), concurrency 1": lambda: run(
            "--no-cache", "--concurrency=1"
        ),
        "first run, traced and stored, concurrency 1": cold,
        "second run, nothing to do": run,
        "outputs deleted, restored": without_outputs,
        "looking at all files (find)": lambda: sh("find . -name .taskrunner -prune -o -ls", root),
    }


def sh(line: str, root: Path) -> None:
    """Run a line plainly."""
    subprocess.run(["/bin/sh", "-c", line], cwd=root, check=True, capture_output=True)


def measure(timed: dict[str, Callable[[], None]], rounds: int) -> dict[str, float]:
    """Return the median seconds of each variant, the variants taking turns."""
    seconds: dict[str, list[float]] = {name: [] for name in timed}
    for _ in range(rounds):
        for name, work in timed.items():
            start = time.perf_counter()
            work()
            seconds[name].append(time.perf_counter() - start)
    return {name: statistics.median(taken) for name, taken in seconds.items()}


def table(medians: dict[str, float], tasks: int) -> None:
    """Print medians and ratios."""
    base = next(iter(medians.values()))
    sys.stdout.write(f"{tasks} tasks, {tasks * (FILES_A_TASK + 2)} files\n")
    for name, seconds in medians.items():
        sys.stdout.write(f"{name:<50} {seconds * 1000:9.1f} ms  {seconds / base:6.2f}\n")


if __name__ == "__main__":
    main()
