"""What all tests share: small workspaces."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING, Protocol

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path


@pytest.fixture(scope="session", autouse=True)
def _interruptible() -> Iterator[None]:
    """A shell ignores SIGINT for what it starts in the background, and children inherit that."""
    before = signal.getsignal(signal.SIGINT)
    if before is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


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
