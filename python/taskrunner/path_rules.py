"""Reads `input` and `output` rules, and makes their patterns relative to the workspace."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from taskrunner import _native
from taskrunner.model import PathRules
from taskrunner.toml_source import Key, table_schema

if TYPE_CHECKING:
    from taskrunner.errors import ConfigError
    from taskrunner.toml_source import Cursor

_MAGIC = frozenset("*?[]{}\\")


class Rule(NamedTuple):
    """One element of `input` or `output`. Without a pattern it is `{ auto = true }`."""

    pattern: str | None
    negative: bool
    from_root: bool
    at: Cursor


def rules(at: Cursor) -> tuple[Rule, ...]:
    """Read the array of rules that stands here."""
    found = tuple(_rule(item) for item in at.items())
    if found and all(rule.negative for rule in found):
        raise at.error(
            f"{at.name} only leaves things out, so nothing is left",
            hint=f"write `{at.keys[-1]} = [{{ auto = true }}, ...]` to keep what is inferred",
        )
    return found


def _rule(at: Cursor) -> Rule:
    if isinstance(at.value, str):
        return _pattern(at, at.string(), from_root=False)
    if not isinstance(at.value, dict):
        at.wrong('a pattern, `{ auto = true }` or `{ pattern = "...", base = "workspace" }`')
    table = at.table()
    if "auto" in table:
        if not at.read(_AUTO_KEYS)["auto"]:
            raise at.error("`auto = false` says nothing", hint="leave it out")
        return Rule(None, negative=False, from_root=False, at=at)
    values = at.read(_PATTERN_KEYS)
    if "pattern" not in values:
        raise at.error(f"{at.name} has neither `pattern` nor `auto`")
    return _pattern(at, values["pattern"], from_root=values.get("base") == "workspace")


def _base(at: Cursor) -> str:
    base = at.string()
    if base not in {"package", "workspace"}:
        raise at.error(f'{at.name} must be "package" or "workspace"')
    return base


_AUTO_KEYS = {
    "auto": Key(lambda at: at.boolean(), {"const": True}, "What is learnt by watching the command.")
}
_PATTERN_KEYS = {
    "pattern": Key(
        lambda at: at.string(),
        {"type": "string", "minLength": 1},
        "Files that count, or with `!` in front don't.",
    ),
    "base": Key(_base, {"enum": ["package", "workspace"]}, "What the pattern is relative to."),
}
SCHEMA = {
    "type": "array",
    "items": {
        "anyOf": [
            {"type": "string", "minLength": 1},
            table_schema(_AUTO_KEYS, ("auto",)),
            table_schema(_PATTERN_KEYS, ("pattern",)),
        ]
    },
}


def _pattern(at: Cursor, text: str, *, from_root: bool) -> Rule:
    negative = text.startswith("!")
    pattern = text.removeprefix("!")
    check_pattern(at, pattern)
    return Rule(pattern, negative, from_root, at)


def check_pattern(at: Cursor, pattern: str) -> None:
    """Raise the error for a glob that can't be one. Whether its `..` lead out is seen later."""
    down = "/".join(part for part in pattern.split("/") if part != "..")
    if not pattern:
        why: str | None = "it is empty"
    elif pattern.startswith("/"):
        why = "patterns are relative"
    else:
        why = _native.check_pattern(down) if down else None
    if why is not None:
        raise at.error(f"{at.name} is not a valid pattern: {why}")


def resolve(rules: tuple[Rule, ...] | None, package: str) -> PathRules:
    """Return rules as what they mean in a package at this path. None means inferred."""
    if rules is None:
        return PathRules()
    positive = [rule for rule in rules if not rule.negative]
    return PathRules(
        auto=any(rule.pattern is None for rule in positive),
        include=tuple(_rooted(rule, package) for rule in positive if rule.pattern is not None),
        exclude=tuple(_rooted(rule, package) for rule in rules if rule.negative),
    )


def _rooted(rule: Rule, package: str) -> str:
    pattern = rule.pattern or ""
    base = [] if rule.from_root or not package else [escape(part) for part in package.split("/")]
    parts: list[str] = []
    for part in pattern.split("/"):
        if part == "..":
            _go_up(rule, base, parts)
        elif part not in {"", "."}:
            parts.append(part)
    if pattern.endswith("/"):
        parts.append("**")
    if not base and not parts:
        raise rule.at.error(f"{rule.at.name} names the workspace itself", hint="write `**`")
    return "/".join(base + parts)


def _go_up(rule: Rule, base: list[str], parts: list[str]) -> None:
    if parts and not _MAGIC.isdisjoint(parts[-1]):
        raise rule.at.error(f"{rule.at.name} is not a valid pattern: `..` after a wildcard")
    if not parts and not base:
        raise _outside(rule.at)
    (parts or base).pop()


def _outside(at: Cursor) -> ConfigError:
    return at.error(f"{at.name} leads out of the workspace")


def escape(part: str) -> str:
    """Return a path component as a pattern that matches just it."""
    return "".join(f"\\{char}" if char in _MAGIC else char for char in part)
