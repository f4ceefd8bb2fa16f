"""`run --json`: what it says of real runs, held against its schema."""

from __future__ import annotations

import json
import signal
import subprocess
from base64 import b64decode
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..metamorphic.case import Task
from ..metamorphic.runner import RUN_DEADLINE, command
from ..schema import faults
from .space import Space

if TYPE_CHECKING:
    from collections.abc import Sequence

SCHEMA = json.loads((Path(__file__).parents[3] / "docs/events.schema.json").read_text())
# A stranger's secret: named in the configuration, never shown.
SECRET = "hunter2-of-the-tests"  # noqa: S105 - it opens nothing

Lines = list[dict[str, Any]]


def parse(data: bytes) -> Lines:
    """The lines of a stream, each of which must fit the schema."""
    lines = [json.loads(line) for line in data.decode().splitlines()]
    for line in lines:
        assert faults(line, SCHEMA) == [], line
    return lines


def told(space: Space, target: str, *options: str, code: int = 0) -> Lines:
    run = space.run(target, "--json", *options)
    assert run.code == code, run.told()
    assert run.stderr == b""
    lines = parse(run.stdout)
    assert (lines[0]["event"], lines[0]["version"]) == ("run-started", 1)
    assert lines[-1] == {"event": "run-exited", "ms": lines[-1]["ms"], "exitCode": code}
    return lines


def named(lines: Lines, event: str) -> Lines:
    return [line for line in lines if line["event"] == event]


def output(lines: Lines, stream: str) -> bytes:
    pieces = [line for line in named(lines, "output") if line["stream"] == stream]
    return b"".join(
        line["text"].encode() if "text" in line else b64decode(line["base64"]) for line in pieces
    )


def make(base: Path, *tasks: Task) -> Space:
    return Space.make(base, {"a.txt": "a\n"}, tasks)


def test_a_miss_and_a_hit(tmp_path: Path) -> None:
    space = make(
        tmp_path,
        Task("gen", "cat a.txt > b.txt; printf 'n\\303\\244h'; printf '\\377' >&2"),
        Task("build", ("cat b.txt", "true"), depends_on=("gen",)),
    )
    for status in ("miss", "hit"):
        lines = told(space, "build")
        steps = lines[0]["steps"]
        assert [(s["taskId"], s["index"], s["after"]) for s in steps] == [
            ("workspace#gen", 0, []),
            ("workspace#build", 0, [0]),
            ("workspace#build", 1, [1]),
        ]
        assert [line["cacheStatus"] for line in named(lines, "step-started")] == [status] * 3
        assert output(lines, "stdout") == "näh".encode() + b"a\n"
        assert output(lines, "stderr") == b"\xff"
        (finished,) = named(lines, "run-finished")
        assert [task["cacheStatus"] for task in finished["tasks"]] == [status] * 3
        assert all(task["cacheSkipReason"] is None for task in finished["tasks"])


def test_failures(tmp_path: Path) -> None:
    tasks: Sequence[Task] = (
        Task("flaky", "exit 3", keys={"retries": 1}),
        Task("after", "true", depends_on=("flaky",)),
        Task("gone", "no-such-program"),
        Task("slow", "echo begun; sleep 600", keys={"timeout": "1s"}),
    )
    lines = told(make(tmp_path, *tasks), "after,gone,slow", "--continue", code=1)
    assert [(e["attempt"], e["exitCode"]) for e in named(lines, "attempt-failed")] == [(1, 3)]
    ended = {line["step"]: line for line in named(lines, "step-ended")}
    assert (ended[0]["state"], ended[0]["attempt"]) == ("failed", 2)
    assert (ended[1]["state"], ended[1]["cause"], ended[1]["becauseOf"]) == (
        "skipped",
        "dependency-failed",
        0,
    )
    assert ended[2]["exitCode"] == 127
    assert (ended[3]["exitCode"], ended[3]["endedBy"]) == (124, "timeout")
    assert len(named(lines, "step-not-started")) == 1


def test_an_interruption(tmp_path: Path) -> None:
    space = make(tmp_path, Task("build", "echo ready; exec sleep 600"))
    with subprocess.Popen(
        [*command(), "run", "--json", "build"],
        cwd=space.root,
        env=space.place.environment(space.conditions),
        stdout=subprocess.PIPE,
        start_new_session=True,
    ) as process:
        assert process.stdout is not None
        seen = b""
        while b'"text": "ready' not in seen:
            seen += process.stdout.readline()
        process.send_signal(signal.SIGINT)
        lines = parse(seen + process.stdout.read())
        assert process.wait(RUN_DEADLINE) == 130
    assert [(e["signal"], e["killed"]) for e in named(lines, "interrupted")] == [(2, False)]
    assert lines[-1]["exitCode"] == 130


def test_a_reader_that_goes_away_costs_no_result(tmp_path: Path) -> None:
    space = make(tmp_path, Task("build", "cat a.txt > b.txt; yes | head -n 200000"))
    with subprocess.Popen(
        [*command(), "run", "--json", "build"],
        cwd=space.root,
        env=space.place.environment(space.conditions),
        stdout=subprocess.PIPE,
    ) as process:
        assert process.stdout is not None
        process.stdout.readline()
        process.stdout.close()
        assert process.wait(RUN_DEADLINE) == 0
    assert space.run().ran() == frozenset()


def test_a_dry_run(tmp_path: Path) -> None:
    space = make(tmp_path, Task("gen", "cat a.txt"), Task("build", "true", depends_on=("gen",)))
    space.run("gen")
    run = space.run("build", "--dry-run", "--json")
    document = json.loads(run.stdout)
    assert document["version"] == 1
    assert [step["cacheStatus"] for step in document["steps"]] == ["hit", "miss"]
    assert document["steps"][1]["reason"]["kind"] == "never-run"


def test_no_value_of_a_variable_is_told(tmp_path: Path) -> None:
    keys = {"env": ["TOKEN"], "untracked-env": ["OTHER"]}
    space = make(tmp_path, Task("build", 'test -n "$TOKEN$OTHER$THIRD"', keys=keys))
    for value in (SECRET, f"{SECRET}-2"):
        env = {"TOKEN": value, "OTHER": value, "THIRD": value}
        for options in ((), ("--json",), ("-v",), ("--dry-run",), ("--dry-run", "--json")):
            run = space.run("build", *options, env=env)
            assert SECRET.encode() not in run.stdout + run.stderr, run.told()
    kept = [path for path in (space.root / ".taskrunner").rglob("*") if path.is_file()]
    assert [path for path in kept if SECRET.encode() in path.read_bytes()] == []
    assert any(path.name == "last-run.json" for path in kept)


def test_the_schema_can_fail() -> None:
    good = {"event": "step-lost", "ms": 1, "step": 0}
    assert faults(good, SCHEMA) == []
    for bad in ({**good, "ms": "1"}, {**good, "event": "x"}, {"event": "step-lost", "ms": 1}):
        assert faults(bad, SCHEMA) != []
