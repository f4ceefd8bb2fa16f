"""Tools that do it wrong: nothing hangs, nothing is lost silently, the tool is never broken."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from taskrunner.hints import skip

from .harness import CONNECT, MILLION, Outcome, Way, python, run

if TYPE_CHECKING:
    from pathlib import Path


def abuse(code: str, space: Path, way: Way = "channel") -> Outcome:
    outcome = run(python(CONNECT + code), space, way=way)
    assert outcome.code == 0, outcome.output
    return outcome


def lost(outcome: Outcome) -> bool:
    """Whether the run is kept out of the cache for it, and says so."""
    assert outcome.hints.lost == (skip(outcome.hints) is not None)
    return outcome.hints.lost


def test_a_hundred_megabytes_in_one_line(space: Path) -> None:
    outcome = abuse(
        """
append(b'{"op":"ignoreInput","path":"/' + b"a" * 100_000_000 + b'"}\\n')
ignore_input("good")
""",
        space,
        way="file",
    )
    assert outcome.hints.faults == {"too-long": 1}
    assert outcome.hints.ignored_inputs == ("good",)
    assert lost(outcome)


def test_a_hundred_megabytes_in_one_frame(space: Path) -> None:
    outcome = abuse('ignore_input("x" * 100_000_000); ignore_input("good")', space)
    assert outcome.hints.faults == {"too-long": 1}
    assert outcome.hints.ignored_inputs == ("good",)
    assert lost(outcome)


@pytest.mark.parametrize(
    ("line", "kind", "loses"),
    [
        (b"null", "not-an-object", False),
        (b"[]", "not-an-object", False),
        (b"\xff\xfe", "not-utf8", True),
        (b'{"op":"fly"}', "unknown-verb", True),
        (b'{"op":"x-note"}', "unknown-advice", False),
        (b'{"op":"trackEnv","name":null}', "bad-field", True),
        (b'{"op":"trackEnvPattern","pattern":"[A"}', "bad-glob", True),
        (b"{" * 10_000, "malformed", True),
    ],
)
def test_one_bad_line_among_good_ones(line: bytes, kind: str, loses: bool, space: Path) -> None:  # noqa: FBT001
    outcome = abuse(
        f'ignore_input("before"); append({line!r} + b"\\n"); ignore_input("after")',
        space,
        way="file",
    )
    assert outcome.hints.faults == {kind: 1}
    assert outcome.hints.ignored_inputs == ("after", "before")
    assert lost(outcome) == loses


@pytest.mark.parametrize(
    ("body", "kind", "loses"),
    [
        ('b""', "malformed", True),
        ("body(99)", "unknown-verb", True),
        ("body(200)", "unknown-advice", False),
        ("body(2)", "bad-field", True),
        ('body(2, b"relative")', "bad-field", True),
        (r'b"\x02\xff\xff\xff\xff"', "malformed", True),
        ('body(8, b"[A")', "bad-glob", False),
    ],
)
def test_one_bad_frame_among_good_ones(body: str, kind: str, loses: bool, space: Path) -> None:  # noqa: FBT001
    outcome = abuse(
        f"""
s = connect()
for one in (body(2, os.getcwdb() + b"/before"), {body}, body(2, os.getcwdb() + b"/after")):
    s.sendall(frame(one)); print(receive(s)[0])
""",
        space,
    )
    assert outcome.output.split() == ["0", "2", "0"]
    assert outcome.hints.faults == {kind: 1}
    assert outcome.hints.ignored_inputs == ("after", "before")
    assert lost(outcome) == loses


def test_a_crash_in_the_middle_of_a_line(space: Path) -> None:
    outcome = abuse(
        """
ignore_input("good")
if not os.fork(): append(b'{"op":"ignoreIn'); os.kill(os.getpid(), 9)
os.wait()
""",
        space,
        way="file",
    )
    assert outcome.hints.faults == {"half-written": 1}
    assert outcome.hints.ignored_inputs == ("good",)
    assert lost(outcome)


def test_a_crash_in_the_middle_of_a_frame(space: Path) -> None:
    outcome = abuse(
        """
ignore_input("good")
if not os.fork(): connect().sendall(frame(body(2, b"/x"))[:7]); os.kill(os.getpid(), 9)
os.wait()
""",
        space,
    )
    assert outcome.hints.faults == {"half-written": 1}
    assert outcome.hints.ignored_inputs == ("good",)
    assert lost(outcome)


def test_a_crash_right_after_speaking_loses_nothing(space: Path) -> None:
    outcome = abuse(
        """
path = os.getcwdb() + b"/"
for n in range(100):
    if not os.fork():
        connect().sendall(frame(body(2, path + b"%d" % n))); os.kill(os.getpid(), 9)
for n in range(100): os.wait()
""",
        space,
    )
    assert len(outcome.hints.ignored_inputs) == 100
    assert not lost(outcome)


def test_a_client_that_never_reads(space: Path) -> None:
    outcome = abuse(
        """
s = connect()
one = frame(body(2, os.getcwdb() + b"/x")) * 1000
try:
    for _ in range(1000): s.sendall(one)
except OSError as error: print(type(error).__name__)
ignore_input("good")
""",
        space,
    )
    assert outcome.output.strip() in {"BrokenPipeError", "ConnectionResetError"}
    assert outcome.hints.faults == {"never-reads": 1}
    assert outcome.hints.ignored_inputs == ("good", "x")
    assert lost(outcome)


@pytest.mark.slow
@pytest.mark.parametrize("way", ["channel", "file"])
def test_a_million_hints_that_are_the_same_few(way: Way, space: Path) -> None:
    outcome = abuse(MILLION[way], space, way=way)
    assert len(outcome.hints.ignored_inputs) == outcome.said == 100
    assert not lost(outcome)


@pytest.mark.parametrize("way", ["channel", "file"])
def test_more_different_hints_than_a_step_may_leave(way: Way, space: Path) -> None:
    code = {
        "channel": """
s = connect()
for at in range(0, 140_000, 100):
    s.sendall(b"".join(frame(body(2, b"/%d" % n)) for n in range(at, at + 100)))
    for _ in range(100): receive(s)
""",
        "file": """
append(b"".join(b'{"op":"ignoreInput","path":"/%d"}\\n' % n for n in range(140_000)))
""",
    }[way]
    outcome = abuse(code + '\ndisable_cache("last")', space, way=way)
    assert outcome.hints.faults["flood"] == 140_000 - (1 << 17) + 1
    assert outcome.hints.lost


def test_two_hundred_processes_at_once(space: Path) -> None:
    outcome = abuse(
        """
for n in range(200):
    if not os.fork():
        for m in range(20): ignore_input(f"{n}/{m}")
        os._exit(get_env("PATH") != os.environ["PATH"])
assert all(os.wait()[1] == 0 for n in range(200))
""",
        space,
    )
    assert len(outcome.hints.ignored_inputs) == 4000
    assert not lost(outcome)


def test_a_daemon_that_holds_the_channel(space: Path) -> None:
    outcome = abuse(
        """
import subprocess
code = '''
from taskrunner.client import *
import time
ignore_input("daemon"); print(flush=True); time.sleep(60)
'''
daemon = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE,
                          start_new_session=True)
daemon.stdout.read(1)
open("pid", "w").write(str(daemon.pid))
""",
        space,
    )
    daemon = int((space / "pid").read_text())
    try:
        assert outcome.left_open == 1
        assert outcome.hints.ignored_inputs == ("daemon",)
        assert not lost(outcome)
    finally:
        os.kill(daemon, 9)


def test_the_file_is_thrown_away_by_a_tool(space: Path) -> None:
    outcome = abuse(
        'ignore_input("x"); os.truncate(os.environ["TASK_RUNNER_HINTS"], 0)'
        '\nos.unlink(os.environ["TASK_RUNNER_HINTS"])',
        space,
        way="file",
    )
    assert outcome.hints.faults == {"rewritten": 1}
    assert lost(outcome)


@pytest.mark.parametrize("address", ["/nonexistent", "/dev/null", "x" * 300])
def test_a_channel_that_leads_nowhere(address: str, space: Path) -> None:
    script = f'os.environ["TASKRUNNER_CHANNEL"] = {address!r}; ignore_input("x")'
    outcome = abuse(script, space)
    assert outcome.hints.ignored_inputs == ("x",)
    assert not lost(outcome)


def test_a_runner_that_accepts_and_says_nothing_costs_one_deadline(space: Path) -> None:
    script = """
from taskrunner import client
client._REPLY_DEADLINE = 0.2
s = socket.socket(socket.AF_UNIX); s.bind("mute"); s.listen()
os.environ["TASKRUNNER_CHANNEL"] = "mute"
for n in range(1000): ignore_input(f"{n}")
s.settimeout(0); s.accept()
try: s.accept()
except BlockingIOError: print("asked once")
"""
    outcome = abuse(script, space)
    assert outcome.output == "asked once\n"
    assert len(outcome.hints.ignored_inputs) == 1000
