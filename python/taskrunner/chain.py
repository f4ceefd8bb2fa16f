"""Splits `a && b` into parts that can be run and cached apart, where that changes nothing."""

from __future__ import annotations

import re
from typing import NamedTuple

from taskrunner import command
from taskrunner.paths import inside

# Built-ins that leave the shell as it was; those that exist as programs too are still the shell's.
_HARMLESS = frozenset({"[", "echo", "false", "printf", "pwd", "test", "true"})
# Quoted stretches, and expansions of variables whose value doesn't come from the shell itself.
_VARIABLE = r"\$(?!OLDPWD\b|_\b)(?:[A-Za-z_][A-Za-z0-9_]*|\{[A-Za-z_][A-Za-z0-9_]*\})"
_DOUBLE = rf'"(?:[^"\\$`]|\\[^\n]|{_VARIABLE}|\$(?=["\s]))*"'
_PIECE = re.compile(
    rf"""(?P<and>&&)|(?P<plain>'[^']*'|{_DOUBLE}|\\[^\n]|{_VARIABLE}|[0-9]*[<>]&[0-9-]|>>|[<>](?![<>&(|])
    |[^\s&|;<>()$`'"\\\n{{}}!])|(?P<inner>[{{}}!])|(?P<blank>[ \t]+)""",
    re.VERBOSE,
)


class Part(NamedTuple):
    """One command of a chain, and the directory it is run in, relative to the root."""

    line: str
    cwd: str


def split(line: str, cwd: str) -> tuple[Part, ...]:
    """Return the parts of a chain, or the whole line as the only one.

    A line is split only if every part is a simple command and none changes the shell for those
    after it; a plain `cd DIR` is no part, but moves the ones that follow.
    """
    texts = _at_ands(line) if "&&" in line else None
    if texts is None:
        return (Part(line, cwd),)
    parts: list[Part] = []
    here = cwd
    for text in texts:
        moved = _moved(text, here)
        if moved is not None:
            here = moved
        elif _is_simple(text):
            parts.append(Part(text, here))
        else:
            return (Part(line, cwd),)
    if _moved(texts[-1], cwd) is not None:
        return (Part(line, cwd),)
    return tuple(parts)


def _at_ands(line: str) -> list[str] | None:
    """Return what stands between the `&&` of a line; None if there is anything else to it."""
    texts = [""]
    at, word = 0, False
    while at < len(line):
        found = _PIECE.match(line, at)
        if found is None or (found["plain"] == "#" and not word):
            return None
        if found["inner"] and not word:
            return None  # a brace group, or `!`
        at = found.end()
        word = not (found["blank"] or found["and"])
        if found["and"]:
            texts.append("")
        else:
            texts[-1] += found[0]
    texts = [text.strip() for text in texts]
    return texts if all(texts) else None


def _moved(text: str, here: str) -> str | None:
    """Return where `cd DIR` leads to; None if it is another command, or not certain to."""
    words = command.words(text)
    if words is None or len(words) != 2 or words[0] != "cd":  # noqa: PLR2004 - `cd` and where to
        return None
    target = words[1]
    # Without a slash or dot in front, CDPATH could lead elsewhere; it is never passed unasked.
    return inside(here, target) if target and target[0] not in "-/" else None


def _is_simple(text: str) -> bool:
    """Return whether a part is a program, or a built-in that leaves the shell as it was."""
    program = command.program(text)
    return program is not None and (program in _HARMLESS or not command.is_of_the_shell(program))
