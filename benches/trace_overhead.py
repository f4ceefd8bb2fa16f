"""What tracing costs: commands plain, notified, the fast way and under strace.

Ratios of medians to the untraced command, wall and processor time, the ways interleaved; first
what one call costs. Processor time is that of everything: command, tracer, start of the tracer.
Commands whose tool is missing are left out. `benches/trace_overhead.py [--rounds N] [NAME…]`.
"""

from __future__ import annotations

import argparse
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple

HERE = Path(__file__).resolve().parent.parent
COST = HERE / "target" / "release" / "examples" / "cost"
BUILD = ["cargo", "build", "--locked", "--release", "-q", "-p", "fspy", "--example", "cost"]
STRACE = ["strace", "-f", "--seccomp-bpf", "-e", "trace=%file,getdents64", "-o", "/dev/null"]
WAYS = ("plain", "notify", "fast", "strace")
CALLS = 100_000
LOOP = """
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
int main(int argc, char **argv) {
  struct stat s;
  char name[] = "file0000";
  for (long i = 0, n = atol(argv[2]); i < n; i++) {
    name[4] = '0' + i / 1000 % 10, name[5] = '0' + i / 100 % 10;
    name[6] = '0' + i / 10 % 10, name[7] = '0' + i % 10;
    if (argv[1][0] == 's') stat(name, &s);
    if (argv[1][0] == 'r') stat("file0000", &s);
    if (argv[1][0] == 'o') close(open(name, O_RDONLY));
    if (argv[1][0] == 'a') name[0] = 'n', stat(name, &s);
  }
}
"""


class Case(NamedTuple):
    """A command, and the directory it runs in."""

    name: str
    argv: list[str]
    cwd: Path


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
    with tempfile.TemporaryDirectory() as scratch:
        each, whole = cases(Path(scratch))
        chosen = [case for case in each if not wanted.names or case.name in wanted.names]
        per_call(chosen, wanted.rounds)
        chosen = [case for case in whole if not wanted.names or case.name in wanted.names]
        ratios([case for case in chosen if shutil.which(case.argv[0])], wanted.rounds)


def cases(scratch: Path) -> tuple[list[Case], list[Case]]:
    """Loops of single calls, and commands."""
    files, sources, clone = scratch / "files", scratch / "c", scratch / "clone"
    for path in (files, sources, clone):
        path.mkdir()
    for number in range(10_000):
        (files / f"file{number:04}").touch()
    (files / "loop.c").write_text(LOOP)
    subprocess.run(["gcc", "-O1", "-w", "-o", "loop", "loop.c"], check=True, cwd=files)
    names = {"stat": "s", "stat again": "r", "open": "o", "absent": "a"}
    loop = str(files / "loop")
    each = [Case(name, [loop, letter, str(CALLS)], files) for name, letter in names.items()]
    python = [sys.executable]
    whole = [
        Case("200 x /bin/true", shell(TRUE), scratch),
        Case("git status", ["git", "status"], repository(clone)),
        Case("grep -r", ["grep", "-rc", "define", "/usr/include/linux"], scratch),
        Case("find", ["find", "/usr/include", "-size", "+1"], scratch),
        Case("gcc -c", ["gcc", "-O1", "-c", "f0.c", "-o", "/dev/null"], compiled(sources)),
        Case("make", ["make", "-s", "-B"], sources),
        Case("python imports", [*python, "-c", "import json, email, http.client"], scratch),
        Case("pytest", [*python, "-m", "pytest", "-q", "-p", "no:cacheprovider"], tests(scratch)),
        Case("configure", shell(CONFIGURE), scratch),
        Case("node", ["node", "-e", "require('http')"], scratch),
        Case("go vet", ["go", "vet", "./..."], go(scratch)),
        Case("cargo build", shell("rm -rf target; cargo build -q --offline"), crate(scratch)),
    ]
    return each, whole


def shell(script: str) -> list[str]:
    """Run a script."""
    return ["sh", "-c", script]


TRUE = "i=0; while [ $i -lt 200 ]; do /bin/true; i=$((i+1)); done"
CONFIGURE = """
for h in stdio.h stdlib.h none.h unistd.h zlib.h; do
  echo "#include <$h>" > conftest.c
  if gcc -E conftest.c > /dev/null 2>&1; then echo "$h yes"; else echo "$h no"; fi
  for t in sed awk grep none; do command -v $t > /dev/null; done
  expr x : x > /dev/null; cat conftest.c | sed s/a/b/ > /dev/null
done
rm -f conftest.c
"""


def repository(root: Path) -> Path:
    """Make a repository of five thousand files."""
    for number in range(5_000):
        path = root / f"d{number % 100}" / f"f{number}"
        path.parent.mkdir(exist_ok=True)
        path.write_text(str(number))
    git = ["git", "-c", "user.name=n", "-c", "user.email=e", "-c", "gc.auto=0"]
    for arguments in (["init", "-q"], ["add", "."], ["commit", "-qm", "all"]):
        subprocess.run([*git, *arguments], check=True, cwd=root)
    return root


def compiled(root: Path) -> Path:
    """Make a make project of two hundred C files."""
    names = [f"f{number}" for number in range(200)]
    for name in names:
        (root / f"{name}.c").write_text(f"#include <stdio.h>\n#include <stdlib.h>\nint {name};\n")
    objects = " ".join(f"{name}.o" for name in names)
    (root / "Makefile").write_text(f"all: {objects}\n%.o: %.c\n\tgcc -O1 -c $< -o $@\n")
    return root


def tests(scratch: Path) -> Path:
    """Make a suite of twenty test files."""
    root = scratch / "suite"
    root.mkdir()
    for number in range(20):
        text = "def test(tmp_path):\n    assert tmp_path.exists()\n"
        (root / f"test_{number}.py").write_text(text)
    return root


def go(scratch: Path) -> Path:
    """Make a Go module."""
    root = scratch / "go"
    root.mkdir()
    (root / "go.mod").write_text("module example.com/m\n\ngo 1.20\n")
    text = 'package main\n\nimport "net/http"\n\nfunc main() { _ = http.NoBody }\n'
    (root / "m.go").write_text(text)
    return root


def crate(scratch: Path) -> Path:
    """Make a small crate."""
    root = scratch / "crate"
    (root / "src").mkdir(parents=True)
    (root / "Cargo.toml").write_text('[package]\nname = "c"\nedition = "2021"\n[workspace]\n')
    (root / "src" / "main.rs").write_text('fn main() { println!("{:?}", std::env::args()); }\n')
    return root


def run(case: Case, way: str) -> Run:
    """Run a command once."""
    argv = [*STRACE, *case.argv] if way == "strace" else case.argv
    before = os.times()
    command = [str(COST), "plain" if way == "strace" else way, *argv]
    done = subprocess.run(command, cwd=case.cwd, check=True, capture_output=True, text=True)
    after = os.times()
    wall, calls, recorded = map(int, done.stdout.split())
    cpu = after.children_user + after.children_system
    cpu -= before.children_user + before.children_system
    return Run(wall, cpu * 1e9, calls, recorded)


def medians(case: Case, rounds: int) -> dict[str, Run]:
    """Run a command every way in turn."""
    ways = [way for way in WAYS if way != "strace" or shutil.which("strace")]
    for way in ways:
        run(case, way)
    runs: dict[str, list[Run]] = {way: [] for way in ways}
    for _ in range(rounds):
        for way in ways:
            runs[way].append(run(case, way))
    columns = {way: zip(*found, strict=True) for way, found in runs.items()}
    return {way: Run(*map(statistics.median, column)) for way, column in columns.items()}


def per_call(chosen: list[Case], rounds: int) -> None:
    """Print what one call costs."""
    if chosen:
        print("| one call, ns | plain | notify adds | fast adds | strace adds |")
        print("|---|---|---|---|---|")
    for case in chosen:
        found = medians(case, rounds)
        base = found["plain"].wall / CALLS
        added = [f"{found[way].wall / CALLS - base:.0f}" for way in WAYS[1:] if way in found]
        print(f"| {case.name} | {base:.0f} | {' | '.join(added)} |", flush=True)


def ratios(chosen: list[Case], rounds: int) -> None:
    """Print what commands cost."""
    if chosen:
        ways = "notify wall (CPU) | fast wall (CPU) | strace wall (CPU)"
        print(f"\n| command | plain ms | {ways} | calls | recorded |")
        print("|---|---|---|---|---|---|---|")
    for case in chosen:
        found = medians(case, rounds)
        plain = found["plain"]
        cells = [
            f"{found[way].wall / plain.wall:.2f} ({found[way].cpu / plain.cpu:.2f})"
            for way in WAYS[1:]
            if way in found
        ]
        fast = found["fast"]
        share = f"{100 * fast.recorded / max(fast.calls, 1):.0f} %"
        row = [case.name, f"{plain.wall / 1e6:.1f}", *cells, f"{fast.calls:.0f}", share]
        print(f"| {' | '.join(row)} |", flush=True)


if __name__ == "__main__":
    main()
