"""Runs the installed `taskrunner` and reads its summary; the harness knows it by `Runner` alone."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from .case import Conditions
    from .workspace import Place

# A run of a case does milliseconds of work; past this it hangs.
RUN_DEADLINE = 60.0


@dataclass(frozen=True, slots=True)
class Reason:
    """Why a step missed or was not stored."""

    kind: str
    path: str | None
    text: str
    message: str = ""
    detail: str | None = None

    @classmethod
    def read(cls, value: Any) -> Reason | None:
        """The reason in a summary element: an object with `kind`, or nothing."""
        if value is None:
            return None
        text = json.dumps(value, ensure_ascii=False)
        return cls(
            value["kind"], value.get("path"), text, value.get("message", ""), value.get("detail")
        )

    def mentions(self, name: str) -> bool:
        """Whether the reason names the path, or says the word; bytes that are no text escaped."""
        shown = name.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
        return self.path == shown or shown in self.text


@dataclass(frozen=True, slots=True)
class Outcome:
    """One step in the summary."""

    task: str
    step: int
    status: str
    miss: Reason | None
    skip: Reason | None
    hints: Mapping[str, Any] = field(default_factory=dict)

    @property
    def label(self) -> str:
        """`task`, or `task:1` for a later step; the package left out."""
        name = self.task.rpartition("#")[2]
        return f"{name}:{self.step}" if self.step else name


@dataclass(frozen=True, slots=True)
class Run:
    """One run of the runner."""

    code: int
    stdout: bytes
    stderr: bytes
    outcomes: tuple[Outcome, ...] = ()

    def ran(self) -> frozenset[str]:
        """The labels of the steps that were no hits."""
        return frozenset(item.label for item in self.outcomes if item.status != "hit")

    def one(self, label: str) -> Outcome:
        """The outcome of one step."""
        return next(item for item in self.outcomes if item.label == label)

    def told(self) -> str:
        """Everything about the run, for a failure message."""
        lines = [f"exit code {self.code}"]
        lines += [f"  {item}" for item in self.outcomes]
        lines += [f"stdout: {self.stdout!r:.2000}", f"stderr: {self.stderr!r:.2000}"]
        return "\n".join(lines)


class Runner(Protocol):
    """What the harness asks of a runner: the real command, or a double with a planted fault."""

    def run(self, place: Place, target: str, conditions: Conditions) -> Run:
        """Run the task in the workspace at `place`."""
        ...


def command() -> list[str]:
    """The command under test: the package of the interpreter that runs the tests."""
    return [sys.executable, "-m", "taskrunner"]


def read_summary(path: Path) -> tuple[Outcome, ...]:
    """The outcomes in a file written by `--summarize`; none if the run ended before writing it."""
    if not path.exists():
        return ()
    document = json.loads(path.read_text(encoding="utf-8"))
    if document["version"] != 1:
        msg = f"unknown summary version {document['version']}"
        raise ValueError(msg)
    return tuple(_outcome(item) for item in document["tasks"])


def _outcome(item: Mapping[str, Any]) -> Outcome:
    return Outcome(
        item["taskId"],
        item["step"],
        item["cacheStatus"],
        Reason.read(item["cacheMissReason"]),
        Reason.read(item["cacheSkipReason"]),
        item["cacheHints"],
    )


@dataclass(frozen=True, slots=True)
class CommandRunner:
    """The installed command.

    `options` stand before the task name, `env` beats the place's, `wrapper` starts the command,
    which may take `deadline` seconds.
    """

    options: tuple[str, ...] = ()
    env: Mapping[str, str] = field(default_factory=dict)
    wrapper: tuple[str, ...] = ()
    deadline: float = RUN_DEADLINE

    def run(self, place: Place, target: str, conditions: Conditions) -> Run:
        """Run the task and collect its summary, which is kept outside the workspace."""
        summary = place.temp.parent / "summary.json"
        summary.unlink(missing_ok=True)
        done = subprocess.run(
            self.argv(summary, target.split()),
            cwd=place.root,
            env=place.environment(conditions) | dict(self.env),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=self.deadline,
            check=False,
            umask=conditions.umask,
        )
        return Run(done.returncode, done.stdout, done.stderr, read_summary(summary))

    def argv(self, summary: Path, target: Sequence[str]) -> list[str]:
        """The whole command line."""
        return [*self.wrapper, *command(), "run", f"--summarize={summary}", *self.options, *target]
