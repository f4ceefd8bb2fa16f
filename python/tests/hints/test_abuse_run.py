"""The same abuse through the whole run: it ends, no tool is broken, and what is wrong is told."""

from __future__ import annotations

import os
from pathlib import Path
from typing import NamedTuple

import pytest

from taskrunner.hints import HARMLESS

from .harness import CONNECT
from .tool import Tool

SAID_AT_LAST = "\nignore_input('good')\n"


class Abuse(NamedTuple):
    code: str
    faults: dict[str, int]
    stored: bool = False
    """Whether the result is stored: nothing that restricts caching can have been lost."""
    way: str = "channel"


LINES = {
    "null": (b"null", "not-an-object", True),
    "no JSON": (b"{" * 1000, "malformed", False),
    "invalid UTF-8": (b"\xff\xfe", "not-utf8", False),
    "an unknown verb": (b'{"op":"fly"}', "unknown-verb", False),
    "advice": (b'{"op":"x-note"}', "unknown-advice", True),
    "a bad field": (b'{"op":"trackEnv","name":null}', "bad-field", False),
    "a bad glob": (b'{"op":"trackEnvPattern","pattern":"[A"}', "bad-glob", False),
    "a path outside": (b'{"op":"ignoreInput","path":"../../x"}', "outside", True),
    "the whole workspace": (b'{"op":"ignoreInput","path":"."}', "too-wide", True),
}
FLOOD = """
lines = (b'{"op":"ignoreInput","path":"a/%d"}\\n' % n for n in range(140_000))
append(b"".join(lines))
"""
ABUSES = {
    **{
        f"a line: {name}": Abuse(f"append({line!r} + b'\\n')", {kind: 1}, stored, "file")
        for name, (line, kind, stored) in LINES.items()
    },
    "a frame: unknown verb": Abuse(
        "s = connect(); s.sendall(frame(body(99))); receive(s)", {"unknown-verb": 1}
    ),
    "a frame: bad glob": Abuse("get_envs('[A')", {"bad-glob": 1}, stored=True),
    "a frame: a path of a megabyte": Abuse("ignore_input('x/' * 500_000)", {"bad-field": 1}),
    "a hundred megabytes in a line": Abuse(
        "append(b'x' * 100_000_000 + b'\\n')", {"too-long": 1}, way="file"
    ),
    "a hundred megabytes in a frame": Abuse("ignore_input('x' * 100_000_000)", {"too-long": 1}),
    "half a line": Abuse(
        "ignore_input('good')\n"
        'if not os.fork(): append(b\'{"op":"ignoreIn\'); os.kill(os.getpid(), 9)\n'
        "os.wait(); os._exit(0)",
        {"half-written": 1},
        way="file",
    ),
    "half a frame": Abuse(
        "if not os.fork(): connect().sendall(frame(body(2, b'/x'))[:7]); os.kill(os.getpid(), 9)\n"
        "os.wait()",
        {"half-written": 1},
    ),
    "a client that never reads": Abuse(
        "s = connect()\n"
        "try:\n"
        "    for _ in range(1000): s.sendall(frame(body(2, os.getcwdb() + b'/x')) * 1000)\n"
        "except OSError: pass",
        {"never-reads": 1},
    ),
    "more hints than a step may leave": Abuse(
        FLOOD,
        {"flood": 140_000 - (1 << 17) + 1},
        way="file",
    ),
    "the file thrown away": Abuse(
        "os.unlink(os.environ['TASK_RUNNER_HINTS'])", {"rewritten": 1}, way="file"
    ),
    "a channel that leads nowhere": Abuse(
        "os.environ['TASKRUNNER_CHANNEL'] = '/nonexistent'", {}, stored=True
    ),
}


@pytest.mark.parametrize("abuse", ABUSES.values(), ids=ABUSES)
def test_it_is_told_and_breaks_nothing(tmp_path: Path, abuse: Abuse) -> None:
    tool = Tool.of(tmp_path, CONNECT + abuse.code + SAID_AT_LAST, abuse.way)
    said = tool.build()
    assert said == ("no earlier run" if abuse.stored else "not cached: hints-lost")
    hints = dict(tool.hints())
    assert hints.get("badInput", {}) == abuse.faults
    assert (b"bad hints" in tool.told()) == bool(abuse.faults.keys() - HARMLESS)
    flooded = "flood" in abuse.faults or "rewritten" in abuse.faults
    assert flooded or "good" in hints["ignoredInputs"], "it voids no other hint"


def test_two_hundred_processes_at_once(tmp_path: Path) -> None:
    code = """
import os
for n in range(200):
    if not os.fork():
        for m in range(20): ignore_input(f"{n}/{m}")
        os._exit(get_env("LANG") != os.environ["LANG"])
assert all(os.wait()[1] == 0 for n in range(200))
"""
    tool = Tool.of(tmp_path, code)
    assert tool.build() == "no earlier run"
    assert len(tool.hints()["ignoredInputs"]) == 4000
    assert tool.build() == "hit"


def test_a_daemon_that_holds_the_channel_delays_nothing(tmp_path: Path) -> None:
    code = """
import subprocess
code = 'import sys; sys.path.insert(0, sys.argv[1]); from taskrunner.client import *; import time;'
code += 'ignore_input("daemon"); print(flush=True); time.sleep(600)'
daemon = subprocess.Popen([sys.executable, "-c", code, sys.path[0]], stdout=subprocess.PIPE,
                          stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                          start_new_session=True)
daemon.stdout.read(1)
print("daemon", daemon.pid, flush=True)
"""
    tool = Tool.of(tmp_path, code)
    tool.build()
    daemon = int(tool.printed().split()[-1])
    try:
        assert tool.hints()["ignoredInputs"] == ["daemon"]
        assert "badInput" not in tool.hints()
    finally:
        os.kill(daemon, 9)


def test_nothing_is_left_in_the_directory_for_sockets(tmp_path: Path) -> None:
    tool = Tool.of(tmp_path, "import os; print(os.environ['TASKRUNNER_CHANNEL'])")
    tool.build()
    channel = tool.printed().decode().strip()
    assert channel.endswith(".s")
    assert not Path(channel).parent.exists()


def test_an_uncached_step_is_not_heard(tmp_path: Path) -> None:
    tool = Tool.of(tmp_path, "print(is_managed())", keys={"cache": False})
    run = tool.run()
    assert run.stdout.strip() == b"False", run.told()
