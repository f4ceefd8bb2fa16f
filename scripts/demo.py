"""Runs the demo workspace through its story, and checks each thing it says.

First run, second run, outputs deleted, a file edited, the edit undone. Needs nothing but the
installed command; packages whose toolchain is missing here are left out, saying so. Ends with
exit code 1 and what differed if a run was not what it should be.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import shutil
import stat
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

DEMO = Path(__file__).resolve().parent.parent / "examples" / "demo"
OUTPUTS = ("greeting/build", "report/out", "web/dist")
# What tools keep for themselves is no output; what npm installs is a source.
NOT_COMPARED = frozenset({".taskrunner", "__pycache__", ".pytest_cache", "node_modules"})
OLDEST_NODE = 20

LOOK_DEADLINE = 30.0
INSTALL_DEADLINE = 300.0
RUN_DEADLINE = 300.0


class DemoError(Exception):
    """Something is not as the demo says."""


class Part(NamedTuple):
    """A package of the demo: the task to run, and what tells why it can't be run here."""

    package: str
    task: str
    lacking: Callable[[Path], str | None]


class Edit(NamedTuple):
    """An edit of one file, and the steps that read it or what follows from it."""

    package: str
    path: str
    old: str
    new: str
    runs: tuple[str, ...]


class Step(NamedTuple):
    """What the summary says of one step."""

    status: str
    missed: str | None
    not_cached: str | None


class Run(NamedTuple):
    """One run: its steps by `package#task:number`, and the time it took."""

    title: str
    steps: dict[str, Step]
    seconds: float


def lacks_c(_: Path) -> str | None:
    """Why C can't be compiled here."""
    missing = [program for program in ("cc", "ar") if shutil.which(program) is None]
    return f"no {' and no '.join(missing)}" if missing else None


def lacks_pytest(_: Path) -> str | None:
    """Why pytest can't be run here."""
    tried = look("python", "-m", "pytest", "--version")
    return None if tried is not None else "no pytest in the interpreter on PATH"


def lacks_vite(root: Path) -> str | None:
    """Why Vite can't be run here; installs it otherwise."""
    version = look("node", "--version")
    if version is None or shutil.which("npm") is None:
        return "no Node.js with npm"
    if int(version.lstrip("v").partition(".")[0]) < OLDEST_NODE:
        return f"Node.js {version} is older than {OLDEST_NODE}"
    print("  web: npm ci", flush=True)
    arguments = ["npm", "ci", "--no-audit", "--no-fund", "--loglevel=error"]
    done = run(arguments, root / "web", INSTALL_DEADLINE)
    return None if done.returncode == 0 else f"npm ci failed: {last_line(done.stdout)}"


PARTS = (
    Part("greeting", "greeting#test", lacks_c),
    Part("stats", "stats#test", lacks_pytest),
    Part("report", "report#report", lacks_c),
    Part("web", "web#build", lacks_vite),
)

EDITS = (
    Edit(
        "greeting",
        "greeting/include/greeting.h",
        '"Hello"',
        '"Good day"',
        (
            "greeting#compile:1",  # greet.c; shout.c does not include the header
            "greeting#library:0",
            "greeting#program:0",
            "greeting#test:0",
            "greeting#test:1",
            "report#report:1",
        ),
    ),
    Edit("stats", "stats/wordstats/__init__.py", "[A-Za-z']", "[A-Za-z'-]", ("stats#test:0",)),
    Edit("web", "web/src/greetings.js", "Hello", "Good day", ("web#build:0",)),
)


def look(*arguments: str) -> str | None:
    """What a program prints, or nothing if it is not there or fails."""
    if shutil.which(arguments[0]) is None:
        return None
    done = run(list(arguments), Path.cwd(), LOOK_DEADLINE)
    return done.stdout.strip() if done.returncode == 0 else None


def run(arguments: list[str], cwd: Path, deadline: float) -> subprocess.CompletedProcess[str]:
    """Run a program to its end; both streams together."""
    return subprocess.run(
        arguments,
        cwd=cwd,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="backslashreplace",
        timeout=deadline,
        check=False,
    )


def last_line(text: str) -> str:
    """The last line of what a program said."""
    return (text.strip().splitlines() or ["it said nothing"])[-1]


class Story:
    """The demo in one directory."""

    def __init__(self, root: Path, parts: list[Part]) -> None:
        self.root = root
        self.tasks = ",".join(part.task for part in parts)
        self.packages = {part.package for part in parts}
        self.runs: list[Run] = []

    def tell(self) -> None:
        """All of it; a `DemoError` says what was not so."""
        first = self.run("first run: everything misses")
        expect_ran(first, set(first.steps))
        tree = self.tree()
        self.expect_hits("second run: everything hits", tree)
        for output in OUTPUTS:
            shutil.rmtree(self.root / output, ignore_errors=True)
        self.expect_hits("outputs deleted: restored", tree)
        for edit in EDITS:
            if edit.package in self.packages:
                self.tell_edit(edit, tree)

    def tell_edit(self, edit: Edit, tree: dict[str, str]) -> None:
        """One edit, and its undoing."""
        path = self.root / edit.path
        text = path.read_text(encoding="utf-8")
        path.write_text(text.replace(edit.old, edit.new), encoding="utf-8")
        edited = self.run(f"{edit.path} edited: just what depends on it runs")
        expect_ran(edited, set(edit.runs))
        expect_named(edited, edit.path)
        path.write_text(text, encoding="utf-8")
        self.expect_hits("edit undone: everything hits again", tree)

    def expect_hits(self, title: str, tree: dict[str, str]) -> None:
        """A run in which every step hits, and after which the tree is the given one."""
        expect_ran(self.run(title), set())
        expect_same(tree, self.tree())

    def run(self, title: str) -> Run:
        """Run the tasks, show what the command says, and read its summary."""
        print(f"\n== {title}\n", flush=True)
        summary = self.root.parent / "summary.json"
        command = [sys.executable, "-m", "taskrunner", "run", f"--summarize={summary}"]
        start = time.monotonic()
        done = run([*command, self.tasks], self.root, RUN_DEADLINE)
        seconds = time.monotonic() - start
        print("".join(f"  {line}\n" for line in done.stdout.splitlines()), end="", flush=True)
        if done.returncode != 0:
            raise DemoError(f"the run ended with exit code {done.returncode}")
        self.runs.append(Run(title.partition(":")[0], read_summary(summary), seconds))
        return self.runs[-1]

    def tree(self) -> dict[str, str]:
        """Every file, link and directory of the workspace, as a line that tells it apart."""
        return {str(path.relative_to(self.root)): told(path) for path in walk(self.root)}


def read_summary(path: Path) -> dict[str, Step]:
    """The steps in a file that `--summarize` wrote."""
    tasks = json.loads(path.read_text(encoding="utf-8"))["tasks"]
    return {
        f"{item['taskId']}:{item['step']}": Step(
            item["cacheStatus"], words(item["cacheMissReason"]), words(item["cacheSkipReason"])
        )
        for item in tasks
    }


def words(reason: dict[str, str] | None) -> str | None:
    """A reason as the summary words it."""
    return None if reason is None else reason["message"]


def walk(directory: Path) -> Iterator[Path]:
    """Everything below a directory that is compared."""
    for path in sorted(directory.iterdir()):
        if path.name in NOT_COMPARED:
            continue
        yield path
        if path.is_dir() and not path.is_symlink():
            yield from walk(path)


def told(path: Path) -> str:
    """Kind, mode and content of a path."""
    mode = stat.filemode(path.lstat().st_mode)
    if path.is_symlink():
        return f"{mode} -> {path.readlink()}"
    if path.is_dir():
        return mode
    return f"{mode} {hashlib.sha256(path.read_bytes()).hexdigest()}"


def expect_ran(done: Run, labels: set[str]) -> None:
    """Exactly these steps ran, and each was stored."""
    ran = {label for label, step in done.steps.items() if step.status != "hit"}
    if ran != labels:
        raise DemoError(f"these steps ran: {sorted(ran)}; they should be: {sorted(labels)}")
    for label, step in done.steps.items():
        if step.not_cached is not None:
            raise DemoError(f"{label} was not cached: {step.not_cached}")


def expect_named(done: Run, path: str) -> None:
    """A miss names the file."""
    reasons = [step.missed for step in done.steps.values() if step.missed is not None]
    if not any(path in reason for reason in reasons):
        raise DemoError(f"no miss names {path}: {reasons}")


def expect_same(before: dict[str, str], after: dict[str, str]) -> None:
    """Both trees are equal."""
    names = sorted(before.keys() | after.keys())
    differing = [name for name in names if before.get(name) != after.get(name)]
    if differing:
        lines = (f"{name}: {before.get(name)}, now {after.get(name)}" for name in differing)
        raise DemoError("the files are not as after the first run:\n  " + "\n  ".join(lines))


def table(runs: list[Run]) -> str:
    """What each step was in each run."""
    heads = ["step", *(str(number + 1) for number in range(len(runs)))]
    rows = [[label, *(run.steps[label].status for run in runs)] for label in runs[0].steps]
    rows.append(["seconds", *(f"{run.seconds:.2f}" for run in runs)])
    widths = [max(len(row[n]) for row in [heads, *rows]) for n in range(len(heads))]
    lines = [line(row, widths) for row in [heads, *rows]]
    titles = [f"{number + 1}  {run.title}" for number, run in enumerate(runs)]
    return "\n".join([*lines, "", *titles])


def line(cells: list[str], widths: list[int]) -> str:
    """One line of the table."""
    return "  ".join(cell.ljust(w) for cell, w in zip(cells, widths, strict=True)).rstrip()


def choose(root: Path, without: list[str]) -> list[Part]:
    """The parts that can be run here; the others are taken out of the workspace."""
    chosen = []
    for part in PARTS:
        why = "not asked for" if part.package in without else part.lacking(root)
        if why is None:
            chosen.append(part)
        else:
            print(f"  {part.package} is left out: {why}", flush=True)
    config = root / "taskrunner.toml"
    packages = json.dumps([part.package for part in chosen])
    lines = config.read_text(encoding="utf-8").splitlines()
    kept = [f"packages = {packages}" if line.startswith("packages") else line for line in lines]
    config.write_text("\n".join(kept) + "\n", encoding="utf-8")
    return chosen


@contextmanager
def scratch(given: Path | None) -> Iterator[Path]:
    """The directory to work in: the one given, or one that goes away."""
    if given is not None:
        given.mkdir(parents=True, exist_ok=True)
        yield given.resolve()
        return
    with tempfile.TemporaryDirectory(prefix="taskrunner-demo-") as directory:
        yield Path(directory).resolve()


def demo(base: Path, without: list[str]) -> None:
    """Copy the workspace below `base` and tell the story there."""
    root = base / "demo"
    shutil.copytree(DEMO, root, ignore=shutil.ignore_patterns(*NOT_COMPARED))
    print(f"== the demo workspace, copied to {root}\n", flush=True)
    parts = choose(root, without)
    if not parts:
        raise DemoError("no part of the demo can be run here")
    story = Story(root, parts)
    try:
        story.tell()
    finally:
        if story.runs:
            print(f"\n== all runs\n\n{table(story.runs)}", flush=True)


def main() -> int:
    """Run the demo; the exit code says whether all of it was true."""
    parser = argparse.ArgumentParser(description="Runs the demo workspace and checks each run.")
    parser.add_argument("directory", nargs="?", type=Path, help="where to work (a temporary one)")
    parser.add_argument("--without", action="append", default=[], metavar="PACKAGE")
    arguments = parser.parse_args()
    # The tasks' `python` is the interpreter that runs the demo.
    os.environ["PATH"] = f"{Path(sys.executable).parent}:{os.environ.get('PATH', os.defpath)}"
    with scratch(arguments.directory) as base:
        try:
            demo(base, arguments.without)
        except DemoError as error:
            print(f"\ndemo failed: {error}", file=sys.stderr)
            return 1
    print("\nEverything was as it was said to be.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
