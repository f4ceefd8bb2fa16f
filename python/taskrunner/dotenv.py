"""Reads files of `NAME=value` lines. Values are taken as they stand: `$` means nothing."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from taskrunner.errors import ConfigError
from taskrunner.toml_source import read_file, shown_path

if TYPE_CHECKING:
    from taskrunner.errors import Place

_SPACE = re.compile(r"(?:\s|#[^\n]*)*")
_NAME = re.compile(r"(?:export[ \t]+)?([A-Za-z_][A-Za-z0-9_]*)[ \t]*=[ \t]*")
# A quoted value may go over several lines; what follows it on its last line is at most a comment.
_QUOTED = re.compile(r"""(?:'([^']*)'|"((?:[^"\\]|\\.)*)")[ \t]*(?:#[^\n]*)?(?=\n|\Z)""", re.DOTALL)
_BARE = re.compile(r"[^\n]*")
_COMMENT = re.compile(r"(?:^|[ \t])#.*")
_ESCAPES = {"n": "\n", "r": "\r", "t": "\t"}


def read(path: str, place: Place, *, required: bool) -> dict[str, str]:
    """Return the variables a file sets; none if it isn't there and need not be."""
    data = read_file(path)
    if data is None:
        if required:
            raise ConfigError(
                f"there is no {shown_path(path)}",
                place=place,
                hint='write `{ path = "...", required = false }` if it need not be there',
            )
        return {}
    try:
        text = data.decode("utf-8-sig").replace("\r\n", "\n")
    except UnicodeDecodeError as error:
        raise ConfigError("not valid UTF-8", place=shown_path(path)) from error
    return _parse(text, path)


def _parse(text: str, path: str) -> dict[str, str]:
    found: dict[str, str] = {}
    at = _end(_SPACE, text, 0)
    while at < len(text):
        name = _NAME.match(text, at)
        if name is None:
            raise _wrong(text, at, path, "not a line of the form `NAME=value`")
        quoted = _QUOTED.match(text, name.end())
        if quoted is None and text[name.end() : name.end() + 1] in {"'", '"'}:
            raise _wrong(text, at, path, f"`{name[1]}` has a quote that isn't closed at its end")
        bare = quoted or _BARE.match(text, name.end())
        value = _value(bare) if bare else ""
        if "\0" in value:
            raise _wrong(text, at, path, f"`{name[1]}` contains a NUL character")
        found[name[1]] = value
        at = _end(_SPACE, text, bare.end() if bare else name.end())
    return found


def _value(found: re.Match[str]) -> str:
    if found.re is _BARE:
        return _COMMENT.sub("", found[0]).strip()
    if found[1] is not None:
        return found[1]
    return re.sub(r"\\(.)", lambda m: _ESCAPES.get(m[1], m[1]), found[2], flags=re.DOTALL)


def _end(pattern: re.Pattern[str], text: str, at: int) -> int:
    found = pattern.match(text, at)
    return found.end() if found else at


def _wrong(text: str, at: int, path: str, message: str) -> ConfigError:
    line = text.count("\n", 0, at) + 1
    return ConfigError(message, place=f"{shown_path(path)}:{line}")
