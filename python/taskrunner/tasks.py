"""Makes a package's tasks out of its configuration, the root's defaults and its scripts."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from taskrunner.errors import ConfigError
from taskrunner.model import EnvFile, Task
from taskrunner.path_rules import resolve

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from taskrunner.config import TaskConfig
    from taskrunner.model import Package
    from taskrunner.toml_source import Cursor


def of(
    package: Package,
    declared: Mapping[str, TaskConfig],
    defaults: Mapping[str, TaskConfig],
    first: int,
) -> Iterator[Task]:
    """Yield the tasks of a package, numbered from `first`."""
    for number, (name, found) in enumerate(declared.items(), first):
        full = found.over(defaults[name]) if name in defaults else found
        yield _task(number, package, name, full)


def _task(number: int, package: Package, name: str, found: TaskConfig) -> Task:
    if found.command is None:
        raise ConfigError(
            f"task `{name}` has no `command`",
            place=found.place,
            hint='add `command = "..."`',
        )
    return Task(
        id=number,
        package=package,
        name=name,
        commands=found.command,
        depends_on=found.depends_on or (),
        cwd=_cwd(package, found),
        env=found.env or (),
        untracked_env=found.untracked_env or (),
        input=resolve(found.input, package.path),
        output=resolve(found.output, package.path),
        cache=found.cache is not False,
        description=found.description,
        place=found.place,
        shell=found.shell,
        env_files=tuple(_env_file(package, *file) for file in found.env_file or ()),
        timeout=found.timeout,
        retries=found.retries or 0,
        weight=found.weight or 1,
        lock=found.lock or (),
        interactive=found.interactive is True,
        internal=found.internal is True,
        trace=found.trace is not False,
        noise=found.noise or (),
    )


def _cwd(package: Package, found: TaskConfig) -> str:
    path = inside(package.path, found.cwd or "")
    if path is None:
        raise ConfigError(
            f"`cwd` leads out of the workspace: {found.cwd}", place=found.place.below("cwd")
        )
    return path


def _env_file(package: Package, path: str, required: bool, at: Cursor) -> EnvFile:  # noqa: FBT001
    found = inside(package.path, path)
    if found is None:
        raise at.error(f"{at.name} leads out of the workspace: {path}")
    return EnvFile(found, required, at.place)


def inside(base: str, path: str) -> str | None:
    """Return a path below the workspace relative to its root, or None if it leads out."""
    found = os.path.normpath(os.path.join(base, path))
    if found == ".." or found.startswith(("../", "/")):
        return None
    return "" if found == "." else found
