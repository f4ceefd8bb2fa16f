"""Globs over directories and names, as workspace manifests and filters have them."""

from __future__ import annotations

import re

_MAGIC = re.compile(r"[*?\[{]")
_PARTS = re.compile(r"\*+|\?|\[!?\]?[^\]]*\]|.", re.DOTALL)


def has_wildcard(pattern: str) -> bool:
    """Return whether a pattern means more than itself."""
    return _MAGIC.search(pattern) is not None


def braces(pattern: str) -> list[str]:
    """Return the patterns that `{a,b}` stands for; one without is itself."""
    found = re.search(r"\{([^{}]*)\}", pattern)
    if found is None:
        return [pattern]
    before, after = pattern[: found.start()], pattern[found.end() :]
    return [whole for choice in found[1].split(",") for whole in braces(before + choice + after)]


def path_regex(pattern: str) -> re.Pattern[str]:
    """Return what matches a whole path: `*` within a component, `**` any number of them."""
    return re.compile("|".join(map(_path, braces(pattern))))


def name_regex(pattern: str) -> re.Pattern[str]:
    """Return what matches a whole name, in which `/` is a letter like others."""
    return re.compile("|".join(_part(choice, ".") for choice in braces(pattern)), re.DOTALL)


def _path(pattern: str) -> str:
    text = ""
    parts = [part for part in pattern.split("/") if part not in {"", "."}]
    for index, part in enumerate(parts):
        last = index == len(parts) - 1
        if part != "**":
            text += _part(part, "[^/]") + ("" if last else "/")
        elif last:
            text = text[:-1] + "(?:/.*)?" if text.endswith("/") else text + ".*"
        else:
            text += "(?:.*/)?"
    return text


def _part(part: str, one: str) -> str:
    return "".join(_piece(piece, one) for piece in _PARTS.findall(part))


def _piece(piece: str, one: str) -> str:
    if piece.startswith("*"):
        return f"{one}*"
    if piece == "?":
        return one
    if piece.startswith("[") and len(piece) > 2:  # noqa: PLR2004 - brackets with something inside
        inner = piece[1:-1].replace("\\", "\\\\").replace("[", "\\[")
        return f"[^{inner[1:]}]" if inner[0] in "!^" else f"[{inner}]"
    return re.escape(piece)
