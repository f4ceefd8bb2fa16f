"""What most commands begin with: the workspace around the current directory, and its cache."""

from __future__ import annotations

import os
from contextlib import contextmanager
from typing import TYPE_CHECKING

from taskrunner import env_vars
from taskrunner.errors import WorkspaceError
from taskrunner.workspace import discover

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from taskrunner._native import Engine
    from taskrunner.workspace import Workspace

_CACHE = "cache"


def workspace() -> Workspace:
    """Return the workspace that the current directory lies in."""
    try:
        here = os.getcwd()
    except OSError as error:
        raise WorkspaceError("the current directory does not exist any more") from error
    return discover(here)


def warn(warnings: Iterable[str]) -> None:
    """Say on stderr what should be known, and keeps nobody from going on."""
    from taskrunner.reasons import show
    from taskrunner.report.sink import Sink

    sink = Sink(2)
    for warning in warnings:
        sink.line(f"{sink.style('warning', 'bold', 'yellow')}: {show(warning)}")


def cache_dir(found: Workspace) -> str:
    """Return where the shared part of the cache is: environment, configuration, default."""
    from taskrunner.execute import state_dir

    named = os.environ.get(env_vars.CACHE_DIR) or found.cache.directory
    if named:
        return os.path.normpath(os.path.join(found.root, os.path.expanduser(named)))
    return os.path.join(state_dir(found.root), _CACHE)


@contextmanager
def engine(found: Workspace, workers: int) -> Iterator[Engine]:
    """Open the workspace's cache, and close it at the end."""
    from taskrunner.execute import open_engine

    opened = open_engine(found.root, cache_dir(found), os.environ, workers)
    try:
        yield opened
    finally:
        opened.close()
