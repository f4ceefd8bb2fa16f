"""The only place that decides about colour: which words get one, and whether a stream shows it."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING

from taskrunner import env_vars

if TYPE_CHECKING:
    from collections.abc import Mapping

_CODES = {
    "bold": "1",
    "dim": "2",
    "red": "31",
    "green": "32",
    "yellow": "33",
    "cyan": "36",
}

# CSI sequences, OSC sequences with either end, two-byte escapes (ECMA-48).
_ESCAPE = re.compile(
    rb"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[ -/]+[0-~]|[0-Z\\^-~])"
)
_UNFINISHED = re.compile(rb"\x1b(?:\[[0-?]*[ -/]*|\][^\x07\x1b]*\x1b?|[ -/]*)?\Z")
_HELD_MOST = 4096  # an escape longer than this is no escape: let it through


class Style:
    """Puts colour on words, or leaves them as they are."""

    def __init__(self, *, colour: bool) -> None:
        self.colour = colour

    def __call__(self, text: str, *names: str) -> str:
        """Return `text` in the named styles, or plain."""
        if not self.colour:
            return text
        return f"\x1b[{';'.join(_CODES[name] for name in names)}m{text}\x1b[0m"


def shows_colour(fd: int, environ: Mapping[str, str]) -> bool:
    """Tell whether what is written to this file descriptor should be coloured."""
    if environ.get(env_vars.NO_COLOR):
        return False
    if environ.get(env_vars.FORCE_COLOR, "0") not in {"", "0"}:
        return True
    return environ.get("TERM") != "dumb" and is_terminal(fd)


def is_terminal(fd: int) -> bool:
    """Tell whether a file descriptor is a terminal."""
    try:
        return os.isatty(fd)
    except OSError:
        return False


class Stripper:
    """Takes escape sequences out of a stream of bytes that comes in pieces of any length."""

    __slots__ = ("_held",)

    def __init__(self) -> None:
        self._held = b""

    def feed(self, data: bytes) -> bytes:
        """Return `data` without escapes; the beginning of one at the end waits for the rest."""
        data = self._held + data
        found = _UNFINISHED.search(data)
        cut = found.start() if found and len(data) - found.start() <= _HELD_MOST else len(data)
        self._held = data[cut:]
        return _ESCAPE.sub(b"", data[:cut])

    def finish(self) -> bytes:
        """Return what was held back and never became an escape sequence."""
        held, self._held = self._held, b""
        return held
