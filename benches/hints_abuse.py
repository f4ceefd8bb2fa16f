"""What abuse of the hint protocol costs a real run, beside the same command without its hints.

    python benches/hints_abuse.py [--rounds N]        prints the table of docs/protocol.md

Each command is a task of its own, run by `taskrunner run --force`: with the ways in as they are,
and with nobody to listen. Seconds are of the whole run, medians; CPU time and memory are the
runner's own. Wants a release build (`make build`).
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT / "python"), str(ROOT)]

from python.tests.hints.harness import (  # noqa: E402  # after the path
    CLIENTS,
    CONNECT,
    HERE,
    MILLION,
)

NAMES = ("TASKRUNNER_CHANNEL", "TASK_RUNNER_HINTS", "TASKRUNNER_ENV_SNAPSHOT")

# With the word `alone` nobody is there to listen: the same work, its words going nowhere.
PREAMBLE = f"""
import os, sys, time
sys.path.insert(0, {str(CLIENTS)!r})
if "alone" in sys.argv:
    for name in {NAMES}: os.environ.pop(name, None)
from taskrunner.client import get_env, ignore_input
{CONNECT}
if "alone" in sys.argv:
    class Nobody:
        def sendall(self, data): pass
        def recv(self, size, flags=0): return bytes(size)
    def connect(): return Nobody()
    def append(data):
        with open(os.devnull, "ab") as f: f.write(data)
"""

COMMANDS = {
    "a million hints by the channel, a hundred distinct": MILLION["channel"],
    "a million hints by the channel, all distinct": """
s = connect()
for at in range(0, 1_000_000, 100):
    s.sendall(b"".join(frame(body(2, os.getcwdb() + b"/%d" % n)) for n in range(at, at + 100)))
    for _ in range(100): receive(s)
""",
    "a million hints by the file, a hundred distinct": MILLION["file"],
    "a million hints by the file, all distinct": """
append(b"".join(b'{"op":"ignoreInput","path":"%d"}\\n' % n for n in range(1_000_000)))
""",
    "a line of 100 MB": 'append(b"x" * 100_000_000 + b"\\n")',
    "a frame of 100 MB": "connect().sendall(frame(bytes(100_000_000)))",
    "frames and never reads, until it is cut off": """
s = connect()
one = frame(body(2, os.getcwdb() + b"/x")) * 1000
try:
    for _ in range(1000): s.sendall(one)
except OSError: pass
""",
    "100 hints from each of 200 processes at once": """
for n in range(200):
    if not os.fork():
        for m in range(100): ignore_input(f"{n}/{m}")
        os._exit(get_env("LANG") != os.environ.get("LANG"))
assert all(os.wait()[1] == 0 for n in range(200))
""",
    "one hint, its daemon holding the channel for 10 s": """
if not os.fork():
    os.setsid()
    for n in range(3): os.close(n)
    ignore_input("daemon"); s = connect(); time.sleep(10)
    os._exit(0)
time.sleep(0.2)
""",
    "10,000 hints, AF_UNIX forbidden": """
for n in range(10_000): ignore_input(str(n))
assert get_env("LANG") == os.environ.get("LANG")
""",
}

# Tells what it took itself: what a parent is told of it includes its children.
RUNNER = """
import atexit, resource, runpy, sys
took = sys.argv.pop(1)
def tell():
    mine = resource.getrusage(resource.RUSAGE_SELF)
    with open(took, "w") as file: print(mine.ru_utime + mine.ru_stime, mine.ru_maxrss, file=file)
atexit.register(tell)
runpy.run_module("taskrunner", run_name="__main__")
"""


class Measured(NamedTuple):
    """What a run took."""

    seconds: float
    cpu: float
    mebibytes: float
    ended: str
    """What became of the result, or of the tool."""


def main() -> None:
    """Make a workspace of all commands, run each in both ways, print a table."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--rounds", type=int, default=3)
    rounds = options.parse_args().rounds
    print("| a tool that sends … | seconds: with hints, without | runner's CPU | MiB | result |")
    print("|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as scratch:
        space = workspace(Path(scratch, "ws"))
        for number, what in enumerate(COMMANDS):
            told, alone = measure(space, number, rounds)
            ratio = told.seconds / alone.seconds
            seconds = f"{told.seconds:.2f}, {alone.seconds:.2f} (x {ratio:.1f})"
            own = f"{told.cpu:.2f}, {alone.cpu:.2f} | {told.mebibytes:.0f}, {alone.mebibytes:.0f}"
            print(f"| {what} | {seconds} | {own} | {told.ended} |", flush=True)


def workspace(space: Path) -> Path:
    """Make a workspace with two tasks for each command: `toldN` and `aloneN`."""
    space.mkdir()
    lines = ["[workspace]"]
    for number, (what, code) in enumerate(COMMANDS.items()):
        (space / f"tool{number}").mkdir()
        (space / f"tool{number}/tool.py").write_text(PREAMBLE + code, "utf-8")
        forbidden = f"{sys.executable} {HERE / 'forbid_unix.py'} " * ("AF_UNIX" in what)
        command = f"{forbidden}{sys.executable} tool{number}/tool.py"
        lines += [f"[tasks.told{number}]", f"command = {json.dumps(command)}"]
        lines += [f"[tasks.alone{number}]", f"command = {json.dumps(command + ' alone')}"]
    (space / "taskrunner.toml").write_text("\n".join(lines) + "\n", "utf-8")
    return space


def measure(space: Path, number: int, rounds: int) -> tuple[Measured, Measured]:
    """Run a command with its hints and without, in turns."""
    told, alone = [], []
    for _ in range(rounds):
        told.append(run(space, f"told{number}"))
        alone.append(run(space, f"alone{number}"))
    return median(told), median(alone)


def median(runs: list[Measured]) -> Measured:
    """Return the medians of figures, and how the last run ended."""
    figures = (statistics.median(each) for each in zip(*(run[:3] for run in runs), strict=True))
    return Measured(*figures, runs[-1].ended)


def run(space: Path, task: str) -> Measured:
    """Run a task and return what it took."""
    summary, took = space.with_name("summary.json"), space.with_name("took")
    command = [sys.executable, "-c", RUNNER, str(took), "run", "--force"]
    began = time.perf_counter()
    done = subprocess.run(
        [*command, f"--summarize={summary}", task],
        cwd=space,
        env={**os.environ, "PYTHONPATH": str(CLIENTS)},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=False,
    )
    seconds = time.perf_counter() - began
    if done.returncode:
        raise SystemExit(done.stdout.decode() + done.stderr.decode())
    (step,) = json.loads(summary.read_text("utf-8"))["tasks"]
    skipped = step["cacheSkipReason"]
    ended = f"not cached: `{skipped['kind']}`" if skipped else "cached"
    cpu, kibibytes = map(float, took.read_text("utf-8").split())
    return Measured(seconds, cpu, kibibytes / 1024, ended)


if __name__ == "__main__":
    main()
