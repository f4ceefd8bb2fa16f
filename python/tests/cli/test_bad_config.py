"""What a configuration file can say that can't be meant: keys, values, files that are none."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from .bad_input import GOOD, Cases, check

if TYPE_CHECKING:
    from ..conftest import MakeWorkspace
    from .conftest import Cli, Engines


CASES: Cases = {
    "unknown key": (
        {"taskrunner.toml": '[tasks.build]\n\ncomand = "make"\n'},
        (
            "error: taskrunner.toml:3: unknown key `comand` in `[tasks.build]`\n"
            "hint: did you mean `command`?\n"
        ),
    ),
    "unknown key that resembles none": (
        {"taskrunner.toml": "[cache]\nxyz = 1\n"},
        (
            "error: taskrunner.toml:2: unknown key `xyz` in `[cache]`\n"
            "hint: known here: dir, max-age, max-size, scripts, tasks\n"
        ),
    ),
    "unknown table": (
        {"taskrunner.toml": GOOD + "\n[task.lint]\n"},
        "error: taskrunner.toml:4: unknown key `task`\nhint: did you mean `tasks`?\n",
    ),
    "wrong type": (
        {"taskrunner.toml": GOOD + "cache = 'yes'\n"},
        "error: taskrunner.toml:3: `tasks.build.cache` must be true or false, not a string\n",
    ),
    "wrong type in an array": (
        {"taskrunner.toml": GOOD + 'env = [\n  "A",\n  1,\n]\n'},
        "error: taskrunner.toml:5: `tasks.build.env[1]` must be a string, not an integer\n",
    ),
    "task that is no table": (
        {"taskrunner.toml": "[tasks]\nbuild = 'make'\n"},
        "error: taskrunner.toml:2: `tasks.build` must be a table, not a string\n",
    ),
    "command of the wrong type": (
        {"taskrunner.toml": "[tasks.build]\ncommand = 1979-05-27\n"},
        (
            "error: taskrunner.toml:2: `tasks.build.command` must be"
            " a string or an array of strings, not a date\n"
        ),
    ),
    "no command": (
        {"taskrunner.toml": "[tasks.build]\nenv = []\n"},
        (
            "error: taskrunner.toml:1: task `build` has no `command`\n"
            'hint: add `command = "..."`, or `depends-on` if it only gathers other tasks\n'
        ),
    ),
    "empty command": (
        {"taskrunner.toml": "[tasks.build]\ncommand = ' '\n"},
        (
            "error: taskrunner.toml:2: `tasks.build.command` is empty\n"
            "hint: give a command line, or a list of them\n"
        ),
    ),
    "empty command in a list": (
        {"taskrunner.toml": "[tasks.build]\ncommand = [\n'make',\n'']\n"},
        (
            "error: taskrunner.toml:4: `tasks.build.command[1]` is empty\n"
            "hint: give a command line, or a list of them\n"
        ),
    ),
    "no commands": (
        {"taskrunner.toml": "[tasks.build]\ncommand = []\n"},
        (
            "error: taskrunner.toml:2: `tasks.build.command` is empty\n"
            "hint: give a command line, or a list of them\n"
        ),
    ),
    "unterminated quote": (
        {"taskrunner.toml": '[tasks.build]\ncommand = "echo \'a"\n'},
        "error: taskrunner.toml:2: `tasks.build.command` has an unterminated quote: '\n",
    ),
    "NUL in a command": (
        {"taskrunner.toml": '[tasks.build]\ncommand = "a\\u0000b"\n'},
        "error: taskrunner.toml:2: `tasks.build.command` contains a NUL character\n",
    ),
    "bad glob": (
        {"taskrunner.toml": GOOD + "input = ['src/[a']\n"},
        "error: taskrunner.toml:3: `tasks.build.input[0]` is not a valid pattern: *\n",
    ),
    "empty glob": (
        {"taskrunner.toml": GOOD + "output = ['']\n"},
        "error: taskrunner.toml:3: `tasks.build.output[0]` is not a valid pattern: it is empty\n",
    ),
    "absolute glob": (
        {"taskrunner.toml": GOOD + "output = ['/tmp/**']\n"},
        (
            "error: taskrunner.toml:3: `tasks.build.output[0]` is not a valid pattern:"
            " patterns are relative\n"
        ),
    ),
    "glob that leads out": (
        {"taskrunner.toml": GOOD + "input = ['../x']\n"},
        "error: taskrunner.toml:3: `tasks.build.input[0]` leads out of the workspace\n",
    ),
    "rules that only leave out": (
        {"taskrunner.toml": GOOD + "input = ['!docs/**']\n"},
        (
            "error: taskrunner.toml:3: `tasks.build.input` only leaves things out,"
            " so nothing is left\n"
            "hint: write `input = [{ auto = true }, ...]` to keep what is inferred\n"
        ),
    ),
    "rule of the wrong shape": (
        {"taskrunner.toml": GOOD + "input = [{ base = 'workspace' }]\n"},
        "error: taskrunner.toml:3: `tasks.build.input[0]` has neither `pattern` nor `auto`\n",
    ),
    "unknown base": (
        {"taskrunner.toml": GOOD + "input = [{ pattern = 'x', base = 'root' }]\n"},
        'error: taskrunner.toml:3: `tasks.build.input[0].base` must be "package" or "workspace"\n',
    ),
    "value in env": (
        {"taskrunner.toml": GOOD + "env = ['A=1']\n"},
        (
            "error: taskrunner.toml:3: `tasks.build.env[0]` sets a value;"
            " it takes names and patterns of names\nhint: put `NAME=value` before the command\n"
        ),
    ),
    "bad env pattern": (
        {"taskrunner.toml": GOOD + "env = ['A B']\n"},
        "error: taskrunner.toml:3: `A B` is not the name of an environment variable or a pattern\n",
    ),
    "cwd that leads out": (
        {"taskrunner.toml": GOOD + "cwd = '../..'\n"},
        "error: taskrunner.toml:3: `cwd` leads out of the workspace: ../..\n",
    ),
    "absolute cwd": (
        {"taskrunner.toml": GOOD + "cwd = '/tmp'\n"},
        "error: taskrunner.toml:3: `tasks.build.cwd` must be a path relative to the package\n",
    ),
    "bad task name": (
        {"taskrunner.toml": '[tasks."a b"]\ncommand = "make"\n'},
        (
            "error: taskrunner.toml:1: `a b` can't be a task's name\n"
            "hint: names have no spaces, `#` or `,`, and don't begin with `-`, `^` or `!`\n"
        ),
    ),
    "bad size": (
        {"taskrunner.toml": "[cache]\nmax-size = 'lots'\n"},
        (
            "error: taskrunner.toml:2: `cache.max-size` is not an amount: `lots`\n"
            "hint: write a number and one of B, KB, MB, GB, TB, KiB, MiB, GiB, TiB,"
            ' such as "10GB"\n'
        ),
    ),
    "timeout without a unit": (
        {"taskrunner.toml": GOOD + "timeout = '5'\n"},
        (
            "error: taskrunner.toml:3: `tasks.build.timeout` is not an amount: `5`\n"
            'hint: write a number and one of ms, s, m, h, such as "5m"\n'
        ),
    ),
    "timeout of the wrong type": (
        {"taskrunner.toml": GOOD + "timeout = true\n"},
        (
            "error: taskrunner.toml:3: `tasks.build.timeout` must be"
            " a number of seconds or a string, not a boolean\n"
        ),
    ),
    "timeout of nothing": (
        {"taskrunner.toml": GOOD + "timeout = 0\n"},
        (
            "error: taskrunner.toml:3: `tasks.build.timeout` must be longer than 0"
            " and shorter than a year\n"
        ),
    ),
    "negative retries": (
        {"taskrunner.toml": GOOD + "retries = -1\n"},
        "error: taskrunner.toml:3: `tasks.build.retries` must be at least 0, not -1\n",
    ),
    "weight of the wrong type": (
        {"taskrunner.toml": GOOD + "weight = 1.5\n"},
        "error: taskrunner.toml:3: `tasks.build.weight` must be an integer, not a float\n",
    ),
    "lock without a name": (
        {"taskrunner.toml": GOOD + "lock = ['db', '']\n"},
        "error: taskrunner.toml:3: `tasks.build.lock[1]` is empty\n",
    ),
    "shell without words": (
        {"taskrunner.toml": GOOD + "shell = []\n"},
        (
            "error: taskrunner.toml:3: `tasks.build.shell` is empty\n"
            'hint: name a program, such as "bash"\n'
        ),
    ),
    "noise that is a path": (
        {"taskrunner.toml": GOOD + "noise = ['a/b']\n"},
        (
            "error: taskrunner.toml:3: `tasks.build.noise[0]` must be the name of a file or"
            " directory, without `/` or wildcards\n"
            'hint: such as ".mytool_cache"; `!` in front takes a name out of the built-in table\n'
        ),
    ),
    "env-file that is not there": (
        {"taskrunner.toml": GOOD + "env-file = '.env'\n"},
        (
            "error: taskrunner.toml:3: there is no .env\n"
            'hint: write `{ path = "...", required = false }` if it need not be there\n'
        ),
    ),
    "env-file that leads out": (
        {"taskrunner.toml": GOOD + "env-file = '../.env'\n"},
        ("error: taskrunner.toml:3: `tasks.build.env-file` leads out of the workspace: ../.env\n"),
    ),
    "line of an env-file": (
        {"taskrunner.toml": GOOD + "env-file = '.env'\n", ".env": "A=1\nB\n"},
        "error: .env:2: not a line of the form `NAME=value`\n",
    ),
    "invalid TOML": (
        {"taskrunner.toml": "[tasks.build]\ncommand make\n"},
        "error: taskrunner.toml:2: not valid TOML: expected '=' after a key in a key/value pair\n",
    ),
    "the same table twice": (
        {"taskrunner.toml": GOOD + GOOD},
        "error: taskrunner.toml:3: not valid TOML: *\n",
    ),
    "two configurations": (
        {
            "taskrunner.toml": GOOD,
            "pyproject.toml": '[project]\nname = "p"\n\n[tool.taskrunner.tasks]\n',
        },
        (
            "error: pyproject.toml:4: `[tool.taskrunner]` stands beside a taskrunner.toml\n"
            "hint: keep one of them\n"
        ),
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_bad_input(case: str, make_workspace: MakeWorkspace, cli: Cli, engines: Engines) -> None:
    check(CASES[case], make_workspace, cli, engines)


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads everything")
def test_an_unreadable_configuration(make_workspace: MakeWorkspace, cli: Cli) -> None:
    root = make_workspace({"taskrunner.toml": GOOD})
    (root / "taskrunner.toml").chmod(0)
    assert cli("run", "build").err == "error: taskrunner.toml: can't be read: Permission denied\n"


def test_a_configuration_that_is_a_directory(make_workspace: MakeWorkspace, cli: Cli) -> None:
    make_workspace({"taskrunner.toml/x": ""})
    assert cli("run", "build") == (
        2,
        "",
        "error: taskrunner.toml: can't be read: Is a directory\n",
    )


def test_a_configuration_that_is_not_utf8(make_workspace: MakeWorkspace, cli: Cli) -> None:
    root = make_workspace({"taskrunner.toml": ""})
    (root / "taskrunner.toml").write_bytes(b"# fine\n# \xff\n")
    assert cli("run", "build") == (2, "", "error: taskrunner.toml:2: not valid UTF-8\n")
