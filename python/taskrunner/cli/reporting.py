"""Chooses how a run is told: which lines, on which streams, for whom."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from taskrunner import env_vars
from taskrunner.report import log as logs
from taskrunner.report.github import GitHub, Groups
from taskrunner.report.plain import Plain
from taskrunner.report.sink import Sink

if TYPE_CHECKING:
    from taskrunner._native import Engine
    from taskrunner.plan import Plan


def report(plan: Plan, mode: logs.Mode | None, *, verbose: bool) -> Plain:
    """Return the report of a run; `mode` is None if the user did not choose one."""
    on_github = os.environ.get(env_vars.GITHUB_ACTIONS) == "true"
    kind = GitHub if on_github else Plain
    if on_github and mode is None:
        sink = Sink(1)  # one stream keeps one order
        sinks = {1: sink, 2: sink}
        return kind(plan, sinks, Groups(logs.Interleaved(sinks)), verbose=verbose)
    sinks = {1: Sink(1), 2: Sink(2)}
    log = logs.make(mode or "interleaved", sinks, lambda step: plan.actions[step].task.label)
    return kind(plan, sinks, log, verbose=verbose)


def warn(told: Plain, engine: Engine) -> None:
    """Say what the user should know of the machine before anything runs."""
    for warning in engine.warnings:
        told.warn(warning)
    if engine.fidelity == "none":
        reason = f" ({engine.fidelity_reason})" if engine.fidelity_reason else ""
        told.warn(f"file accesses can't be traced here{reason}; no result is cached")
