"""A workspace for end-to-end tests: written, run, started in the background, looked at."""

from __future__ import annotations

import os
import select
import subprocess
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from ..metamorphic.case import Conditions, Task
from ..metamorphic.runner import RUN_DEADLINE, CommandRunner, Run, command, read_summary
from ..metamorphic.tree import Snapshot, Source, snapshot
from ..metamorphic.workspace import Place, write_workspace

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

# Until a process that must end has ended, or a line that must come has come.
EVENT_DEADLINE = 20.0
POLL_INTERVAL = 0.01


@dataclass(frozen=True)
class Space:
    """One workspace and the ways to run the command in it."""

    place: Place
    conditions: Conditions = field(default_factory=Conditions)

    @classmethod
    def make(cls, base: Path, files: Source, tasks: Sequence[Task]) -> Space:
        """A new workspace below `base`."""
        place = Place.make(base)
        write_workspace(place.root, files, tasks)
        return cls(place)

    @property
    def root(self) -> Path:
        """The workspace's root."""
        return self.place.root

    @property
    def cache(self) -> Path:
        """The shared part of the state."""
        return self.root / ".taskrunner" / "cache"

    def run(
        self,
        target: str = "build",
        *options: str,
        env: Mapping[str, str] | None = None,
        wrapper: Sequence[str] = (),
    ) -> Run:
        """Run a task to its end."""
        runner = CommandRunner(options, env or {}, tuple(wrapper))
        return runner.run(self.place, target, self.conditions)

    def tree(self) -> Snapshot:
        """The workspace as it is, without the runner's own directory."""
        return snapshot(self.root)

    @contextmanager
    def started(self, target: str = "build", *, name: str = "started") -> Iterator[Started]:
        """A run in the background, in a session of its own; killed at the end if it still is."""
        summary = self.place.temp.parent / f"{name}.json"
        summary.unlink(missing_ok=True)
        process = subprocess.Popen(
            [*command(), "run", f"--summarize={summary}", target],
            cwd=self.root,
            env=self.place.environment(self.conditions),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
        with process:
            try:
                yield Started(process, summary)
            finally:
                process.kill()


@dataclass
class Started:
    """A run in the background."""

    process: subprocess.Popen[bytes]
    summary: Path
    seen: bytes = b""

    def wait_for(self, text: bytes) -> None:
        """Read the run's stdout until it holds `text`."""
        assert self.process.stdout is not None
        end = time.monotonic() + EVENT_DEADLINE
        while text not in self.seen:
            left = end - time.monotonic()
            ready, _, _ = select.select([self.process.stdout], [], [], max(left, 0))
            chunk = os.read(self.process.stdout.fileno(), 65536) if ready else b""
            assert chunk, f"{text!r} did not come in {EVENT_DEADLINE} s, but {self.seen!r}"
            self.seen += chunk

    def finish(self) -> Run:
        """Wait for the end; what the run printed and told."""
        stdout, stderr = self.process.communicate(timeout=RUN_DEADLINE)
        code = self.process.returncode
        return Run(code, self.seen + stdout, stderr, read_summary(self.summary))


def processes_in(directory: Path) -> list[int]:
    """The processes whose working directory lies at or below `directory`."""
    return [pid for pid in _pids() if _is_below(_link(pid, "cwd"), directory)]


def children(pid: int) -> list[int]:
    """The child processes of `pid`."""
    return [child for child in _pids() if _parent(child) == pid]


def program(pid: int) -> str:
    """The path of the program a process runs; empty if it is gone."""
    return _link(pid, "exe")


def _pids() -> list[int]:
    return [int(path.name) for path in Path("/proc").iterdir() if path.name.isdigit()]


def _link(pid: int, name: str) -> str:
    try:
        return str(Path(f"/proc/{pid}/{name}").readlink())
    except OSError:
        return ""


def _is_below(path: str, directory: Path) -> bool:
    return path == str(directory) or path.startswith(f"{directory}/")


def _parent(pid: int) -> int:
    try:
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return 0
    return int(fields.rpartition(")")[2].split()[1])


def wait_until_gone(find: Callable[[], list[int]]) -> None:
    """Wait until `find` finds no process: each one's end is an event of its pidfd."""
    end = time.monotonic() + EVENT_DEADLINE
    while left := find():
        assert time.monotonic() < end, f"still there after {EVENT_DEADLINE} s: {_named(left)}"
        _wait_for_end(left[0], end)


def _wait_for_end(pid: int, end: float) -> None:
    try:
        descriptor = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    try:
        select.select([descriptor], [], [], max(end - time.monotonic(), 0))
    finally:
        os.close(descriptor)


def _named(pids: Sequence[int]) -> list[str]:
    return [f"{pid} {program(pid)}" for pid in pids]


def wait_until(condition: Callable[[], bool], what: str) -> None:
    """Poll for something that sends no event, such as a file another process makes."""
    end = time.monotonic() + EVENT_DEADLINE
    while not condition():
        assert time.monotonic() < end, f"{what} did not happen in {EVENT_DEADLINE} s"
        time.sleep(POLL_INTERVAL)
