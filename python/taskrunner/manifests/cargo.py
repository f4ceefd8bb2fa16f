"""Reads the parts of `Cargo.toml` that name other packages."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from taskrunner.manifests import Manifest, Members, Target, strings, table, text
from taskrunner.toml_source import Source

if TYPE_CHECKING:
    from collections.abc import Iterator

    from taskrunner.model import Kind

FILE = "Cargo.toml"

_FIELDS: dict[str, Kind] = {
    "dependencies": "dependencies",
    "dev-dependencies": "dev-dependencies",
    "dev_dependencies": "dev-dependencies",
    "build-dependencies": "build-dependencies",
    "build_dependencies": "build-dependencies",
}


def read(path: str, data: bytes) -> Manifest:
    """Return what a Cargo.toml says."""
    document = Source(path, data).document
    package = table(document.get("package"))
    workspace = document.get("workspace")
    return Manifest(
        family="cargo",
        file=FILE,
        name=text(package.get("name")),
        version=text(package.get("version")),
        needs=tuple(_needs(document)),
        members=_members(workspace),
        shared={**_inherited(table(workspace)), **_patches(document)},
    )


def _members(workspace: object) -> Members | None:
    if workspace is None:
        return None
    found = table(workspace)
    exclude = [each.rstrip("/") for each in strings(found.get("exclude"))]
    below = tuple(pattern for each in exclude for pattern in (each, f"{each}/**"))
    return Members(FILE, strings(found.get("members")), below)


def _needs(document: dict[str, Any]) -> Iterator[tuple[Kind, Target]]:
    targets = map(table, table(document.get("target")).values())
    for tables in (document, *targets):
        for field, kind in _FIELDS.items():
            for name, spec in table(tables.get(field)).items():
                found = table(spec)
                optional = kind == "dependencies" and found.get("optional") is True
                yield "optional-dependencies" if optional else kind, _target(name, found)


def _target(name: str, spec: dict[str, Any]) -> Target:
    if text(spec.get("path")):
        return Target(path=spec["path"])
    if spec.get("workspace") is True:
        return Target(shared=name)
    return Target(shared=_patched(text(spec.get("package")) or name))


def _inherited(workspace: dict[str, Any]) -> dict[str, tuple[Target, ...]]:
    """Return what members get by `{ workspace = true }`."""
    specs = table(workspace.get("dependencies"))
    return {name: (_target(name, table(spec)),) for name, spec in specs.items()}


def _patches(document: dict[str, Any]) -> dict[str, tuple[Target, ...]]:
    """Return the directories that stand in for packages of a registry."""
    return {
        _patched(name): (Target(path=spec["path"]),)
        for patches in table(document.get("patch")).values()
        for name, spec in table(patches).items()
        if text(table(spec).get("path"))
    }


def _patched(name: str) -> str:
    return f"patch {name}"
