"""Tasks that don't exist, can't be named so, or wait for each other."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from .bad_input import GOOD, MEMBERS, Cases, check

if TYPE_CHECKING:
    from ..conftest import MakeWorkspace
    from .conftest import Cli, Engines


CASES: Cases = {
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
    check(CASES[case], make_workspace, cli, engines)


def test_unknown_package(make_workspace: MakeWorkspace, cli: Cli, engines: Engines) -> None:
    make_workspace({"taskrunner.toml": MEMBERS, "libs/ui/taskrunner.toml": GOOD})
    assert cli("run", "uii#build") == (
        2,
        "",
        "error: no package `uii`\nhint: did you mean `ui`?\n",
    )
