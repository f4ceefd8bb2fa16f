"""The border of the native part in Python, scripted: for tests of what stands above it."""

from __future__ import annotations

import hashlib
import sys
from collections import deque
from signal import SIGKILL
from types import ModuleType
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence


GIVE_UP = 3600.0


class Reason(NamedTuple):
    kind: str
    path: str | None = None
    detail: str | None = None


class Checked(NamedTuple):
    step: int
    hit: bool
    reason: Reason | None = None
    saved: float = 0.0


class Message(NamedTuple):
    verb: str
    fields: list[bytes]
    source: str = "channel"
    connection: int | None = 1


class Hinted:
    """Takes what the real one takes."""

    def __init__(self, **fields: Any) -> None:
        self.fields = fields


class Explained(NamedTuple):
    hit: bool = False
    path_sets: int = 0
    entries: int = 0
    differences: tuple[Any, ...] = ()
    inputs: tuple[Any, ...] = ()


class Event(NamedTuple):
    kind: str
    step: int
    stream: int = 0
    data: bytes = b""
    code: int | None = None
    signal: int | None = None
    seconds: float = 0.0
    ok: bool = False
    reason: Reason | None = None
    files: int = 0
    replaced: list[str] = []  # noqa: RUF012 - never changed
    names: list[str] = []  # noqa: RUF012
    hints: list[Message] = []  # noqa: RUF012
    faults: dict[str, int] = {}  # noqa: RUF012
    lost: bool = False


class Step:
    """Takes what the real one takes."""

    def __init__(self, **fields: Any) -> None:
        self.__dict__.update(fields)
        bits = int.from_bytes(fields["before"], "little")
        self.before = [n for n in range(bits.bit_length()) if bits >> n & 1]
        self.name = f"{fields['task']}:{fields['index']}" if fields["index"] else fields["task"]

    id: int
    task: str
    index: int
    package: str
    argv: Sequence[str]
    before: Sequence[int]
    env: dict[str, str]
    cached: bool
    interactive: bool
    weak: bytes
    description: bytes


class Script(NamedTuple):
    """What happens to a step; found by its task's name."""

    hit: bool = False
    miss: Reason = Reason("never-run")
    code: int = 0
    signal: int | None = None
    output: tuple[tuple[int, bytes], ...] = ()
    restore: Reason | None = None
    """Why the restore fails."""
    not_cached: Reason | None = None
    spawn_error: Reason | None = None
    elsewhere: bool = False
    """Another runner stores it while this one waits."""
    codes: tuple[int, ...] = ()
    """The exit codes of the attempts before the last one."""
    stubborn: bool = False
    """Ends only if it is killed."""
    locked: bool = False
    """Another runner has it, for as long as anybody waits."""
    holds: bool = False
    """Runs until it is killed."""
    replaced: tuple[str, ...] = ()
    hints: tuple[Message, ...] = ()
    """What its tools say."""


class Engine:
    """Answers as scripted, and writes down every call; the steps that run end in turn."""

    fidelity = "notify"
    fidelity_reason: str | None = None
    warnings: Sequence[str] = ()

    def __init__(self, scripts: dict[str, Script] | None = None, **_: Any) -> None:
        self.scripts = scripts or {}
        self.steps: dict[int, Step] = {}
        self.calls: list[tuple[Any, ...]] = []
        self.events: deque[Event] = deque()
        self.running: list[int] = []
        self.most_running = 0
        self.hits: set[int] = set()
        self.finished: set[int] = set()
        self.woken = False
        self.on_wait: Callable[[Engine], None] | None = None
        self.descriptions: dict[int, bytes] = {}
        self.closed = False
        self.now = 0.0
        self.attempt: dict[int, int] = {}

    def clock(self) -> float:
        """Time that passes only while there is nothing to do."""
        return self.now

    def script(self, step: int) -> Script:
        return self.scripts.get(self.steps[step].name, Script())

    def log(self, *call: Any) -> None:
        self.calls.append(call)

    def named(self, kind: str) -> list[Any]:
        """The arguments of all calls of one kind, steps by name."""
        return [call[1] for call in self.calls if call[0] == kind]

    def keyed_digest(self, data: bytes) -> bytes:
        return hashlib.blake2b(data, key=b"fake", digest_size=32).digest()

    def add(self, step: Step) -> None:
        assert step.id == len(self.steps)
        assert all(other < step.id for other in step.before)
        self.steps[step.id] = step

    def explain(self, step: int, *, whole: bool = False) -> Explained:  # noqa: ARG002
        return Explained()

    def check(self, steps: Sequence[int]) -> list[Checked]:
        assert list(steps) == sorted(steps)
        self.log("check", [self.steps[step].name for step in steps])
        found = []
        known = self.hits | self.finished
        missed: set[int] = set()
        for step in steps:
            before = set(self.steps[step].before)
            assert (known | missed).issuperset(before), "checked before its time"
            assert self.steps[step].cached
            script = self.script(step)
            if before & missed:
                missed.add(step)
                found.append(Checked(step, hit=False, reason=Reason("dependency-ran"), saved=0.0))
                continue
            if script.hit:
                self.hits.add(step)
            (known if script.hit else missed).add(step)
            found.append(Checked(step, script.hit, None if script.hit else script.miss, 2.0))
        return found

    def previous_description(self, step: int) -> bytes | None:
        return self.descriptions.get(step)

    def restore(self, step: int) -> None:
        self._assert_before_done(step)
        self.log("restore", self.steps[step].name)
        self._restored(step, self.script(step).restore)

    def _restored(self, step: int, failure: Reason | None) -> None:
        if failure:
            self.scripts[self.steps[step].name] = self.script(step)._replace(hit=False)
        else:
            self.finished.add(step)
        replaced = list(self.script(step).replaced)
        self.events.append(
            Event("restored", step, ok=failure is None, reason=failure, replaced=replaced)
        )

    def _assert_before_done(self, step: int) -> None:
        assert self.finished.issuperset(self.steps[step].before), "began before its time"

    def revoke(self, step: int) -> None:
        self.log("revoke", self.steps[step].name)
        self.hits.discard(step)

    def replay(self, step: int) -> list[tuple[int, bytes]]:
        self.log("replay", self.steps[step].name)
        return list(self.script(step).output)

    def run(self, step: int, force: bool = False) -> None:  # noqa: FBT001, FBT002 - the border's
        self._assert_before_done(step)
        script = self.script(step)
        self.log("run anew" if force else "run", self.steps[step].name)
        if script.elsewhere and not force:
            self.events.append(Event("waiting", step))
            self._restored(step, script.restore)
        elif script.locked:
            self.events.append(Event("waiting", step))
        elif script.spawn_error:
            self.events.append(Event("failed", step, reason=script.spawn_error))
        else:
            self._start(step)

    def _start(self, step: int) -> None:
        self.attempt[step] = self.attempt.get(step, 0) + 1
        self.running.append(step)
        self.most_running = max(self.most_running, len(self.running))
        self.events.append(Event("opened", step))
        self.events.append(Event("started", step))
        hints = list(self.script(step).hints)
        self.events.extend([Event("hints", step, hints=hints)] if hints else [])
        output = self.script(step).output
        self.events.extend(Event("output", step, s, data) for s, data in output)

    def retry(self, step: int) -> None:
        self.log("retry", self.steps[step].name)
        self._start(step)

    def _exit(self, step: int, code: int | None, signal: int | None = None) -> None:
        self.running.remove(step)
        self.events.append(Event("exited", step, code=code, signal=signal, seconds=1.5))

    def reply(self, step: int, connection: int, fields: list[bytes]) -> None:  # noqa: ARG002
        self.log("reply", (self.steps[step].name, fields))

    def refuse(self, step: int, connection: int, code: str, text: str) -> None:  # noqa: ARG002
        self.log("refuse", (self.steps[step].name, code))

    def record(self, step: int, hinted: Hinted) -> None:
        self.log("record", self.steps[step].name)
        script = self.script(step)
        reason = script.not_cached
        if hinted.fields["refused"]:
            kind, detail = hinted.fields["refused"]
            reason = Reason(kind, detail=detail)
        if script.code or script.signal:
            reason = Reason("failed")
        if not self.steps[step].cached:
            reason = Reason("cache-disabled")
        self.finished.add(step)
        for kind in ("judged", "stored"):
            self.events.append(Event(kind, step, ok=reason is None, reason=reason))

    def kill(self, step: int, signal: int) -> None:
        self.log("kill", (self.steps[step].name, signal))
        if self.script(step).locked:
            self.events.append(
                Event("failed", step, reason=Reason("spawn-failed", detail="cancelled"))
            )
        if step in self.running and (signal == SIGKILL or not self.script(step).stubborn):
            self._exit(step, None, signal)

    def next_events(self, limit: int, timeout: float | None) -> list[Event]:
        assert timeout is not None
        if self.on_wait:
            self.on_wait(self)
        if not self.events:
            self._end_first()
        taken = [self.events.popleft() for _ in range(min(limit, len(self.events)))]
        self.hits.difference_update(e.step for e in taken if e.kind == "restored" and not e.ok)
        woken, self.woken = self.woken, False
        if not taken and not woken:
            self.now += timeout
            assert self.now < GIVE_UP, "waits for what never comes"
        return taken

    def _end_first(self) -> None:
        for step in self.running:
            script = self.script(step)
            if not script.holds:
                code = (*script.codes, script.code)[self.attempt[step] - 1]
                self._exit(step, None if script.signal else code, script.signal)
                return

    def wake(self) -> None:
        self.woken = True

    def prune(self, max_bytes: int, max_age_days: int) -> tuple[int, int]:
        self.log("prune", (max_bytes, max_age_days))
        return (1, 2500)

    def stats(self) -> dict[str, int]:
        return {"entries": 3, "path_sets": 2, "archives": 1, "bytes": 2500}

    def close(self) -> None:
        self.closed = True


def check_pattern(pattern: str) -> str | None:
    """Refuses what every glob dialect does."""
    return "unclosed character class" if pattern.count("[") > pattern.count("]") else None


def install() -> None:
    """Stand in for the native part in this process."""
    module = ModuleType("taskrunner._native")
    vars(module).update(
        __version__="0.0.0",
        FORMAT=1,
        digest=lambda data: hashlib.blake2b(data, digest_size=32).digest(),
        check_pattern=check_pattern,
        Engine=Engine,
        Step=Step,
        Hinted=Hinted,
    )
    sys.modules["taskrunner._native"] = module
    import taskrunner

    vars(taskrunner)["_native"] = module
