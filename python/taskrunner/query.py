"""What can be asked of a run: task names, and options that choose packages. One table for all.

The command line and a `taskrunner run` inside a task's command understand the same options.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from taskrunner.errors import UsageError, suggestion

if TYPE_CHECKING:
    from collections.abc import Sequence


class Query(NamedTuple):
    """Which tasks of which packages are wanted, and what they are given."""

    names: str = ""
    """Names of tasks, with commas between."""
    args: tuple[str, ...] = ()
    recursive: bool = False
    transitive: bool = False
    root: bool = False
    filters: tuple[str, ...] = ()
    fail_if_no_match: bool = False
    ignore_depends_on: bool = False
    affected: str | None = None
    """A branch to compare with; empty stands for the main one, None for no comparison."""


class Option(NamedTuple):
    """An option that chooses tasks."""

    field: str
    names: tuple[str, ...]
    takes: Literal["nothing", "values", "perhaps"]
    """Whether a value follows, or one after `=` only, or none."""
    help: str


OPTIONS = (
    Option(
        "recursive", ("-r", "--recursive"), "nothing", "Run in all packages that have the task."
    ),
    Option(
        "transitive",
        ("-t", "--transitive"),
        "nothing",
        "Run in the current package and in all that it needs.",
    ),
    Option("root", ("-w", "--workspace-root"), "nothing", "Run in the root's package."),
    Option(
        "filters",
        ("--filter", "-F"),
        "values",
        "Run in the packages that pnpm's filter means: a name or pattern, ./dir, {dir}, [commit];"
        " `x...` with what x needs, `...x` with what needs x, `^` without x, `!x` all but x.",
    ),
    Option(
        "affected",
        ("--affected",),
        "perhaps",
        "Run in the packages changed since the branch left BASE, and in those that need them.",
    ),
    Option(
        "fail_if_no_match",
        ("--fail-if-no-match",),
        "nothing",
        "Fail if a filter matches no package.",
    ),
    Option(
        "ignore_depends_on",
        ("--ignore-depends-on",),
        "nothing",
        "Run the named tasks alone, not what they depend on.",
    ),
)

# Options of the whole run: inside another run, that one's count.
_OF_THE_RUN = {"--log": True, "--concurrency": True, "--continue": False, "-v": False}
_OF_THE_RUN["--verbose"] = False
_BY_NAME = {name: option for option in OPTIONS for name in option.names}


def parse(words: Sequence[str]) -> Query:
    """Understand the words after `taskrunner run` in a task's command."""
    fields: dict[str, Any] = {}
    rest = list(words)
    while rest and rest[0].startswith("-") and rest[0] != "-":
        word = rest.pop(0)
        if word == "--":
            break
        name, equals, value = word.partition("=")
        if name in _OF_THE_RUN:
            if _OF_THE_RUN[name] and not equals:
                _take(rest, name)
        elif name in _BY_NAME:
            _set(fields, _BY_NAME[name], value if equals else None, rest)
        else:
            raise UsageError(
                f"`{name}` has no meaning inside a task's command",
                hint=suggestion(name, _BY_NAME) or "give it to the outer `taskrunner run`",
            )
    if not rest:
        raise UsageError("a task's name is missing")
    return Query(names=rest[0], args=tuple(rest[1:]), **fields)


def _set(fields: dict[str, Any], option: Option, value: str | None, rest: list[str]) -> None:
    if option.takes == "nothing":
        if value is not None:
            raise UsageError(f"`{option.names[0]}` takes no value")
        fields[option.field] = True
    elif option.takes == "perhaps":
        fields[option.field] = value or ""
    else:
        given = _take(rest, option.names[0]) if value is None else value
        fields[option.field] = (*fields.get(option.field, ()), given)


def _take(rest: list[str], name: str) -> str:
    if not rest:
        raise UsageError(f"`{name}` needs a value")
    return rest.pop(0)
