"""A runner reduced to its hints: the real channel and file in Rust, the real meaning in Python.

`crates/ipc/examples/peer.rs` serves one command and prints what the command says; this module
answers its questions with `taskrunner.hints`, as the run loop does.
"""

from __future__ import annotations

import functools
import json
import os
import subprocess
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Literal, NamedTuple

from taskrunner.hints import Collector, Hints, Refusal, Setting

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

ROOT = Path(__file__).parents[3]
HERE = Path(__file__).parent
CLIENTS = ROOT / "python"

HUNG = 100.0
"""Far longer than anything here takes: what waits so long has hung."""

Way = Literal["channel", "file", "forbidden", "snapshot"]
"""How a tool may speak: with both ways, with the file alone, with both but no AF_UNIX allowed, and
the same with a snapshot of the environment."""

CONNECT = """
import os, socket, struct, sys
def connect():
    s = socket.socket(socket.AF_UNIX); s.settimeout(60); s.connect(os.environ["TASKRUNNER_CHANNEL"])
    return s
def body(verb, *fields):
    return bytes([verb]) + b"".join(struct.pack("<I", len(f)) + f for f in fields)
def frame(body): return struct.pack("<I", len(body)) + body
def receive(s):
    size, = struct.unpack("<I", s.recv(4, socket.MSG_WAITALL))
    return s.recv(size, socket.MSG_WAITALL)
def append(data):
    with open(os.environ["TASK_RUNNER_HINTS"], "ab") as f: f.write(data)
"""
"""What a client without the library needs to talk frames, in Python, for code that abuses it."""

MILLION: Mapping[Way, str] = {
    "channel": """
s = connect()
one = b"".join(frame(body(2, os.getcwdb() + b"/%d" % n)) for n in range(100))
for _ in range(10_000):
    s.sendall(one)
    left = 500
    while left: left -= len(s.recv(left))
""",
    "file": """
one = b"".join(b'{"op":"ignoreInput","path":"%d"}\\n' % n for n in range(100))
append(one * 10_000)
""",
}
"""A client that says the same hundred hints ten thousand times, in what `CONNECT` gives."""


class Outcome(NamedTuple):
    code: int | None
    output: str
    hints: Hints
    said: int
    left_open: int


@functools.cache
def built(*, release: bool = False) -> Mapping[str, str]:
    """Build the peer, the example of the Rust client and the Node addon; their paths by name."""
    profile = ["--release"] if release else []
    command = ["cargo", "build", "--quiet", "--message-format=json", *profile]
    found = {}
    for parts in (["-p", "ipc", "--examples"], ["-p", "ipc_node"]):
        done = subprocess.run(
            [*command, *parts], cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True
        )
        for line in done.stdout.splitlines():
            message = json.loads(line)
            if message["reason"] == "compiler-artifact" and message["target"]["name"] in {
                "peer",
                "say",
                "ipc_node",
            }:
                found[message["target"]["name"]] = message["executable"] or message["filenames"][0]
    return found


def run(
    command: Sequence[str],
    directory: Path,
    *,
    way: Way = "channel",
    env: Mapping[str, str] | None = None,
    passed: Mapping[str, str] | None = None,
    untracked: Callable[[str], bool] = lambda _: False,
    declared: Callable[[str], bool] = lambda _: False,
    release: bool = False,
) -> Outcome:
    """Run a command as a step in a directory, which is the workspace too.

    `env` is what the runner has, `passed` what the step is given besides what it needs to start.
    """
    given = {"PATH": os.environ["PATH"], "PYTHONPATH": str(CLIENTS), **(passed or {})}
    root = os.path.realpath(directory)
    setting = Setting(
        root=root,
        cwd=root,
        env={**(env or {}), **given},
        passed=given.keys(),
        untracked=untracked,
        declared=declared,
    )
    options = ["--no-channel"] if way == "file" else []
    options += ["--snapshot"] if way == "snapshot" else []
    options += [word for name in given for word in ("--pass", name)]
    if way in {"forbidden", "snapshot"}:
        command = [sys.executable, str(HERE / "forbid_unix.py"), *command]
    peer = [built(release=release)["peer"], *options, short(), "--", *command]
    return _serve(peer, directory, setting)


def _serve(peer: Sequence[str], directory: Path, setting: Setting) -> Outcome:
    log = directory.with_name(f"{directory.name}.log")
    with (
        log.open("wb") as output,
        subprocess.Popen(
            peer,
            cwd=directory,
            env=dict(setting.env),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=output,
        ) as process,
    ):
        watchdog = threading.Timer(HUNG, process.kill)
        watchdog.start()
        try:
            end, hints, said = _converse(process, Collector(setting))
        finally:
            watchdog.cancel()
            process.kill()
    return Outcome(
        code=end["code"],
        output=log.read_text(),
        hints=hints,
        said=said,
        left_open=end["left_open"],
    )


def _converse(
    process: subprocess.Popen[bytes], collector: Collector
) -> tuple[dict[str, int], Hints, int]:
    assert process.stdin is not None
    assert process.stdout is not None
    for said, line in enumerate(process.stdout):
        message = json.loads(line)
        if "code" in message:
            collector.note(message["faults"], lost=message["lost"])
            return message, collector.done(), said
        fields = [bytes.fromhex(field) for field in message["fields"]]
        answer = collector.receive(message["verb"], fields, message["source"])
        if answer is not None and message["conn"] is not None:
            reply = {"conn": message["conn"], **_reply(answer)}
            try:
                process.stdin.write(json.dumps(reply).encode() + b"\n")
                process.stdin.flush()
            except BrokenPipeError:
                pass  # the step has ended
    raise AssertionError("the peer said nothing at its end")


def _reply(answer: Sequence[bytes] | Refusal) -> dict[str, list[str]]:
    if isinstance(answer, Refusal):
        return {"refused": list(answer)}
    return {"value": [field.hex() for field in answer]}


def short() -> str:
    """Return a directory for the socket: paths of sockets are short, those of tests are not."""
    return os.environ.get("XDG_RUNTIME_DIR") or "/tmp"  # noqa: S108  # private within


def python(code: str) -> list[str]:
    """Return the command that runs code with all verbs at hand."""
    return [sys.executable, "-c", f"from taskrunner.client import *\n{code}"]
