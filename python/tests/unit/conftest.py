"""The scripted engine takes steps that can be looked into."""

from __future__ import annotations

import pytest

from taskrunner import _native

from . import fake_engine


@pytest.fixture(autouse=True)
def steps(monkeypatch: pytest.MonkeyPatch) -> None:
    """Put the scripted engine's steps in the place of the real ones."""
    monkeypatch.setattr(_native, "Step", fake_engine.Step)
    monkeypatch.setattr(_native, "Hinted", fake_engine.Hinted)
