"""Draws a graph of tasks: as text, in the language of Graphviz, of Mermaid, or as JSON."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Literal

from taskrunner.reasons import show
from taskrunner.report.json_summary import text as escaped

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

Format = Literal["text", "dot", "mermaid", "json"]

VERSION = 1


def draw(form: Format, depends: Mapping[str, Sequence[str]]) -> Iterator[str]:
    """Yield the lines of a drawing; `depends` has for each task those it directly depends on."""
    return _FORMATS[form](depends)


def _text(depends: Mapping[str, Sequence[str]]) -> Iterator[str]:
    """Each task once, what it depends on indented below: a tree would say most things often."""
    for name, others in depends.items():
        yield show(name)
        for other in others:
            yield f"  {show(other)}"


def _dot(depends: Mapping[str, Sequence[str]]) -> Iterator[str]:
    yield "digraph tasks {"
    yield "  rankdir = LR;"
    yield "  node [shape = box];"
    for name, others in depends.items():
        yield f"  {_quoted(name)};"
        for other in others:
            yield f"  {_quoted(name)} -> {_quoted(other)};"
    yield "}"


def _quoted(name: str) -> str:
    return '"' + show(name).replace("\\", "\\\\").replace('"', '\\"') + '"'


def _mermaid(depends: Mapping[str, Sequence[str]]) -> Iterator[str]:
    """Nodes have numbers: Mermaid allows few characters in names."""
    numbers = {name: f"t{number}" for number, name in enumerate(depends)}
    yield "graph LR"
    for name, number in numbers.items():
        yield f'  {number}["{_entities(name)}"]'
    for name, others in depends.items():
        for other in others:
            yield f"  {numbers[name]} --> {numbers[other]}"


def _entities(name: str) -> str:
    """Escape what Mermaid gives a meaning to, inside quotation marks too."""
    return "".join(f"#{ord(c)};" if c in '#&"<>;`\\' else c for c in show(name))


def _json(depends: Mapping[str, Sequence[str]]) -> Iterator[str]:
    tasks = [
        {"taskId": escaped(name), "dependsOn": [escaped(other) for other in others]}
        for name, others in depends.items()
    ]
    yield json.dumps({"version": VERSION, "tasks": tasks}, indent=2, ensure_ascii=False)


_FORMATS = {"text": _text, "dot": _dot, "mermaid": _mermaid, "json": _json}
