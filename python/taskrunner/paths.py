"""Paths below the workspace's root, as they are kept: relative, with `/`, the root's own empty."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


def join(path: str, name: str) -> str:
    """Return a path below another; an empty one adds nothing."""
    return f"{path.rstrip('/')}/{name}" if path and name else path or name


def inside(base: str, path: str) -> str | None:
    """Return a path below one inside the workspace, or None if it leads out of the workspace."""
    found = os.path.normpath(os.path.join(base, path))
    if found == ".." or found.startswith(("../", "/")):
        return None
    return "" if found == "." else found


def upwards(path: str) -> Iterator[str]:
    """Yield a path inside the workspace and all above it, the root last."""
    while path:
        yield path
        path = os.path.dirname(path)
    yield ""


def relative(root: str, directory: str) -> str:
    """Return an absolute path relative to the root."""
    found = os.path.relpath(directory, root)
    return "" if found == "." else found
