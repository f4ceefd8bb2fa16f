"""What the hot path imports: start-up is felt at every run."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

BANNED = [
    "asyncio",
    "concurrent",
    "dataclasses",
    "http",
    "importlib.metadata",
    "logging",
    "multiprocessing",
    "pathlib",
    "rich",
    "rich_click",
    "socket",
    "sqlite3",
    "ssl",
    "subprocess",
    "tempfile",
    "blake3",
    "zstandard",
    "tarfile",
]
CHILD_DEADLINE = 30

CHILD = """
import sys
sys.path.insert(0, {unit!r})
import fake_engine
fake_engine.install()
sys.argv[1:] = {arguments!r}
before = set(sys.modules)
from taskrunner.__main__ import main
assert main() == 0
print("LOADED", *sorted(set(sys.modules) - before))
"""
UNIT = str(Path(__file__).parents[1] / "unit")


def run_child(program: str, cwd: Path) -> str:
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=cwd,
        capture_output=True,
        text=True,
        timeout=CHILD_DEADLINE,
        check=False,
        env={"PYTHONPATH": ":".join(sys.path), "PATH": "/usr/bin:/bin"},
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def loaded(arguments: list[str], cwd: Path) -> set[str]:
    out = run_child(CHILD.format(unit=UNIT, arguments=arguments), cwd)
    return set(out.rpartition("LOADED ")[2].split())


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "taskrunner.toml").write_text('[tasks.build]\ncommand = "make"\n')
    return tmp_path


@pytest.mark.parametrize("arguments", [["run", "build"], ["run", "--summarize", "build"], ["list"]])
def test_the_hot_path_imports_nothing_slow(arguments: list[str], root: Path) -> None:
    modules = loaded(arguments, root)
    assert "click" in modules
    found = {name for name in modules if name.split(".")[0] in BANNED or name in BANNED}
    assert found - baseline(root) == set()


def baseline(root: Path) -> set[str]:
    """What click imports by itself, on this version of Python."""
    return set(run_child("import click, sys; print(*sys.modules)", root).split())


def test_the_version_imports_nothing_at_all(root: Path) -> None:
    program = """
import sys
native = sys.modules["taskrunner._native"] = type(sys)("taskrunner._native")
native.__version__ = "1.2.3"
before = set(sys.modules)
sys.argv[1:] = ["--version"]
from taskrunner.__main__ import main
code = main()
print(*sorted(set(sys.modules) - before))
"""
    version, modules = run_child(program, root).splitlines()
    assert version == "taskrunner 1.2.3"
    outside = {name for name in modules.split() if not name.startswith("taskrunner")}
    assert outside <= {"__future__"}


def test_importing_the_package_is_free(root: Path) -> None:
    program = """
import sys
before = set(sys.modules)
import taskrunner
print(*sorted(set(sys.modules) - before))
"""
    assert set(run_child(program, root).split()) <= {"taskrunner", "__future__"}


def test_planning_imports_nothing_for_what_is_not_there(root: Path) -> None:
    modules = loaded(["run", "build"], root)
    readers = {name for name in modules if name.startswith("taskrunner.manifests.")}
    assert readers == {"taskrunner.manifests.semver"}
    (root / "package.json").write_text("{}")
    assert "taskrunner.manifests.npm" in loaded(["run", "build"], root)
