"""What planning and scheduling cost as workspaces grow: 100, 1,000 and 5,000 tasks.

No command is run: an engine that does nothing answers at once, so that all that is measured is
reading the configuration, the graph, the plan and the schedule, in seconds of the processor. What
should grow with the number of tasks is given per task; a cliff shows as a ratio well above 1 from
one size to the next: `.venv/bin/python benches/schedule.py [--sizes 100,1000,5000] [--rounds N]`.
"""

from __future__ import annotations

import argparse
import hashlib
import statistics
import sys
import tempfile
import time
from collections import deque
from pathlib import Path
from typing import TYPE_CHECKING

sys.path.insert(0, str(Path(__file__).parents[1] / "python/tests/unit"))

import fake_engine
from fake_engine import Checked, Event

fake_engine.install()
sys.modules["taskrunner._native"].__dict__["Step"] = dict  # light

from taskrunner import graph, plan, workspace  # noqa: E402 - after the engine is in its place
from taskrunner.cache import Policy  # noqa: E402
from taskrunner.execute import Bridge  # noqa: E402
from taskrunner.schedule import Options, Schedule  # noqa: E402
from taskrunner.select import Selection  # noqa: E402

if TYPE_CHECKING:
    from collections.abc import Callable

PLACES = 8
PER_PACKAGE = 5
"""Tasks of a package: build, test, lint, types, docs."""
NEEDS = 3
"""How many packages a package needs."""

Times = dict[str, float]


def main() -> None:
    """Time each shape and size in turn, and print a table."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--sizes", default="100,1000,5000")
    options.add_argument("--rounds", type=int, default=5)
    wanted = options.parse_args()
    sizes = [int(size) for size in wanted.sizes.split(",")]
    for name, shape in SHAPES.items():
        with tempfile.TemporaryDirectory() as scratch:
            roots = {size: shape(Path(scratch) / str(size), size) for size in sizes}
            measured = measure(roots, wanted.rounds)
        table(name, measured)


def packages(root: Path, tasks: int) -> Path:
    """Make packages of five tasks each, in layers, as monorepos are."""
    count = tasks // PER_PACKAGE
    names = ["build", "test", "lint", "types", "docs"]
    for number in range(count):
        unit = root / f"p{number}"
        unit.mkdir(parents=True)
        needed = ", ".join(f'"p{n}#build"' for n in range(max(0, number - NEEDS), number))
        lines = [f'[tasks.build]\ncommand = "build"\ndepends-on = [{needed}]']
        lines += [
            f'[tasks.{name}]\ncommand = "{name}"\ndepends-on = ["build"]' for name in names[1:]
        ]
        (unit / "taskrunner.toml").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return _rooted(root, 'packages = ["p*"]')


def chain(root: Path, tasks: int) -> Path:
    """Make one long chain: each task needs the one before it."""
    root.mkdir(parents=True)
    lines = [""]
    for number in range(tasks):
        needed = f'"t{number - 1}"' if number else ""
        lines.append(f'[tasks.t{number}]\ncommand = "run"\ndepends-on = [{needed}]')
    return _rooted(root, "\n".join(lines))


def wide(root: Path, tasks: int) -> Path:
    """Make tasks that have nothing to do with each other, and one that needs them all."""
    root.mkdir(parents=True)
    lines = [""] + [f'[tasks.t{number}]\ncommand = "run"' for number in range(tasks - 1)]
    needed = ", ".join(f'"t{number}"' for number in range(tasks - 1))
    lines.append(f'[tasks.all]\ncommand = "run"\ndepends-on = [{needed}]')
    return _rooted(root, "\n".join(lines))


def _rooted(root: Path, text: str) -> Path:
    (root / "taskrunner.toml").write_text(f"[workspace]\n{text}\n", encoding="utf-8")
    return root


SHAPES: dict[str, Callable[[Path, int], Path]] = {
    "packages of five tasks": packages,
    "one chain": chain,
    "all independent": wide,
}


def measure(roots: dict[int, Path], rounds: int) -> dict[int, Times]:
    """Return the median seconds of each part, the sizes taking turns."""
    taken: dict[int, list[Times]] = {size: [] for size in roots}
    for _ in range(rounds):
        for size, root in roots.items():
            taken[size].append(once(root))
    return {
        size: {part: statistics.median(run[part] for run in runs) for part in runs[0]}
        for size, runs in taken.items()
    }


def once(root: Path) -> Times:
    """Go from the files to the end of two runs, one of misses and one of hits."""
    times: Times = {}

    def timed(part: str, work: Callable[[], object]) -> object:
        start = time.process_time()
        result = work()
        times[part] = time.process_time() - start
        return result

    found = timed("read", lambda: workspace.discover(str(root)))
    tasks = timed("graph", lambda: graph.build(found))  # type: ignore[arg-type] # as made above
    everything = Selection(tuple(range(len(tasks.tasks))), {}, depends=True)  # type: ignore[attr-defined] # as made above
    planned = timed("plan", lambda: plan.plan(tasks, everything, (), {}))  # type: ignore[arg-type] # as above
    for part, hit in (("misses", False), ("hits", True)):
        engine = Engine(hit=hit)
        bridge = timed("hand over", lambda: Bridge(engine, planned, Policy()))  # type: ignore[arg-type] # noqa: B023 - called at once
        schedule = Schedule(planned, bridge, Options(PLACES), lambda _: None)  # type: ignore[arg-type] # as above
        timed(part, schedule.run)
    return times


class Engine:
    """Answers at once: everything is a hit, or runs and is stored."""

    fidelity = "notify"

    def __init__(self, *, hit: bool) -> None:
        self._hit = hit
        self._events: deque[Event] = deque()

    def keyed_digest(self, data: bytes) -> bytes:
        """Return any digest."""
        return hashlib.blake2b(data, digest_size=32).digest()

    def add(self, step: object) -> None:
        """Take a step."""

    def check(self, steps: list[int]) -> list[Checked]:
        """Give the same answer to all."""
        return [Checked(step, self._hit, None, 0.0) for step in steps]

    def restore(self, step: int) -> None:
        """Restore at once."""
        self._events.append(Event("restored", step, ok=True))

    def replay(self, step: int) -> list[tuple[int, bytes]]:
        """Return no output."""
        del step
        return []

    def run(self, step: int) -> None:
        """Run in no time."""
        self._events.append(Event("started", step))
        self._events.append(Event("exited", step, code=0))

    def record(self, step: int) -> None:
        """Store in no time."""
        self._events.append(Event("judged", step, ok=True))
        self._events.append(Event("stored", step, ok=True))

    def next_events(self, limit: int, timeout: float) -> list[Event]:
        """Return what happened."""
        del timeout
        return [self._events.popleft() for _ in range(min(limit, len(self._events)))]


def table(name: str, measured: dict[int, Times]) -> None:
    """Print milliseconds, microseconds a task, and how the latter grew from the size before."""
    sys.stdout.write(f"{name}\n")
    sizes = list(measured)
    for part in measured[sizes[0]]:
        cells, before = [], None
        for size in sizes:
            each = measured[size][part] / size * 1e6
            grown = f"x{each / before:.2f}" if before else ""
            cells.append(f"{measured[size][part] * 1000:9.1f} ms {each:7.1f} us {grown:>6}")
            before = each
        sys.stdout.write(f"  {part:<10} {'  '.join(cells)}\n")


if __name__ == "__main__":
    main()
