"""`taskrunner init`: writes a first `taskrunner.toml`, and never over anything."""

from __future__ import annotations

import os

from taskrunner.cli.lazy import Command
from taskrunner.errors import UsageError

_TEXT = """\
# The root of a workspace. All keys: `docs/configuration.md` of taskrunner.
[workspace]
# packages = ["apps/*", "libs/*"]  # beside those that other manifests name

# For the task `build` of every package: first the builds of what the package needs.
[task-defaults.build]
depends-on = ["^build"]

# A command is all that a task has to declare: what it reads and writes is learnt by looking.
# [tasks.build]
# command = "make"
"""


def _init() -> int:
    from taskrunner import config
    from taskrunner.report.sink import Sink

    directory = os.getcwd()
    if config.load(directory) is not None:
        raise UsageError(
            f"{directory} has a configuration of taskrunner already",
            hint="`taskrunner list` shows its tasks",
        )
    path = os.path.join(directory, config.FILE)
    try:
        with open(path, "x", encoding="utf-8") as file:
            file.write(_TEXT)
    except FileExistsError:
        raise UsageError(f"{path} exists already") from None
    Sink(1).line(f"wrote {path}")
    return 0


command = Command(
    "init", callback=_init, help="Write a first taskrunner.toml into the current directory."
)
