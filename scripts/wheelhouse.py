"""Fetches taskrunner's dependencies for every Python found here.

With them a wheel can be installed without a network. Run by `make wheelhouse`;
`python/tests/packaging` asks it where things are.
"""

from __future__ import annotations

import functools
import os
import shutil
import subprocess
import sys
from pathlib import Path

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

ROOT = Path(__file__).resolve().parent.parent
WHEELHOUSE = ROOT / "dist" / "wheelhouse"
OLDEST_MINOR = 10
NEWEST_MINOR = 15
FETCH_DEADLINE = 600.0
PROBE_DEADLINE = 30.0

# A usable interpreter is CPython that can make virtual environments with pip in them.
_PROBE = """
import sys, venv, ensurepip
print(*sys.version_info[:2], sys.implementation.name, sys.executable)
"""


@functools.cache
def interpreters() -> dict[str, str]:
    """Version ("3.12") to executable, for every usable CPython found here, oldest first."""
    found: dict[tuple[int, int], str] = {}
    for candidate in _candidates():
        version, path = _probe(candidate)
        if version is not None:
            found.setdefault(version, path)
    return {f"{major}.{minor}": path for (major, minor), path in sorted(found.items())}


def _candidates() -> list[str]:
    on_path = [shutil.which(f"python3.{n}") for n in range(OLDEST_MINOR, NEWEST_MINOR + 1)]
    pyenv = os.environ.get("PYENV_ROOT", str(Path.home() / ".pyenv"))
    managed = sorted(str(path) for path in Path(pyenv).glob("versions/3.*/bin/python"))
    # The system's own comes first: unlike one in a home directory, other users can run it.
    every = ["/usr/bin/python3", *managed, shutil.which("python3"), *on_path]
    return [path for path in every if path is not None and Path(path).exists()]


def _probe(candidate: str) -> tuple[tuple[int, int] | None, str]:
    probe = subprocess.run(
        [candidate, "-c", _PROBE],
        capture_output=True,
        text=True,
        timeout=PROBE_DEADLINE,
        check=False,
    )
    if probe.returncode != 0:
        return None, ""
    major, minor, implementation, path = probe.stdout.strip().split(" ", 3)
    version = (int(major), int(minor))
    usable = implementation == "cpython" and version >= (3, OLDEST_MINOR)
    return (version if usable else None), path


def requirements() -> list[str]:
    """Return what pyproject.toml says taskrunner needs at run time."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    dependencies: list[str] = project["dependencies"]
    return dependencies


def version_in_cargo() -> str:
    """Return the one place's version of taskrunner."""
    cargo = tomllib.loads((ROOT / "Cargo.toml").read_text(encoding="utf-8"))
    version: str = cargo["workspace"]["package"]["version"]
    return version


def stamp(version: str) -> Path:
    """Return the file that says what has been fetched for this version of Python."""
    return WHEELHOUSE / f".fetched-{version}"


def is_stocked(version: str) -> bool:
    """Whether everything needed is there for this version of Python."""
    wanted = "\n".join(requirements())
    return stamp(version).is_file() and stamp(version).read_text(encoding="utf-8") == wanted


def fetch(version: str, interpreter: str) -> None:
    """Download with pip run by that interpreter: markers are judged by the one that runs."""
    argv = [sys.executable, "-m", "pip", "--python", interpreter, "download", "--quiet"]
    argv += ["--only-binary=:all:", "--dest", str(WHEELHOUSE), *requirements()]
    subprocess.run(argv, check=True, timeout=FETCH_DEADLINE)
    stamp(version).write_text("\n".join(requirements()), encoding="utf-8")


def main() -> None:
    """Fetch what is not there yet."""
    WHEELHOUSE.mkdir(parents=True, exist_ok=True)
    for version, interpreter in interpreters().items():
        if not is_stocked(version):
            print(f"fetching dependencies for Python {version}")
            fetch(version, interpreter)


if __name__ == "__main__":
    main()
