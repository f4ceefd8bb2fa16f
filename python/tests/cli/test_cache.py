"""The commands that look after the cache."""

from __future__ import annotations

import io
import tarfile
from typing import TYPE_CHECKING

import blake3
import pytest
import zstandard

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from ..conftest import MakeWorkspace
    from .conftest import Cli, Engines


@pytest.fixture
def root(make_workspace: MakeWorkspace) -> Path:
    return make_workspace({"taskrunner.toml": '[cache]\nmax-size = "1.5GiB"\nmax-age = "2w"\n'})


def test_stats(root: Path, cli: Cli, engines: Engines) -> None:
    assert cli("cache", "stats") == (
        0,
        (
            f"directory: {root}/.taskrunner/cache\n"
            "entries: 3\npath sets: 2\narchives: 1\nbytes: 2.5 kB\n"
        ),
        "",
    )


def test_prune(root: Path, cli: Cli, engines: Engines) -> None:
    assert cli("cache", "prune") == (0, "removed 1 entry, 2.5 kB\n", "")
    assert engines[-1].named("prune") == [(1610612736, 14)]


def test_clean_removes_what_is_the_caches_and_no_more(
    root: Path, cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TASKRUNNER_CACHE_DIR", "elsewhere")
    for name in ("cache.db", "archives/ab/x", "logs/y", "mine"):
        path = root / "elsewhere" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("12345")
    assert cli("cache", "clean") == (0, f"removed 15 B from {root}/elsewhere\n", "")
    assert [path.name for path in (root / "elsewhere").iterdir()] == ["mine"]
    assert cli("cache", "clean").out == f"removed 0 B from {root}/elsewhere\n"


def make_archive(root: Path, members: Mapping[str, bytes], name: str | None = None) -> Path:
    plain = io.BytesIO()
    with tarfile.open(fileobj=plain, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for member, content in members.items():
            info = tarfile.TarInfo(member)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    packed = zstandard.compress(plain.getvalue())
    name = name or blake3.blake3(packed).hexdigest()
    path = root / ".taskrunner/cache/archives" / name[:2] / f"{name}.tar.zst"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(packed)
    return path


def named(*contents: bytes) -> dict[str, bytes]:
    return {blake3.blake3(content).hexdigest(): content for content in contents}


def test_verify_sound_archives(root: Path, cli: Cli) -> None:
    first = make_archive(root, named(b"one", b"", b"x" * 3_000_000))
    second = make_archive(root, named(b"two"))
    total = first.stat().st_size + second.stat().st_size
    assert cli("cache", "verify") == (0, f"2 archives with 4 files, {total} B: 0 damaged\n", "")


def test_verify_an_empty_cache(root: Path, cli: Cli) -> None:
    assert cli("cache", "verify").out == "0 archives with 0 files, 0 B: 0 damaged\n"


def test_verify_finds_a_member_with_another_name(root: Path, cli: Cli) -> None:
    path = make_archive(root, {"ab" * 32: b"one"})
    result = cli("cache", "verify")
    assert result.code == 1
    assert result.out.startswith(
        f"damaged: {path}: member {'ab' * 32} does not have the digest in its name\n"
    )


def test_verify_finds_a_changed_byte(root: Path, cli: Cli) -> None:
    path = make_archive(root, named(b"one"))
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)
    result = cli("cache", "verify")
    assert result.code == 1
    assert f"damaged: {path}: its content does not have the digest in its name\n" in result.out


def test_verify_finds_a_truncated_stream(root: Path, cli: Cli) -> None:
    path = make_archive(root, named(b"one" * 1000))
    cut = path.read_bytes()[:-8]
    name = blake3.blake3(cut).hexdigest()
    moved = path.parents[1] / name[:2] / f"{name}.tar.zst"
    moved.parent.mkdir(exist_ok=True)
    moved.write_bytes(cut)
    path.unlink()
    result = cli("cache", "verify")
    assert result.code == 1
    assert f"damaged: {moved}: " in result.out


def test_verify_finds_what_does_not_belong(root: Path, cli: Cli) -> None:
    stray = root / ".taskrunner/cache/archives/ab/x.tmp"
    stray.parent.mkdir(parents=True)
    stray.write_text("")
    assert f"damaged: {stray}: not an archive of this cache\n" in cli("cache", "verify").out
