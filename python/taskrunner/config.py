"""The keys of the configuration, and what each may be. Knows files, not the workspace's shape."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, NamedTuple

from taskrunner import config_values as values
from taskrunner import path_rules
from taskrunner.errors import ConfigError, Place, suggestion
from taskrunner.toml_source import Cursor, Key, Source, read_file, table_schema

if TYPE_CHECKING:
    from taskrunner.model import Dependency
    from taskrunner.path_rules import Rule

FILE = "taskrunner.toml"
PYPROJECT = "pyproject.toml"


class CacheConfig(NamedTuple):
    """`[cache]`: what is cached, where, and how much of it is kept."""

    tasks: bool = True
    scripts: bool = False
    max_size: int = 10 * 10**9
    max_age: int = 30
    directory: str | None = None


class TaskConfig(NamedTuple):
    """A task as written; None is a key that was left out. For what they mean see `model.Task`."""

    place: Place
    command: tuple[str, ...] | None = None
    depends_on: tuple[Dependency, ...] | None = None
    cwd: str | None = None
    env: tuple[str, ...] | None = None
    untracked_env: tuple[str, ...] | None = None
    input: tuple[Rule, ...] | None = None
    output: tuple[Rule, ...] | None = None
    cache: bool | None = None
    description: str | None = None
    shell: tuple[str, ...] | None = None
    env_file: tuple[tuple[str, bool, Cursor], ...] | None = None
    timeout: float | None = None
    retries: int | None = None
    weight: int | None = None
    lock: tuple[str, ...] | None = None
    interactive: bool | None = None
    internal: bool | None = None
    trace: bool | None = None
    noise: tuple[str, ...] | None = None
    values: tuple[tuple[str, str], ...] | None = None

    def over(self, defaults: TaskConfig) -> TaskConfig:
        """Return this task with what it leaves out taken from the defaults."""
        left_out = {name: value for name, value in self._asdict().items() if value is None}
        return self._replace(**{name: getattr(defaults, name) for name in left_out})


class Config(NamedTuple):
    """One directory's configuration."""

    at: Cursor
    packages: tuple[Cursor, ...] | None = None
    cache: CacheConfig | None = None
    tasks: dict[str, TaskConfig] = {}  # noqa: RUF012 - never changed
    defaults: dict[str, TaskConfig] = {}  # noqa: RUF012 - never changed

    @property
    def is_workspace(self) -> bool:
        """Whether a workspace begins here."""
        return self.packages is not None


def load(directory: str, pyproject: Source | None = None) -> Config | None:
    """Return the configuration of a directory, or None if it has none.

    Its pyproject.toml may have been read already.
    """
    own = read_file(os.path.join(directory, FILE))
    embedded = pyproject.at("tool", "taskrunner") if pyproject else _embedded(directory)
    if own is None:
        return None if embedded is None else _config(embedded)
    if embedded is not None:
        raise embedded.error(f"`[tool.taskrunner]` stands beside a {FILE}", "keep one of them")
    source = Source(os.path.join(directory, FILE), own)
    return _config(Cursor(source, (), source.document))


def _embedded(directory: str) -> Cursor | None:
    path = os.path.join(directory, PYPROJECT)
    data = read_file(path)
    if data is None or b"taskrunner" not in data:
        return None
    return Source(path, data).at("tool", "taskrunner")


def _config(at: Cursor) -> Config:
    found = at.read(CONFIG_KEYS)
    workspace = found.get("workspace")
    return Config(
        at=at,
        packages=None if workspace is None else workspace.get("packages", ()),
        cache=found.get("cache"),
        tasks=found.get("tasks", {}),
        defaults=found.get("task-defaults", {}),
    )


def _cache(at: Cursor) -> CacheConfig:
    found = at.read(_CACHE_KEYS)
    return CacheConfig(**{_FIELDS.get(key, key): value for key, value in found.items()})


def _tasks(at: Cursor) -> dict[str, TaskConfig]:
    return {name: _task(item) for name, item in at.table().items()}


def _task(at: Cursor) -> TaskConfig:
    values.task_name(at)
    found = at.read(TASK_KEYS)
    return TaskConfig(at.place, **{key.replace("-", "_"): value for key, value in found.items()})


def _switch(meaning: str) -> Key:
    return Key(Cursor.boolean, values.BOOLEAN, meaning)


def _text(meaning: str) -> Key:
    return Key(Cursor.string, values.STRING, meaning)


def _variables(meaning: str) -> Key:
    return Key(values.env_names, values.ENV, meaning)


_FIELDS = {"max-size": "max_size", "max-age": "max_age", "dir": "directory"}

_WORKSPACE_KEYS = {
    "packages": Key(
        values.package_patterns,
        {"type": "array", "items": values.TEXT},
        "Patterns of the packages' directories; `!` in front takes some out again.",
    ),
}

_CACHE_KEYS = {
    "tasks": _switch("Whether tasks are cached that don't say otherwise."),
    "scripts": _switch("Whether scripts of package.json are that aren't tasks."),
    "max-size": Key(values.size, values.SIZE, "The least recently used results beyond it go."),
    "max-age": Key(values.age, values.AGE, "Results not used for so long go."),
    "dir": _text("Where it is, relative to the root."),
}

TASK_KEYS = {
    "command": Key(values.command_lines, values.COMMAND, "What is run: a line, or several."),
    "depends-on": Key(values.depends_on, values.DEPENDS_ON, "What has to be done before."),
    "cwd": Key(values.relative_path, values.TEXT, "Where it is run, relative to the package."),
    "env": _variables("Variables that are passed, and whose values count."),
    "untracked-env": _variables("Variables that are passed, whatever their values."),
    "env-file": Key(
        values.env_files, values.ENV_FILE, "Files of variables that are passed and count."
    ),
    "input": Key(path_rules.rules, path_rules.SCHEMA, "Which files count as read."),
    "output": Key(path_rules.rules, path_rules.SCHEMA, "Which files count as made."),
    "cache": _switch("False: always run."),
    "description": _text("Shown by `list` instead of the command."),
    "shell": Key(values.shell, values.NAMES, "What runs whole lines, instead of sh."),
    "timeout": Key(values.duration, values.DURATION, "How long each step may run."),
    "retries": Key(
        values.not_negative, values.at_least(0), "How many more times a failed step is tried."
    ),
    "weight": Key(values.positive, values.at_least(1), "How many places a running step takes."),
    "lock": Key(values.names, values.NAMES, "No two running steps share one of these names."),
    "interactive": _switch("Whether it is given the terminal; never cached."),
    "internal": _switch("Whether only other tasks can reach it."),
    "trace": _switch("False: what it reads and writes isn't watched."),
    "noise": Key(values.noise, values.NOISE, "Names of files that are the tool's own business."),
    "values": Key(values.derived, values.VALUES, "Commands whose output counts, by its name."),
}

_TASKS_SCHEMA = {
    "type": "object",
    "propertyNames": values.TASK_NAMES,
    "additionalProperties": {"$ref": "#/$defs/task"},
}

CONFIG_KEYS = {
    "workspace": Key(
        lambda at: at.read(_WORKSPACE_KEYS),
        table_schema(_WORKSPACE_KEYS),
        "Begins a workspace; only in its root.",
    ),
    "cache": Key(_cache, table_schema(_CACHE_KEYS), "What is kept; only in the root."),
    "tasks": Key(_tasks, _TASKS_SCHEMA, "The package's tasks, by name."),
    "task-defaults": Key(
        _tasks, _TASKS_SCHEMA, "What all tasks of a name have in common; only in the root."
    ),
}


def schema() -> dict[str, Any]:
    """Return the JSON Schema of the configuration."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": f"{FILE}, and [tool.taskrunner] in {PYPROJECT}",
        **table_schema(CONFIG_KEYS),
        "$defs": {"task": table_schema(TASK_KEYS)},
    }


def unknown(at: Place, message: str, wrong: str, known: list[str]) -> ConfigError:
    """Return the error for a name that nothing has, with the nearest that something has."""
    return ConfigError(message, place=at, hint=suggestion(wrong, known))
