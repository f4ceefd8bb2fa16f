"""The environment a task is given: what is passed, and what of it the cache looks at."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from taskrunner import dotenv

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from taskrunner.model import Task

TRACKED = ("LANG", "LC_*", "TZ", "TERM", "GIT_DIR", "GIT_INDEX_FILE")
"""Passed to every task, and part of its fingerprint by value."""

UNTRACKED = (
    "HOME",
    "USER",
    "LOGNAME",
    "SHELL",
    "TMPDIR",
    "TMP",
    "TEMP",
    "XDG_RUNTIME_DIR",
    "CI",
    "SSH_AUTH_SOCK",
    "SSH_AGENT_PID",
    "GPG_AGENT_INFO",
)
"""Passed to every task; their values don't make a difference to the cache."""

FIXED = {"FORCE_COLOR": "1"}
"""Set for every task that doesn't ask for a value of its own: output is stored in colour."""

_DEFAULT_PATH = "/usr/local/bin:/usr/bin:/bin"
_TOOLS = ("node_modules/.bin", ".venv/bin")


class Environment(NamedTuple):
    """All variables of a task, and the names of those that are tracked by value."""

    values: dict[str, str]
    tracked: frozenset[str]


class Environments:
    """Makes the environments of a run's tasks; tasks that ask for the same share one."""

    def __init__(self, root: str, outer: Mapping[str, str]) -> None:
        self.root = root
        self.outer = outer
        self._common = matching(outer, TRACKED), matching(outer, UNTRACKED)
        self._read: dict[str, dict[str, str]] = {}
        self._made: dict[tuple[object, ...], Environment] = {}

    def of(self, task: Task) -> Environment:
        """Return the environment of a task."""
        key = (task.package.path, task.cwd, task.env, task.untracked_env, task.env_files)
        if key not in self._made:
            self._made[key] = self._make(task)
        return self._made[key]

    def _make(self, task: Task) -> Environment:
        always, passed = self._common
        declared = matching(self.outer, task.env)
        untracked = matching(self.outer, task.untracked_env)
        filed = self._files(task)
        values = {name: self.outer[name] for name in sorted(always | passed)} | filed
        values |= {name: self.outer[name] for name in sorted(declared | untracked)}
        tracked = (always | declared | filed.keys()) - (untracked - declared)
        for name, value in FIXED.items():
            values.setdefault(name, value)
        if "PATH" not in tracked:
            values["PATH"] = self._path(task.package.path)
        values["PWD"] = _join(self.root, task.cwd)
        return Environment(values, frozenset(tracked - {"PWD"}))

    def _files(self, task: Task) -> dict[str, str]:
        """Return what the task's `env-file`s set."""
        values: dict[str, str] = {}
        for file in task.env_files:
            path = _join(self.root, file.path)
            if path not in self._read:
                self._read[path] = dotenv.read(path, file.place, required=file.required)
            values |= self._read[path]
        return values

    def _path(self, package: str) -> str:
        """Return PATH with the tools of the package first, then those of the workspace."""
        owners = dict.fromkeys((_join(self.root, package), self.root))
        tools = [f"{owner}/{place}" for owner in owners for place in _TOOLS]
        outer = self.outer.get("PATH", _DEFAULT_PATH).split(":")
        return ":".join(dict.fromkeys([*tools, *outer]))


def matching(names: Iterable[str], patterns: tuple[str, ...]) -> set[str]:
    """Return the names that a pattern matches and no pattern after `!` does."""
    wanted = [pattern for pattern in patterns if not pattern.startswith("!")]
    if not wanted:
        return set()
    refused = [pattern[1:] for pattern in patterns if pattern.startswith("!")]
    fits, refuses = _regex(wanted), _regex(refused)
    return {name for name in names if fits.fullmatch(name) and not refuses.fullmatch(name)}


def _regex(patterns: list[str]) -> re.Pattern[str]:
    """Return what matches any of the patterns; with none, nothing."""
    escaped = (re.escape(pattern) for pattern in patterns)
    parts = [text.replace(r"\*", ".*").replace(r"\?", ".") for text in escaped]
    return re.compile("|".join(parts) or r"(?!)", re.DOTALL)


def _join(root: str, path: str) -> str:
    return f"{root.rstrip('/')}/{path}" if path else root
