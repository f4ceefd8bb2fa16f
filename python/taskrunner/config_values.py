"""How the values of single configuration keys are read, each beside its JSON Schema."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final, get_args

from taskrunner import command
from taskrunner.model import Dependency, Kind
from taskrunner.path_rules import check_pattern
from taskrunner.toml_source import Key, table_schema

if TYPE_CHECKING:
    from taskrunner.toml_source import Cursor

Schema = dict[str, Any]

_SIZES = {"B": 1, "KB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12}
_SIZES |= {"KiB": 2**10, "MiB": 2**20, "GiB": 2**30, "TiB": 2**40}
_DAYS = {"d": 1, "w": 7}
_SECONDS = {"ms": 0.001, "s": 1, "m": 60, "h": 3600}
_SIZE_PATTERN = r"(\d+(?:\.\d+)?) ?(B|[KMGT]i?B)"
_AGE_PATTERN = r"(\d+)([dw])"
_DURATION_PATTERN = r"(\d+(?:\.\d+)?)(ms|s|m|h)"
_ENV_PATTERN = r"!?[A-Za-z0-9_.()*?-]+"
_NAME_PATTERN = r"[^\s#,^!-][^\s#,]*"
_NOISE_PATTERN = r"!?[^/!*?\[\]]+"
_TASK_NAME = re.compile(_NAME_PATTERN)
_KINDS: Final = get_args(Kind)
_NO_COMMAND = "give a command line, or a list of them"
_DAY = 86400


def _whole(pattern: str) -> Schema:
    return {"type": "string", "pattern": f"^({pattern})$"}


def _one_or_more(item: Schema) -> Schema:
    return {"anyOf": [item, {"type": "array", "items": item, "minItems": 1}]}


STRING: Schema = {"type": "string"}
BOOLEAN: Schema = {"type": "boolean"}
TEXT: Schema = {"type": "string", "pattern": r"\S"}
COMMAND = _one_or_more(TEXT)
NAMES = _one_or_more(TEXT)
ENV: Schema = {"type": "array", "items": _whole(_ENV_PATTERN)}
VALUES: Schema = {
    "type": "object",
    "propertyNames": {"pattern": r"^[^=]+$"},
    "additionalProperties": TEXT,
}
NOISE: Schema = {"type": "array", "items": _whole(_NOISE_PATTERN)}
SIZE = _whole(_SIZE_PATTERN)
AGE = _whole(_AGE_PATTERN)
DURATION: Schema = {
    "anyOf": [{"type": "number", "exclusiveMinimum": 0}, _whole(_DURATION_PATTERN)],
}
TASK_NAMES = _whole(_NAME_PATTERN)


def at_least(least: int) -> Schema:
    """Return the schema of an integer that is not below another."""
    return {"type": "integer", "minimum": least}


def task_name(at: Cursor) -> str:
    """Return the last key on the way here, if it can be a task's name."""
    name = str(at.keys[-1])
    if not is_task_name(name):
        raise at.error(
            f"`{name}` can't be a task's name",
            hint="names have no spaces, `#` or `,`, and don't begin with `-`, `^` or `!`",
        )
    return name


def is_task_name(name: str) -> bool:
    """Return whether a task can be called that; a script that can't be is none."""
    return _TASK_NAME.fullmatch(name) is not None and name.isprintable()


def command_lines(at: Cursor) -> tuple[str, ...]:
    """Read a command line, or a list of them."""
    if isinstance(at.value, str):
        return (_command_line(at),)
    lines = tuple(_command_line(item) for item in at.items("a string or an array of strings"))
    if not lines:
        raise at.error(f"{at.name} is empty", hint=_NO_COMMAND)
    return lines


def _command_line(at: Cursor) -> str:
    line = at.string()
    if not line.strip():
        raise at.error(f"{at.name} is empty", hint=_NO_COMMAND)
    try:
        command.parse(line)
    except command.UnterminatedQuoteError as error:
        raise at.error(f"{at.name} has an unterminated quote: {error}") from error
    return line


def depends_on(at: Cursor) -> tuple[Dependency, ...]:
    """Read the array of dependencies that stands here."""
    return tuple(_dependency(item) for item in at.items())


def _dependency(at: Cursor) -> Dependency:
    if isinstance(at.value, str):
        return _named(at, at.string())
    if not isinstance(at.value, dict):
        at.wrong('`"task"`, `"package#task"`, `"^task"` or `{ task = "...", from = [...] }`')
    values = at.read(DEPENDENCY_KEYS)
    if "task" not in values:
        raise at.error(f"{at.name} has no `task`")
    found = _named(at, values["task"])
    if "from" not in values:
        return found
    if found.package is not None or found.deep:
        raise at.error(
            f"`from` says which packages to look in, and `{found.text}` does so too",
            hint='write `{ task = "build", from = [...] }`',
        )
    kinds = dict.fromkeys(values["from"])
    return found._replace(along=tuple(kinds), text=f"{found.text} from {', '.join(kinds)}")


def _named(at: Cursor, text: str) -> Dependency:
    package, separator, task = text.removeprefix("^").rpartition("#")
    upstream = text.startswith("^")
    if not _TASK_NAME.fullmatch(task) or (separator and (upstream or not package)):
        raise at.error(
            f"`{text}` can't be a dependency",
            hint="write `task`, `package#task` or `^task`",
        )
    return Dependency(
        task=task,
        package=package or None,
        along=_KINDS if upstream else None,
        deep=upstream,
        text=text,
        place=at.place,
    )


def _from(at: Cursor) -> tuple[str, ...]:
    items = (at,) if isinstance(at.value, str) else at.items("a string or an array of strings")
    for item in items:
        if item.string() not in _KINDS:
            raise item.unknown(f"`{item.value}` is no kind of dependency", item.string(), _KINDS)
    if not items:
        raise at.error(f"{at.name} is empty, so the dependency means nothing")
    return tuple(item.string() for item in items)


DEPENDENCY_KEYS: dict[str, Key] = {
    "task": Key(lambda at: at.string(), TEXT, "The task's name."),
    "from": Key(
        _from,
        _one_or_more({"enum": list(_KINDS)}),
        "Which of the package's manifest's lists to look in, for packages that have the task.",
    ),
}

DEPENDS_ON: Schema = {
    "type": "array",
    "items": {
        "anyOf": [
            _whole(rf"(\^|[^^].*#)?{_NAME_PATTERN}"),
            table_schema(DEPENDENCY_KEYS, ("task",)),
        ]
    },
}


def env_names(at: Cursor) -> tuple[str, ...]:
    """Read names of environment variables, and patterns of names."""
    for item in at.items("an array of strings"):
        pattern = item.string()
        if "=" in pattern:
            raise item.error(
                f"{item.name} sets a value; it takes names and patterns of names",
                hint="put `NAME=value` before the command",
            )
        if not re.fullmatch(_ENV_PATTERN, pattern):
            raise item.error(f"`{pattern}` is not the name of an environment variable or a pattern")
    return at.strings()


def relative_path(at: Cursor) -> str:
    """Read a path relative to the package."""
    path = at.string()
    if not path or path.startswith("/"):
        raise at.error(f"{at.name} must be a path relative to the package")
    return path


def env_files(at: Cursor) -> tuple[tuple[str, bool, Cursor], ...]:
    """Read files of variables: path, whether it must be there, and where that is said."""
    items = at.items() if isinstance(at.value, list) else (at,)
    return tuple(_env_file(item) for item in items)


def _env_file(at: Cursor) -> tuple[str, bool, Cursor]:
    if isinstance(at.value, str):
        return relative_path(at), True, at
    if not isinstance(at.value, dict):
        at.wrong('a path or `{ path = "...", required = false }`')
    values = at.read(ENV_FILE_KEYS)
    if "path" not in values:
        raise at.error(f"{at.name} has no `path`")
    return values["path"], values.get("required", True), at


ENV_FILE_KEYS: dict[str, Key] = {
    "path": Key(relative_path, TEXT, "The file, relative to the package."),
    "required": Key(lambda at: at.boolean(), BOOLEAN, "Whether it is an error if it isn't there."),
}

ENV_FILE = _one_or_more({"anyOf": [TEXT, table_schema(ENV_FILE_KEYS, ("path",))]})


def shell(at: Cursor) -> tuple[str, ...]:
    """Read a shell: a program that takes `-c LINE`, or all words that come before the line."""
    if isinstance(at.value, str):
        words: tuple[str, ...] = (at.string(), "-c")
    else:
        items = at.items("a string or an array of strings")
        words = tuple(item.string() for item in items)
    if not words or not words[0].strip():
        raise at.error(f"{at.name} is empty", hint='name a program, such as "bash"')
    return words


def duration(at: Cursor) -> float:
    """Read a time: a number of seconds, or one with a unit."""
    if isinstance(at.value, (int, float)) and not isinstance(at.value, bool):
        seconds = float(at.value)
    else:
        seconds = amount(at, _SECONDS, _DURATION_PATTERN, '"5m"', "a number of seconds or a string")
    if not 0 < seconds < 365 * _DAY:
        raise at.error(f"{at.name} must be longer than 0 and shorter than a year")
    return seconds


def not_negative(at: Cursor) -> int:
    """Read an integer from 0 on."""
    return at.integer(0)


def positive(at: Cursor) -> int:
    """Read an integer from 1 on."""
    return at.integer(1)


def names(at: Cursor) -> tuple[str, ...]:
    """Read a name, or a list of them."""
    items = (at,) if isinstance(at.value, str) else at.items("a string or an array of strings")
    for item in items:
        if not item.string().strip():
            raise item.error(f"{item.name} is empty")
    return tuple(dict.fromkeys(item.string() for item in items))


def noise(at: Cursor) -> tuple[str, ...]:
    """Read names of files that are neutral caches."""
    for item in at.items("an array of strings"):
        if not re.fullmatch(_NOISE_PATTERN, item.string()):
            raise item.error(
                f"{item.name} must be the name of a file or directory, without `/` or wildcards",
                hint='such as ".mytool_cache"; `!` in front takes a name out of the built-in table',
            )
    return at.strings()


def derived(at: Cursor) -> tuple[tuple[str, str], ...]:
    """Read a table of command lines by the key whose value they print."""
    items = at.table().items()
    if "" in at.table():
        raise at.error(f"{at.name} has an empty key")
    return tuple((key, _command_line(item)) for key, item in items)


def size(at: Cursor) -> int:
    """Read a number of bytes."""
    return int(amount(at, _SIZES, _SIZE_PATTERN, '"10GB"'))


def age(at: Cursor) -> int:
    """Read a number of days."""
    return int(amount(at, _DAYS, _AGE_PATTERN, '"30d"'))


def amount(
    at: Cursor, units: dict[str, Any], pattern: str, example: str, wanted: str = "a string"
) -> float:
    """Read a number with a unit."""
    if not isinstance(at.value, str):
        at.wrong(wanted)
    text = at.string()
    found = re.fullmatch(pattern, text)
    if not found:
        raise at.error(
            f"{at.name} is not an amount: `{text}`",
            hint=f"write a number and one of {', '.join(units)}, such as {example}",
        )
    return float(found[1]) * float(units[found[2]])


def package_patterns(at: Cursor) -> tuple[Cursor, ...]:
    """Read patterns of the packages' directories."""
    items = at.items("an array of strings")
    for item in items:
        check_pattern(item, item.string().removeprefix("!"))
    return items
