"""What the packaging tests share: the wheel, the wheelhouse, and a way to run things."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import pytest

import wheelhouse

if TYPE_CHECKING:
    from collections.abc import Mapping

PROJECT = wheelhouse.ROOT
BUILD_DEADLINE = 900.0


class Run(Protocol):
    """Runs a command to its end and gives back what it printed."""

    def __call__(
        self, *argv: str | Path, env: Mapping[str, str] | None = None, cwd: Path = PROJECT
    ) -> str: ...


@pytest.fixture(scope="session")
def run() -> Run:
    def run_to_end(
        *argv: str | Path, env: Mapping[str, str] | None = None, cwd: Path = PROJECT
    ) -> str:
        done = subprocess.run(
            argv,
            cwd=cwd,
            env=env,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=BUILD_DEADLINE,
            check=False,
        )
        words = " ".join(map(str, argv))
        assert done.returncode == 0, f"{words}\nexited {done.returncode}:\n{done.stdout}"
        return done.stdout

    return run_to_end


@pytest.fixture(scope="session")
def project() -> Path:
    return PROJECT


@pytest.fixture(scope="session")
def build_env() -> dict[str, str]:
    """The environment for builds: this virtual environment's tools, one shared cargo target."""
    env = {name: value for name, value in os.environ.items() if not name.startswith("MAKE")}
    env["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{env['PATH']}"
    env.setdefault("CARGO_TARGET_DIR", str(PROJECT / "target"))
    return env


@pytest.fixture(scope="session")
def wheel(run: Run, build_env: dict[str, str]) -> Path:
    """The release wheel; make builds it only if it is older than what it is made of."""
    if shutil.which("cargo") is None:
        pytest.skip("cargo is not installed")
    run("make", "--no-print-directory", "wheel", f"VENV={sys.prefix}", env=build_env)
    wheels = list((PROJECT / "dist").glob("*.whl"))
    assert len(wheels) == 1, wheels
    return wheels[0]


@pytest.fixture(scope="session")
def wheel_files(wheel: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(wheel) as archive:
        return {name: archive.read(name) for name in archive.namelist()}
