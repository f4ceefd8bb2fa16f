"""Reads `package.json`."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from taskrunner.errors import ConfigError
from taskrunner.manifests import Manifest, Members, Target, strings, table, text
from taskrunner.toml_source import shown_path

if TYPE_CHECKING:
    from collections.abc import Iterator

    from taskrunner.errors import Keys
    from taskrunner.model import Kind

FILE = "package.json"

_FIELDS: dict[str, Kind] = {
    "dependencies": "dependencies",
    "devDependencies": "dev-dependencies",
    "optionalDependencies": "optional-dependencies",
    "peerDependencies": "peer-dependencies",
}
_PATHS = ("file:", "link:", "portal:")
_ELSEWHERE = re.compile(r"[a-z][a-z+.-]*:|[^@\s]+/", re.IGNORECASE)


def read(path: str, data: bytes) -> Manifest:
    """Return what a package.json says."""
    document = _document(path, data)
    needs = [
        (kind, target)
        for field, kind in _FIELDS.items()
        for name, spec in table(document.get(field)).items()
        if isinstance(spec, str)
        for target in _targets(name, spec.strip())
    ]
    workspaces = document.get("workspaces")
    scripts = table(document.get("scripts"))
    return Manifest(
        family="npm",
        file=FILE,
        name=text(document.get("name")),
        version=text(document.get("version")),
        needs=tuple(needs),
        members=_members(path, workspaces),
        shared=catalogs(table(workspaces)) or catalogs(document),
        scripts={name: line for name, line in scripts.items() if text(line)},
        label=shown_path(path),
        text=data.decode() if scripts else "",
    )


def line_of(text: str, keys: Keys) -> int:
    """Return the line on which a script stands in a package.json; `keys` is the way to it."""
    scripts = text.find('"scripts"')
    found = re.compile(rf'"{re.escape(str(keys[1]))}"\s*:').search(text, max(scripts, 0))
    return text.count("\n", 0, found.start()) + 1 if found else 1


def _document(path: str, data: bytes) -> dict[str, Any]:
    import json

    try:
        document = json.loads(data)
    except json.JSONDecodeError as error:
        place = f"{shown_path(path)}:{error.lineno}"
        raise ConfigError(f"not valid JSON: {error.msg.lower()}", place=place) from error
    except (UnicodeDecodeError, RecursionError) as error:
        raise ConfigError("not valid JSON", place=shown_path(path)) from error
    if not isinstance(document, dict):
        raise ConfigError("must be an object", place=shown_path(path))
    return document


def _members(path: str, workspaces: object) -> Members | None:
    if workspaces is None:
        return None
    patterns = table(workspaces).get("packages", []) if table(workspaces) else workspaces
    if not isinstance(patterns, list) or len(strings(patterns)) != len(patterns):
        raise ConfigError(
            "`workspaces` must be an array of patterns",
            place=shown_path(path),
            hint='write `"workspaces": ["packages/*"]`',
        )
    return Members(FILE, strings(patterns))


def _targets(name: str, spec: str) -> Iterator[Target]:
    """Yield what one dependency refers to, if that may be a package of the workspace."""
    if spec.startswith("workspace:"):
        yield _workspace(name, spec.removeprefix("workspace:"))
    elif spec.startswith(_PATHS):
        yield Target(path=spec.partition(":")[2])
    elif spec.startswith(("./", "../")):
        yield Target(path=spec)
    elif spec.startswith("catalog:"):
        yield Target(name=name, shared=f"{spec.removeprefix('catalog:') or 'default'}:{name}")
    elif not _ELSEWHERE.match(spec):
        yield Target(name=name, range=spec)


def _workspace(name: str, rest: str) -> Target:
    """Read what follows `workspace:`: a range, another package's name with one, or a path."""
    if rest.startswith("."):
        return Target(path=rest)
    at = rest.find("@", 1)
    return Target(name=rest[:at] if at > 0 else name)


def catalogs(document: dict[str, Any]) -> dict[str, tuple[Target, ...]]:
    """Return the ranges that `catalog` and `catalogs` give names to, by catalog and package."""
    named = {**table(document.get("catalogs"))}
    if "catalog" in document:
        named["default"] = document["catalog"]
    return {
        f"{catalog}:{name}": tuple(_targets(name, spec))
        for catalog, specs in named.items()
        for name, spec in table(specs).items()
        if isinstance(spec, str)
    }
