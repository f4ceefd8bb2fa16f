"""A run on a terminal of its own: a person's hands and eyes, for tests."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import select
import struct
import subprocess
import termios
import time
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..metamorphic.runner import RUN_DEADLINE, command
from .space import EVENT_DEADLINE

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from .space import Space

ROWS, COLUMNS = 24, 80
_ERASE = re.compile(r"\x1b\[(\d+)A\x1b\[J")
_COLOUR = re.compile(r"\x1b\[[\d;]*m")


@dataclass
class Terminal:
    """A terminal and the run on it."""

    process: subprocess.Popen[bytes]
    controller: int
    seen: str = ""

    def wait_for(self, pattern: str) -> None:
        """Read until the screen has had what the pattern matches."""
        end = time.monotonic() + EVENT_DEADLINE
        while not re.search(pattern, self.seen):
            assert self._read(end), f"{pattern!r} did not come, but {self.seen!r}"

    def type(self, text: str) -> None:
        """Type something; `\\x03` is Ctrl-C."""
        os.write(self.controller, text.encode())

    def finish(self, code: int) -> str:
        """Read to the end of the run, which must be this exit code; all that was written."""
        end = time.monotonic() + EVENT_DEADLINE
        while self._read(end):
            pass
        assert self.process.wait(RUN_DEADLINE) == code, self.seen
        return self.seen

    def _read(self, end: float) -> bool:
        ready, _, _ = select.select([self.controller], [], [], max(end - time.monotonic(), 0))
        assert ready, f"nothing more came in {EVENT_DEADLINE} s after {self.seen!r}"
        try:
            chunk = os.read(self.controller, 65536)
        except OSError:  # EIO: nobody has it open any more
            return False
        self.seen += chunk.decode(errors="replace").replace("\r\n", "\n")
        return bool(chunk)


@contextmanager
def on_terminal(
    space: Space, target: str, *options: str, env: Mapping[str, str] | None = None
) -> Iterator[Terminal]:
    """Start a run whose standard streams are a terminal, which controls it."""
    controller, terminal = pty.openpty()
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, COLUMNS, 0, 0))
    given = {"TERM": "xterm", "NO_COLOR": "1", **(env or {})}
    process = subprocess.Popen(
        [*_controlled(), *command(), "run", *options, target],
        cwd=space.root,
        env=space.place.environment(space.conditions) | given,
        stdin=terminal,
        stdout=terminal,
        stderr=terminal,
        start_new_session=True,
    )
    os.close(terminal)
    try:
        yield Terminal(process, controller)
    finally:
        process.kill()
        os.close(controller)
        process.wait(RUN_DEADLINE)


def _controlled() -> list[str]:
    """A program that makes its stdin the terminal that controls it, and becomes another."""
    line = "import fcntl, os, sys, termios; fcntl.ioctl(0, termios.TIOCSCTTY, 0); "
    return [command()[0], "-c", line + "os.execvp(sys.argv[1], sys.argv[1:])"]


def screen(written: str) -> str:
    """What stays on the screen when everything that was drawn and erased again is gone."""
    lines: list[str] = [""]
    for text in re.split(r"(\x1b\[\d+A\x1b\[J|\n)", _COLOUR.sub("", written)):
        erased = _ERASE.fullmatch(text)
        if erased:
            del lines[-int(erased[1]) - 1 :]
            lines.append("")
        elif text == "\n":
            lines.append("")
        else:
            lines[-1] += text
    return "\n".join(lines)
