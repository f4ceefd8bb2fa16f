"""Keeps what a run printed, for `taskrunner last --log`: frames in one file.

A line `taskrunner-log 1 ID`, then for each piece of output step, stream and length, as three 32-bit
numbers, least byte first, and the bytes. `ID` is the `runId` of the summary it belongs to.
"""

from __future__ import annotations

import os
import struct
from typing import TYPE_CHECKING, BinaryIO

from taskrunner import events

if TYPE_CHECKING:
    from collections.abc import Iterator

MAGIC = b"taskrunner-log 1 "
NAME = "last-run.log"
LIMIT = 64 * 1024 * 1024
"""The most bytes of output that are kept of one run."""

_FRAME = struct.Struct("<III")
_PARTIAL = f"{NAME}.partial-"


class Recorder:
    """Takes the events of a run; what can't be written is lost, and nothing else with it."""

    def __init__(self, directory: str, run_id: str) -> None:
        self._directory = directory
        self._partial = os.path.join(directory, f"{_PARTIAL}{os.getpid()}")
        self._left = LIMIT
        self._file: BinaryIO | None = None
        try:
            os.makedirs(directory, mode=0o700, exist_ok=True)
            remove_abandoned(directory)
            self._file = open(self._partial, "wb", opener=_private)  # noqa: SIM115 - lives as long as the run
            self._file.write(MAGIC + run_id.encode() + b"\n")
        except OSError:
            self._give_up()

    def __call__(self, event: events.Event) -> None:
        """Take an event."""
        if isinstance(event, events.Output):
            self._write(event)
        elif isinstance(event, events.Finished):
            self._finish()

    def _write(self, event: events.Output) -> None:
        data = event.data[: self._left]
        if self._file is None or not data:
            return
        self._left -= len(data)
        try:
            self._file.write(_FRAME.pack(event.step, event.stream, len(data)))
            self._file.write(data)
        except OSError:
            self._give_up()

    def _finish(self) -> None:
        if self._file is None:
            return
        try:
            self._file.close()
            os.replace(self._partial, os.path.join(self._directory, NAME))
        except OSError:
            self._give_up()

    def _give_up(self) -> None:
        file, self._file = self._file, None
        try:
            if file is not None:
                file.close()
            os.unlink(self._partial)
        except OSError:
            pass


def read(directory: str, run_id: str) -> Iterator[tuple[int, int, bytes]]:
    """Yield step, stream and bytes in the order they came; nothing if it is another run's log."""
    with open(os.path.join(directory, NAME), "rb") as file:
        if file.readline() != MAGIC + run_id.encode() + b"\n":
            return
        while len(head := file.read(_FRAME.size)) == _FRAME.size:
            step, stream, length = _FRAME.unpack(head)
            yield step, stream, file.read(length)


def remove_abandoned(directory: str) -> None:
    """Remove what runs that were killed have left."""
    with os.scandir(directory) as entries:
        names = [entry.name for entry in entries if entry.name.startswith(_PARTIAL)]
    for name in names:
        pid = name[len(_PARTIAL) :]
        if pid.isascii() and pid.isdigit() and not os.path.exists(f"/proc/{pid}"):
            os.unlink(os.path.join(directory, name))


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)
