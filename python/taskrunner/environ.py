"""The environment a task is given: what is passed, and what of it the cache looks at."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from taskrunner import dotenv
from taskrunner.hints import PROTOCOL_NAMES
from taskrunner.paths import join, upwards

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from taskrunner.model import Task

    _Variables = tuple[tuple[str, str], ...]

TRACKED = (
    "LANG",
    "LC_*",
    "TZ",
    "TERM",
    "GIT_DIR",
    "GIT_INDEX_FILE",
    "FORCE_COLOR",
    "NO_COLOR",
    "CLICOLOR",
    "CLICOLOR_FORCE",
)
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

_DEFAULT_PATH = "/usr/local/bin:/usr/bin:/bin"
_TOOLS = ("node_modules/.bin", ".venv/bin")
_NPM_PLACES = ("INIT_CWD", "npm_package_json")
"""What npm says about places: it follows from the package's, which counts."""


def tracks(name: str, env: tuple[str, ...]) -> bool:
    """Tell whether the fingerprint of a task with these `env` patterns has a variable by value."""
    return bool(matching([name], TRACKED) or matching([name], env))


def is_always_passed(name: str) -> bool:
    """Tell whether every task has a variable, and its value makes no difference to the cache."""
    return name in UNTRACKED or name in {"PATH", "PWD"}


class Environment(NamedTuple):
    """The variables of a task, and the names of those that are tracked by value."""

    values: dict[str, str]
    tracked: frozenset[str]
    root: str
    """The workspace's root."""

    def knows(self, name: str) -> bool:
        """Tell whether a variable of the task counts already, or follows from what counts."""
        return name in self.tracked or (name in _NPM_PLACES and name in self.values)


class _Outside:
    """The environment that those of tasks are taken from."""

    def __init__(self, values: dict[str, str]) -> None:
        self.values = values
        self.path = values.get("PATH", _DEFAULT_PATH).split(":")
        self._matching: dict[tuple[str, ...], set[str]] = {}

    def matching(self, patterns: tuple[str, ...]) -> set[str]:
        """Return the names that patterns match; many tasks ask for the same."""
        if patterns not in self._matching:
            self._matching[patterns] = matching(self.values, patterns)
        return self._matching[patterns]


class Environments:
    """Makes the environments of a run's tasks; tasks that ask for the same share one."""

    def __init__(self, root: str, outer: Mapping[str, str]) -> None:
        self.root = root
        self.outer = {n: v for n, v in outer.items() if n not in PROTOCOL_NAMES}
        self._outside: dict[_Variables, _Outside] = {(): _Outside(self.outer)}
        self._read: dict[str, dict[str, str]] = {}
        self._made: dict[tuple[object, ...], Environment] = {}

    def of(
        self, task: Task, script: tuple[str, str] | None = None, variables: _Variables = ()
    ) -> Environment:
        """Return the environment of a task's steps.

        `script` is the name and line of the `package.json` script that is run, if it is one;
        `variables` are set in the environment that the task's own is taken from.
        """
        key = (task.package, task.env, task.untracked_env, task.env_files, script, variables)
        if key not in self._made:
            self._made[key] = self._make(task, script, self._with(variables))
        return self._made[key]

    def _with(self, variables: _Variables) -> _Outside:
        if variables not in self._outside:
            self._outside[variables] = _Outside(self._outside[()].values | dict(variables))
        return self._outside[variables]

    def _make(self, task: Task, script: tuple[str, str] | None, outer: _Outside) -> Environment:
        always, passed = outer.matching(TRACKED), outer.matching(UNTRACKED)
        declared = outer.matching(task.env)
        untracked = outer.matching(task.untracked_env)
        filed = self._files(task)
        told = {} if script is None else _npm(task, *script)
        values = {name: outer.values[name] for name in sorted(always | passed)} | told | filed
        if script is not None:
            values |= self._npm_places(task)
        values |= {name: outer.values[name] for name in sorted(declared | untracked)}
        tracked = (always | declared | told.keys() | filed.keys()) - (untracked - declared)
        if "PATH" not in tracked:
            values["PATH"] = self._path(task.package.path, outer)
        return Environment(values, frozenset(tracked - {"PWD"}), self.root)

    def _npm_places(self, task: Task) -> dict[str, str]:
        package = working_directory(self.root, task.package.path)
        return dict(zip(_NPM_PLACES, (package, f"{package.rstrip('/')}/package.json"), strict=True))

    def _files(self, task: Task) -> dict[str, str]:
        """Return what the task's `env-file`s set."""
        values: dict[str, str] = {}
        for file in task.env_files:
            path = join(self.root, file.path)
            if path not in self._read:
                self._read[path] = dotenv.read(path, file.place, required=file.required)
            values |= self._read[path]
        return values

    def _path(self, package: str, outer: _Outside) -> str:
        """Return PATH with the tools of the package first, then those of all above it."""
        owners = [working_directory(self.root, path).rstrip("/") for path in upwards(package)]
        tools = [f"{owner}/{place}" for owner in owners for place in _TOOLS]
        return ":".join(dict.fromkeys([*tools, *outer.path]))


def working_directory(root: str, path: str) -> str:
    """Return a directory inside the workspace as an absolute path."""
    return join(root, path) if path else root


def _npm(task: Task, script: str, line: str) -> dict[str, str]:
    """Return what npm tells a script about itself; all of it counts."""
    told = {"npm_lifecycle_event": script, "npm_lifecycle_script": line}
    return told | {f"npm_package_{name}": value for name, value in task.npm}


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
