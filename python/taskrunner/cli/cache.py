"""`taskrunner cache`: how large the cache is, and commands to shrink, empty and check it."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from taskrunner.cli.lazy import Command, Group, Lazy

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import click

_PARTS = ("archives", "logs", "tmp")
_DATABASE = ("cache.db", "cache.db-wal", "cache.db-shm")


def _stats() -> int:
    from taskrunner.cli import session
    from taskrunner.report.sink import Sink

    found = session.workspace()
    with session.engine(found, workers=1) as engine:
        stats = engine.stats()
    out = Sink(1)
    out.line(f"directory: {session.cache_dir(found)}")
    for name, value in stats.items():
        shown = size(value) if name == "bytes" else str(value)
        out.line(f"{name.replace('_', ' ')}: {shown}")
    return 0


def _prune() -> int:
    from taskrunner.cli import session
    from taskrunner.report.sink import Sink

    found = session.workspace()
    with session.engine(found, workers=1) as engine:
        entries, freed = engine.prune(found.cache.max_size, found.cache.max_age)
    word = "entry" if entries == 1 else "entries"
    Sink(1).line(f"removed {entries} {word}, {size(freed)}")
    return 0


def _clean() -> int:
    from taskrunner.cli import session
    from taskrunner.report.sink import Sink

    directory = session.cache_dir(session.workspace())
    freed = sum(map(_remove, _contents(directory)))
    Sink(1).line(f"removed {size(freed)} from {directory}")
    return 0


def _contents(directory: str) -> Iterator[str]:
    """Yield what the cache keeps in its directory; other people's files there stay."""
    for name in (*_DATABASE, *_PARTS):
        path = os.path.join(directory, name)
        if os.path.lexists(path):
            yield path


def _remove(path: str) -> int:
    """Remove a file or a tree, and return its size."""
    from shutil import rmtree

    if os.path.islink(path) or not os.path.isdir(path):
        freed = os.lstat(path).st_size
        os.unlink(path)
        return freed
    freed = 0
    for directory, _, files in os.walk(path):
        for file in files:
            freed += os.lstat(os.path.join(directory, file)).st_size
    rmtree(path)
    return freed


def _verify() -> int:
    from taskrunner import verify
    from taskrunner.cli import session
    from taskrunner.report.sink import Sink

    out, count, members, total, damaged = Sink(1), 0, 0, 0, 0
    for checked in verify.archives(session.cache_dir(session.workspace())):
        count += 1
        members += checked.members
        total += checked.size
        if checked.problem:
            damaged += 1
            out.line(f"damaged: {checked.path}: {checked.problem}")
    word = "archive" if count == 1 else "archives"
    files = "file" if members == 1 else "files"
    out.line(f"{count} {word} with {members} {files}, {size(total)}: {damaged} damaged")
    return 1 if damaged else 0


def size(count: int) -> str:
    """Return a number of bytes as people read it."""
    amount, unit = float(count), "B"
    for unit in ("B", "kB", "MB", "GB", "TB"):
        if amount < 1000 or unit == "TB":  # noqa: PLR2004 - the step between units
            break
        amount /= 1000
    return f"{count} B" if unit == "B" else f"{amount:.1f} {unit}"


class _CacheGroup(Group):
    """The subcommands are small, so they all live here."""

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return a subcommand."""
        del ctx
        if cmd_name not in _COMMANDS:
            return None
        callback, text = _COMMANDS[cmd_name]
        return Command(cmd_name, callback=callback, help=text)


_COMMANDS: dict[str, tuple[Callable[[], int], str]] = {
    "stats": (_stats, "Show what the cache holds."),
    "prune": (_prune, "Remove what is beyond the limits in `[cache]`."),
    "clean": (_clean, "Remove everything from the cache."),
    "verify": (_verify, "Check every archive, without the code that made it."),
}

command = _CacheGroup(
    "cache",
    help="Look after the cache.",
    lazy={name: Lazy(__name__, text) for name, (_, text) in _COMMANDS.items()},
)
