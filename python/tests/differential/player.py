"""Plays a scenario: after each move the cached run must leave what a clean build leaves."""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from ..metamorphic.tree import (
    Dir,
    Entry,
    Snapshot,
    differences,
    is_real_dir,
    read_nodes,
    remove,
    snapshot,
    write_node,
)
from ..metamorphic.workspace import Place, write_workspace
from . import inside
from .moves import Again, Clone, Edit, Forget, Lose, Move, Overwrite, Undo
from .world import TARGET

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from ..metamorphic.case import Conditions
    from .world import Scenario

LINE_DEADLINE = 30.0
BY_HAND = b"written by hand\n"
# Reasons after which the step begins from nothing: what it left is right one run later.
STARTS_ANEW = frozenset({"built-on-itself", "stale-tool-state", "replaced-unknown"})
SHARED = "dist"


class DifferenceError(AssertionError):
    """A cached run is not what a clean build is; `kind` says in what, `at` after which move."""

    def __init__(self, kind: str, at: int, what: str) -> None:
        super().__init__(what)
        self.kind = kind
        self.at = at


@dataclass(frozen=True, slots=True)
class Clean:
    """What a clean build left and printed; `sources` is what it made of its sources."""

    failed: bool
    tree: Snapshot
    printed: dict[str, dict[int, bytes]]
    sources: tuple[tuple[str, Path | None], ...]

    def outputs(self, pristine: Snapshot) -> list[str]:
        """The paths it made; parents first."""
        return sorted(self.tree.keys() - pristine.keys())


@dataclass(slots=True)
class Player:
    """The state of one scenario that is being played below `base`."""

    scenario: Scenario
    base: Path
    opener: inside.Opener = inside.open_here
    pristine: Path = field(init=False)
    place: Place = field(init=False)
    conditions: Conditions = field(init=False)
    earlier: tuple[Path, Conditions] | None = None
    clean: Clean | None = None
    stored: frozenset[str] = frozenset()
    umask_changed: bool = False
    """Whether another umask was in force in this place, or is not that of edits: what tasks and
    users share has the bits that whoever came first gave it."""
    counter: int = 0
    known: dict[bytes, Clean] = field(default_factory=dict)
    hits: int = 0
    ran: int = 0

    def __post_init__(self) -> None:
        world = self.scenario.world
        self.conditions = world.conditions
        self.pristine = self.base / "pristine"
        write_workspace(self.pristine, world.sources, world.tasks)
        self.place = self._place()

    def play(self) -> None:
        """All moves; `DifferenceError` at the first difference."""
        self._compare(-1)
        for at, move in enumerate(self.scenario.moves):
            self._advance_clock()
            self._make(move)
            self._compare(
                at,
                quiet=isinstance(move, Again)
                or (isinstance(move, Lose) and not self.scenario.world.shares),
            )

    # Moves.

    def _make(self, move: Move) -> None:
        match move:
            case Edit(edit):
                self._remember()
                for root in (self.pristine, self.place.root):
                    attempt(lambda root=root: edit.apply(root))  # type: ignore[misc]
                shares = any(path.startswith(f"{SHARED}/") for path in edit.paths())
                self.umask_changed |= shares and self._is_unusual()
                self._surround(edit.adjust(self.conditions))
            case Undo():
                self._undo()
            case Lose():
                self._lose(move)
            case Overwrite():
                self._overwrite(move)
            case Clone():
                self.place = self._place()
                self.umask_changed = False
            case Forget():
                if self.clean and not self.clean.failed:
                    build(self.place, self.scenario, self.conditions)
            case Again():
                pass

    def _remember(self) -> None:
        copy = self._new("before")
        copy_tree(self.pristine, copy)
        self.earlier = (copy, self.conditions)

    def _undo(self) -> None:
        if self.earlier is None:
            return
        copy, conditions = self.earlier
        self._remember()
        for root in (self.place.root, self.pristine):
            follow(snapshot(self.pristine), snapshot(copy), copy, root)
        self._surround(conditions)

    def _surround(self, conditions: Conditions) -> None:
        self.umask_changed |= conditions.umask != self.conditions.umask
        self.conditions = conditions

    def _is_unusual(self) -> bool:
        return self.conditions.umask != self.scenario.world.conditions.umask

    def _lose(self, move: Lose) -> None:
        outputs = self._outputs()
        chosen = outputs if move.everything else outputs[move.pick % max(1, len(outputs)) :][:1]
        for name in reversed(chosen):
            path = self.place.root / name
            if not is_real_dir(path):
                remove(path)
            elif not any(path.iterdir()):
                path.rmdir()

    def _overwrite(self, move: Overwrite) -> None:
        files = [name for name in self._outputs() if _is_file(self.place.root / name)]
        if not files:
            return
        path = self.place.root / files[move.pick % len(files)]
        mode = stat.S_IMODE(path.stat().st_mode)
        if path.stat().st_nlink == 1:  # not a source by another name
            path.chmod(0o600)
            if move.pick // len(files) % 4:
                path.write_bytes(BY_HAND)
                path.chmod(mode)

    def _outputs(self) -> list[str]:
        if self.clean is None or self.clean.failed:
            return []
        return self.clean.outputs(snapshot(self.pristine))

    # Comparing.

    def _compare(self, at: int, *, quiet: bool = False) -> None:
        clean = self._clean_build()
        runs = [self._run()]
        if clean.failed != runs[0].failed:
            self._differ("exit code", at, runs, [f"a clean build {_ends(clean.failed)}"])
        if not clean.failed:
            while self._tree_lines(clean) and runs[-1].skips() & STARTS_ANEW and len(runs) < 3:
                runs.append(self._run())
            self._expect_equal(clean, at, runs)
            if quiet:
                self._expect_hits(at, runs)
        self.stored = frozenset(step.label for step in runs[-1].steps if step.skip is None)
        self.clean = clean
        if clean.sources:
            for name, node in clean.sources:
                take(self.pristine / name, node)

    def _run(self) -> inside.Done:
        done = inside.run(
            self.place, self.conditions, TARGET, str(self.base / "cache"), self.opener
        )
        self.hits += sum(step.status == "hit" for step in done.steps)
        self.ran += sum(step.status == "miss" for step in done.steps)
        return done

    def _expect_equal(self, clean: Clean, at: int, runs: list[inside.Done]) -> None:
        lines = self._tree_lines(clean)
        if lines:
            self._differ("tree", at, runs, lines)
        for task in clean.printed.keys() | runs[-1].printed.keys():
            nothing = {1: b"", 2: b""}
            here, there = runs[-1].printed.get(task, nothing), clean.printed.get(task, nothing)
            if here != there:
                self._differ("log", at, runs, [f"{task} prints {here}, should print {there}"])

    def _tree_lines(self, clean: Clean) -> list[str]:
        expected, found = clean.tree, snapshot(self.place.root)
        shared = found.get(SHARED)
        if self.umask_changed and SHARED in expected and shared and shared.kind == "directory":
            # No task can take it away while another's files are in it.
            expected = {**expected, SHARED: replace(expected[SHARED], mode=shared.mode)}
        return differences(expected, found)

    def _expect_hits(self, at: int, runs: list[inside.Done]) -> None:
        """What was stored, like all before it, is a hit when nothing changed.

        A step whose last result was not stored may be a hit by an earlier one, with another result.
        """
        hits: set[str] = set()
        for step in runs[0].steps:
            if step.status == "hit":
                hits.add(step.label)
            elif step.after <= hits & self.stored and step.label in self.stored:
                self._differ("liveness", at, runs, [f"{step} although nothing changed"])

    def _differ(self, kind: str, at: int, runs: list[inside.Done], lines: list[str]) -> None:
        told = "\n".join(
            f"  run {number}:\n" + "\n".join(f"    {step}" for step in run.steps)
            for number, run in enumerate(runs, 1)
        )
        listed = "\n".join(f"    {line}" for line in lines)
        raise DifferenceError(kind, at, f"{kind} differs:\n{listed}\n{told}")

    # The clean build.

    def _clean_build(self) -> Clean:
        before = snapshot(self.pristine)
        key = repr((sorted(before.items()), self.conditions)).encode()
        if key not in self.known:
            place = Place.make(self._new("clean"))
            copy_tree(self.pristine, place.root)
            failed, printed = build(place, self.scenario, self.conditions)
            after = snapshot(place.root)
            changed = [name for name, entry in before.items() if _is_other(entry, after.get(name))]
            sources = tuple(
                (name, place.root / name if name in after else None) for name in changed
            )
            self.known[key] = Clean(failed, after, printed, sources)
        return self.known[key]

    # Helpers.

    def _place(self) -> Place:
        place = Place.make(self._new("place"))
        place = Place(place.root, self.base / "home", self.base / "temp")
        for directory in (place.home, place.temp):
            directory.mkdir(exist_ok=True)
        copy_tree(self.pristine, place.root)
        return place

    def _new(self, what: str) -> Path:
        self.counter += 1
        return self.base / f"{what}-{self.counter}"

    def _advance_clock(self) -> None:
        """Wait until the file system's clock moves on: what trusts it may be a tick behind."""
        mark = self.base / "clock"
        mark.write_bytes(b"")
        start = mark.stat().st_mtime_ns
        while mark.stat().st_mtime_ns == start:
            mark.write_bytes(b"")


def build(
    place: Place, scenario: Scenario, conditions: Conditions
) -> tuple[bool, dict[str, dict[int, bytes]]]:
    """Run all lines under plain `sh`; return whether one failed, and what each task printed."""
    printed: dict[str, dict[int, bytes]] = {}
    for task in scenario.world.tasks:
        for line in task.lines:
            done = subprocess.run(
                ["/bin/sh", "-c", line],
                cwd=place.root,
                env=place.environment(conditions),
                stdin=subprocess.DEVNULL,
                capture_output=True,
                timeout=LINE_DEADLINE,
                check=False,
                umask=conditions.umask,
            )
            if done.stdout or done.stderr:
                streams = printed.setdefault(task.name, {1: b"", 2: b""})
                streams[1] += done.stdout
                streams[2] += done.stderr
            if done.returncode != 0:
                return True, printed
    return False, printed


def copy_tree(source: Path, target: Path) -> None:
    """Copy a tree with links, modes and times."""
    shutil.copytree(source, target, symlinks=True, dirs_exist_ok=True)
    shutil.rmtree(target / ".taskrunner", ignore_errors=True)


def follow(old: Snapshot, new: Snapshot, wanted: Path, root: Path) -> None:
    """Change below `root` what differs between two states of the sources, as a checkout does."""
    for name in sorted(old.keys() - new.keys(), reverse=True):
        path = root / name
        if is_real_dir(path):
            attempt(path.rmdir)
        else:
            attempt(lambda path=path: remove(path))  # type: ignore[misc]
    for name in sorted(new):
        if _is_other(new[name], old.get(name)):
            take(root / name, wanted / name)


def take(path: Path, wanted: Path | None) -> None:
    """Have at `path` what is at `wanted`: a directory with its mode alone, all else whole."""
    if wanted is None:
        attempt(lambda: remove(path))
    elif is_real_dir(wanted):
        if not is_real_dir(path):
            attempt(lambda: write_node(path, Dir()))
        attempt(lambda: path.chmod(stat.S_IMODE(wanted.stat().st_mode)))
    else:
        for _, node in read_nodes(wanted):
            attempt(lambda node=node: write_node(path, node))  # type: ignore[misc]


def attempt(deed: Callable[[], object]) -> None:
    """Do it if it can be done: moves are made blindly."""
    try:
        deed()
    except (OSError, ValueError, shutil.Error):
        return


def _is_other(entry: Entry, other: Entry | None) -> bool:
    return entry != other


def _is_file(path: Path) -> bool:
    return os.path.lexists(path) and stat.S_ISREG(path.lstat().st_mode)


def _ends(failed: bool) -> str:  # noqa: FBT001 - a word for it
    return "fails" if failed else "succeeds"
