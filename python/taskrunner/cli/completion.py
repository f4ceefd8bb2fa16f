"""`taskrunner completion SHELL`: the script that lets a shell complete commands and task names."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from taskrunner.cli.lazy import Command

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

PROGRAM = "taskrunner"
VARIABLE = "_TASKRUNNER_COMPLETE"
"""click's protocol: a shell sets it when it wants completions."""

_SHELLS = ("bash", "zsh", "fish")
_HOW = {
    "bash": 'eval "$(taskrunner completion bash)" in ~/.bashrc',
    "zsh": 'eval "$(taskrunner completion zsh)" in ~/.zshrc',
    "fish": "taskrunner completion fish > ~/.config/fish/completions/taskrunner.fish",
}


def _completion(shell: str) -> int:
    from click.shell_completion import get_completion_class

    from taskrunner.cli.main import group
    from taskrunner.report.sink import Sink

    found = get_completion_class(shell)
    if found is None:
        raise click.UsageError(f"there are no completions for {shell}")
    script = found(group, {}, PROGRAM, VARIABLE).source()
    Sink(1).line(script.rstrip("\n"))
    return 0


def task_names(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Return the names of tasks that may stand where the cursor is: in the first word alone.

    A broken workspace has no completions: this is no place for an error.
    """
    from click.shell_completion import CompletionItem

    if ctx.params.get(param.name or ""):
        return []  # what follows the names is the tasks' own
    before, comma, beginning = incomplete.rpartition(",")
    return [
        CompletionItem(f"{before}{comma}{name}", help=description)
        for name, description in _known()
        if name.startswith(beginning)
    ]


def _known() -> list[tuple[str, str | None]]:
    from taskrunner.cli import session
    from taskrunner.errors import TaskrunnerError

    try:
        found = session.workspace()
    except (TaskrunnerError, OSError):
        return []
    tasks = [task for task in found.tasks if not task.internal]
    own = [(t.name, t.description) for t in tasks if t.package.id == found.current.id]
    return own + [(task.label, task.description) for task in tasks]


command = Command(
    "completion",
    callback=_completion,
    help="Print the script that completes commands and task names in a shell.\n\n"
    + "\n\n".join(f"{shell}: {how}" for shell, how in _HOW.items()),
    params=[click.Argument(["shell"], type=click.Choice(_SHELLS))],
)
