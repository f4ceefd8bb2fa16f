"""Why a step would, or would not, be a hit: as a value, as JSON, and in words. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from taskrunner.reasons import show, word

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from taskrunner._native import Compared, Explained
    from taskrunner.events import Lookup
    from taskrunner.plan import Action

VERSION = 1
LAST = "last-misses.json"
"""Name of the file below the state directory in which a run leaves why steps missed."""

NO_PATH = frozenset({"lookup", "variable", "variables", "description"})
"""What is asked by a name that is in no directory: of programs, variables, descriptions."""

SHOWN = 10
"""How many differences are shown unless all are asked for."""


class Fact(NamedTuple):
    """One thing a stored result depends on: what it was, and what it is."""

    look: str
    kind: str | None
    """How the change is called; None if there is none."""
    path: str | None
    name: str | None
    old: str
    new: str

    @classmethod
    def of(cls, compared: Compared) -> Fact:
        """Take over what the engine compared."""
        return cls(
            compared.look, compared.kind, compared.path, compared.name, compared.old, compared.new
        )


class Explanation(NamedTuple):
    """What the cache says of one step, and how the nearest stored result differs."""

    task: str
    step: int
    label: str
    command: str
    status: str
    """`hit`, `miss`, `disabled`, or `unknown`: a step before it has to run first."""
    reason: tuple[str, str | None, str | None] | None
    """Kind, path and detail of the reason, for anything but a hit."""
    words: str | None
    results: int
    """How many stored results were compared."""
    differences: tuple[Fact, ...] = ()
    inputs: tuple[Fact, ...] = ()


def explanation(
    action: Action,
    lookup: Lookup,
    explained: Explained | None,
    described: Iterable[tuple[str, str, str]] = (),
) -> Explanation:
    """Join what the look-up of a step said with what comparing found.

    `described` are the fields of the step's description that changed: name, old, new.
    """
    reason = lookup.reason
    fields = tuple(
        Fact("description", "description-changed", None, name, old, new)
        for name, old, new in described
    )
    return Explanation(
        action.task.label,
        action.part,
        action.label,
        action.line,
        lookup.status,
        None if reason is None else (reason.kind, reason.path, reason.detail),
        None if reason is None else word(reason),
        explained.entries if explained else 0,
        fields + (tuple(map(Fact.of, explained.differences)) if explained else ()),
        tuple(map(Fact.of, explained.inputs)) if explained else (),
    )


# JSON


def as_json(found: Iterable[Explanation]) -> str:
    """Return explanations for programs."""
    import json

    document = {"version": VERSION, "steps": [_element(one) for one in found]}
    return json.dumps(document, indent=2, ensure_ascii=False)


def _element(one: Explanation) -> dict[str, Any]:
    reason = None
    if one.reason is not None:
        kind, path, detail = one.reason
        reason = {"kind": kind, "path": _text(path), "detail": _text(detail), "message": one.words}
    return {
        "taskId": one.task,
        "step": one.step,
        "label": one.label,
        "command": _text(one.command),
        "status": one.status,
        "reason": reason,
        "results": one.results,
        "differences": [_fact(fact) for fact in one.differences],
        "inputs": [_fact(fact) for fact in one.inputs],
    }


def _fact(fact: Fact) -> dict[str, str | None]:
    return {name: _text(value) for name, value in fact._asdict().items()}


def _text(text: str | None) -> str | None:
    """Return text that UTF-8 can hold; bytes that were none are escaped."""
    if text is None:
        return None
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


def save(path: str, found: Iterable[Explanation]) -> None:
    """Write explanations so that a reader sees the old or the new ones, never half of them."""
    import os

    partial = f"{path}.{os.getpid()}.tmp"
    with open(partial, "w", encoding="utf-8") as file:
        file.write(as_json(found))
    os.replace(partial, path)


def load(path: str) -> list[Explanation]:
    """Return what `save` wrote; nothing if it is not there, or another version wrote it."""
    import json

    try:
        with open(path, encoding="utf-8") as file:
            document = json.load(file)
        if document["version"] != VERSION:
            return []
        return [_read(element) for element in document["steps"]]
    except (OSError, ValueError, KeyError, TypeError):
        return []


def _read(element: Mapping[str, Any]) -> Explanation:
    reason = element["reason"]
    return Explanation(
        element["taskId"],
        element["step"],
        element["label"],
        element["command"],
        element["status"],
        (reason["kind"], reason["path"], reason["detail"]) if reason else None,
        reason["message"] if reason else None,
        element["results"],
        tuple(Fact(**fact) for fact in element["differences"]),
        tuple(Fact(**fact) for fact in element["inputs"]),
    )


# Words


def lines(
    one: Explanation, style: Callable[..., str], *, whole: bool, past: bool = False
) -> Iterator[str]:
    """Yield an explanation in lines; `past` speaks of a run that is over."""
    command, _, more = one.command.strip().partition("\n")
    yield f"{style(one.label, 'bold')}: $ {show(command)}{' ...' if more.strip() else ''}"
    yield f"  {_verdict(one, past=past)}"
    if one.differences:
        yield f"  {_nearest(one)}"
        shown = one.differences if whole else one.differences[:SHOWN]
        yield from _table(shown)
        if len(shown) < len(one.differences):
            yield f"    and {len(one.differences) - len(shown)} more; --all names them"
    if whole and one.inputs:
        yield f"  it depends on {_count(len(one.inputs), 'thing')}:"
        yield from _table(one.inputs)


def _verdict(one: Explanation, *, past: bool) -> str:
    would = "" if past else "would be "
    if one.status == "hit":
        return f"{would}a hit"
    if one.status == "unknown":
        return (
            f"unknown: {one.words}; as things stand:"
            if one.differences
            else f"unknown: {one.words}"
        )
    if one.status == "disabled":
        return f"caching is off: {one.words}" if one.words else "caching is off"
    return f"{would or 'was '}a miss" + (f": {one.words}" if one.words else "")


def _nearest(one: Explanation) -> str:
    if one.results == 0:
        which = "the step"
    elif one.results == 1:
        which = "the stored result"
    else:
        which = f"the nearest of {one.results} results"
    return f"{which} differs in {_count(len(one.differences), 'place')}:"


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def _table(facts: Sequence[Fact]) -> Iterator[str]:
    subjects = [_subject(fact) for fact in facts]
    width = min(max(map(len, subjects), default=0), 60)
    looks = max((len(fact.look) for fact in facts), default=0)
    for fact, subject in zip(facts, subjects, strict=True):
        values = show(fact.old)
        if fact.kind is not None:
            values = f"{values} -> {show(fact.new)}"
        yield f"    {fact.look:{looks}}  {subject:{width}}  {values}"


def _subject(fact: Fact) -> str:
    """Return what a fact is of; a name without a path is one looked for up to `/`."""
    if fact.name is None or fact.path is not None or fact.look in NO_PATH:
        return show(fact.name or fact.path or "the workspace")
    return f"{show(fact.name)} in a directory above"
