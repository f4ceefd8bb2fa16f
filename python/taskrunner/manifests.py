"""What other tools' manifests say of a directory: its names, and the local packages it needs."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, NamedTuple

from taskrunner.errors import ConfigError
from taskrunner.toml_source import Source, read_file, shown_path

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from taskrunner.model import Kind

_NPM_FIELDS: dict[str, Kind] = {
    "dependencies": "dependencies",
    "devDependencies": "dev-dependencies",
    "optionalDependencies": "optional-dependencies",
    "peerDependencies": "peer-dependencies",
}
_CARGO_FIELDS: tuple[Kind, ...] = ("dependencies", "dev-dependencies", "build-dependencies")


class Need(NamedTuple):
    """Another package of the workspace: its name, or its directory from here."""

    kind: Kind
    name: str | None = None
    path: str | None = None


class Manifest(NamedTuple):
    """What one manifest says."""

    name: str | None
    needs: tuple[Need, ...]


def read(directory: str) -> list[Manifest]:
    """Return what each manifest in a directory says; an empty list if it has none."""
    found = []
    for file, reader in _READERS.items():
        path = os.path.join(directory, file)
        data = read_file(path)
        if data is not None:
            found.append(reader(path, data))
    return found


def _npm(path: str, data: bytes) -> Manifest:
    document = _table(_json(path, data))
    needs = []
    for field, kind in _NPM_FIELDS.items():
        for name, spec in _table(document.get(field)).items():
            if isinstance(spec, str) and spec.startswith("workspace:"):
                needs.append(Need(kind, name=_alias(spec.removeprefix("workspace:")) or name))
            elif isinstance(spec, str) and spec.startswith(("file:", "link:")):
                needs.append(Need(kind, path=spec.partition(":")[2]))
    return Manifest(_name(document), tuple(needs))


def _alias(spec: str) -> str | None:
    """Return the name in `name@range`, if there is one; `@scope/name@range` has its own."""
    at = spec.find("@", 1)
    return spec[:at] if at > 0 else None


def _json(path: str, data: bytes) -> object:
    import json

    try:
        return json.loads(data)
    except json.JSONDecodeError as error:
        place = f"{shown_path(path)}:{error.lineno}"
        raise ConfigError(f"not valid JSON: {error.msg.lower()}", place=place) from error
    except (UnicodeDecodeError, RecursionError) as error:
        raise ConfigError("not valid JSON", place=shown_path(path)) from error


def _python(path: str, data: bytes) -> Manifest:
    document = Source(path, data).document
    tool = _table(_table(document.get("tool")).get("uv"))
    needs: list[Need] = []
    for name, source in _table(tool.get("sources")).items():
        for choice in source if isinstance(source, list) else [source]:
            needs += _uv_source(name, _table(choice))
    return Manifest(_name(_table(document.get("project"))), tuple(needs))


def _uv_source(name: str, source: dict[str, Any]) -> Iterator[Need]:
    if source.get("workspace") is True:
        yield Need("dependencies", name=name)
    elif isinstance(source.get("path"), str):
        yield Need("dependencies", path=source["path"])


def _cargo(path: str, data: bytes) -> Manifest:
    document = Source(path, data).document
    needs = tuple(
        Need(kind, path=spec["path"])
        for kind in _CARGO_FIELDS
        for spec in map(_table, _table(document.get(kind)).values())
        if isinstance(spec.get("path"), str)
    )
    return Manifest(_name(_table(document.get("package"))), needs)


def _table(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _name(table: dict[str, Any]) -> str | None:
    name = table.get("name")
    return name if isinstance(name, str) and name else None


_READERS: dict[str, Callable[[str, bytes], Manifest]] = {
    "package.json": _npm,
    "pyproject.toml": _python,
    "Cargo.toml": _cargo,
}
