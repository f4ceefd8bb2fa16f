"""What tracing costs: commands plain, notified, the fast way and under strace.

Ratios of medians to the untraced command, wall and processor time, the ways interleaved; first
what one call costs. Processor time is that of everything: command, tracer, start of the tracer.
Commands whose tool is missing are left out, and named. `benches/trace_overhead.py [--rounds N]
[NAME…]`.
"""

from __future__ import annotations

import argparse
import os
import shutil
import statistics
import subprocess
import tempfile
from pathlib import Path
from typing import NamedTuple

from trace_cases import HERE, Case, calls, commands

COST = HERE / "target" / "release" / "examples" / "cost"
BUILD = ["cargo", "build", "--locked", "--release", "-q", "-p", "fspy", "--example", "cost"]
STRACE = ["strace", "-f", "--seccomp-bpf", "-e", "trace=%file,getdents64", "-o", "/dev/null"]
WAYS = ("plain", "notify", "fast", "strace")


class Run(NamedTuple):
    """What one run cost, in nanoseconds, and how many calls were seen and recorded."""

    wall: float
    cpu: float
    calls: int
    recorded: int


def main() -> None:
    """Build what measures, make the trees, print the two tables."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--rounds", type=int, default=7)
    options.add_argument("names", nargs="*")
    wanted = options.parse_args()
    subprocess.run(BUILD, check=True, cwd=HERE)

    def chosen(cases: list[Case]) -> list[Case]:
        return [case for case in cases if not wanted.names or case.name in wanted.names]

    with tempfile.TemporaryDirectory() as scratch:
        per_call(chosen(calls(Path(scratch))), wanted.rounds)
        ratios(chosen(commands(Path(scratch))), wanted.rounds)


def run(case: Case, way: str) -> Run:
    """Run a command once."""
    argv = [*STRACE, *case.argv] if way == "strace" else case.argv
    before = os.times()
    command = [str(COST), "plain" if way == "strace" else way, *argv]
    done = subprocess.run(command, cwd=case.cwd, check=True, capture_output=True, text=True)
    after = os.times()
    wall, seen, recorded = map(int, done.stdout.split())
    cpu = after.children_user + after.children_system
    cpu -= before.children_user + before.children_system
    return Run(wall, cpu * 1e9, seen, recorded)


def each_way(case: Case, rounds: int) -> dict[str, list[Run]]:
    """Run a command every way in turn, once without counting."""
    ways = [way for way in WAYS if way != "strace" or shutil.which("strace")]
    for way in ways:
        run(case, way)
    runs: dict[str, list[Run]] = {way: [] for way in ways}
    for _ in range(rounds):
        for way in ways:
            runs[way].append(run(case, way))
    return runs


def medians(case: Case, rounds: int) -> dict[str, Run]:
    """Run a command every way in turn."""
    columns = {way: zip(*runs, strict=True) for way, runs in each_way(case, rounds).items()}
    return {way: Run(*map(statistics.median, column)) for way, column in columns.items()}


def per_call(chosen: list[Case], rounds: int) -> None:
    """Print what one call costs, by the loop's own clock."""
    if chosen:
        print("| one call, ns | plain | notify adds | fast adds | strace adds |")
        print("|---|---|---|---|---|")
    for case in chosen:
        found: dict[str, list[float]] = {way: [] for way in WAYS}
        for _ in range(rounds):
            for way in WAYS:
                if way != "strace" or shutil.which("strace"):
                    run(case, way)
                    found[way].append(float(Path(case.argv[-1]).read_text()))
        base = statistics.median(found["plain"])
        added = [f"{statistics.median(found[way]) - base:.0f}" for way in WAYS[1:] if found[way]]
        print(f"| {case.name} | {base:.0f} | {' | '.join(added)} |", flush=True)


def ratios(chosen: list[Case], rounds: int) -> None:
    """Print what commands cost."""
    if chosen:
        ways = "notify wall (CPU) | fast wall (CPU) | strace wall (CPU)"
        print(f"\n| command | plain ms | {ways} | goal | calls | recorded |")
        print("|---|---|---|---|---|---|---|---|")
    for case in chosen:
        if case.missing:
            print(f"| {case.name} | left out: {case.missing} |||||||", flush=True)
            continue
        try:
            print(row(case, medians(case, rounds)), flush=True)
        except subprocess.CalledProcessError as error:
            said = error.stderr.strip().splitlines()[-1:]
            print(f"| {case.name} | it failed: {' '.join(said)} |||||||", flush=True)


def row(case: Case, found: dict[str, Run]) -> str:
    """One line of the table."""
    plain, fast = found["plain"], found["fast"]
    cells = [
        f"{found[way].wall / plain.wall:.2f} ({found[way].cpu / plain.cpu:.2f})"
        for way in WAYS[1:]
        if way in found
    ]
    share = f"{100 * fast.recorded / max(fast.calls, 1):.0f} %"
    columns = [case.name, f"{plain.wall / 1e6:.1f}", *cells, case.goal, f"{fast.calls:.0f}", share]
    return f"| {' | '.join(columns)} |"


if __name__ == "__main__":
    main()
