"""The wheel in an empty virtual environment: no Rust, a space in the path, nothing writable."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import stat
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import pytest

import wheelhouse

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.packaging.conftest import Run

pytestmark = [
    pytest.mark.packaging,
    pytest.mark.xdist_group("packaging"),
    pytest.mark.timeout(1200),
]

NOBODY = 65534
# All there is on PATH besides the virtual environment.
PROGRAMS = ("sh", "cat", "cp", "tr")


class Place(NamedTuple):
    """A virtual environment with the wheel in it, made by one interpreter."""

    interpreter: Path
    venv: Path
    env: dict[str, str]
    home: Path

    @property
    def command(self) -> Path:
        return self.venv / "bin" / "taskrunner"

    @property
    def python(self) -> Path:
        return self.venv / "bin" / "python"


def chosen(version: str) -> str:
    """The interpreter to test with; most versions are skipped, as abi3 promises the same to all."""
    found = wheelhouse.interpreters()
    if version not in found:
        pytest.skip(f"Python {version} is not installed here")
    public = next((v for v, path in found.items() if is_public(Path(path))), None)
    if version not in {min(found, key=as_numbers), max(found, key=as_numbers), public}:
        pytest.skip("neither the oldest nor the newest Python here")
    if not wheelhouse.is_stocked(version):
        pytest.skip(f"no dependencies fetched for Python {version}: run `make wheelhouse`")
    return found[version]


def as_numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split("."))


def is_public(path: Path) -> bool:
    """Whether any user can reach and run it."""
    real = path.resolve()
    return all(p.stat().st_mode & stat.S_IXOTH for p in (real, *real.parents))


def make_read_only(root: Path) -> None:
    for path in (root, *root.rglob("*")):
        if not path.is_symlink():
            path.chmod(stat.S_IMODE(path.stat().st_mode) & ~0o222)


def make_writable(root: Path) -> None:
    for directory, _names, _files in os.walk(root):
        Path(directory).chmod(0o755)


@contextlib.contextmanager
def public_directory() -> Iterator[Path]:
    """A directory that every user can enter, with a space in its path."""
    root = Path(tempfile.mkdtemp(prefix="taskrunner packaging "))
    root.chmod(0o755)
    try:
        yield root
    finally:
        make_writable(root)
        shutil.rmtree(root)


def plain_env(root: Path, venv: Path) -> dict[str, str]:
    programs = root / "programs"
    programs.mkdir()
    for name in PROGRAMS:
        (programs / name).symlink_to(shutil.which(name) or f"/bin/{name}")
    home = root / "home"
    home.mkdir()
    temp = root / "tmp"
    temp.mkdir()
    path = f"{venv / 'bin'}{os.pathsep}{programs}"
    return {"PATH": path, "HOME": str(home), "TMPDIR": str(temp), "LANG": "C.UTF-8"}


@pytest.fixture(scope="module", params=[f"3.{minor}" for minor in range(10, 15)])
def place(request: pytest.FixtureRequest, run: Run, wheel: Path) -> Iterator[Place]:
    interpreter = Path(chosen(request.param))
    with public_directory() as root:
        venv = root / "virtual environment"
        run(interpreter, "-m", "venv", venv)
        env = plain_env(root, venv)
        pip = [str(venv / "bin" / "python"), "-m", "pip", "--isolated", "install", "--quiet"]
        offline = ["--no-index", "--find-links", str(wheelhouse.WHEELHOUSE), str(wheel)]
        run(*pip, *offline, env=env, cwd=root)
        make_read_only(venv)
        yield Place(interpreter, venv, env, root)


def unprivileged(place: Place, *owned: Path) -> list[str]:
    """A prefix that takes root's powers away, and, if the interpreter is public, the name too."""
    if os.geteuid() != 0:
        return []
    if shutil.which("setpriv") is None:
        pytest.skip("root without setpriv: nothing here would be read-only")
    prefix = [str(shutil.which("setpriv")), "--bounding-set=-all", "--inh-caps=-all"]
    if not is_public(place.interpreter):
        return prefix
    for path in owned:
        os.chown(path, NOBODY, NOBODY)
    return [*prefix, f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups"]


def test_the_place_is_what_it_claims(place: Place, run: Run) -> None:
    """Guards the tests below: a space in the path, no Rust in reach, and no way to write."""
    assert " " in str(place.command)
    assert shutil.which("cargo", path=place.env["PATH"]) is None
    assert shutil.which("rustc", path=place.env["PATH"]) is None
    attempt = "import os, sys; sys.exit(os.access(sys.prefix, os.W_OK))"
    run(*unprivileged(place), place.python, "-c", attempt, env=place.env, cwd=place.home)


def test_says_its_version(place: Place, run: Run, wheel: Path) -> None:
    version = wheel.name.split("-")[1]
    for argv in ([place.command], [place.python, "-m", "taskrunner"]):
        said = run(*unprivileged(place), *argv, "--version", env=place.env, cwd=place.home)
        assert version in said


def make_workspace(root: Path) -> list[Path]:
    """One task of one package: everything made for it, to be handed to whoever runs it."""
    package = root / "app"
    package.mkdir(parents=True)
    files = {
        root / "taskrunner.toml": '[workspace]\npackages = ["app"]\n',
        package / "taskrunner.toml": '[tasks.shout]\ncommand = "sh shout.sh"\n',
        package / "shout.sh": "tr a-z A-Z < greeting.txt > shouted.txt && echo shouted\n",
        package / "greeting.txt": "hello\n",
    }
    for path, text in files.items():
        path.write_text(text, encoding="utf-8")
    return [root, package, *files]


def test_runs_and_caches_a_task(place: Place, run: Run) -> None:
    root = place.home / "work space"
    made = make_workspace(root)
    own_directories = [Path(place.env["HOME"]), Path(place.env["TMPDIR"])]
    prefix = unprivileged(place, *made, *own_directories)
    summary, shouted = root / "summary.json", root / "app" / "shouted.txt"

    def run_task() -> tuple[str, str]:
        argv = [str(place.command), "run", f"--summarize={summary}", "app#shout"]
        said = run(*prefix, *argv, env=place.env, cwd=root)
        (step,) = json.loads(summary.read_text(encoding="utf-8"))["tasks"]
        return step["cacheStatus"], said

    status, said = run_task()
    assert (status, shouted.read_text(encoding="utf-8")) == ("miss", "HELLO\n")
    assert "shouted" in said

    shouted.unlink()
    status, said = run_task()
    assert (status, shouted.read_text(encoding="utf-8")) == ("hit", "HELLO\n")
    assert "shouted" in said
