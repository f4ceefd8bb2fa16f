"""A damaged, planted, garbled, read-only or full cache: never a wrong result, never a hang."""

from __future__ import annotations

import os
import shutil
import subprocess
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from ..metamorphic.case import Task
from ..metamorphic.tree import Snapshot, differences, remove
from .space import Space

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from ..metamorphic.runner import Run

pytestmark = pytest.mark.slow

MOUNT_DEADLINE = 10.0
COMMAND = "mkdir -p out/empty; sort a.txt > out/a; cp a.txt out/b; chmod 755 out/b; echo built"
TEXT = "".join(f"line {n * 7919 % 1000}\n" for n in range(1000))


def built(base: Path) -> tuple[Space, Snapshot]:
    """A workspace whose one step is stored, and its tree."""
    space = Space.make(base, {"a.txt": TEXT}, [Task("build", COMMAND)])
    assert space.run().code == 0
    assert space.run().ran() == frozenset()
    return space, space.tree()


def archives(space: Space) -> list[Path]:
    found = sorted((space.cache / "archives").glob("*/*"))
    assert found, "the step left no archive"
    return found


def truncate(path: Path) -> None:
    with path.open("r+b") as archive:
        archive.truncate(path.stat().st_size // 2)


def empty(path: Path) -> None:
    with path.open("r+b") as archive:
        archive.truncate(0)


def flip_a_bit(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) * 2 // 3] ^= 0x10
    path.write_bytes(data)


def expect_repaired(space: Space, tree: Snapshot) -> Run:
    """The next run is right, and after it there is a whole entry again."""
    run = space.run()
    assert run.code == 0, run.told()
    assert differences(tree, space.tree()) == [], run.told()
    remove(space.root / "out")
    again = space.run()
    assert again.ran() == frozenset(), again.told()
    assert differences(tree, space.tree()) == [], again.told()
    return run


@pytest.mark.parametrize("damage", [truncate, empty, flip_a_bit, Path.unlink])
def test_damaged_archive(damage: Callable[[Path], None], tmp_path: Path) -> None:
    space, tree = built(tmp_path)
    for archive in archives(space):
        damage(archive)
    remove(space.root / "out")
    assert expect_repaired(space, tree).ran() == {"build"}


def test_an_archive_planted_under_another_name(tmp_path: Path) -> None:
    other = Space.make(tmp_path / "other", {"a.txt": "evil\n"}, [Task("build", COMMAND)])
    other.run()
    space, tree = built(tmp_path / "victim")
    for archive in archives(space):
        shutil.copyfile(archives(other)[0], archive)
    remove(space.root / "out")
    assert expect_repaired(space, tree).ran() == {"build"}


def plant(name: str, data: bytes, path: Path) -> None:
    """Write a well-formed archive with the members' names kept and other contents."""
    import io
    import tarfile

    import zstandard

    raw = zstandard.ZstdDecompressor().decompressobj().decompress(path.read_bytes())
    buffer = io.BytesIO()
    with (
        tarfile.open(fileobj=io.BytesIO(raw)) as old,
        tarfile.open(fileobj=buffer, mode="w", format=tarfile.USTAR_FORMAT) as new,
    ):
        for member in old.getmembers():
            member.name = name.replace("NAME", member.name)
            member.size = len(data) if member.isreg() else 0
            new.addfile(member, io.BytesIO(data))
    path.write_bytes(zstandard.ZstdCompressor().compress(buffer.getvalue()))


@pytest.mark.parametrize("name", ["NAME", "../NAME", "../../escaped", "/tmp/escaped"])  # noqa: S108
def test_hostile_archive(name: str, tmp_path: Path) -> None:
    space, tree = built(tmp_path / "inner")
    for archive in archives(space):
        plant(name, b"evil\n", archive)
    remove(space.root / "out")
    assert expect_repaired(space, tree).ran() == {"build"}
    assert not list(tmp_path.glob("**/escaped"))


@pytest.mark.parametrize("garbage", [b"", b"garbage" * 1000, b"SQLite format 3\0" + b"\xff" * 5000])
def test_garbled_cache_database(garbage: bytes, tmp_path: Path) -> None:
    space, tree = built(tmp_path)
    garble(space.cache / "cache.db", garbage)
    run = expect_repaired(space, tree)
    assert run.ran() == {"build"}
    if garbage:
        assert b"cache" in run.stderr, "a warning must say that the cache starts anew"


@pytest.mark.parametrize("garbage", [b"", b"garbage" * 1000, b"SQLite format 3\0" + b"\xff" * 5000])
def test_garbled_state_database(garbage: bytes, tmp_path: Path) -> None:
    space, tree = built(tmp_path)
    garble(space.root / ".taskrunner" / "state.db", garbage)
    run = space.run()
    assert run.code == 0, run.told()
    assert differences(tree, space.tree()) == [], run.told()
    assert space.run().code == 0
    assert space.run().ran() == frozenset()


def garble(database: Path, garbage: bytes) -> None:
    assert database.exists()
    for beside in database.parent.glob(f"{database.name}-*"):
        beside.unlink()
    database.write_bytes(garbage)


def test_missing_logs(tmp_path: Path) -> None:
    space, tree = built(tmp_path)
    shutil.rmtree(space.cache / "logs", ignore_errors=True)
    run = space.run()
    assert run.code == 0, run.told()
    assert b"built\n" in run.stdout, run.told()
    assert differences(tree, space.tree()) == []


def test_state_deleted(tmp_path: Path) -> None:
    space, tree = built(tmp_path)
    remove(space.root / ".taskrunner")
    assert space.run().code == 0
    assert differences(tree, space.tree()) == []


def in_namespace(*lines: str) -> Sequence[str]:
    """Arguments that run a command in a mount namespace of its own, after the lines."""
    script = " && ".join((*lines, 'exec "$@"'))
    return ("unshare", "--mount", "sh", "-c", script, "sh")


def skip_without_mounts(tmp_path: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("mounting a file system for the test needs root")
    tried = subprocess.run(
        [*in_namespace(f"mount -t tmpfs none {tmp_path}"), "true"],
        capture_output=True,
        timeout=MOUNT_DEADLINE,
        check=False,
    )
    if tried.returncode != 0:
        pytest.skip(f"can't mount here: {tried.stderr.decode()}")


@contextmanager
def read_only(directory: Path) -> Iterator[Sequence[str]]:
    """Make a directory read-only; gives what has to start a command for it to be so."""
    if os.geteuid() == 0:  # Modes don't stop root, a mount does.
        skip_without_mounts(directory.parent)
        bind = f"mount --bind {directory} {directory}"
        yield in_namespace(bind, f"mount -o remount,ro,bind {directory}")
        return
    paths = [directory, *(path for path in directory.rglob("*") if path.is_dir())]
    try:
        for path in paths:
            path.chmod(0o500)
        yield ()
    finally:
        for path in paths:
            path.chmod(0o700)


def test_read_only_cache(tmp_path: Path) -> None:
    space, tree = built(tmp_path / "space")
    with read_only(space.cache) as wrapper:
        expect_read_only_cache_used(space, tree, wrapper)


def expect_read_only_cache_used(space: Space, tree: Snapshot, wrapper: Sequence[str]) -> None:
    hit = space.run(wrapper=wrapper)
    assert hit.code == 0, hit.told()
    assert hit.ran() == frozenset(), hit.told()
    (space.root / "a.txt").write_text("b\na\n", encoding="utf-8")
    run = space.run(wrapper=wrapper)
    assert run.code == 0, run.told()
    assert (space.root / "out/a").read_text(encoding="utf-8") == "a\nb\n"
    skip = run.one("build").skip
    assert skip is not None, run.told()
    assert skip.kind == "store-failed", run.told()
    (space.root / "a.txt").write_text(TEXT, encoding="utf-8")
    back = space.run(wrapper=wrapper)
    assert back.ran() == frozenset(), back.told()
    assert differences(tree, space.tree()) == []


def test_full_disk(tmp_path: Path) -> None:
    skip_without_mounts(tmp_path)
    line = "head -c 8388608 /dev/urandom > big; cat a.txt > small"
    space = Space.make(tmp_path / "space", {"a.txt": "a\n"}, [Task("build", line)])
    space.cache.mkdir(parents=True)
    run = space.run(wrapper=in_namespace(f"mount -t tmpfs -o size=1m none {space.cache}"))
    assert run.code == 0, run.told()
    assert (space.root / "big").stat().st_size == 8 << 20
    assert (space.root / "small").read_text(encoding="utf-8") == "a\n"
    skip = run.one("build").skip
    assert skip is not None, run.told()
    assert skip.kind == "store-failed", run.told()
