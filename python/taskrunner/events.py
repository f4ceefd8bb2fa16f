"""What the schedule tells the report: a closed set of events, and the outcome of each step."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, NamedTuple, Protocol

if TYPE_CHECKING:
    from taskrunner.hints import Provenance
    from taskrunner.reasons import ReasonLike

LookupStatus = Literal["hit", "miss", "disabled"]
EndState = Literal["done", "failed", "skipped"]
SkipCause = Literal["dependency-failed", "stopped", "interrupted"]
EndedBy = Literal["timeout", "stopped", "interrupted"]
"""Why the runner made a step end: it took too long, another failed, a signal came."""

MISSING_PROGRAM = 127
"""The exit code of a step that could not be started, if the engine has none for it."""

TIMED_OUT = 124
"""The exit code of a step that took longer than its timeout, as `timeout(1)` has it."""


class Lookup(NamedTuple):
    """What the cache said of a step before it ran."""

    status: LookupStatus
    reason: ReasonLike | None = None
    saved: float = 0.0
    """For a hit the seconds the stored run took."""


class Outcome(NamedTuple):
    """How a step ended."""

    step: int
    state: EndState
    lookup: Lookup | None = None
    """None if the step was skipped."""
    code: int | None = None
    signal: int | None = None
    seconds: float = 0.0
    not_cached: ReasonLike | None = None
    """Why its result is not in the cache, if it isn't."""
    attempts: int = 1
    """How often its command was begun, if it was."""
    ended_by: EndedBy | None = None
    hints: Provenance = {}  # noqa: RUF012 - never changed
    """What its tools said: while it ran, or when what it restored was made."""

    @property
    def exit_code(self) -> int:
        """The code as a shell would report it."""
        return 128 + self.signal if self.signal is not None else self.code or 0


class Waiting(NamedTuple):
    """Another runner has the step; this one waits for it."""

    step: int


class Began(NamedTuple):
    """The step's output follows, live or replayed."""

    step: int
    lookup: Lookup


class Output(NamedTuple):
    """Bytes the step wrote."""

    step: int
    stream: int
    data: bytes


class Replaced(NamedTuple):
    """A restore moved bytes that nobody had recorded out of the way."""

    step: int
    paths: tuple[str, ...]


class NotStarted(NamedTuple):
    """The step's program could not be started."""

    step: int
    why: str


class Lost(NamedTuple):
    """The program that supervises the steps was killed, and the step with it."""

    step: int


class Retrying(NamedTuple):
    """An attempt of the step failed, and the next one begins: what follows is its output."""

    outcome: Outcome
    """How it would have ended; `attempts` is the number of the attempt that failed."""


class Ended(NamedTuple):
    """The step ended, or never began. Its caching may still be under way."""

    outcome: Outcome
    cause: SkipCause | None = None
    because_of: int | None = None
    """The failed step that a skipped one depends on."""


class Interrupted(NamedTuple):
    """A signal came: the running steps were given it, or killed."""

    signal: int
    killed: bool


class Tick(NamedTuple):
    """What came at once has been told, or nothing came for a while: a time to draw."""


class Finished(NamedTuple):
    """Everything has ended, stored results included."""

    outcomes: tuple[Outcome, ...]
    seconds: float


DifferenceKind = Literal["missing", "extra", "kind", "content", "target", "mode"]


class Difference(NamedTuple):
    """A path that two runs of the same step left differently."""

    path: str
    kind: DifferenceKind


class Verified(NamedTuple):
    """What a hit that was run again came to."""

    step: int
    differences: tuple[Difference, ...]


Event = (
    Waiting
    | Began
    | Output
    | Replaced
    | NotStarted
    | Lost
    | Retrying
    | Ended
    | Interrupted
    | Tick
    | Finished
)


class Report(Protocol):
    """Is told all events of a run, in order."""

    def __call__(self, event: Event) -> None:
        """Take an event."""
