"""Reads `pnpm-workspace.yaml`: its packages and catalogs, and nothing else of it."""

from __future__ import annotations

from taskrunner.errors import ConfigError
from taskrunner.manifests import Manifest, Members, npm, strings, yaml
from taskrunner.toml_source import shown_path

FILE = "pnpm-workspace.yaml"

_KEYS = ("packages", "catalog", "catalogs")


def read(path: str, data: bytes) -> Manifest:
    """Return what a pnpm-workspace.yaml says."""
    try:
        document = yaml.read(data.decode("utf-8-sig"), _KEYS)
    except UnicodeDecodeError as error:
        raise ConfigError("not valid UTF-8", place=shown_path(path)) from error
    except yaml.YamlError as error:
        place = f"{shown_path(path)}:{error.line}"
        raise ConfigError(str(error), place=place, hint=error.hint) from error
    packages = document.get("packages")
    if packages is not None and len(strings(packages)) != len(packages):
        raise ConfigError("`packages` must be a list of patterns", place=shown_path(path))
    return Manifest(
        family="npm",
        file=FILE,
        members=None if packages is None else Members(npm.FILE, strings(packages)),
        shared=npm.catalogs(document),
    )
