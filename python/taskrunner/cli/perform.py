"""Performs a plan: told to the user, interrupted by signals, kept for later, ended with a code."""

from __future__ import annotations

import os
import signal
import time
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, NamedTuple

from taskrunner import explanation, schedule
from taskrunner.cli import reporting
from taskrunner.errors import UsageError
from taskrunner.execute import state_dir
from taskrunner.outcomes import failed
from taskrunner.report import json_summary
from taskrunner.report.record import Recorder

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from typing import Any, TypeAlias

    from taskrunner._native import Engine
    from taskrunner.cache import Mode
    from taskrunner.events import Outcome
    from taskrunner.execute import Bridge
    from taskrunner.plan import Plan
    from taskrunner.report.log import Mode as LogMode
    from taskrunner.workspace import Workspace

    Verdict: TypeAlias = Callable[[tuple[Outcome, ...]], int]

SUMMARY = "last-run.json"

_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
# What a step that has the terminal should know of it.
_FORWARDED = (signal.SIGWINCH, signal.SIGCONT)
_RUN_ID_BYTES = 8


class Request(NamedTuple):
    """The options of `run`, understood."""

    mode: Mode
    clean: bool
    log: LogMode | None
    concurrency: int | None
    keep_going: bool
    summarize: str | None
    dry_run: bool
    json: bool
    verbose: bool


def perform(
    found: Workspace,
    planned: Plan,
    engine: Engine,
    bridge: Bridge,
    request: Request,
    *,
    verdict: Verdict | None = None,
) -> int:
    """Run a plan, and return the exit code: where all went well, that of the verdict."""
    run_id, started_at = os.urandom(_RUN_ID_BYTES).hex(), time.time()
    told, report = reporting.make(planned, request.log, json=request.json, verbose=request.verbose)
    reporting.warn(told, engine)
    recorder = Recorder(state_dir(found.root), run_id)
    options = schedule.Options(request.concurrency, keep_going=request.keep_going)
    running = schedule.Schedule(planned, bridge, options, reporting.Tee(recorder, report))
    start = time.monotonic()
    with _signals_to(running):
        outcomes = running.run()
    judged = verdict(outcomes) if verdict else 0
    code = exit_code(planned, outcomes, running.signal) or judged
    run = json_summary.Run(run_id, started_at, time.monotonic() - start, code)
    summary = json_summary.document(planned, outcomes, run)
    kept = os.path.join(state_dir(found.root), SUMMARY)
    _keep(kept, summary)
    if bridge.missed:
        with suppress(OSError):
            explanation.save(
                os.path.join(state_dir(found.root), explanation.LAST), bridge.missed.values()
            )
    if any(_was_stored(outcome) for outcome in outcomes):
        engine.prune(found.cache.max_size, found.cache.max_age)
    told.end(code)
    if request.summarize is not None:
        _summarize(request.summarize or kept, summary)
    return code


def _keep(path: str, summary: dict[str, Any]) -> None:
    """Keep a summary for `taskrunner last`; a run whose summary can't be kept is still a run."""
    with suppress(OSError):
        json_summary.write(path, summary)


def _summarize(path: str, summary: dict[str, Any]) -> None:
    try:
        json_summary.write(path, summary)
    except OSError as error:
        raise UsageError(f"the summary can't be written to {path}: {error.strerror}") from error


def _was_stored(outcome: Outcome) -> bool:
    missed = outcome.lookup is not None and outcome.lookup.status == "miss"
    return missed and outcome.state == "done" and outcome.not_cached is None


def exit_code(planned: Plan, outcomes: Iterable[Outcome], interrupted: int | None) -> int:
    """Return 128+n after a signal, the code of the one failed task, 1 for several, else 0."""
    if interrupted is not None:
        return 128 + interrupted
    codes = {
        planned.actions[outcome.step].task.id: outcome.exit_code for outcome in failed(outcomes)
    }
    return next(iter(codes.values())) if len(codes) == 1 else min(len(codes), 1)


@contextmanager
def _signals_to(running: schedule.Schedule) -> Iterator[None]:
    """Let signals interrupt the run, as long as it lasts."""
    earlier = {
        number: signal.signal(number, lambda number, _: running.interrupt(number))
        for number in _SIGNALS
        if signal.getsignal(number) is not signal.SIG_IGN
    }
    earlier |= {
        number: signal.signal(number, lambda number, _: running.forward(number))
        for number in _FORWARDED
    }
    try:
        yield
    finally:
        for number, handler in earlier.items():
            signal.signal(number, handler)
