"""Directories and processes that lie outside a workspace, for tests that need them there."""

from __future__ import annotations

import os
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

TEMPORARY = (Path(tempfile.gettempdir()), Path("/tmp"), Path("/var/tmp"), Path("/dev"))  # noqa: S108


@contextmanager
def directory_outside(*parents: Path) -> Iterator[Path]:
    """A directory that is neither in a workspace nor under a temporary directory.

    It is made in the first of `parents` that will do, if some are given.
    """
    for parent in parents or (Path(__file__).parent, Path.home(), Path("/srv"), Path("/opt")):
        resolved = parent.resolve()
        if any(resolved.is_relative_to(place) for place in TEMPORARY):
            continue
        if os.access(resolved, os.W_OK):
            with tempfile.TemporaryDirectory(dir=resolved, prefix=".outside-") as directory:
                yield Path(directory)
            return
    pytest.skip("no writable directory here that is not under a temporary one")
