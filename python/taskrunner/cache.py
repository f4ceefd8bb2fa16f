"""Whether a step is cached at all, and what a look-up found, in the report's terms."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, NamedTuple

from taskrunner.events import Lookup
from taskrunner.fingerprint import explain
from taskrunner.reasons import Reason

if TYPE_CHECKING:
    from taskrunner._native import Checked, Engine
    from taskrunner.plan import Action

Mode = Literal["configured", "on", "off", "force", "verify"]
"""What the command line says: nothing, `--cache`, `--no-cache`, `--force` or `--verify`."""


class Policy(NamedTuple):
    """Decides which steps are cached."""

    mode: Mode = "configured"
    tasks: bool = True
    """`[cache] tasks`."""
    scripts: bool = False
    """`[cache] scripts`."""

    def disabled(self, action: Action) -> Reason | None:
        """Return why a step is not cached, or None if it is."""
        task = action.task
        if self.mode == "off":
            return Reason("cache-disabled", detail="--no-cache")
        if task.interactive:
            return Reason("cache-disabled", detail="interactive = true")
        if not task.cache:
            return Reason("cache-disabled", detail="cache = false")
        on = self.tasks if task.declared else self.scripts
        if not on and self.mode != "on":
            kind = "tasks" if task.declared else "scripts"
            return Reason("cache-disabled", detail=f"[cache] {kind} = false")
        return None


def lookup(engine: Engine, checked: Checked, description: bytes) -> Lookup:
    """Return the answer to a look-up, with a changed description put into words."""
    if checked.hit:
        return Lookup("hit", saved=checked.saved)
    reason = checked.reason
    if reason is not None and reason.kind == "description-changed":
        found = explain(engine.previous_description(checked.step), description)
        if found.variable:
            name, how = found.variable
            return Lookup("miss", Reason(f"env-{how}", detail=name))
        return Lookup("miss", Reason(reason.kind, detail=found.words))
    return Lookup("miss", reason)
