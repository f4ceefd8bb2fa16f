"""The keys of the configuration, and what each may be. Knows files, not the workspace's shape."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING, Any, NamedTuple

from taskrunner import command
from taskrunner.errors import ConfigError, Place, suggestion
from taskrunner.path_rules import Rule, check_pattern, rules
from taskrunner.toml_source import Cursor, Source, read_file

if TYPE_CHECKING:
    from collections.abc import Callable

FILE = "taskrunner.toml"
PYPROJECT = "pyproject.toml"

_SIZES = {"B": 1, "KB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12}
_SIZES |= {"KiB": 2**10, "MiB": 2**20, "GiB": 2**30, "TiB": 2**40}
_DAYS = {"d": 1, "w": 7}
_ENV_PATTERN = re.compile(r"!?[A-Za-z0-9_.()*?-]+")
_TASK_NAME = re.compile(r"[^\s#,^!-][^\s#,]*")


class CacheConfig(NamedTuple):
    """`[cache]`: what is cached, where, and how much of it is kept."""

    tasks: bool = True
    scripts: bool = False
    max_size: int = 10 * 10**9
    max_age: int = 30
    directory: str | None = None


class TaskConfig(NamedTuple):
    """A task as written; None is a key that was left out."""

    place: Place
    command: tuple[str, ...] | None = None
    depends_on: tuple[str, ...] | None = None
    cwd: str | None = None
    env: tuple[str, ...] | None = None
    untracked_env: tuple[str, ...] | None = None
    input: tuple[Rule, ...] | None = None
    output: tuple[Rule, ...] | None = None
    cache: bool | None = None
    description: str | None = None

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


def load(directory: str) -> Config | None:
    """Return the configuration of a directory, or None if it has none."""
    own = read_file(os.path.join(directory, FILE))
    embedded = _embedded(os.path.join(directory, PYPROJECT))
    if own is None:
        return None if embedded is None else _config(embedded)
    if embedded is not None:
        raise embedded.error(f"`[tool.taskrunner]` stands beside a {FILE}", "keep one of them")
    source = Source(os.path.join(directory, FILE), own)
    return _config(Cursor(source, (), source.document))


def _embedded(path: str) -> Cursor | None:
    data = read_file(path)
    if data is None or b"taskrunner" not in data:
        return None
    return Source(path, data).at("tool", "taskrunner")


def _config(at: Cursor) -> Config:
    values = at.read(_CONFIG_KEYS)
    workspace = values.get("workspace")
    return Config(
        at=at,
        packages=None if workspace is None else workspace.get("packages", ()),
        cache=values.get("cache"),
        tasks=values.get("tasks", {}),
        defaults=values.get("task-defaults", {}),
    )


def _cache(at: Cursor) -> CacheConfig:
    values = at.read(_CACHE_KEYS)
    return CacheConfig(**{_FIELDS.get(key, key): value for key, value in values.items()})


def _tasks(at: Cursor) -> dict[str, TaskConfig]:
    return {name: _task(item) for name, item in at.table().items()}


def _task(at: Cursor) -> TaskConfig:
    name = str(at.keys[-1])
    if not _TASK_NAME.fullmatch(name) or not name.isprintable():
        raise at.error(
            f"`{name}` can't be a task's name",
            hint="names have no spaces, `#` or `,`, and don't begin with `-`, `^` or `!`",
        )
    values = at.read(_TASK_KEYS)
    return TaskConfig(at.place, **{key.replace("-", "_"): value for key, value in values.items()})


def _command(at: Cursor) -> tuple[str, ...]:
    if isinstance(at.value, str):
        return (_command_line(at),)
    lines = tuple(_command_line(item) for item in at.items("a string or an array of strings"))
    if not lines:
        raise at.error(f"{at.name} is empty", hint="give a command line, or a list of them")
    return lines


def _command_line(at: Cursor) -> str:
    line = at.string()
    if not line.strip():
        raise at.error(f"{at.name} is empty", hint="give a command line, or a list of them")
    try:
        command.parse(line)
    except command.UnterminatedQuoteError as error:
        raise at.error(f"{at.name} has an unterminated quote: {error}") from error
    return line


def _depends_on(at: Cursor) -> tuple[str, ...]:
    for item in at.items("an array of strings"):
        _, _, task = item.string().removeprefix("^").rpartition("#")
        if not _TASK_NAME.fullmatch(task):
            raise item.error(
                f"`{item.value}` can't be a dependency",
                hint="write `task`, `package#task` or `^task`",
            )
    return at.strings()


def _env(at: Cursor) -> tuple[str, ...]:
    for item in at.items("an array of strings"):
        pattern = item.string()
        if "=" in pattern:
            raise item.error(
                f"{item.name} sets a value; it takes names and patterns of names",
                hint="put `NAME=value` before the command",
            )
        if not _ENV_PATTERN.fullmatch(pattern):
            raise item.error(f"`{pattern}` is not the name of an environment variable or a pattern")
    return at.strings()


def _cwd(at: Cursor) -> str:
    path = at.string()
    if not path or path.startswith("/"):
        raise at.error(f"{at.name} must be a path relative to the package")
    return path


def _size(at: Cursor) -> int:
    return _amount(at, _SIZES, r"(\d+(?:\.\d+)?) ?(B|[KMGT]i?B)", '"10GB"')


def _age(at: Cursor) -> int:
    return _amount(at, _DAYS, r"(\d+)([dw])", '"30d"')


def _amount(at: Cursor, units: dict[str, int], pattern: str, example: str) -> int:
    text = at.string()
    found = re.fullmatch(pattern, text)
    if not found:
        raise at.error(
            f"{at.name} is not an amount: `{text}`",
            hint=f"write a number and one of {', '.join(units)}, such as {example}",
        )
    return int(float(found[1]) * units[found[2]])


def _package_patterns(at: Cursor) -> tuple[Cursor, ...]:
    items = at.items("an array of strings")
    for item in items:
        check_pattern(item, item.string().removeprefix("!"))
    return items


_FIELDS = {"max-size": "max_size", "max-age": "max_age", "dir": "directory"}

_WORKSPACE_KEYS: dict[str, Callable[[Cursor], Any]] = {"packages": _package_patterns}

_CACHE_KEYS: dict[str, Callable[[Cursor], Any]] = {
    "tasks": Cursor.boolean,
    "scripts": Cursor.boolean,
    "max-size": _size,
    "max-age": _age,
    "dir": Cursor.string,
}

_TASK_KEYS: dict[str, Callable[[Cursor], Any]] = {
    "command": _command,
    "depends-on": _depends_on,
    "cwd": _cwd,
    "env": _env,
    "untracked-env": _env,
    "input": rules,
    "output": rules,
    "cache": Cursor.boolean,
    "description": Cursor.string,
}

_CONFIG_KEYS: dict[str, Callable[[Cursor], Any]] = {
    "workspace": lambda at: at.read(_WORKSPACE_KEYS),
    "cache": _cache,
    "tasks": _tasks,
    "task-defaults": _tasks,
}


def unknown(at: Place, message: str, wrong: str, known: list[str]) -> ConfigError:
    """Return the error for a name that nothing has, with the nearest that something has."""
    return ConfigError(message, place=at, hint=suggestion(wrong, known))
