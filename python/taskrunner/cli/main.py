"""The group of all commands, and what every one of them shares: errors and exit codes."""

from __future__ import annotations

import os
import sys

import click

from taskrunner import env_vars
from taskrunner.cli.lazy import Group, Lazy
from taskrunner.cli.version import print_version
from taskrunner.errors import NativeError, TaskrunnerError
from taskrunner.report.sink import Sink

INTERRUPTED = 130
INTERNAL_ERROR = 3

group = Group(
    "taskrunner",
    help="Runs the tasks of a monorepo, and never runs the same work twice.",
    context_settings={"help_option_names": ["-h", "--help"]},
    lazy={
        "run": Lazy("taskrunner.cli.run", "Run tasks, or answer them from the cache."),
        "explain": Lazy("taskrunner.cli.explain", "Say why a task would, or did, miss."),
        "last": Lazy("taskrunner.cli.last", "Show the last run."),
        "list": Lazy("taskrunner.cli.list", "List the tasks of the workspace."),
        "graph": Lazy("taskrunner.cli.graph", "Draw which task depends on which."),
        "trace": Lazy("taskrunner.cli.trace", "Run a command and say what it did with files."),
        "cache": Lazy("taskrunner.cli.cache", "Look after the cache."),
        "doctor": Lazy("taskrunner.cli.doctor", "Show what this machine lets taskrunner do."),
        "init": Lazy("taskrunner.cli.init", "Write a first taskrunner.toml."),
        "completion": Lazy("taskrunner.cli.completion", "Complete names in a shell."),
    },
    params=[
        click.Option(
            ["-V", "--version"],
            is_flag=True,
            is_eager=True,
            expose_value=False,
            callback=lambda ctx, _, asked: ctx.exit(print_version()) if asked else None,
            help="Show the version and exit.",
        )
    ],
)


def run_command(arguments: list[str]) -> int:
    """Run the command with these arguments, and return its exit code."""
    _open_standard_streams()
    try:
        return _run(arguments)
    except TaskrunnerError as error:
        return _tell(error)
    except ImportError as error:
        if error.name != "taskrunner._native":
            raise
        hint = "install the package again, as a wheel for this platform"
        return _tell(NativeError(f"the native part can't be loaded: {error}", hint=hint))
    except (click.Abort, KeyboardInterrupt):
        return INTERRUPTED
    except OSError as error:
        where = f": {os.fsdecode(error.filename)}" if error.filename else ""
        return _tell(TaskrunnerError(f"{error.strerror or error}{where}"))


def _run(arguments: list[str]) -> int:
    try:
        code = group.main(arguments, prog_name="taskrunner", standalone_mode=False)
    except click.ClickException as error:
        return _tell_usage(error)
    return code if isinstance(code, int) else 0


def _tell_usage(error: click.ClickException) -> int:
    from taskrunner.cli.rich_help import error_text

    click.echo(error_text(error), err=True, nl=False)
    return error.exit_code


def _tell(error: TaskrunnerError) -> int:
    """Say what failed and what to do next, on stderr."""
    if os.environ.get(env_vars.TRACEBACK):
        sys.excepthook(type(error), error, error.__traceback__)
        return error.exit_code
    sink = Sink(2)
    sink.line(f"{sink.style('error', 'bold', 'red')}: {error}")
    if error.hint:
        sink.line(f"{sink.style('hint', 'bold', 'cyan')}: {error.hint}")
    return error.exit_code


def _open_standard_streams() -> None:
    """Put /dev/null where a standard stream is closed, lest a file opened later take its number."""
    for number in (0, 1, 2):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # the lowest free number is this one
