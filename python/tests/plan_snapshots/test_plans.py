"""The plans of small workspaces, as they were read and found right."""

from __future__ import annotations

import os
import shlex
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from taskrunner import graph, query
from taskrunner.errors import TaskrunnerError
from taskrunner.plan import plan
from taskrunner.select import select
from taskrunner.workspace import discover

if TYPE_CHECKING:
    from collections.abc import Iterator

    from taskrunner.model import PathRules
    from taskrunner.plan import Action

FIXTURES = Path(__file__).parent / "fixtures"
UPDATE = "TASKRUNNER_UPDATE_SNAPSHOTS"
OUTER = {
    "PATH": "/usr/bin:/bin",
    "HOME": "/home/me",
    "LANG": "en_GB.UTF-8",
    "NODE_ENV": "test",
    "VITE_MODE": "x",
    "VITE_SECRET": "x",
    "GITHUB_SHA": "x",
    "FORCE_COLOR": "3",
    "AWS_SECRET": "x",
}


@pytest.mark.parametrize("fixture", sorted(path.name for path in FIXTURES.iterdir()))
def test_plans(fixture: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = tmp_path / fixture  # else what is above the fixtures would be looked at
    shutil.copytree(FIXTURES / fixture, root)
    monkeypatch.chdir(root)
    file = FIXTURES / fixture / "plans.txt"
    expected = file.read_text()
    commands = [line for line in expected.splitlines() if line.startswith("$ run ")]
    assert commands
    found = "\n".join(render(root, command) for command in commands)
    if os.environ.get(UPDATE):
        file.write_text(found)
    assert found == expected or os.environ.get(UPDATE)


def render(root: Path, command: str) -> str:
    try:
        lines = plan_of(root, command)
    except TaskrunnerError as error:
        lines = [f"error: {error}", *([f"hint: {error.hint}"] if error.hint else [])]
    return "\n".join([command, *lines]).replace(str(root), "<root>") + "\n"


def plan_of(root: Path, command: str) -> list[str]:
    wanted = query.parse(shlex.split(command.removeprefix("$ run ")))
    found = discover(str(root))
    tasks = graph.build(found)
    chosen = select(tasks, wanted, found.here)
    made = plan(tasks, chosen, wanted.args, OUTER)
    lines = [f"warning: {warning}" for warning in made.warnings]
    for action, before in zip(made.actions, made.before(), strict=True):
        lines += describe(root, action, before)
    return lines


def members(before: bytes) -> list[int]:
    bits = int.from_bytes(before, "little")
    return [number for number in range(bits.bit_length()) if bits >> number & 1]


def describe(root: Path, action: Action, before: bytes) -> Iterator[str]:
    task = action.task
    yield f"{action.id} {action.label}: {action.line}"
    yield f"    argv    {list(action.command.argv)}"
    yield f"    cwd     {action.cwd or '.'}"
    yield f"    after   {list(action.after)}, before it {members(before)}"
    if root.name == "environment":
        yield from variables(action)
    yield f"    input   {rules(task.input)}"
    yield f"    output  {rules(task.output)}"
    if not task.cache:
        yield "    cache   false"


def variables(action: Action) -> Iterator[str]:
    tracked = action.environment.tracked | dict(action.command.assignments).keys()
    for name, value in sorted(action.env.items()):
        yield f"    env     {name}={value}{' (tracked)' if name in tracked else ''}"


def rules(found: PathRules) -> str:
    parts = ["auto"] if found.auto else []
    parts += [*found.include, *(f"!{pattern}" for pattern in found.exclude)]
    return " ".join(parts) or "none"
