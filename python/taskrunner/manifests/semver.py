"""Whether an npm range takes a version, by node-semver's rules with pre-releases included."""

from __future__ import annotations

import re
from typing import NamedTuple

_X = r"(?:\d+|[xX*])"
_PARTIAL = re.compile(
    rf"[v=\s]*({_X})(?:\.({_X}))?(?:\.({_X}))?(?:-([0-9A-Za-z.-]+))?(?:\+[0-9A-Za-z.-]+)?"
)
_OPERATOR = re.compile(r"(\^|~>?|[<>]=?|=)?\s*(\S+)")
_HYPHEN = re.compile(r"\s*(\S+)\s+-\s+(\S+)\s*")

_Pre = tuple[tuple[int, int, str], ...]
_Key = tuple[int, int, int, int, _Pre]
"""A version as it compares; the fourth number is 1 for a release, 0 before it."""


class _Partial(NamedTuple):
    """A version of which the last parts may be left out."""

    parts: tuple[int, ...]
    pre: str | None

    def floor(self) -> _Key:
        """Return the least version it stands for."""
        if self.pre is not None:
            return _before(self.parts, self.pre)
        major, minor, patch = (*self.parts, 0, 0, 0)[:3]
        return (major, minor, patch, int(len(self.parts) == 3), ())  # noqa: PLR2004

    def above(self, kept: int) -> _Key:
        """Return the least version that differs in the first so many parts, upwards."""
        parts = [*self.parts, 0, 0, 0][:3]
        raised = [*parts[: kept - 1], parts[kept - 1] + 1, 0, 0][:3]
        return (raised[0], raised[1], raised[2], 0, ())


_ANY: _Key = (0, 0, 0, 0, ())
_NONE: _Key = (-1, 0, 0, 0, ())


def satisfies(version: str | None, wanted: str) -> bool:
    """Return whether a range takes a version; what is no range takes none.

    A package without a version is taken by ranges that take everything.
    """
    if wanted.strip() in {"", "*", "x", "X"}:
        return True
    found = _partial(version or "")
    if found is None or len(found.parts) < 3:  # noqa: PLR2004 - major, minor, patch
        return False
    key = found.floor()
    return any(_takes(part, key) for part in wanted.split("||"))


def _takes(wanted: str, key: _Key) -> bool:
    bounds = _bounds(wanted)
    return bounds is not None and all(low <= key < high for low, high in bounds)


_Bounds = tuple[_Key, _Key]
_TOP: _Key = (10**12, 0, 0, 0, ())


def _bounds(wanted: str) -> list[_Bounds] | None:
    """Return the half-open intervals that a version has to lie in; None for what is no range."""
    hyphen = _HYPHEN.fullmatch(wanted)
    words = [f">={hyphen[1]}", f"<={hyphen[2]}"] if hyphen else _words(wanted)
    found = []
    for word in words:
        match = _OPERATOR.fullmatch(word)
        partial = _partial(match[2]) if match else None
        if match is None or partial is None:
            return None
        found.append(_interval(match[1] or "=", partial))
    return found


def _words(wanted: str) -> list[str]:
    return re.sub(r"(\^|~>?|[<>]=?|=)\s+", r"\1", wanted.strip()).split()


def _partial(text: str) -> _Partial | None:
    found = _PARTIAL.fullmatch(text)
    if not found:
        return None
    parts: list[int] = []
    for part in found.groups()[:3]:
        if part is None or not part.isdigit():
            break
        parts.append(int(part))
    return _Partial(tuple(parts), found[4] if len(parts) == 3 else None)  # noqa: PLR2004


def _interval(operator: str, at: _Partial) -> _Bounds:
    known = len(at.parts)
    if known == 0:
        return (_NONE, _NONE) if operator in {"<", ">"} else (_ANY, _TOP)
    low = at.floor()
    past = _successor(low) if known == 3 else at.above(known)  # noqa: PLR2004
    first = next((n for n, part in enumerate(at.parts, 1) if part), known)
    bounds = {
        "=": (low, past),
        ">=": (low, _TOP),
        ">": (past, _TOP),
        "<=": (_ANY, past),
        "<": (_ANY, low),
        "^": (low, at.above(first)),
        "~": (low, at.above(min(known, 2))),
    }
    return bounds[operator.rstrip(">") if operator == "~>" else operator]


def _before(parts: tuple[int, ...], pre: str) -> _Key:
    names = tuple((0, int(n), "") if n.isdigit() else (1, 0, n) for n in pre.split("."))
    return (parts[0], parts[1], parts[2], 0, names)


def _successor(key: _Key) -> _Key:
    """Return the least key above this one; nothing that is written compares between the two."""
    major, minor, patch, release, pre = key
    return (major, minor, patch, release, (*pre, (-1, 0, "")))
