"""Runs the tasks of a monorepo, and never runs the same work twice."""

from __future__ import annotations

TYPE_CHECKING = False  # as type checkers know it; `typing` itself takes 8 ms to import
if TYPE_CHECKING:
    from taskrunner._native import __version__
    from taskrunner.errors import TaskrunnerError
    from taskrunner.tracing import Trace, trace
    from taskrunner.workspace import Workspace, discover

__all__ = ["TaskrunnerError", "Trace", "Workspace", "__version__", "discover", "trace"]

_HOMES = {
    "TaskrunnerError": "taskrunner.errors",
    "Trace": "taskrunner.tracing",
    "Workspace": "taskrunner.workspace",
    "__version__": "taskrunner._native",
    "discover": "taskrunner.workspace",
    "trace": "taskrunner.tracing",
}


def __getattr__(name: str) -> object:
    """Import a public name when it is first asked for, so that importing the package is free."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(_HOMES[name]), name)
