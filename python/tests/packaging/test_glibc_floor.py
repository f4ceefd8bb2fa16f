"""No ELF file in the wheel asks for more than the wheel's tag promises.

auditwheel looks at extension modules only, so helper, preload and addon would slip through.
"""

from __future__ import annotations

import re
import shutil
import subprocess
from typing import TYPE_CHECKING

import pytest

import elf

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = [
    pytest.mark.packaging,
    pytest.mark.xdist_group("packaging"),
    pytest.mark.timeout(1200),
]

HELPER = "taskrunner/_lib/taskrunner-helper"
PRELOAD = "taskrunner/_lib/libtaskrunner_preload.so"
ADDON = "taskrunner/_lib/taskrunner-client.node"
COMPILE_DEADLINE = 60.0


def glibc_floor(platform_tag: str) -> tuple[int, int]:
    """The lowest glibc that a wheel with this tag may be installed on."""
    floors = re.findall(r"manylinux_(\d+)_(\d+)", platform_tag)
    return min((int(major), int(minor)) for major, minor in floors)


def above(floor: tuple[int, int], file: elf.Elf) -> list[elf.Symbol]:
    """The symbols that a glibc of that version does not have."""
    versions = {
        symbol: tuple(int(part) for part in symbol.version.removeprefix("GLIBC_").split("."))
        for symbol in file.undefined
        if re.fullmatch(r"GLIBC_[\d.]+", symbol.version)
    }
    return [symbol for symbol, version in versions.items() if version > floor]


@pytest.fixture(scope="module")
def elves(wheel_files: dict[str, bytes]) -> dict[str, elf.Elf]:
    return {n: elf.read(data) for n, data in wheel_files.items() if data.startswith(b"\x7fELF")}


def test_no_symbol_is_newer_than_the_tag(wheel: Path, elves: dict[str, elf.Elf]) -> None:
    floor = glibc_floor(wheel.stem)
    assert {name: found for name, file in elves.items() if (found := above(floor, file))} == {}


def test_nothing_but_glibc_is_needed(elves: dict[str, elf.Elf]) -> None:
    allowed = re.compile(r"ld-linux-.*|lib(c|m|dl|rt|pthread|util)\.so\.\d+")
    needed = {library for file in elves.values() for library in file.needed}
    assert {library for library in needed if not allowed.fullmatch(library)} == set()


def test_helper_is_static(elves: dict[str, elf.Elf]) -> None:
    assert elves[HELPER] == elf.Elf(interpreter=False, needed=(), undefined=())


def test_preload_needs_no_library_and_no_symbol(elves: dict[str, elf.Elf]) -> None:
    assert elves[PRELOAD].needed == ()
    assert [s for s in elves[PRELOAD].undefined if s.version] == []


def test_addon_looks_for_node_only_when_it_is_loaded(elves: dict[str, elf.Elf]) -> None:
    assert [s.name for s in elves[ADDON].undefined if s.name.startswith("napi_")] == []


def test_the_reader_sees_a_symbol_above_the_floor(tmp_path: Path) -> None:
    """Guards the tests above: a reader that finds nothing would pass them all."""
    if shutil.which("cc") is None:
        pytest.skip("no C compiler")
    source, library = tmp_path / "new.c", tmp_path / "new.so"
    source.write_text(
        "int getentropy(void *, unsigned long); int f(void) { return getentropy(0, 0); }"
    )
    argv = ["cc", "-shared", "-fPIC", "-o", str(library), str(source)]
    subprocess.run(argv, check=True, timeout=COMPILE_DEADLINE)

    file = elf.read(library.read_bytes())

    assert elf.Symbol("getentropy", "libc.so.6", "GLIBC_2.25") in above((2, 17), file)
    assert above((2, 25), file) == []
    assert "libc.so.6" in file.needed
