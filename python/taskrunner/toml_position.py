"""Finds the line on which a key of a valid TOML document stands; read only to word an error."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from taskrunner.errors import Keys

_BLANK = re.compile(r"(?:[ \t\r\n]|#[^\n]*)*")
_BARE = re.compile(r"[A-Za-z0-9_-]+")
_SPACE = re.compile(r"[ \t]*")
_STRINGS = re.compile(
    r'"""(?:[^\\]|\\.)*?"{3,5}'
    r"|'''.*?'{3,5}"
    r'|"(?:[^"\\\n]|\\.)*"'
    r"|'[^'\n]*'",
    re.DOTALL,
)
_SCALAR = re.compile(r"[^,\]}\n#]*")


def line_of(text: str, keys: Keys) -> int:
    """Return the line of the value at `keys`, or of the innermost part of the way to it."""
    scanner = _Scanner(text.replace("\r\n", "\n"))
    scanner.document()
    while keys and keys not in scanner.found:
        keys = keys[:-1]
    return scanner.text.count("\n", 0, scanner.found[keys]) + 1 if keys else 1


class _Scanner:
    """Walks a document that `tomllib` has accepted, noting where each key begins."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0
        self.found: dict[Keys, int] = {}
        self.tables: dict[Keys, int] = {}

    def document(self) -> None:
        """Note every key of the document."""
        table: Keys = ()
        self.blank()
        while self.at < len(self.text):
            if self.text[self.at] == "[":
                table = self.header()
            else:
                self.pair(table)
            self.blank()

    def header(self) -> Keys:
        start = self.at
        many = self.text.startswith("[[", self.at)
        self.at += 2 if many else 1
        keys = self.keys(())
        self.at += 2 if many else 1
        if many:
            self.tables[keys] = self.tables.get(keys, -1) + 1
            keys = (*keys, self.tables[keys])
        self.note(keys, start)
        return keys

    def pair(self, table: Keys) -> None:
        start = self.at
        keys = self.keys(table)
        self.at += 1  # the equals sign
        self.note(keys, start)
        self.value(keys)

    def keys(self, table: Keys) -> Keys:
        """Read a dotted key below `table`, through the last element of arrays of tables."""
        while True:
            self.match(_SPACE)
            name = self.match(_BARE) or self.quoted()
            table = (*table, name)
            self.match(_SPACE)
            if not self.text.startswith(".", self.at):
                return table
            self.at += 1
            if table in self.tables:
                table = (*table, self.tables[table])

    def quoted(self) -> str:
        raw = self.match(_STRINGS)
        if not raw:
            self.at += 1  # not TOML: go on, never in a circle
            return ""
        return raw[1:-1] if raw[0] == "'" else _unescape(raw[1:-1])

    def value(self, keys: Keys) -> None:
        self.match(_SPACE)
        opening = self.text[self.at : self.at + 1]
        if opening == "[":
            self.sequence(keys, "]")
        elif opening == "{":
            self.sequence(keys, "}")
        elif not self.match(_STRINGS):
            self.match(_SCALAR)

    def sequence(self, keys: Keys, closing: str) -> None:
        """Read an array or an inline table up to its closing bracket."""
        self.at += 1
        index = 0
        self.blank()
        while self.at < len(self.text) and self.text[self.at] != closing:
            if closing == "]":
                self.note((*keys, index), self.at)
                self.value((*keys, index))
                index += 1
            else:
                self.pair(keys)
            self.blank()
            if self.text.startswith(",", self.at):
                self.at += 1
            self.blank()
        self.at += 1

    def note(self, keys: Keys, start: int) -> None:
        for length in range(1, len(keys) + 1):
            self.found.setdefault(keys[:length], start)

    def blank(self) -> None:
        self.match(_BLANK)

    def match(self, pattern: re.Pattern[str]) -> str:
        found = pattern.match(self.text, self.at)
        if not found:
            return ""
        self.at = found.end()
        return found.group()


def _unescape(raw: str) -> str:
    return re.sub(
        r"\\(?:u([0-9A-Fa-f]{4})|U([0-9A-Fa-f]{8})|(.))",
        lambda m: chr(int(m[1] or m[2], 16)) if m[1] or m[2] else _SHORT.get(m[3], m[3]),
        raw,
    )


_SHORT = {"b": "\b", "t": "\t", "n": "\n", "f": "\f", "r": "\r", "e": "\x1b"}
