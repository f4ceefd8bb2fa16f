"""Writes a case's workspace and its `taskrunner.toml` files; knows the environment of a run."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from .tree import Source, write_tree

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from .case import Conditions, Task, Toml

GIT_DEADLINE = 20.0
COMMITTED = "2020-01-01T00:00:00Z"  # the same files are the same commit

# The interpreter's own directory, outside any virtual environment, so that cases can say `python3`.
BASE_PYTHON = Path(sys.base_prefix) / "bin"


@dataclass(frozen=True, slots=True)
class Place:
    """Where one workspace lies, with the home and the temporary directory its runs are given."""

    root: Path
    home: Path
    temp: Path

    @classmethod
    def make(cls, base: Path) -> Place:
        """A new place below `base`, with an empty root."""
        place = cls(base / "workspace", base / "home", base / "temp")
        for directory in (place.root, place.home, place.temp):
            directory.mkdir(parents=True, exist_ok=True)
        return place

    def environment(self, conditions: Conditions) -> dict[str, str]:
        """A small, fixed environment, then what the case sets."""
        env = {
            "PATH": f"{BASE_PYTHON}:/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin",
            "HOME": str(self.home),
            "TMPDIR": str(self.temp),
            "LANG": "C.UTF-8",
        }
        given = {
            name: value.replace("{root}", str(self.root)) for name, value in conditions.env.items()
        }
        return env | given


def write_workspace(root: Path, files: Source, tasks: Sequence[Task], *, git: bool = False) -> None:
    """Write the files, the configuration, and a git repository if asked."""
    write_tree(root, files)
    for package, text in configuration(tasks).items():
        directory = root / package
        directory.mkdir(parents=True, exist_ok=True)
        (directory / "taskrunner.toml").write_text(text, encoding="utf-8")
    if git:
        init_git(root)


def configuration(tasks: Iterable[Task]) -> dict[str, str]:
    """The text of each package's `taskrunner.toml`; the root's lists the packages."""
    texts = {".": ""}
    for task in tasks:
        texts[task.package] = texts.get(task.package, "") + _task_table(task)
    packages = sorted(package for package in texts if package != ".")
    texts["."] = f"[workspace]\npackages = {toml_value(packages)}\n" + texts["."]
    return texts


def _task_table(task: Task) -> str:
    command: Toml = task.command if isinstance(task.command, str) else list(task.command)
    keys: dict[str, Toml] = {"command": command}
    if task.depends_on:
        keys["depends-on"] = list(task.depends_on)
    if task.cwd != ".":
        keys["cwd"] = task.cwd
    return f"\n[tasks.{task.name}]\n" + _pairs(keys | dict(task.keys))


def _pairs(keys: Mapping[str, Toml]) -> str:
    return "".join(f"{key} = {toml_value(value)}\n" for key, value in keys.items())


def toml_value(value: Toml) -> str:
    """A TOML literal; JSON's strings, numbers, lists and booleans are TOML's too."""
    return json.dumps(value if isinstance(value, str | bool | int) else list(value))


def init_git(root: Path) -> None:
    """Make `root` a repository with everything committed."""
    identity = ["-c", "user.name=t", "-c", "user.email=t@example.invalid"]
    for arguments in (["init", "-q"], ["add", "-A"], ["commit", "-q", "-m", "start"]):
        subprocess.run(
            ["git", *identity, *arguments],
            cwd=root,
            check=True,
            timeout=GIT_DEADLINE,
            env={
                "PATH": os.environ["PATH"],
                "HOME": str(root.parent),
                "GIT_CONFIG_NOSYSTEM": "1",
                "GIT_AUTHOR_DATE": COMMITTED,
                "GIT_COMMITTER_DATE": COMMITTED,
            },
        )


def missing(programs: Iterable[str]) -> list[str]:
    """The programs a case needs that this machine lacks."""
    return [program for program in programs if shutil.which(program) is None]
