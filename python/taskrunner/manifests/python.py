"""Reads what names other packages in `pyproject.toml`: the standard's keys, uv's and poetry's."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from taskrunner.manifests import Manifest, Members, Target, strings, table, text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from taskrunner.model import Kind
    from taskrunner.toml_source import Source

FILE = "pyproject.toml"

_REQUIREMENT = re.compile(
    r"\s*([A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?)\s*(?:\[[^\]]*\]\s*)?(.*)"
)
_LOCAL = re.compile(r"@\s*(?:file:(?://)?|\{root:uri\}/)([^\s;]+)")


def read(_path: str, source: Source) -> Manifest:
    """Return what a pyproject.toml says."""
    document = source.document
    project = table(document.get("project"))
    tool = table(document.get("tool"))
    uv, poetry = table(tool.get("uv")), table(tool.get("poetry"))
    sources = {canonical(name): _source(name, at) for name, at in table(uv.get("sources")).items()}
    needs = [
        (kind, target)
        for kind, requirement in _requirements(document, project, uv)
        for target in _targets(requirement, sources)
    ]
    workspace = uv.get("workspace")
    return Manifest(
        family="python",
        file=FILE,
        name=text(project.get("name")) or text(poetry.get("name")),
        version=text(project.get("version")),
        needs=(*needs, *_poetry(poetry)),
        members=_members(workspace),
        shared={} if workspace is None else sources,
    )


def canonical(name: str) -> str:
    """Return a name as Python's index compares it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def _members(workspace: object) -> Members | None:
    if workspace is None:
        return None
    found = table(workspace)
    return Members(FILE, strings(found.get("members")), strings(found.get("exclude")))


def _requirements(
    document: dict[str, Any], project: dict[str, Any], uv: dict[str, Any]
) -> Iterator[tuple[Kind, str]]:
    """Yield every requirement, with the kind of the list it stands in."""
    for text_ in strings(project.get("dependencies")):
        yield "dependencies", text_
    for extra in table(project.get("optional-dependencies")).values():
        for text_ in strings(extra):
            yield "optional-dependencies", text_
    groups = table(document.get("dependency-groups")).values()
    for group in (*groups, uv.get("dev-dependencies")):
        for text_ in strings(group):
            yield "dev-dependencies", text_
    for text_ in strings(table(document.get("build-system")).get("requires")):
        yield "build-dependencies", text_


def _targets(requirement: str, sources: dict[str, tuple[Target, ...]]) -> tuple[Target, ...]:
    found = _REQUIREMENT.match(requirement)
    if found is None:
        return ()
    local = _LOCAL.match(found[2])
    if local:
        return (Target(path=local[1]),)
    name = canonical(found[1])
    return sources[name] if name in sources else (Target(shared=name),)


def _source(name: str, value: object) -> tuple[Target, ...]:
    """Return what a uv source, or a choice of them by marker, refers to."""
    found = []
    for choice in map(table, value if isinstance(value, list) else [value]):
        if choice.get("workspace") is True:
            found.append(Target(name=name))
        elif text(choice.get("path")):
            found.append(Target(path=choice["path"]))
    return tuple(found)


def _poetry(poetry: dict[str, Any]) -> Iterator[tuple[Kind, Target]]:
    groups = table(poetry.get("group")).values()
    lists: list[tuple[Kind, object]] = [("dependencies", poetry.get("dependencies"))]
    lists += [("dev-dependencies", poetry.get("dev-dependencies"))]
    lists += [("dev-dependencies", table(group).get("dependencies")) for group in groups]
    for kind, requirements in lists:
        for spec in table(requirements).values():
            for choice in map(table, spec if isinstance(spec, list) else [spec]):
                if text(choice.get("path")):
                    yield kind, Target(path=choice["path"])
