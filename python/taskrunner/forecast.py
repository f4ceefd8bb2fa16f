"""What a run would find in the cache: looks up what can be known without running anything."""

from __future__ import annotations

from typing import TYPE_CHECKING

from taskrunner.steps import Steps

if TYPE_CHECKING:
    from taskrunner.events import Lookup
    from taskrunner.execute import Bridge
    from taskrunner.plan import Plan


def forecast(plan: Plan, bridge: Bridge) -> list[Lookup | None]:
    """Look up the steps in the order of a run; None for those after one that has to run."""
    found: list[Lookup | None] = [None] * len(plan.actions)
    steps = Steps(plan.actions)
    steps.begin()
    while steps.ready:
        wave = steps.wavefront(len(plan.actions), bridge.looks_up)
        answers = bridge.check(wave)
        for step in wave:
            if steps.state[step] != "ready":
                continue  # a step before it has to run first
            steps.set(step, "checking")
            found[step] = answers[step]
            if answers[step].status == "hit":
                steps.decide(step)
    return found
