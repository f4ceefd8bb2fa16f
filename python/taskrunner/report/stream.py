"""The events of a run for programs: one JSON object to a line. Documented in docs/events.md."""

from __future__ import annotations

import json
from base64 import b64encode
from typing import TYPE_CHECKING, Any

from taskrunner import events
from taskrunner.report.json_summary import element, reason_element, text
from taskrunner.report.summary import count

if TYPE_CHECKING:
    from collections.abc import Callable

    from taskrunner.plan import Plan
    from taskrunner.report.sink import Sink

VERSION = 1
"""Changes when a reader would have to; new events and new keys don't change it."""

_STREAMS = {1: "stdout", 2: "stderr"}
_LONGEST_CHARACTER = 4


class Stream:
    """Writes each event as it comes. What a closed stream doesn't take is lost."""

    def __init__(self, plan: Plan, sink: Sink, clock: Callable[[], float]) -> None:
        self.plan = plan
        self.sink = sink
        self._clock = clock
        self._start = clock()
        self._held: dict[tuple[int, int], bytes] = {}
        self._handlers: dict[type, Callable[[Any], None]] = {
            events.Waiting: lambda event: self._write("step-waiting", step=event.step),
            events.Began: self._began,
            events.Output: self._output,
            events.Replaced: self._replaced,
            events.NotStarted: self._not_started,
            events.Lost: lambda event: self._write("step-lost", step=event.step),
            events.Retrying: self._retrying,
            events.Ended: self._ended,
            events.Interrupted: self._interrupted,
            events.Tick: lambda _: None,
            events.Finished: self._finished,
        }
        self._write("run-started", version=VERSION, root=text(plan.root), steps=self._steps())

    def __call__(self, event: events.Event) -> None:
        """Take an event."""
        self._handlers[type(event)](event)

    def warn(self, message: str) -> None:
        """Say something that concerns the run as a whole."""
        self._write("warning", message=text(message))

    def end(self, exit_code: int) -> None:
        """Say how the whole command ended: the last line."""
        self._write("run-exited", exitCode=exit_code)

    def _steps(self) -> list[dict[str, Any]]:
        return [
            {
                "step": action.id,
                "taskId": text(action.task.label),
                "index": action.part,
                "command": text(action.line),
                "after": list(action.after),
            }
            for action in self.plan.actions
        ]

    def _write(self, event: str, **fields: Any) -> None:
        milliseconds = round((self._clock() - self._start) * 1000)
        line = json.dumps({"event": event, "ms": milliseconds, **fields}, ensure_ascii=False)
        self.sink.line(line)

    def _began(self, event: events.Began) -> None:
        lookup = event.lookup
        missed = lookup.reason if lookup.status == "miss" else None
        disabled = lookup.reason if lookup.status == "disabled" else None
        self._write(
            "step-started",
            step=event.step,
            cacheStatus=lookup.status,
            cacheMissReason=reason_element(missed),
            cacheSkipReason=reason_element(disabled),
        )

    def _output(self, event: events.Output) -> None:
        key = (event.step, event.stream)
        whole, rest = split(self._held.pop(key, b"") + event.data)
        if rest:
            self._held[key] = rest
        if whole:
            self._write_output(event.step, event.stream, whole)

    def _write_output(self, step: int, stream: int, data: bytes) -> None:
        try:
            content = {"text": data.decode()}
        except UnicodeDecodeError:
            content = {"base64": b64encode(data).decode()}
        self._write("output", step=step, stream=_STREAMS[stream], **content)

    def _flush(self, step: int) -> None:
        for stream in _STREAMS:
            rest = self._held.pop((step, stream), b"")
            if rest:
                self._write_output(step, stream, rest)

    def _replaced(self, event: events.Replaced) -> None:
        self._write("files-kept", step=event.step, paths=[text(path) for path in event.paths])

    def _not_started(self, event: events.NotStarted) -> None:
        self._write("step-not-started", step=event.step, message=text(event.why))

    def _retrying(self, event: events.Retrying) -> None:
        self._flush(event.outcome.step)
        self._write("attempt-failed", **self._end(event.outcome))

    def _ended(self, event: events.Ended) -> None:
        self._flush(event.outcome.step)
        fields = self._end(event.outcome)
        if event.outcome.state == "skipped":
            fields = {"step": event.outcome.step, "state": "skipped"}
            fields |= {"cause": event.cause, "becauseOf": event.because_of}
        self._write("step-ended", **fields)

    @staticmethod
    def _end(outcome: events.Outcome) -> dict[str, Any]:
        return {
            "step": outcome.step,
            "state": outcome.state,
            "exitCode": outcome.exit_code,
            "signal": outcome.signal,
            "attempt": outcome.attempts,
            "endedBy": outcome.ended_by,
            "durationMs": round(outcome.seconds * 1000),
        }

    def _interrupted(self, event: events.Interrupted) -> None:
        self._write("interrupted", signal=event.signal, killed=event.killed)

    def _finished(self, event: events.Finished) -> None:
        ran = [outcome for outcome in event.outcomes if outcome.lookup is not None]
        self._write(
            "run-finished",
            durationMs=round(event.seconds * 1000),
            counts=count(self.plan, event.outcomes),
            tasks=[element(self.plan, outcome) for outcome in ran],
        )


def split(data: bytes) -> tuple[bytes, bytes]:
    """Return the whole characters of `data`, and the beginning of one that is cut at its end."""
    for length in range(1, min(_LONGEST_CHARACTER, len(data) + 1)):
        lead = data[-length]
        if lead & 0xC0 == 0x80:  # noqa: PLR2004 - 10xxxxxx goes on
            continue
        needs = 4 if lead >= 0xF0 else 3 if lead >= 0xE0 else 2 if lead >= 0xC0 else 1  # noqa: PLR2004
        return (data[:-length], data[-length:]) if needs > length else (data, b"")
    return data, b""
