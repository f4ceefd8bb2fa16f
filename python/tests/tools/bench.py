"""Takes a tool through its paces: again, without its outputs, after edits, undone, in a clone."""

from __future__ import annotations

import re
import shutil
import subprocess
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING

from ..metamorphic.case import Conditions, Task
from ..metamorphic.edits import apply_undoably
from ..metamorphic.runner import CommandRunner
from ..metamorphic.tree import Snapshot, differences, remove, snapshot
from ..metamorphic.workspace import Place, write_workspace
from .kits import install, kit_path

if TYPE_CHECKING:
    from pathlib import Path

    from ..metamorphic.edits import Edit
    from ..metamorphic.runner import Run
    from .tool import Tool
    from .where import Where

TOOL_DEADLINE = 300.0
# Caches that the rules call neutral: never restored, never removed.
NEUTRAL = ("__pycache__", ".mypy_cache", ".pytest_cache", ".ruff_cache", ".eslintcache")
PRIVATE = (".git", "node_modules")
TIMES = re.compile(r"\b\d+(\.\d+)?\s?(ms|s|seconds?)\b|\d\d:\d\d:\d\d|\bin \d+(\.\d+)?\b")
STRANGER = "stranger of the user.txt"


@dataclass(slots=True)
class Row:
    """A line of the table: whether each promise was kept, and what stood in the way."""

    tool: str
    hit: bool = False
    restored: bool = False
    fresh: bool = False
    undo: bool = False
    clone: bool = False
    uncached: str | None = None
    notes: list[str] = field(default_factory=list)

    def as_json(self) -> dict[str, object]:
        """The row as plain data."""
        return asdict(self)

    def broken(self) -> list[str]:
        """The promises that were not kept."""
        return [
            name
            for name in ("hit", "restored", "fresh", "undo", "clone")
            if not getattr(self, name)
        ]


@dataclass(slots=True)
class Seen:
    """What a run came to, as a user sees it."""

    code: int
    printed: str
    probed: str


class Bench:
    """One tool in a workspace that lies somewhere."""

    def __init__(self, tool: Tool, where: Where) -> None:
        self.tool = tool
        self.aside = where.aside
        self.place = where.place
        self.conditions = Conditions(dict(tool.env))
        self.env = {
            "PATH": kit_path(tool.kit),
            "TASKRUNNER_CACHE_DIR": str(self.aside / "cache"),
        }
        keys = {"env": tuple(tool.env)} if tool.env else {}
        self.tasks = (Task("build", tool.command, keys=keys),)
        self.row = Row(tool.name, uncached=tool.uncached or tool.not_yet)
        self.plains = 0

    def go(self) -> Row:
        """All paces; the row says how they went."""
        self.write(self.place.root)
        self.sources = snapshot(self.place.root, PRIVATE)
        alone = self.plain(None)
        if alone.code:
            raise AssertionError(f"{self.tool.name} fails without any cache\n{alone.printed}")
        first = self.run("first run")
        self.expect_same("first run", first, alone)
        self.stored("first run", first)
        self.row.hit = self.settles("second run")
        self.row.restored = self.loses_outputs()
        self.row.fresh, self.row.undo = self.edits()
        self.row.clone = self.clones()
        return self.row

    # The paces.

    def loses_outputs(self) -> bool:
        """All outputs go, then all but a user's files beside them: a hit brings them back."""
        before = self.tree()
        outputs = sorted(before.keys() - self.sources.keys(), reverse=True)
        directories = [name for name in outputs if before[name].kind == "directory"]
        back = self.comes_back("outputs deleted", before, outputs)
        for name in directories:
            (self.place.root / name / STRANGER).write_text("a user's\n")
        files = [name for name in outputs if before[name].kind != "directory"]
        return self.comes_back("beside a user's files", self.tree(), files) and back

    def comes_back(self, phase: str, wanted: Snapshot, outputs: list[str]) -> bool:
        """Remove outputs; the next run must be a hit, and leave what was there."""
        for name in outputs:
            remove(self.place.root / name)
        again = self.run(phase)
        lines = differences(wanted, self.tree())
        self.note(phase, lines)
        for stranger in self.place.root.rglob(STRANGER):
            stranger.unlink()
        return self.hit(phase, again) and not lines

    def edits(self) -> tuple[bool, bool]:
        """Each edit must show as in a plain run, and its undo must be a hit."""
        fresh = undone = True
        base = self.seen(self.run("before the edits"))
        for edit in self.tool.edits:
            phase = f"after {edit}"
            undo = apply_undoably(edit, self.place.root)
            run = self.run(phase)
            self.stored(phase, run)
            fresh &= self.expect_same(phase, run, self.plain(edit))
            undo()
            run = self.run(f"undone: {edit}")
            undone &= self.hit(f"undone: {edit}", run) and self.expect_same("undone", run, base)
        return fresh, undone

    def clones(self) -> bool:
        """After an incremental build, a clean clone at the same place is answered by hits."""
        edit = self.tool.edits[0]
        edit.apply(self.place.root)
        self.run("incremental build")
        if self.tool.uncached is None:
            self.settles("incremental build, again")
        wanted = self.tree()
        shutil.rmtree(self.place.root)
        self.place.root.mkdir()
        self.write(self.place.root)
        edit.apply(self.place.root)
        run = self.run("in a clean clone")
        lines = differences(wanted, self.tree())
        self.note("in a clean clone", lines)
        return self.hit("in a clean clone", run) and not lines

    # Runs and what they come to.

    def run(self, phase: str) -> Run:
        """A run by the installed command."""
        run = CommandRunner(env=self.env, deadline=TOOL_DEADLINE).run(
            self.place, "build", self.conditions
        )
        if not run.outcomes:
            raise AssertionError(
                f"{self.tool.name}, {phase}: the run told of no step\n{run.told()}"
            )
        return run

    def settles(self, phase: str) -> bool:
        """The next run is a hit."""
        return self.hit(phase, self.run(phase))

    def hit(self, phase: str, run: Run) -> bool:
        """Whether all steps were hits; if not, the reasons are noted."""
        for outcome in run.outcomes:
            if outcome.status != "hit":
                why = [reason.text for reason in (outcome.miss, outcome.skip) if reason]
                self.note(phase, [f"{outcome.label}: {outcome.status}", *why])
        return not run.ran()

    def stored(self, phase: str, run: Run) -> None:
        """Note why a result was not stored; that of a failure never is."""
        for outcome in run.outcomes:
            if outcome.skip is not None and outcome.skip.kind != "failed":
                self.note(phase, [f"not stored: {outcome.skip.text}"])

    def seen(self, run: Run) -> Seen:
        """What a user sees of a run of the command."""
        return Seen(run.code, self.told(self.place, run.stdout), self.probe(self.place))

    def plain(self, edit: Edit | None) -> Seen:
        """What a user sees of a plain run in a fresh copy."""
        self.plains += 1
        place = Place.make(self.aside / f"plain-{self.plains}")
        self.write(place.root)
        if edit:
            edit.apply(place.root)
        done = self.shell(place, self.tool.command)
        printed = self.told(
            place, done.stdout if not done.returncode else done.stdout + done.stderr
        )
        seen = Seen(done.returncode, printed, self.probe(place))
        shutil.rmtree(place.root.parent)
        return seen

    def expect_same(self, phase: str, run: Run, plain: Seen) -> bool:
        """Whether a run came to what a plain run comes to; if not, the differences are noted."""
        found = self.seen(run)
        # What a failing tool prints is shown as it comes, and it takes back nothing it left before.
        well = plain.code == 0
        lines = [
            f"{name} is {getattr(found, name)!r:.300}, should be {getattr(plain, name)!r:.300}"
            for name in ("code", *(["probed"] * well), *(["printed"] * (well and self.tool.prints)))
            if getattr(found, name) != getattr(plain, name)
        ]
        self.note(phase, lines)
        return not lines

    def probe(self, place: Place) -> str:
        """What the tool's probe tells."""
        done = self.shell(place, self.tool.probe)
        return f"{done.returncode} {self.told(place, done.stdout)}"

    def told(self, place: Place, output: bytes) -> str:
        """Printed text without times, colours, places and history."""
        text = output.decode("utf-8", "replace").replace(str(place.root), "ROOT")
        text = re.sub(r"\x1b\[[0-9;]*[A-Za-z]", "", text)
        if self.tool.history:
            text = re.sub(self.tool.history, "", text)
        return TIMES.sub("TIME", text)

    def shell(self, place: Place, line: str) -> subprocess.CompletedProcess[bytes]:
        """A plain shell line in the same surroundings."""
        return subprocess.run(
            ["/bin/sh", "-c", line], cwd=place.root, stdin=subprocess.DEVNULL, capture_output=True,
            env=place.environment(self.conditions) | self.env, timeout=TOOL_DEADLINE, check=False,
        )  # fmt: skip

    def write(self, root: Path) -> None:
        """Write the workspace as a fresh clone has it, with its packages installed."""
        write_workspace(root, self.tool.files, self.tasks, git=self.tool.git)
        if self.tool.packages:
            # A copy of this bench's own: links that are made and go change what links share.
            mine = self.aside / "node_modules"
            if not mine.exists():
                install(self.tool.packages, mine)
            _link(mine, root / "node_modules")

    def tree(self) -> Snapshot:
        """The workspace without neutral caches and installed packages."""
        return snapshot(self.place.root, (*PRIVATE, *NEUTRAL))

    def note(self, phase: str, lines: list[str]) -> None:
        """Keep what stood in the way."""
        self.row.notes += [f"{phase}: {line}" for line in lines]


def _link(packages: Path, place: Path) -> None:
    """Install packages as pnpm and uv do: by hard links, by copies across file systems."""
    how = "-al" if packages.stat().st_dev == place.parent.stat().st_dev else "-a"
    subprocess.run(["cp", how, str(packages), str(place)], check=True)
