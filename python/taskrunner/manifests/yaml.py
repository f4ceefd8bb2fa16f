"""Reads some top-level keys of a YAML file, strictly: strings, lists and tables of them.

Not a YAML parser: the files in question hold lists of strings, and what a tool writes into the
rest of them is skipped by the one thing YAML promises, that it is indented. Anchors, tags, block
scalars and the like are errors where they are wanted, never guessed at.
"""

from __future__ import annotations

import re
from typing import NamedTuple

Value = str | list["Value"] | dict[str, "Value"] | None

_KEY = re.compile(
    r"""("(?:[^"\\]|\\.)*"|'(?:[^']|'')*'|[^\s#&*!|>%@`'"\[\]{},?-](?:[^#]|(?<=\S)#)*?|-[^\s#](?:[^#]|(?<=\S)#)*?)\s*:(?=\s|$)"""
)
_PLAIN = re.compile(r"[^\s#&*!|>%@`'\"\[\]{},?:-].*|[?:-](?=\S).*")
_FLOW_PLAIN = re.compile(
    r"[^\s#&*!|>%@`'\"\[\]{},?:-](?:[^,\[\]{}#:\n]|:(?=[^\s,\[\]{}])|(?<=\S)#)*"
)
_QUOTED = re.compile(r""""(?:[^"\\\n]|\\.)*"|'(?:[^'\n]|'')*'""")
_COMMENT = re.compile(r"(?:^|(?<=\s))#.*")
_BLANK = re.compile(r"(?:\s|(?<!\S)#[^\n]*)*")
_ESCAPES = {"n": "\n", "t": "\t", "0": "\0", "r": "\r", "e": "\x1b", " ": " "}


class YamlError(ValueError):
    """What can't be read here, and the line it stands on."""

    def __init__(self, message: str, line: int, hint: str | None = None) -> None:
        super().__init__(message)
        self.line = line
        self.hint = hint


class _Line(NamedTuple):
    number: int
    indent: int
    text: str


class _OpenError(Exception):
    """A quote or bracket is not closed on the lines read so far."""


def read(text: str, wanted: tuple[str, ...]) -> dict[str, Value]:
    """Return the values of the wanted top-level keys that are there."""
    reader = _Reader(text)
    return reader.document(wanted)


class _Reader:
    def __init__(self, text: str) -> None:
        self.lines = [
            _Line(number, len(line) - len(line.lstrip(" ")), line.strip(" "))
            for number, line in enumerate(text.splitlines(), 1)
            if line.strip() and not line.lstrip().startswith("#")
        ]
        self.at = 0

    def document(self, wanted: tuple[str, ...]) -> dict[str, Value]:
        self._markers()
        if not self.lines:
            return {}
        base = self.lines[0].indent
        if self.lines[0].text.startswith("{"):
            found = self._flow(self.lines[0].text)
            return (
                {key: found[key] for key in wanted if key in found}
                if isinstance(found, dict)
                else {}
            )
        values: dict[str, Value] = {}
        while self.at < len(self.lines):
            line = self.lines[self.at]
            key, rest = self._key(line, base)
            if key in wanted:
                if key in values:
                    raise YamlError(f"`{key}` stands there twice", line.number)
                values[key] = self._value(line, rest, base)
            else:
                self._skip(base)
        return values

    def _markers(self) -> None:
        """Leave out `%` lines and `---` before the document, and what follows its end."""
        while self.lines and (self.lines[0].text.startswith("%") or self.lines[0].text == "---"):
            self.lines.pop(0)
        for index, line in enumerate(self.lines):
            if line.indent == 0 and line.text in {"---", "..."}:
                if line.text == "---":
                    raise YamlError("a second document begins", line.number)
                del self.lines[index:]
                return

    def _key(self, line: _Line, indent: int) -> tuple[str, str]:
        found = _KEY.match(line.text)
        if line.indent != indent or not found:
            raise YamlError("not a line of the form `key: value`", line.number)
        self.at += 1
        key = found[1]
        return (_unquote(key) if key[0] in "'\"" else key), line.text[found.end() :].strip()

    def _skip(self, base: int) -> None:
        """Go on to the next line that can be a key beside the last one."""
        while self.at < len(self.lines):
            line = self.lines[self.at]
            if (
                line.indent <= base
                and not line.text.startswith(("- ", "]", "}"))
                and line.text != "-"
            ):
                return
            self.at += 1

    def _value(self, line: _Line, rest: str, base: int) -> Value:
        if rest[:1] in {"[", "{", '"', "'"}:
            self.at -= 1
            return self._flow(rest)
        rest = _COMMENT.sub("", rest).strip()
        if rest:
            value = self._plain(rest, line)
            self._refuse_more(base)
            return value
        if self.at == len(self.lines):
            return None
        below = self.lines[self.at]
        if below.text == "-" or below.text.startswith("- "):
            return self._sequence(below.indent) if below.indent >= base else None
        return self._mapping(below.indent) if below.indent > base else None

    def _sequence(self, indent: int) -> list[Value]:
        found: list[Value] = []
        while self.at < len(self.lines) and self.lines[self.at].indent == indent:
            line = self.lines[self.at]
            if not (line.text == "-" or line.text.startswith("- ")):
                break
            rest = line.text[1:].strip()
            if not rest or rest.startswith("- ") or _KEY.match(rest):
                raise YamlError("not a string", line.number, "write one pattern to a line")
            self.at += 1
            found.append(self._value(line, rest, indent))
        self._refuse_more(indent)
        return found

    def _mapping(self, indent: int) -> dict[str, Value]:
        found: dict[str, Value] = {}
        while self.at < len(self.lines) and self.lines[self.at].indent == indent:
            line = self.lines[self.at]
            key, rest = self._key(line, indent)
            found[key] = self._value(line, rest, indent)
        return found

    def _refuse_more(self, indent: int) -> None:
        """Raise if a value seems to go on where it should have ended."""
        if self.at < len(self.lines) and self.lines[self.at].indent > indent:
            raise YamlError("not understood: a value that goes on", self.lines[self.at].number)

    def _plain(self, text: str, line: _Line) -> Value:
        if not _PLAIN.fullmatch(text) or re.search(r":(\s|$)", text):
            hint = "put quotes around strings that begin with `*`, `!`, `&`, `@` or the like"
            raise YamlError(f"not understood: `{text}`", line.number, hint)
        return None if text in {"~", "null", "Null", "NULL"} else text

    def _flow(self, text: str) -> Value:
        """Read a string in quotes, or what stands in brackets, over as many lines as it takes."""
        first = self.lines[self.at]
        while True:
            self.at += 1
            try:
                value, end = _Flow(text, first.number).value(0)
            except _OpenError:
                if self.at == len(self.lines) or text[0] in {'"', "'"}:
                    message = "a quote or bracket is never closed"
                    raise YamlError(message, first.number) from None
                text += "\n" + self.lines[self.at].text
                continue
            if _COMMENT.sub("", text[end:]).strip():
                raise YamlError(f"not understood: `{text[end:].strip()}`", first.number)
            return value


class _Flow:
    """A flow value: `[a, "b"]`, `{a: b}`, or a string in quotes."""

    def __init__(self, text: str, line: int) -> None:
        self.text = text
        self.line = line

    def value(self, at: int) -> tuple[Value, int]:
        """Return the value that begins here, and where it ends."""
        opening = self.text[at : at + 1]
        if opening == "[":
            return self._items(at + 1)
        if opening == "{":
            return self._pairs(at + 1)
        quoted = _QUOTED.match(self.text, at)
        if quoted:
            return _unquote(quoted[0]), quoted.end()
        plain = None if opening in {'"', "'"} else _FLOW_PLAIN.match(self.text, at)
        if plain is None:
            if opening in {"", '"', "'", "#"}:
                raise _OpenError
            raise YamlError(f"not understood: `{self.text[at:].strip()}`", self.line)
        return plain[0].strip(), plain.end()

    def _items(self, at: int) -> tuple[Value, int]:
        found: list[Value] = []
        at = self._blank(at)
        while self.text[at] != "]":
            value, at = self.value(at)
            found.append(value)
            at = self._next(at, "]")
        return found, at + 1

    def _pairs(self, at: int) -> tuple[Value, int]:
        found: dict[str, Value] = {}
        at = self._blank(at)
        while self.text[at] != "}":
            key, at = self.value(at)
            at = self._blank(at)
            if self.text[at] != ":" or not isinstance(key, str):
                raise YamlError(f"not understood: `{self.text[at:].strip()}`", self.line)
            found[key], at = self.value(self._blank(at + 1))
            at = self._next(at, "}")
        return found, at + 1

    def _next(self, at: int, closing: str) -> int:
        """Go past a comma to the next item; stay at the closing bracket."""
        at = self._blank(at)
        if self.text[at] == ",":
            return self._blank(at + 1)
        if self.text[at] != closing:
            raise YamlError(f"not understood: `{self.text[at:].strip()}`", self.line)
        return at

    def _blank(self, at: int) -> int:
        found = _BLANK.match(self.text, at)
        at = found.end() if found else at
        if at == len(self.text):
            raise _OpenError
        return at


def _unquote(text: str) -> str:
    if text[0] == "'":
        return text[1:-1].replace("''", "'")
    return re.sub(r"\\(?:x(..)|u(.{4})|U(.{8})|(.))", _escaped, text[1:-1])


def _escaped(found: re.Match[str]) -> str:
    code = found[1] or found[2] or found[3]
    try:
        return chr(int(code, 16)) if code else _ESCAPES.get(found[4], found[4])
    except (ValueError, OverflowError):
        return found[0]
