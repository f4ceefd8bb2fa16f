"""A stream that bytes are written to: a closed one takes nothing more, and costs no result."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from taskrunner.style import Style, shows_colour

if TYPE_CHECKING:
    from collections.abc import Callable

WRITABLE_WAIT = 1.0
"""How long to wait for a slow reader before looking again, in seconds."""


class Sink:
    """Writes whole pieces to a file descriptor, and remembers whether a line was left open."""

    def __init__(self, fd: int, *, colour: bool | None = None) -> None:
        self.fd = fd
        self.colour = shows_colour(fd, os.environ) if colour is None else colour
        self.style = Style(colour=self.colour)
        self.before: Callable[[], None] | None = None
        """Called before anything is written."""
        self.closed = False
        self.mid_line = False

    def write(self, data: bytes) -> None:
        """Write all of `data`, unless nobody reads any more."""
        if data and not self.closed:
            if self.before is not None:
                self.before()
            self.mid_line = not data.endswith(b"\n")
            view = memoryview(data)
            while view and not self.closed:
                view = view[self._write_some(view) :]

    def _write_some(self, data: memoryview) -> int:
        try:
            return os.write(self.fd, data)
        except BlockingIOError:
            self._wait()
        except OSError:  # EPIPE, EIO of a terminal that went away, ENOSPC, EBADF
            self.closed = True
        return 0

    def _wait(self) -> None:
        from select import select

        select([], [self.fd], [], WRITABLE_WAIT)

    def line(self, text: str) -> None:
        """Write a line of text; what can't be encoded is escaped."""
        self.write(text.encode("utf-8", "backslashreplace") + b"\n")
