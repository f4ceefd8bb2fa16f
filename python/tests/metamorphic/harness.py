"""The check itself: run, run again, lose the outputs, edit, undo; always as a plain run would."""

from __future__ import annotations

import stat
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from .edits import apply_undoably
from .reference import Plain, Reference
from .tree import Snapshot, differences, is_real_dir, remove, snapshot
from .workspace import Place, write_workspace

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .case import Case, Change, Conditions
    from .runner import Run, Runner

STRANGER = b"a user's own notes\n"
STRANGER_NAME = "stranger of the user.txt"
CORRUPTION = b"edited by hand\n"


class BrokenError(AssertionError):
    """A promise is broken; the message says in which phase, and how."""


@dataclass(frozen=True, slots=True)
class Expected:
    """What a run must come to."""

    phase: str
    tree: Snapshot
    runs: frozenset[str] = frozenset()
    may: frozenset[str] = frozenset()


@dataclass(slots=True)
class Harness:
    """Checks one case with one runner below `base`."""

    case: Case
    runner: Runner
    base: Path
    place: Place = field(init=False)
    conditions: Conditions = field(init=False)
    reference: Reference = field(init=False)
    references: int = 0
    stranger: str | None = None

    def __post_init__(self) -> None:
        case = self.case
        self.place = Place.make(self.base)
        self.conditions = case.conditions
        self.reference = Reference(
            case.files, case.tasks, case.ordered(), case.conditions, case.git, case.neutral
        )

    def check(self) -> None:
        """All phases, in order."""
        case = self.case
        write_workspace(self.place.root, case.files, case.tasks, git=case.git)
        plain = self._plain()
        first = self._first_run(plain)
        self._plant_stranger()
        self._second_run(plain, first)
        self._lose_outputs(plain)
        self._corrupt_output(plain)
        for change in case.changes:
            self._edit_and_undo(change, plain)

    # Phases.

    def _first_run(self, plain: Plain) -> Run:
        run = self._run("first run")
        self._expect(run, Expected("first run", plain.tree, self._all_steps()))
        self._expect_stored(run, "first run")
        self._expect_logs(run, plain, "first run")
        return run

    def _second_run(self, plain: Plain, first: Run) -> None:
        run = self._run("second run")
        self._expect(run, Expected("second run", plain.tree))
        self._expect_logs(run, plain, "second run")
        if run.code != first.code:
            self._broken("second run", run, f"exit code {run.code}, was {first.code}")

    def _lose_outputs(self, plain: Plain) -> None:
        self._lose("all outputs deleted", plain, plain.outputs)
        leaves = [path for path in plain.outputs if plain.tree[path].kind != "directory"]
        for path in dict.fromkeys(leaves[:1] + leaves[-1:]):
            self._lose(f"output {path!r} deleted", plain, [path])

    def _lose(self, phase: str, plain: Plain, paths: Sequence[str]) -> None:
        for path in sorted(paths, reverse=True):
            self._delete_output(path)
        run = self._run(phase)
        self._expect(run, Expected(phase, plain.tree))
        self._expect_logs(run, plain, phase)

    def _delete_output(self, path: str) -> None:
        """Delete one output; a directory that holds the stranger stays."""
        full = self.place.root / path
        if not is_real_dir(full):
            remove(full)
        elif not any(full.iterdir()):
            full.rmdir()

    def _corrupt_output(self, plain: Plain) -> None:
        """Write over one output: the run repairs it or makes it anew, but never leaves it wrong."""
        files = [path for path in plain.outputs if plain.tree[path].kind == "file"]
        if not files:
            return
        path = self.place.root / files[0]
        _overwrite(path, CORRUPTION)
        phase = f"output {files[0]!r} edited by hand"
        run = self._run(phase)
        left_alone = self.case.trusts_outputs and path.read_bytes() == CORRUPTION
        if left_alone or (self.case.corrupt_fails and run.code != 0):
            remove(path)
            run = self._run(phase + ", then deleted")
        self._expect_tree(run, phase, plain.tree)
        self._settle(phase, plain)

    def _settle(self, phase: str, plain: Plain) -> None:
        """After a disturbance: at the latest the run after the next is a hit again."""
        run = self._run(phase + ", again")
        if run.ran():
            run = self._run(phase + ", once more")
        self._expect(run, Expected(phase + ", settled", plain.tree))

    def _edit_and_undo(self, change: Change, plain: Plain) -> None:
        phase = f"after {change.edit}"
        edited = self._plain(change)
        before = self.conditions
        undo = apply_undoably(change.edit, self.place.root)
        self.conditions = change.edit.adjust(before)
        self._edited_run(change, phase, edited)
        undo()
        self.conditions = before
        phase = f"undone: {change.edit}"
        run = self._run(phase)
        self._expect(run, Expected(phase, plain.tree))
        self._expect_logs(run, plain, phase)

    def _edited_run(self, change: Change, phase: str, edited: Plain) -> None:
        run = self._run(phase)
        self._expect(run, Expected(phase, edited.tree, change.runs, change.may))
        self._expect_logs(run, edited, phase)
        if run.code != edited.code:
            self._broken(phase, run, f"exit code {run.code}, a plain run's is {edited.code}")
        self._expect_reason(run, change, phase)
        if change.uncached is None and edited.code == 0:
            self._expect_stored(run, phase)
        elif change.uncached is not None:
            self._expect_skip(run, change.uncached, phase)
            self._expect_stored(self._run(phase + ", again"), phase + ", again")
        again = self._run(phase + ", nothing changed")
        if edited.code == 0:
            self._expect(again, Expected(phase + ", nothing changed", edited.tree))
        elif not again.ran():
            self._broken(phase, again, "a failed run was taken for a result")
        if change is self.case.changes[0] and edited.code == 0:
            self._lose(f"{phase}, all outputs deleted", edited, edited.outputs)

    # Expectations.

    def _expect(self, run: Run, expected: Expected) -> None:
        self._expect_tree(run, expected.phase, expected.tree)
        if run.ran() - expected.may != expected.runs:
            should = sorted(expected.runs) or "nothing"
            self._broken(expected.phase, run, f"ran {sorted(run.ran())}, should run {should}")

    def _expect_tree(self, run: Run, phase: str, tree: Snapshot) -> None:
        found = self._snapshot()
        if self.stranger:
            self._expect_stranger(run, phase)
            _set_apart(self.stranger, found, tree)
        lines = differences(tree, found)
        if lines:
            self._broken(phase, run, "the tree is not what a plain run leaves:\n" + _list(lines))

    def _expect_stranger(self, run: Run, phase: str) -> None:
        path = self.place.root / (self.stranger or "")
        if not path.is_file() or path.read_bytes() != STRANGER:
            self._broken(phase, run, "the user's file beside the outputs is gone or changed")

    def _expect_stored(self, run: Run, phase: str) -> None:
        for outcome in run.outcomes:
            if outcome.skip is not None:
                self._broken(phase, run, f"{outcome.label} was not stored: {outcome.skip.text}")

    def _expect_skip(self, run: Run, kind: str, phase: str) -> None:
        kinds = {outcome.skip.kind for outcome in run.outcomes if outcome.skip is not None}
        if kinds != {kind}:
            self._broken(phase, run, f"not stored for {sorted(kinds)}, should be for {kind}")

    def _expect_reason(self, run: Run, change: Change, phase: str) -> None:
        reasons = [outcome.miss for outcome in run.outcomes if outcome.miss is not None]
        if change.names and not any(reason.mentions(change.names) for reason in reasons):
            self._broken(phase, run, f"no miss names {change.names}")
        if change.kinds and not any(reason.kind in change.kinds for reason in reasons):
            self._broken(phase, run, f"no miss is one of {sorted(change.kinds)}")

    def _expect_logs(self, run: Run, plain: Plain, phase: str) -> None:
        """Stdout is the steps' alone; on stderr the runner's own lines stand among theirs."""
        if run.stdout != plain.stdout:
            self._broken(
                phase, run, f"stdout is not what the command prints: {plain.stdout!r:.300}"
            )
        if plain.stderr not in run.stderr:
            self._broken(phase, run, f"stderr lacks what the command prints: {plain.stderr!r:.300}")

    # Helpers.

    def _run(self, phase: str) -> Run:
        run = self.runner.run(self.place, self.case.target, self.conditions)
        if not run.outcomes:
            self._broken(phase, run, "the run told of no step")
        return run

    def _plain(self, change: Change | None = None) -> Plain:
        self.references += 1
        base = self.base / f"reference-{self.references}"
        if change is None:
            return self.reference.result(base)
        edited = self.reference.result(base, change.edit)
        # A command that fails leaves what it had left before: nothing is taken back.
        return edited if edited.code == 0 else self.reference.onto(base / "onto", change.edit)

    def _snapshot(self) -> Snapshot:
        return snapshot(self.place.root, (".git", *self.case.neutral))

    def _all_steps(self) -> frozenset[str]:
        return frozenset(
            f"{task.name}:{index}" if index else task.name
            for task in self.case.ordered()
            for index in range(len(task.lines))
        )

    def _plant_stranger(self) -> None:
        where = self.case.stranger_in
        if where is not None:
            self.stranger = str(Path(where) / STRANGER_NAME)
            (self.place.root / self.stranger).write_bytes(STRANGER)

    def _broken(self, phase: str, run: Run, what: str) -> None:
        raise BrokenError(f"{self.case.name}, {phase}: {what}\n{run.told()}")


def _set_apart(stranger: str, found: Snapshot, tree: Snapshot) -> None:
    """Take the stranger out of what was found, and the directories that stand only for it."""
    found.pop(stranger, None)
    for parent in Path(stranger).parents:
        if str(parent) not in tree:
            found.pop(str(parent), None)


def _overwrite(path: Path, data: bytes) -> None:
    """Other bytes under the same inode and mode."""
    mode = stat.S_IMODE(path.stat().st_mode)
    path.chmod(0o600)
    path.write_bytes(data)
    path.chmod(mode)


def _list(lines: list[str]) -> str:
    return "\n".join(f"  {line}" for line in lines)
