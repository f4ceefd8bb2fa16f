"""`run --verify`: performs a plan in which hits are run again, and says which do not repeat."""

from __future__ import annotations

from typing import TYPE_CHECKING

from taskrunner.cli.perform import perform as perform_plan
from taskrunner.report import verified
from taskrunner.report.sink import Sink
from taskrunner.rerun import Rerunning

if TYPE_CHECKING:
    from taskrunner._native import Engine
    from taskrunner.cache import Policy
    from taskrunner.cli.perform import Request
    from taskrunner.events import Outcome
    from taskrunner.plan import Plan
    from taskrunner.workspace import Workspace


def perform(
    found: Workspace, planned: Plan, engine: Engine, policy: Policy, request: Request
) -> int:
    """Run a plan, compare what hits left with what they leave, and return the exit code."""
    bridge = Rerunning(engine, planned, policy)

    def verdict(outcomes: tuple[Outcome, ...]) -> int:
        bridge.put_back(outcomes)
        again = tuple(bridge.verified(outcomes))
        err = Sink(2)
        for line in verified.lines(planned, again, err.style, verbose=request.verbose):
            err.line(line)
        return int(any(one.differences for one in again))

    return perform_plan(found, planned, engine, bridge, request, verdict=verdict)
