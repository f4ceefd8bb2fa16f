"""Builds what the tests of the protocol run."""

from __future__ import annotations

import json
import shutil
import subprocess
from typing import TYPE_CHECKING

import pytest

from .harness import built

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

PACKAGES = {
    "@visulima/task-runner-client": "1.0.1",
    "@voidzero-dev/vite-task-client": "0.2.0",
    "vite": "8.3.8",
}


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


@pytest.fixture(scope="session")
def modules(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the `node_modules` with the published packages."""
    path = tmp_path_factory.mktemp("npm")
    (path / "package.json").write_text(json.dumps({"private": True, "dependencies": PACKAGES}))
    subprocess.run(
        ["npm", "install", "--no-audit", "--no-fund", "--loglevel=error"], cwd=path, check=True
    )
    return path / "node_modules"
