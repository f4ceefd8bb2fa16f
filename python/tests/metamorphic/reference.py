"""The reference: what the same commands leave under plain `sh`, in a fresh copy of the sources."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING

from .tree import Snapshot, Source, created, snapshot
from .workspace import Place, write_workspace

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from .case import Conditions, Task
    from .edits import Edit

COMMAND_DEADLINE = 30.0


@dataclass(frozen=True, slots=True)
class Plain:
    """What plain runs printed and left, and which paths they made or changed."""

    code: int
    stdout: bytes
    stderr: bytes
    tree: Snapshot
    outputs: tuple[str, ...]


def run_plain(
    place: Place, tasks: Iterable[Task], conditions: Conditions
) -> tuple[int, bytes, bytes]:
    """Run the tasks' lines one after another, stopping at the first failure."""
    env = place.environment(conditions)
    stdout, stderr = b"", b""
    for task in tasks:
        for line in task.lines:
            done = subprocess.run(
                ["/bin/sh", "-c", line],
                cwd=place.root / task.package / task.cwd,
                env=env,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                timeout=COMMAND_DEADLINE,
                check=False,
                umask=conditions.umask,
            )
            stdout, stderr = stdout + done.stdout, stderr + done.stderr
            if done.returncode != 0:
                return _shell_code(done.returncode), stdout, stderr
    return 0, stdout, stderr


def _shell_code(code: int) -> int:
    """A death by signal as shells number it."""
    return 128 - code if code < 0 else code


@dataclass(frozen=True, slots=True)
class Reference:
    """Makes fresh copies of a workspace, applies edits, and runs the commands there, uncached."""

    files: Source
    tasks: Sequence[Task]
    ordered: Sequence[Task]
    conditions: Conditions
    git: bool = False
    neutral: tuple[str, ...] = ()

    def result(self, base: Path, edit: Edit | None = None) -> Plain:
        """What the commands leave after the edit."""
        return self._run(self._place(base), edit)

    def onto(self, base: Path, edit: Edit | None = None) -> Plain:
        """What the commands leave after the edit where they ran before it, too."""
        place = self._place(base)
        self._run(place)
        return self._run(place, edit)

    def repeated(self, place: Place, times: int) -> Plain:
        """What the commands leave when run `times` times at `place`."""
        write_workspace(place.root, self.files, self.tasks, git=self.git)
        return [self._run(place) for _ in range(times)][-1]

    def _place(self, base: Path) -> Place:
        place = Place.make(base)
        write_workspace(place.root, self.files, self.tasks, git=self.git)
        return place

    def _run(self, place: Place, edit: Edit | None = None) -> Plain:
        conditions = self.conditions
        if edit:
            edit.apply(place.root)
            conditions = edit.adjust(conditions)
        before = self._snapshot(place)
        printed = run_plain(place, self.ordered, conditions)
        after = self._snapshot(place)
        return Plain(*printed, after, tuple(created(before, after)))

    def _snapshot(self, place: Place) -> Snapshot:
        return snapshot(place.root, (".git", *self.neutral))
