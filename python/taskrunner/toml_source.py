"""Reads a TOML file and hands out its values, each of which knows its place and its type."""

from __future__ import annotations

import os
import re
import sys
from typing import TYPE_CHECKING, Any, NamedTuple, NoReturn

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

from taskrunner.errors import ConfigError, Keys, Place, suggestion

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

_TYPES: tuple[tuple[type, str], ...] = (
    (bool, "a boolean"),
    (str, "a string"),
    (int, "an integer"),
    (float, "a float"),
    (list, "an array"),
    (dict, "a table"),
)


class Source:
    """A TOML file that was read, with its text for finding lines."""

    def __init__(self, path: str, data: bytes) -> None:
        self.path = path
        self.label = shown_path(path)
        self.text = self._decode(data)
        self.document = self._parse()

    def _decode(self, data: bytes) -> str:
        try:
            return data.decode()
        except UnicodeDecodeError as error:
            line = data.count(b"\n", 0, error.start) + 1
            raise ConfigError("not valid UTF-8", place=f"{self.label}:{line}") from error

    def _parse(self) -> dict[str, Any]:
        try:
            return tomllib.loads(self.text)
        except tomllib.TOMLDecodeError as error:
            line, message = _decoded(str(error), self.text)
            place = f"{self.label}:{line}"
            raise ConfigError(f"not valid TOML: {message}", place=place) from error
        except RecursionError as error:
            raise ConfigError("not valid TOML: nested too deeply", place=self.label) from error

    def line(self, keys: Keys) -> int:
        """Return the line on which the value at `keys` stands."""
        from taskrunner.toml_position import line_of

        return line_of(self.text, keys)

    def at(self, *keys: str) -> Cursor | None:
        """Return the value at `keys`, or None where there is none."""
        value: Any = self.document
        for key in keys:
            if not isinstance(value, dict) or key not in value:
                return None
            value = value[key]
        return Cursor(self, keys, value)


def read_file(path: str) -> bytes | None:
    """Return a configuration file's bytes, or None if there is none."""
    try:
        with open(path, "rb") as file:
            return file.read()
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise ConfigError(f"can't be read: {error.strerror}", place=shown_path(path)) from error


def shown_path(path: str) -> str:
    """Return a path as the user would write it here: relative if it is below."""
    try:
        here = os.getcwd()
    except OSError:
        return path
    inside = path.startswith(here.rstrip("/") + "/")
    return path[len(here.rstrip("/")) + 1 :] if inside else path


def _decoded(message: str, text: str) -> tuple[int, str]:
    """Split the line off a message of the TOML parser."""
    found = re.search(r" \(at (?:line (\d+), column \d+|end of document)\)$", message)
    if not found:
        return 1, message
    line = int(found[1]) if found[1] else text.rstrip("\n").count("\n") + 1
    bare = message[: found.start()]
    return line, bare[:1].lower() + bare[1:]


class Key(NamedTuple):
    """A key that a table may have: how its value is read, its JSON Schema, what it means."""

    read: Callable[[Cursor], Any]
    schema: Mapping[str, Any]
    meaning: str


def table_schema(keys: Mapping[str, Key], required: tuple[str, ...] = ()) -> dict[str, Any]:
    """Return the JSON Schema of a table that has these keys and no other."""
    properties = {name: {**key.schema, "description": key.meaning} for name, key in keys.items()}
    schema = {"type": "object", "additionalProperties": False, "properties": properties}
    return schema | ({"required": list(required)} if required else {})


class Cursor:
    """A value in a TOML file: asks for it by type, or fails with file, line and key."""

    __slots__ = ("keys", "source", "value")

    def __init__(self, source: Source, keys: Keys, value: object) -> None:
        self.source = source
        self.keys = keys
        self.value = value

    @property
    def place(self) -> Place:
        """Where the value stands."""
        return Place(self.source.label, self.keys, self.source.line)

    @property
    def name(self) -> str:
        """The value's full key, in backticks."""
        return f"`{dotted(self.keys)}`"

    def error(self, message: str, hint: str | None = None) -> ConfigError:
        """Return an error that points here."""
        return ConfigError(message, place=self.place, hint=hint)

    def wrong(self, wanted: str) -> NoReturn:
        """Raise the error for a value of the wrong type."""
        kind = next((word for type_, word in _TYPES if isinstance(self.value, type_)), "a date")
        raise self.error(f"{self.name} must be {wanted}, not {kind}")

    def string(self) -> str:
        """Return the string that stands here."""
        if not isinstance(self.value, str):
            self.wrong("a string")
        if "\0" in self.value:
            raise self.error(f"{self.name} contains a NUL character")
        return self.value

    def boolean(self) -> bool:
        """Return the boolean that stands here."""
        if not isinstance(self.value, bool):
            self.wrong("true or false")
        return self.value

    def integer(self, least: int) -> int:
        """Return the integer that stands here, which is at least so much."""
        if not isinstance(self.value, int) or isinstance(self.value, bool):
            self.wrong("an integer")
        if self.value < least:
            raise self.error(f"{self.name} must be at least {least}, not {self.value}")
        return self.value

    def items(self, wanted: str = "an array") -> tuple[Cursor, ...]:
        """Return the elements of the array that stands here."""
        if not isinstance(self.value, list):
            self.wrong(wanted)
        return tuple(
            Cursor(self.source, (*self.keys, index), item) for index, item in enumerate(self.value)
        )

    def strings(self) -> tuple[str, ...]:
        """Return the array of strings that stands here."""
        return tuple(item.string() for item in self.items("an array of strings"))

    def table(self) -> dict[str, Cursor]:
        """Return the values of the table that stands here, by key."""
        if not isinstance(self.value, dict):
            self.wrong("a table")
        return {
            key: Cursor(self.source, (*self.keys, key), item) for key, item in self.value.items()
        }

    def read(self, known: Mapping[str, Key]) -> dict[str, Any]:
        """Return the table that stands here, each key read by its reader; no other may be there."""
        table = self.table()
        for key, item in table.items():
            if key not in known:
                raise item.unknown(f"unknown key `{key}`{self._within()}", key, known)
        return {key: known[key].read(item) for key, item in table.items()}

    def unknown(self, message: str, wrong: str, known: Iterable[str]) -> ConfigError:
        """Return the error for something that is none of the known, with the nearest of them."""
        names = ", ".join(sorted(known))
        return self.error(message, suggestion(wrong, known) or f"known here: {names}")

    def _within(self) -> str:
        return f" in `[{dotted(self.keys)}]`" if self.keys else ""


def dotted(keys: Keys) -> str:
    """Return keys as TOML writes them: `tasks."a b".env[0]`."""
    text = ""
    for key in keys:
        if isinstance(key, int):
            text += f"[{key}]"
        else:
            bare = re.fullmatch(r"[A-Za-z0-9_-]+", key)
            quoted = key if bare else '"' + key.replace("\\", "\\\\").replace('"', '\\"') + '"'
            text += f".{quoted}" if text else quoted
    return text
