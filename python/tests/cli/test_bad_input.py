"""Every kind of bad input: the exact message, exit code 2, and nothing run."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ..conftest import MakeWorkspace
    from .conftest import Cli, Engines

GOOD = '[tasks.build]\ncommand = "make"\n'
MEMBERS = '[workspace]\npackages = ["libs/*"]\n'

CASES: dict[str, tuple[Mapping[str, str], str]] = {
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
    "unknown dependency": (
        {
            "taskrunner.toml": '[tasks.build]\ncommand = "make"\ndepends-on = ["codgen"]\n'
            '[tasks.codegen]\ncommand = "gen"\n'
        },
        (
            "error: taskrunner.toml:3: `ws#build` depends on `codgen`, which does not exist\n"
            "hint: did you mean `codegen`?\n"
        ),
    ),
    "unknown dependency in another package": (
        {
            "taskrunner.toml": MEMBERS
            + '[tasks.build]\ncommand = "x"\ndepends-on = ["uii#build"]\n',
            "libs/ui/taskrunner.toml": GOOD,
        },
        (
            "error: taskrunner.toml:5: `ws#build` depends on `uii#build`, which does not exist\n"
            "hint: did you mean `ui#build` or `ws#build`?\n"
        ),
    ),
    "dependency of the wrong shape": (
        {"taskrunner.toml": GOOD + "depends-on = ['a b']\n"},
        (
            "error: taskrunner.toml:3: `a b` can't be a dependency\n"
            "hint: write `task`, `package#task` or `^task`\n"
        ),
    ),
    "dependency that is no string": (
        {"taskrunner.toml": GOOD + "depends-on = [1]\n"},
        (
            'error: taskrunner.toml:3: `tasks.build.depends-on[0]` must be `"task"`,'
            ' `"package#task"`, `"^task"` or `{ task = "...", from = [...] }`, not an integer\n'
        ),
    ),
    "dependency table without a task": (
        {"taskrunner.toml": GOOD + "depends-on = [{ from = 'dependencies' }]\n"},
        "error: taskrunner.toml:3: `tasks.build.depends-on[0]` has no `task`\n",
    ),
    "dependency of an unknown kind": (
        {"taskrunner.toml": GOOD + "depends-on = [{ task = 'x', from = ['devDependencies'] }]\n"},
        (
            "error: taskrunner.toml:3: `devDependencies` is no kind of dependency\n"
            "hint: did you mean `dev-dependencies`, `dependencies` or `peer-dependencies`?\n"
        ),
    ),
    "dependency with two ways to packages": (
        {"taskrunner.toml": GOOD + "depends-on = [{ task = '^x', from = 'dependencies' }]\n"},
        (
            "error: taskrunner.toml:3: `from` says which packages to look in, and `^x` does so too"
            '\nhint: write `{ task = "build", from = [...] }`\n'
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
    "dependency on itself": (
        {"taskrunner.toml": GOOD + 'depends-on = ["ws#build"]\n'},
        "error: taskrunner.toml:3: `ws#build` depends on itself\n",
    ),
    "cycle": (
        {
            "taskrunner.toml": MEMBERS + '[tasks.build]\ndepends-on = ["a#x"]\n',
            "libs/a/taskrunner.toml": '[tasks.x]\ncommand = "x"\ndepends-on = ["b#y"]\n',
            "libs/b/taskrunner.toml": '[tasks.y]\ncommand = "y"\ndepends-on = ["a#x"]\n',
        },
        "error: libs/a/taskrunner.toml:3: tasks depend on each other: a#x -> b#y -> a#x\n",
    ),
    "duplicate packages": (
        {
            "taskrunner.toml": MEMBERS,
            "libs/a/package.json": '{"name": "same"}',
            "libs/b/pyproject.toml": '[project]\nname = "same"\n',
        },
        (
            "error: two packages are called `same`: libs/a and libs/b\n"
            "hint: give one of them another name in its manifest\n"
        ),
    ),
    "packages that match nothing": (
        {"taskrunner.toml": '[workspace]\npackages = ["apps/*"]\n'},
        (
            "error: taskrunner.toml:2: `apps/*` matches no package\n"
            "hint: a package is a directory with a taskrunner.toml or another manifest\n"
        ),
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
    "workspace inside a workspace": (
        {
            "taskrunner.toml": MEMBERS + '[tasks.build]\ndepends-on = ["a#build"]\n',
            "libs/a/taskrunner.toml": "[cache]\n",
        },
        (
            "error: libs/a/taskrunner.toml:1: `[cache]` belongs into the workspace's own"
            " taskrunner.toml\nhint: move it there; this is one of its packages\n"
        ),
    ),
    "invalid manifest": (
        {"taskrunner.toml": GOOD, "package.json": '{\n"name": }'},
        "error: package.json:2: not valid JSON: expecting value\n",
    ),
    "manifest that is no object": (
        {"taskrunner.toml": GOOD, "package.json": "[]"},
        "error: package.json: must be an object\n",
    ),
    "workspaces of the wrong shape": (
        {"taskrunner.toml": GOOD, "package.json": '{"workspaces": "packages/*"}'},
        (
            "error: package.json: `workspaces` must be an array of patterns\n"
            'hint: write `"workspaces": ["packages/*"]`\n'
        ),
    ),
    "YAML that is not understood": (
        {"taskrunner.toml": GOOD, "pnpm-workspace.yaml": "packages:\n  - !packages/old\n"},
        (
            "error: pnpm-workspace.yaml:2: not understood: `!packages/old`\n"
            "hint: put quotes around strings that begin with `*`, `!`, `&`, `@` or the like\n"
        ),
    ),
    "YAML of the wrong shape": (
        {"taskrunner.toml": GOOD, "pnpm-workspace.yaml": "packages: apps\n"},
        "error: pnpm-workspace.yaml: `packages` must be a list of patterns\n",
    ),
    "TOML of another tool": (
        {"taskrunner.toml": GOOD, "Cargo.toml": "[package\n"},
        "error: Cargo.toml:1: not valid TOML: expected ']' at the end of a table declaration\n",
    ),
    "broken configuration of a package that is needed": (
        {
            "taskrunner.toml": MEMBERS + "[tasks.build]\ndepends-on = ['ui#build']\n",
            "libs/ui/taskrunner.toml": "[tasks.build]\ncomand = 'x'\n",
        },
        (
            "error: libs/ui/taskrunner.toml:2: unknown key `comand` in `[tasks.build]`\n"
            "hint: did you mean `command`?\n"
        ),
    ),
    "unknown task in a nested run": (
        {"taskrunner.toml": "[tasks.build]\ncommand = 'gen && taskrunner run biuld'\n"},
        (
            "error: taskrunner.toml:1: in `taskrunner run biuld` of `ws#build`:"
            " no task `biuld` in package `ws`\nhint: did you mean `build`?\n"
        ),
    ),
    "option in a nested run": (
        {"taskrunner.toml": "[tasks.build]\ncommand = 'taskrunner run --no-cache build'\n"},
        (
            "error: taskrunner.toml:1: in `taskrunner run --no-cache build` of `ws#build`:"
            " `--no-cache` has no meaning inside a task's command\n"
            "hint: give it to the outer `taskrunner run`\n"
        ),
    ),
    "tasks that run each other": (
        {
            "taskrunner.toml": "[tasks.build]\ncommand = 'taskrunner run x'\n"
            "[tasks.x]\ncommand = 'taskrunner run build'\n"
        },
        ("error: taskrunner.toml:1: tasks run each other: ws#build -> ws#x -> ws#build\n"),
    ),
    "unknown task": (
        {"taskrunner.toml": '[tasks.biuld]\ncommand = "make"\n'},
        "error: no task `build` in package `ws`\nhint: did you mean `biuld`?\n",
    ),
    "task of another package": (
        {"taskrunner.toml": MEMBERS, "libs/ui/taskrunner.toml": GOOD},
        "error: no task `build` in package `ws`\nhint: did you mean `ui#build`?\n",
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_bad_input(case: str, make_workspace: MakeWorkspace, cli: Cli, engines: Engines) -> None:
    files, expected = CASES[case]
    make_workspace(files)
    result = cli("run", "build")
    start, star, end = expected.partition("*\n")
    assert result.err.startswith(start)
    assert result.err.endswith(end)
    assert star or result.err == expected
    assert (result.code, result.out, engines) == (2, "", [])


def test_unknown_package(make_workspace: MakeWorkspace, cli: Cli, engines: Engines) -> None:
    make_workspace({"taskrunner.toml": MEMBERS, "libs/ui/taskrunner.toml": GOOD})
    assert cli("run", "uii#build") == (
        2,
        "",
        "error: no package `uii`\nhint: did you mean `ui`?\n",
    )


def test_no_workspace(tmp_path: object, monkeypatch: pytest.MonkeyPatch, cli: Cli) -> None:
    monkeypatch.chdir(str(tmp_path))
    assert cli("run", "build") == (
        2,
        "",
        (
            f"error: no workspace found in {tmp_path} or above it\n"
            "hint: make a taskrunner.toml with a [workspace] or [tasks.NAME] table\n"
        ),
    )


def test_a_package_outside_the_workspace(
    make_workspace: MakeWorkspace, monkeypatch: pytest.MonkeyPatch, cli: Cli
) -> None:
    root = make_workspace(
        {
            "taskrunner.toml": MEMBERS,
            "libs/a/taskrunner.toml": GOOD,
            "tools/b/taskrunner.toml": GOOD,
        }
    )
    monkeypatch.chdir(root / "tools/b")
    assert cli("run", "build") == (
        2,
        "",
        (
            f"error: {root}/tools/b has a taskrunner.toml, but is no package of the workspace in"
            f' {root}\nhint: add "tools/b" to `[workspace] packages`, or give it a [workspace]'
            " of its own\n"
        ),
    )


def test_a_directory_that_is_gone(
    make_workspace: MakeWorkspace, monkeypatch: pytest.MonkeyPatch, cli: Cli
) -> None:
    root = make_workspace({"taskrunner.toml": GOOD, "gone/x": ""})
    monkeypatch.chdir(root / "gone")
    (root / "gone/x").unlink()
    (root / "gone").rmdir()
    result = cli("run", "build")
    assert (result.code, result.err) == (
        2,
        "error: the current directory does not exist any more\n",
    )


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


@pytest.mark.parametrize("number", ["0", "-1", "x", "1.5", ""])
def test_bad_concurrency(number: str, make_workspace: MakeWorkspace, cli: Cli) -> None:
    make_workspace({"taskrunner.toml": GOOD})
    result = cli("run", f"--concurrency={number}", "build")
    assert result.code == 2
    assert (
        f"Invalid value for '--concurrency': `{number}` is not a number of steps to run at once;"
        " give 1 or more" in result.plain()
    )


def test_bad_concurrency_from_the_environment(
    make_workspace: MakeWorkspace, cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_workspace({"taskrunner.toml": GOOD})
    monkeypatch.setenv("TASKRUNNER_CONCURRENCY", "many")
    result = cli("run", "build")
    assert result.code == 2
    assert "`many` is not a number of steps to run at once" in result.plain()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("run",), "Missing argument"),
        (("run", "--cache", "--force", "build"), "--cache and --force can't be used together"),
        (("run", "--nope", "build"), "No such option"),
        (("nope",), "No such command 'nope'"),
        (("run", "--log", "loud", "build"), "'loud' is not one of"),
        (("run", "build,,lint"), "`build,,lint` has an empty name"),
    ],
)
def test_usage_errors(
    arguments: tuple[str, ...],
    message: str,
    make_workspace: MakeWorkspace,
    cli: Cli,
    engines: Engines,
) -> None:
    make_workspace({"taskrunner.toml": GOOD})
    result = cli(*arguments)
    assert message in result.plain()
    assert (result.code, engines) == (2, [])
