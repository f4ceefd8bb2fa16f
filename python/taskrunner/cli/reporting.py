"""Chooses how a run is told: which lines, on which streams, for whom."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING, Protocol

from taskrunner import env_vars
from taskrunner.report import log as logs
from taskrunner.report.github import GitHub, Groups
from taskrunner.report.plain import Plain
from taskrunner.report.sink import Sink
from taskrunner.style import is_terminal

if TYPE_CHECKING:
    from taskrunner._native import Engine
    from taskrunner.events import Event, Report
    from taskrunner.plan import Plan


class Told(Protocol):
    """A report that can say something about the run as a whole."""

    def __call__(self, event: Event) -> None:
        """Take an event."""

    def warn(self, message: str) -> None:
        """Say something that concerns the run as a whole."""

    def end(self, exit_code: int) -> None:
        """Take the exit code of the whole command."""


class Tee:
    """Tells several reports, in order."""

    def __init__(self, *reports: Report) -> None:
        self._reports = reports

    def __call__(self, event: Event) -> None:
        """Take an event."""
        for report in self._reports:
            report(event)


def make(plan: Plan, mode: logs.Mode | None, *, json: bool, verbose: bool) -> tuple[Told, Report]:
    """Return who is told of a run, and the same with live progress, if somebody can see it.

    `mode` is None if the user did not choose one.
    """
    if json:
        from taskrunner.report.stream import Stream

        stream = Stream(plan, Sink(1), time.monotonic)
        return stream, stream
    return _lines(plan, mode, verbose=verbose)


def _lines(plan: Plan, mode: logs.Mode | None, *, verbose: bool) -> tuple[Told, Report]:
    on_github = os.environ.get(env_vars.GITHUB_ACTIONS) == "true"
    kind = GitHub if on_github else Plain
    if on_github and mode is None:
        sink = Sink(1)  # one stream keeps one order
        sinks = {1: sink, 2: sink}
        told = kind(plan, sinks, Groups(logs.Interleaved(sinks)), verbose=verbose)
        return told, told
    sinks = {1: Sink(1), 2: Sink(2)}
    log = logs.make(mode or "interleaved", sinks, lambda step: plan.actions[step].task.label)
    told = kind(plan, sinks, log, verbose=verbose)
    return told, _with_progress(plan, sinks, told)


def _with_progress(plan: Plan, sinks: dict[int, Sink], told: Plain) -> Report:
    if not is_terminal(2) or os.environ.get("TERM", "dumb") == "dumb":
        return told
    from taskrunner.report.progress import Progress

    progress = Progress(plan, sinks[2], time.monotonic)
    for number, sink in sinks.items():
        if is_terminal(number):
            progress.attach(sink)
    return Tee(progress, told)


def warn(told: Told, engine: Engine) -> None:
    """Say what the user should know of the machine before anything runs."""
    for warning in engine.warnings:
        told.warn(warning)
    if engine.fidelity == "none":
        reason = f" ({engine.fidelity_reason})" if engine.fidelity_reason else ""
        told.warn(f"file accesses can't be traced here{reason}; no result is cached")
    elif engine.fidelity != "notify":
        told.warn(f"tracing takes longer here: {engine.fidelity_reason}")
