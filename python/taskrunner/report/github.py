"""What GitHub Actions makes of a run: a group for each step, an annotation for each failure.

Its log joins stdout and stderr in no certain order, so that all lines go to one stream here:
otherwise a step's output would be found beside its group. The commands are documented under
"Workflow commands for GitHub Actions".
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from taskrunner.reasons import show
from taskrunner.report import log as logs
from taskrunner.report.plain import Plain
from taskrunner.style import Stripper

if TYPE_CHECKING:
    from taskrunner.report.log import Log


class Groups(logs.Grouped):
    """Puts the output of a step into a group named by the runner's first line about it."""

    def __init__(self, inner: Log) -> None:
        super().__init__(inner)
        self._log = inner

    def end(self, step: int) -> None:
        """The step writes nothing more: pass on what it wrote."""
        held = self._held.get(step, [])
        if len(held) < 2 or not isinstance(held[0], str):  # noqa: PLR2004 - a title and something in it
            super().end(step)
            return
        held[0] = f"::group::{_uncoloured(held[0])}"
        super().end(step)
        self._log.note(step, "::endgroup::")


class GitHub(Plain):
    """Plain lines, and annotations for what went wrong."""

    def warn(self, message: str) -> None:
        """Say something that concerns the run as a whole."""
        self._note(f"::warning title=taskrunner::{data(show(message))}")

    def _failed(self, step: int, why: str) -> None:
        super()._failed(step, why)
        title = self.plan.actions[step].label
        self._note(f"::error title={parameter(title)} failed::{data(why)}")


def data(text: str) -> str:
    """Return text fit for what follows `::` in a workflow command."""
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def parameter(text: str) -> str:
    """Return text fit for a value in a workflow command."""
    return data(text).replace(":", "%3A").replace(",", "%2C")


def _uncoloured(text: str) -> str:
    stripper = Stripper()
    return (stripper.feed(text.encode()) + stripper.finish()).decode()
