"""What other tools' manifests say of a directory: names, needs, scripts, members."""

from __future__ import annotations

import os
from importlib import import_module
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from taskrunner.toml_source import Source, read_file

if TYPE_CHECKING:
    from collections.abc import Mapping

    from taskrunner.model import Kind

Family = Literal["npm", "python", "cargo"]
"""Whose names a manifest's names are: `core` for npm is not `core` for Python."""

FILES: dict[str, tuple[Family, str]] = {
    "package.json": ("npm", "npm"),
    "pnpm-workspace.yaml": ("npm", "pnpm"),
    "pyproject.toml": ("python", "python"),
    "Cargo.toml": ("cargo", "cargo"),
}
"""Each manifest's family, and the module here that reads it; imported when there is one."""

_MARKS_A_PACKAGE = ("package.json", "pyproject.toml", "Cargo.toml")


class Target(NamedTuple):
    """How a manifest names another package; one of the fields, or a name with a range."""

    name: str | None = None
    range: str | None = None
    """An npm range that the other's version has to satisfy."""
    path: str | None = None
    """A directory, relative to the manifest's own, or absolute."""
    shared: str | None = None
    """A key among what the manifest of the workspace's root shares."""


class Members(NamedTuple):
    """What belongs to the workspace that a manifest opens."""

    file: str
    """The manifest that a member has to have."""
    patterns: tuple[str, ...]
    exclude: tuple[str, ...] = ()


class Manifest(NamedTuple):
    """What one manifest says."""

    family: Family
    file: str
    name: str | None = None
    version: str | None = None
    needs: tuple[tuple[Kind, Target], ...] = ()
    members: Members | None = None
    shared: Mapping[str, tuple[Target, ...]] = {}
    """What members may refer to: uv sources, Cargo's workspace dependencies, catalogs."""
    scripts: Mapping[str, str] = {}
    label: str = ""
    """How messages name the file; only where there are scripts."""
    text: str = ""
    """The file itself, to find lines in; only where there are scripts."""


def read(directory: str, pyproject: Source | None) -> tuple[Manifest, ...]:
    """Return what each manifest in a directory says; its pyproject.toml has been read already."""
    found = []
    for file, (_, reader) in FILES.items():
        path = os.path.join(directory, file)
        source: object = pyproject if file == "pyproject.toml" else read_file(path)
        if source is not None:
            module = import_module(f"{__name__}.{reader}")
            manifest: Manifest = module.read(path, source)
            found.append(manifest)
    return tuple(found)


def is_package(directory: str) -> bool:
    """Return whether a directory has a manifest that makes it a package."""
    return any(os.path.exists(os.path.join(directory, file)) for file in _MARKS_A_PACKAGE)


def table(value: object) -> dict[str, Any]:
    """Return a value if it is a table, else an empty one: a manifest's own tool judges it."""
    return value if isinstance(value, dict) else {}


def text(value: object) -> str | None:
    """Return a value if it is a string that isn't empty."""
    return value if isinstance(value, str) and value else None


def strings(value: object) -> tuple[str, ...]:
    """Return the strings of an array."""
    return tuple(item for item in value if isinstance(item, str)) if isinstance(value, list) else ()
