"""Makes a package's tasks out of its configuration, the root's defaults and its scripts."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from taskrunner.config import TaskConfig
from taskrunner.config_values import is_task_name
from taskrunner.errors import ConfigError, Place
from taskrunner.model import EnvFile, Task
from taskrunner.path_rules import resolve
from taskrunner.paths import inside

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from taskrunner.manifests import Manifest
    from taskrunner.model import Package
    from taskrunner.toml_source import Cursor


def of(
    package: Package,
    declared: Mapping[str, TaskConfig],
    defaults: Mapping[str, TaskConfig],
    manifest: Manifest | None,
    first: int,
) -> Iterator[Task]:
    """Yield the tasks of a package, numbered from `first`: the declared ones, then scripts.

    A declared task without a command of its own is the script of its name.
    """
    scripts = manifest.scripts if manifest else {}
    only_scripts = [name for name in scripts if name not in declared and is_task_name(name)]
    for number, name in enumerate((*declared, *only_scripts), first):
        own = declared.get(name) or TaskConfig(_place(manifest, name))
        full = own.over(defaults[name]) if name in defaults else own
        script = scripts.get(name)
        if own.command is None and script is not None:
            full = full._replace(command=(script,))
        task = _task(number, package, name, full, gathers=bool(own.depends_on))
        if manifest is not None and script is not None:
            task = task._replace(script=script, declared=name in declared, npm=_npm(manifest))
        yield _with_hooks(task, scripts) if task.is_script else task


def _with_hooks(task: Task, scripts: Mapping[str, str]) -> Task:
    """Add the scripts that npm runs around one of this name; theirs are not looked for."""
    before, after = scripts.get(f"pre{task.name}"), scripts.get(f"post{task.name}")
    return task._replace(before=(before,) if before else (), after=(after,) if after else ())


def _npm(manifest: Manifest) -> tuple[tuple[str, str], ...]:
    told = (("name", manifest.name), ("version", manifest.version))
    return tuple((key, value) for key, value in told if value)


def _place(manifest: Manifest | None, name: str) -> Place:
    if manifest is None:
        return Place("package.json", ("scripts", name), lambda _: 1)
    from taskrunner.manifests.npm import line_of

    return Place(manifest.label, ("scripts", name), partial(line_of, manifest.text))


def _task(number: int, package: Package, name: str, found: TaskConfig, *, gathers: bool) -> Task:
    if found.command is None and not gathers:
        raise ConfigError(
            f"task `{name}` has no `command`",
            place=found.place,
            hint='add `command = "..."`, or `depends-on` if it only gathers other tasks',
        )
    return Task(
        id=number,
        package=package,
        name=name,
        commands=found.command or (),
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
        values=found.values or (),
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
