"""Builds from source as users do them: sdist to wheel, offline, and the editable install."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.packaging.conftest import Run

pytestmark = [
    pytest.mark.packaging,
    pytest.mark.xdist_group("packaging"),
    pytest.mark.timeout(1200),
]

GIT_DEADLINE = 60.0


def tracked_files(project: Path) -> list[str]:
    """What a commit of this tree, as it is now, would hold."""
    if shutil.which("git") is None or shutil.which("cargo") is None:
        pytest.skip("building from source needs git and cargo")
    listing = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=project,
        capture_output=True,
        text=True,
        timeout=GIT_DEADLINE,
        check=False,
    )
    if listing.returncode != 0:
        pytest.skip("not a git checkout, so there is no list of what belongs to the project")
    names = listing.stdout.split("\0")
    return [name for name in names if name and (project / name).is_file()]


@pytest.fixture(scope="module")
def clone(project: Path, run: Run, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A clean clone: nothing that was built, nothing that git ignores."""
    root = tmp_path_factory.mktemp("clone")
    for name in tracked_files(project):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(project / name, root / name)
    run("git", "init", "--quiet", cwd=root)
    run("git", "add", "--all", cwd=root)
    return root


@pytest.fixture(scope="module")
def offline(build_env: dict[str, str]) -> dict[str, str]:
    """Nothing may be fetched: cargo has the crates from earlier builds, pip needs none."""
    return {**build_env, "CARGO_NET_OFFLINE": "true", "PIP_NO_INDEX": "1"}


@pytest.fixture(scope="module")
def sdist(clone: Path, run: Run, offline: dict[str, str]) -> Path:
    run("maturin", "sdist", "--out", clone / "dist", env=offline, cwd=clone)
    (path,) = (clone / "dist").glob("*.tar.gz")
    return path


def unpacked(sdist: Path, into: Path) -> Path:
    """The source tree of the sdist, every file as new as it is here.

    In the archive all files are years old, and cargo goes by times: what an earlier build left in
    the shared target, of whatever sources, would count as made from these.
    """
    with tarfile.open(sdist) as archive:
        archive.extractall(into, filter="data")
    (root,) = into.iterdir()
    for path in root.rglob("*"):
        path.touch()
    return root


def test_sdist_holds_what_the_wheel_is_made_of(sdist: Path) -> None:
    with tarfile.open(sdist) as archive:
        names = {str(PurePosixPath(*PurePosixPath(n).parts[1:])) for n in archive.getnames()}
    crates = ("fspy", "fspy_helper", "fspy_preload", "ipc_node", "nested_cargo", "engine", "store")
    wanted = {f"crates/{crate}/Cargo.toml" for crate in crates} | {
        "Cargo.toml",
        "Cargo.lock",
        "LICENSE",
        "README.md",
        "pyproject.toml",
        "rust/build.rs",
        "python/taskrunner/py.typed",
        "python/taskrunner/_native.pyi",
        "PKG-INFO",
    }
    assert wanted - names == set()
    assert [name for name in names if name.endswith((".so", ".node"))] == []


def test_sdist_builds_the_same_wheel_offline(
    sdist: Path, run: Run, offline: dict[str, str], wheel_files: dict[str, bytes], tmp_path: Path
) -> None:
    pip = [sys.executable, "-m", "pip", "wheel", "--no-build-isolation", "--no-deps"]
    run(*pip, "--wheel-dir", tmp_path, unpacked(sdist, tmp_path / "source"), env=offline)
    (built,) = tmp_path.glob("*.whl")
    with zipfile.ZipFile(built) as archive:
        assert set(archive.namelist()) == set(wheel_files)


@pytest.fixture(scope="module")
def editable(
    clone: Path, run: Run, offline: dict[str, str], tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """The interpreter of a virtual environment with the clone installed for editing."""
    venv = tmp_path_factory.mktemp("editable") / "venv"
    run(sys.executable, "-m", "venv", venv)
    python = venv / "bin" / "python"
    # Borrows maturin and the dependencies of the environment that runs the tests.
    borrowed = Path(pytest.__file__).parent.parent
    site = run(python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))").strip()
    (Path(site) / "borrowed.pth").write_text(f"{borrowed}\n", encoding="utf-8")
    pip = [str(python), "-m", "pip", "install", "--quiet", "--no-build-isolation", "--no-deps"]
    run(*pip, "--editable", clone, env=offline)
    return python


def test_editable_install_runs_from_the_source_tree(
    editable: Path, clone: Path, run: Run, tmp_path: Path
) -> None:
    ask = "import taskrunner._native as native; print(native.__file__, native.__version__)"
    file, version = run(editable, "-c", ask, cwd=tmp_path).split()
    assert Path(file) == clone / "python" / "taskrunner" / "_native.abi3.so"
    assert version in run(editable, "-m", "taskrunner", "--version", cwd=tmp_path)


def test_editable_install_lays_helper_preload_and_addon(editable: Path, clone: Path) -> None:
    assert editable.exists()
    parts = clone / "python" / "taskrunner" / "_lib"
    assert os.access(parts / "taskrunner-helper", os.X_OK)
    for library in ("libtaskrunner_preload.so", "taskrunner-client.node"):
        assert (parts / library).read_bytes().startswith(b"\x7fELF")
