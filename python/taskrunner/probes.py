"""Works out the values that tasks declare: the outputs of short commands, before any look-up."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from taskrunner.environ import working_directory
from taskrunner.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from taskrunner.model import Task
    from taskrunner.plan import Action

DEADLINE = 30.0
"""How many seconds a command may take that works out a value: every run waits for it."""

_SHELL = ("/bin/sh", "-c")


class Probes:
    """Runs each command once a run, however many steps ask for it."""

    def __init__(self, root: str) -> None:
        self._root = root
        self._known: dict[tuple[object, ...], str] = {}

    def values(self, action: Action) -> Mapping[str, str]:
        """Return the values that a step's task declares, by key.

        A `ConfigError` if a command fails or takes too long: without the value no one could tell
        whether a stored result fits.
        """
        task, environment = action.task, action.environment
        where = working_directory(self._root, task.cwd)
        found = {}
        for key, line in task.values:
            # Tasks that ask for the same variables share one environment.
            asked = (line, where, task.shell, id(environment))
            if asked not in self._known:
                env = {**environment.values, "PWD": where}
                self._known[asked] = _output(task, key, line, where, env)
            found[key] = self._known[asked]
        return found


def _output(task: Task, key: str, line: str, where: str, env: Mapping[str, str]) -> str:
    # Few tasks declare a value, so most runs don't pay for the import.
    import subprocess

    try:
        done = subprocess.run(
            [*(task.shell or _SHELL), line],
            cwd=where,
            env=env,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=DEADLINE,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise _failed(task, key, line, str(error)) from error
    if done.returncode:
        told = done.stderr.decode(errors="replace").strip().splitlines()
        raise _failed(task, key, line, told[-1] if told else f"exit code {done.returncode}")
    return os.fsdecode(done.stdout).rstrip("\n")


def _failed(task: Task, key: str, line: str, why: str) -> ConfigError:
    return ConfigError(
        f"`{line}`, which works out the value `{key}` of `{task.label}`, failed: {why}",
        place=task.place,
        hint="mend the command, or let it print something else: `... || echo none`",
    )
