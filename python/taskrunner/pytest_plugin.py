"""Tells the task runner what pytest knows; does nothing where there is no runner.

Loaded by every pytest in an environment that has taskrunner installed, so it says little: that the
cache directory is pytest's own business, when it is not, and which variables pytest has read.
"""

from __future__ import annotations

import os

from taskrunner.client import disable_cache, ignore_input, ignore_output, is_managed, looked_up

TYPE_CHECKING = False
if TYPE_CHECKING:
    import pytest

READ_AT_START = ("PYTEST_ADDOPTS", "PYTEST_PLUGINS")
"""Variables that pytest looks up in its own environment before any plugin can ask for them."""

LAST_RUN = {
    "cacheshow": "--cache-show",
    "failedfirst": "--failed-first",
    "lf": "--last-failed",
    "newfirst": "--new-first",
    "stepwise": "--stepwise",
    "stepwise_reset": "--stepwise-reset",
    "stepwise_skip": "--stepwise-skip",
}
"""Options that choose, order or show by what earlier runs left in the cache directory."""


def pytest_configure(config: pytest.Config) -> None:
    """Say what there is to say, once, in the main process of a run."""
    if is_managed() and not hasattr(config, "workerinput"):
        _tell_variables()
        _tell_cache(config)


def _tell_variables() -> None:
    for name in READ_AT_START:
        looked_up(name)


def _tell_cache(config: pytest.Config) -> None:
    used = [text for option, text in LAST_RUN.items() if config.getoption(option, default=None)]
    if used:
        disable_cache(f"{used[0]} depends on the runs before")
        return
    directory = _cache_directory(config)
    if directory is not None:
        ignore_input(directory)
        ignore_output(directory)


def _cache_directory(config: pytest.Config) -> str | None:
    """Return the directory that is the cache's alone; one that holds the tests is not."""
    try:
        named = config.getini("cache_dir")
    except (KeyError, ValueError):
        return None  # `-p no:cacheprovider`
    expanded = os.path.expanduser(os.path.expandvars(str(named)))
    directory = os.path.realpath(os.path.join(config.rootpath, expanded))
    root = os.path.realpath(config.rootpath)
    return None if f"{root}/".startswith(f"{directory}/") else directory
