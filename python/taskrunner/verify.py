"""Checks every archive of a cache with other code than made it: the published blake3 and zstd."""

from __future__ import annotations

import os
from typing import IO, TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

    from blake3 import blake3

_SUFFIX = ".tar.zst"
_CHUNK = 1 << 20
_WINDOW = 1 << 27  # bytes; what the format allows at most


class Checked(NamedTuple):
    """What was found of one archive."""

    path: str
    members: int
    size: int
    problem: str | None


def archives(cache_dir: str) -> Iterator[Checked]:
    """Check the archives one by one, in the order of their names."""
    base = os.path.join(cache_dir, "archives")
    for directory, names, files in os.walk(base):
        names.sort()
        for file in sorted(files):
            path = os.path.join(directory, file)
            members, problem = 0, None
            try:
                members = _check(path)
            except _Damage as damage:
                problem = str(damage)
            except OSError as error:
                problem = error.strerror or str(error)
            yield Checked(path, members, _size(path), problem)


class _Damage(Exception):  # noqa: N818 - what is wrong, not what went wrong
    """What is wrong with an archive."""


def _size(path: str) -> int:
    try:
        return os.stat(path).st_size
    except OSError:
        return 0


def _check(path: str) -> int:
    """Return the number of members of a sound archive."""
    name = os.path.basename(path)
    if not name.endswith(_SUFFIX):
        raise _Damage("not an archive of this cache")
    digest = name.removesuffix(_SUFFIX)
    if os.path.basename(os.path.dirname(path)) != digest[:2]:
        raise _Damage("not in the directory its name asks for")
    with open(path, "rb") as file:
        if _digest(file) != digest:
            raise _Damage("its content does not have the digest in its name")
        file.seek(0)
        return _check_members(file)


def _check_members(file: IO[bytes]) -> int:
    import tarfile

    import zstandard

    count = 0
    decompressor = zstandard.ZstdDecompressor(max_window_size=_WINDOW)
    try:
        with (
            decompressor.stream_reader(file, read_across_frames=True) as plain,
            tarfile.open(fileobj=plain, mode="r|") as archive,
        ):
            for member in archive:
                content = archive.extractfile(member) if member.isreg() else None
                if content is None:
                    raise _Damage(f"member {member.name} is no regular file")
                if _digest(content) != member.name:
                    raise _Damage(f"member {member.name} does not have the digest in its name")
                count += 1
    except (zstandard.ZstdError, tarfile.TarError, EOFError) as error:
        raise _Damage(f"can't be unpacked: {error}") from error
    return count


def _digest(file: IO[bytes]) -> str:
    hasher = _hasher()
    while chunk := file.read(_CHUNK):
        hasher.update(chunk)
    return hasher.hexdigest()


def _hasher() -> blake3:
    from blake3 import blake3

    return blake3()
