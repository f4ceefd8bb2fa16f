"""What all tests share: small workspaces."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import pytest

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


class MakeWorkspace(Protocol):
    """Writes files below a new directory `ws`, and goes there."""

    def __call__(self, files: Mapping[str, str]) -> Path: ...


@pytest.fixture
def make_workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> MakeWorkspace:
    def make(files: Mapping[str, str]) -> Path:
        root = tmp_path / "ws"
        for name, text in files.items():
            path = root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        monkeypatch.chdir(root)
        return root

    return make
