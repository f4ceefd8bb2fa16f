"""Builds what the tests of the protocol run."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest

from .harness import built

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


@pytest.fixture(scope="session")
def programs() -> Mapping[str, str]:
    if shutil.which("cargo") is None:
        pytest.skip("needs cargo to build the peer")
    return built()


@pytest.fixture
def space(tmp_path: Path, programs: Mapping[str, str]) -> Path:
    """Make an empty workspace."""
    path = tmp_path / "ws"
    path.mkdir()
    return path
