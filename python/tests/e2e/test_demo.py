"""The demo tells the truth: `scripts/demo.py` checks each of its claims, and runs here."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[3]
DEMO_DEADLINE = 100.0


def demo(directory: Path, *options: str) -> str:
    done = subprocess.run(
        [sys.executable, str(ROOT / "scripts" / "demo.py"), *options, str(directory)],
        cwd=directory,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=DEMO_DEADLINE,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    return done.stdout


def test_demo(tmp_path: Path) -> None:
    told = demo(tmp_path, "--without", "web")
    assert "Everything was as it was said to be." in told
    assert "stats#test:0" in told


@pytest.mark.tools
def test_demo_with_vite(tmp_path: Path) -> None:
    told = demo(tmp_path, "--without", "greeting", "--without", "report", "--without", "stats")
    assert "web#build:0" in told


def test_demo_leaves_out_what_it_can_not_run(tmp_path: Path) -> None:
    without = [f"--without={package}" for package in ("greeting", "report", "stats", "web")]
    done = subprocess.run(
        [sys.executable, str(ROOT / "scripts" / "demo.py"), *without, str(tmp_path)],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=DEMO_DEADLINE,
        check=False,
    )
    assert done.returncode == 1
    assert "no part of the demo can be run here" in done.stderr
    assert "greeting is left out: not asked for" in done.stdout


def test_lock_file_names_no_registry() -> None:
    lock = (ROOT / "examples/demo/web/package-lock.json").read_text(encoding="utf-8")
    assert '"resolved"' not in lock
