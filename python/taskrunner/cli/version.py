"""`taskrunner --version`, without anything that takes time to import."""

from __future__ import annotations

import sys


def print_version() -> int:
    """Print the version, and return the exit code."""
    try:
        from taskrunner._native import __version__
    except ImportError as error:
        sys.stderr.write(f"error: the native part can't be loaded: {error}\n")
        return 3
    sys.stdout.write(f"taskrunner {__version__}\n")
    return 0
