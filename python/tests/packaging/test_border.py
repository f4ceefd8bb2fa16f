"""The border between Python and Rust: a true stub, a pinned surface, and no Python below it."""

from __future__ import annotations

import importlib
import shutil
import subprocess
import sys
from importlib import resources
from pathlib import Path

import pytest

import wheelhouse

CHECK_DEADLINE = 110.0
CARGO_TREE = ("cargo", "tree", "--offline", "--invert", "pyo3")
ALLOWED = ("--allowlist", "scripts/stubtest-allowlist.txt")
CRATES = sorted(path.parent.name for path in (wheelhouse.ROOT / "crates").glob("*/Cargo.toml"))


@pytest.mark.slow
def test_the_stub_of_the_extension_is_true() -> None:
    checked = subprocess.run(
        [sys.executable, "-m", "mypy.stubtest", *ALLOWED, "taskrunner._native"],
        cwd=wheelhouse.ROOT,
        capture_output=True,
        text=True,
        timeout=CHECK_DEADLINE,
        check=False,
    )
    assert checked.returncode == 0, checked.stdout + checked.stderr


def test_the_package_is_typed() -> None:
    assert resources.files("taskrunner").joinpath("py.typed").is_file()


def test_the_public_names_are_these() -> None:
    """A change here is a change for users: it belongs in the changelog."""
    package = importlib.import_module("taskrunner")
    assert package.__all__ == [
        "TaskrunnerError",
        "Trace",
        "Workspace",
        "__version__",
        "discover",
        "trace",
    ]
    assert [name for name in package.__all__ if not hasattr(package, name)] == []


def test_the_extension_has_the_version_of_the_workspace() -> None:
    native = importlib.import_module("taskrunner._native")
    assert native.__version__ == wheelhouse.version_in_cargo()


@pytest.mark.skipif(shutil.which("cargo") is None, reason="cargo is not installed")
@pytest.mark.parametrize("crate", CRATES)
def test_no_crate_depends_on_python(crate: str) -> None:
    """cargo finds no way from the crate to PyO3."""
    manifest = wheelhouse.ROOT / "crates" / crate / "Cargo.toml"
    asked = subprocess.run(
        [*CARGO_TREE, "--all-features", "--manifest-path", manifest],
        capture_output=True,
        text=True,
        timeout=CHECK_DEADLINE,
        check=False,
    )
    assert asked.returncode != 0, asked.stdout
    assert "did not match any packages" in asked.stderr


@pytest.mark.skipif(shutil.which("cargo") is None, reason="cargo is not installed")
def test_the_extension_does_depend_on_python() -> None:
    """Guards the test above: the question is one that cargo can answer with yes."""
    manifest = wheelhouse.ROOT / "rust" / "Cargo.toml"
    asked = subprocess.run(
        [*CARGO_TREE, "--manifest-path", manifest],
        capture_output=True,
        text=True,
        timeout=CHECK_DEADLINE,
        check=False,
    )
    assert "taskrunner-native" in asked.stdout, asked.stderr


def test_rust_sources_speak_of_python_only_at_the_border() -> None:
    crates = wheelhouse.ROOT / "crates"
    sources = [path for path in crates.rglob("*.rs") if "target" not in path.parts]
    assert sources
    assert [path for path in sources if "pyo3" in Path(path).read_text(encoding="utf-8")] == []
