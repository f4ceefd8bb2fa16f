"""Every environment variable the runner itself obeys, with what it is for. Read in `cli` alone."""

from __future__ import annotations

from typing import Final

CACHE_DIR: Final = "TASKRUNNER_CACHE_DIR"
"""Where the shared part of the cache is; wins over `[cache] dir`, and is relative to the root."""

CONCURRENCY: Final = "TASKRUNNER_CONCURRENCY"
"""How many steps may run at once when `--concurrency` isn't given."""

BASE_BRANCH: Final = "GITHUB_BASE_REF"
"""Set by GitHub Actions in a pull request: the branch that `--affected` compares with."""

TRACEBACK: Final = "TASKRUNNER_TRACEBACK"
"""If set and not empty, errors show the Python traceback instead of one line."""

GITHUB_ACTIONS: Final = "GITHUB_ACTIONS"
"""If it is `true`, output is told in the groups and annotations of GitHub Actions."""

NO_COLOR: Final = "NO_COLOR"
"""If set and not empty, nothing is coloured; see no-color.org."""

FORCE_COLOR: Final = "FORCE_COLOR"
"""If set and neither empty nor `0`, colour is used even where there is no terminal."""
