"""Runs the command in this process, over the scripted engine."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple, Protocol

import pytest

from taskrunner import _native
from taskrunner.cli.main import run_command

from ..unit import fake_engine

if TYPE_CHECKING:
    from collections.abc import Callable


class Result(NamedTuple):
    code: int
    out: str
    err: str

    def plain(self) -> str:
        """What stderr says, without the frame and the line breaks of a usage error."""
        return re.sub(r"[\s│─╭╮╰╯]+", " ", self.err).strip()


class Cli(Protocol):
    def __call__(self, *arguments: str) -> Result: ...


@pytest.fixture
def cli(capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Cli:
    """The command; its times are replaced by `[TIME]`."""
    for name in (
        "GITHUB_ACTIONS",
        "NO_COLOR",
        "FORCE_COLOR",
        "TASKRUNNER_CONCURRENCY",
        "TASKRUNNER_CACHE_DIR",
    ):
        monkeypatch.delenv(name, raising=False)

    def run(*arguments: str) -> Result:
        capfd.readouterr()
        code = run_command(list(arguments))
        out, err = capfd.readouterr()
        return Result(code, out, re.sub(r"\b\d+(\.\d)?m?s\b", "[TIME]", err))

    return run


class Engines(list[fake_engine.Engine]):
    """The engines that the command opened, the newest last."""

    scripts: dict[str, fake_engine.Script]


@pytest.fixture
def engines(monkeypatch: pytest.MonkeyPatch) -> Engines:
    """Put the scripted engine in the place of the real one."""
    opened = Engines()
    opened.scripts = {}

    def make(**arguments: object) -> fake_engine.Engine:
        opened.append(fake_engine.Engine(dict(opened.scripts), **arguments))
        return opened[-1]

    monkeypatch.setattr(_native, "Engine", make)
    monkeypatch.setattr(_native, "Step", fake_engine.Step)
    monkeypatch.setattr(_native, "Hinted", fake_engine.Hinted)
    return opened


@pytest.fixture
def script(engines: Engines) -> Callable[..., None]:
    """Say what happens to each task."""

    def say(**scripts: fake_engine.Script) -> None:
        engines.scripts.update(scripts)

    return say
