"""The command: answers `--version` at once, and leaves everything else to `cli`."""

from __future__ import annotations

import sys


def main() -> int:
    """Run the command with the arguments of this process, and return its exit code."""
    if sys.argv[1:] in (["--version"], ["-V"]):
        from taskrunner.cli.version import print_version

        return print_version()
    from taskrunner.cli.main import run_command

    return run_command(sys.argv[1:])


if __name__ == "__main__":
    sys.exit(main())
