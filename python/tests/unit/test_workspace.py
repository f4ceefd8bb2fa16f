"""Which packages a workspace has, and which of them need which."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from taskrunner import graph
from taskrunner.errors import ConfigError
from taskrunner.model import PathRules
from taskrunner.workspace import Workspace, discover

if TYPE_CHECKING:
    from ..conftest import MakeWorkspace

TASK = '[tasks.build]\ncommand = "make"\n'


def found(make: MakeWorkspace, files: dict[str, str], below: str = "") -> Workspace:
    return discover(str(make(files) / below))


def names(workspace: Workspace) -> dict[str, str]:
    return {package.path: package.name for package in workspace.packages}


def test_a_single_package(make_workspace: MakeWorkspace) -> None:
    workspace = found(make_workspace, {"taskrunner.toml": TASK, "src/x": ""}, "src")
    assert names(workspace) == {"": "ws"}
    assert workspace.root.endswith("/ws")


def test_configuration_in_pyproject(make_workspace: MakeWorkspace) -> None:
    text = '[project]\nname = "thing"\n[tool.taskrunner.tasks.build]\ncommand = "make"\n'
    workspace = found(make_workspace, {"pyproject.toml": text})
    assert [task.label for task in workspace.tasks] == ["thing#build"]


def test_a_pyproject_without_a_table_is_no_configuration(make_workspace: MakeWorkspace) -> None:
    files = {
        "taskrunner.toml": '[workspace]\npackages = ["a"]\n',
        "a/pyproject.toml": '[project]\nname = "uses-taskrunner"\n',
    }
    workspace = found(make_workspace, files, "a")
    assert names(workspace) == {"": "ws", "a": "uses-taskrunner"}
    assert workspace.current.path == "a"


PATTERNS = [
    (["libs/*"], ["libs/a", "libs/b"]),
    (["libs/a", "apps/web"], ["apps/web", "libs/a"]),
    (["**"], ["apps/web", "apps/web/inner", "libs/a", "libs/b"]),
    (["apps/**"], ["apps/web", "apps/web/inner"]),
    (["*/*", "!libs/b"], ["apps/web", "libs/a"]),
    (["libs/[ab]"], ["libs/a", "libs/b"]),
    (["libs/?", "!**/a"], ["libs/b"]),
    (["./libs/a/"], ["libs/a"]),
    (["{apps/web,libs/{a,b}}"], ["apps/web", "libs/a", "libs/b"]),
]


@pytest.mark.parametrize(("patterns", "expected"), PATTERNS)
def test_patterns(make_workspace: MakeWorkspace, patterns: list[str], expected: list[str]) -> None:
    files = dict.fromkeys(
        [
            "libs/a/taskrunner.toml",
            "libs/b/taskrunner.toml",
            "libs/empty/readme",
            "apps/web/taskrunner.toml",
            "apps/web/inner/taskrunner.toml",
            "node_modules/x/taskrunner.toml",
            ".hidden/y/taskrunner.toml",
        ],
        "",
    )
    files["taskrunner.toml"] = f"[workspace]\npackages = {patterns}\n"
    assert sorted(set(names(found(make_workspace, files))) - {""}) == expected


def test_all_names_of_a_package_are_known(make_workspace: MakeWorkspace) -> None:
    files = {
        "taskrunner.toml": '[workspace]\npackages = ["a"]\n',
        "a/taskrunner.toml": TASK,
        "a/package.json": '{"name": "@scope/a"}',
        "a/Cargo.toml": '[package]\nname = "a-rs"\n',
    }
    tasks = graph.build(found(make_workspace, files))
    assert {name for name, _ in tasks.by_name} == {"@scope/a", "a-rs"}


def test_edges_see_through_packages_without_the_task(make_workspace: MakeWorkspace) -> None:
    files = {
        "taskrunner.toml": '[workspace]\npackages = ["*"]\n',
        "a/taskrunner.toml": TASK + 'depends-on = ["^build"]\n',
        "a/package.json": '{"dependencies": {"b": "workspace:*"}}',
        "b/package.json": '{"name": "b", "dependencies": {"c": "workspace:*", "a": "workspace:*"}}',
        "c/taskrunner.toml": TASK,
        "c/package.json": '{"name": "c"}',
    }
    tasks = graph.build(found(make_workspace, files))
    assert tasks.depends == ((1,), ())


def test_defaults_fill_what_a_task_leaves_out(make_workspace: MakeWorkspace) -> None:
    files = {
        "taskrunner.toml": '[workspace]\npackages = ["a"]\n[task-defaults.build]\n'
        'command = "make"\ncache = false\nenv = ["A"]\noutput = ["out/"]\n',
        "a/taskrunner.toml": "[tasks.build]\ncache = true\n",
    }
    (task,) = found(make_workspace, files).tasks
    assert (task.commands, task.cache, task.env) == (("make",), True, ("A",))
    assert task.output == PathRules(auto=False, include=("a/out/**",))


RULES = [
    ("[]", PathRules(auto=False)),
    ("[{ auto = true }]", PathRules()),
    ('["src/**"]', PathRules(auto=False, include=("libs/a\\[1\\]/src/**",))),
    ('[{ auto = true }, "!docs/"]', PathRules(exclude=("libs/a\\[1\\]/docs/**",))),
    ('["../shared/*.c"]', PathRules(auto=False, include=("libs/shared/*.c",))),
    (
        '[{ pattern = "tsconfig.json", base = "workspace" }]',
        PathRules(auto=False, include=("tsconfig.json",)),
    ),
    ('["./x/./y"]', PathRules(auto=False, include=("libs/a\\[1\\]/x/y",))),
]


@pytest.mark.parametrize(("text", "rules"), RULES)
def test_rules_are_relative_to_the_workspace(
    make_workspace: MakeWorkspace, text: str, rules: PathRules
) -> None:
    files = {
        "taskrunner.toml": '[workspace]\npackages = ["libs/*"]\n',
        "libs/a[1]/taskrunner.toml": TASK + f"input = {text}\n",
    }
    (task,) = found(make_workspace, files).tasks
    assert task.input == rules


def test_going_up_after_a_wildcard_is_refused(make_workspace: MakeWorkspace) -> None:
    with pytest.raises(ConfigError, match=r"`\.\.` after a wildcard"):
        found(make_workspace, {"taskrunner.toml": TASK + "input = ['*/../x']\n"})


def test_cycles_of_packages_are_no_error(make_workspace: MakeWorkspace) -> None:
    files = {
        "taskrunner.toml": '[workspace]\npackages = ["*"]\n',
        "a/package.json": '{"name": "a", "dependencies": {"b": "workspace:*"}}',
        "b/package.json": '{"name": "b", "dependencies": {"a": "workspace:*"}}',
    }
    edge = ("dependencies",)
    assert found(make_workspace, files).needs == ((), ((2, edge),), ((1, edge),))


SETTINGS = [
    ("timeout = 90", "timeout", 90.0),
    ("timeout = 0.5", "timeout", 0.5),
    ('timeout = "5m"', "timeout", 300.0),
    ('timeout = "250ms"', "timeout", 0.25),
    ("retries = 2", "retries", 2),
    ("weight = 4", "weight", 4),
    ('lock = "db"', "lock", ("db",)),
    ('lock = ["db", "port", "db"]', "lock", ("db", "port")),
    ("interactive = true", "interactive", True),
    ("internal = true", "internal", True),
    ("trace = false", "trace", False),
    ('noise = [".x", "!.mypy_cache"]', "noise", (".x", "!.mypy_cache")),
    ('shell = "bash"', "shell", ("bash", "-c")),
    ('shell = ["bash", "-eu", "-c"]', "shell", ("bash", "-eu", "-c")),
]


@pytest.mark.parametrize(("line", "field", "value"), SETTINGS)
def test_settings_of_a_task(
    make_workspace: MakeWorkspace, line: str, field: str, value: object
) -> None:
    (task,) = found(make_workspace, {"taskrunner.toml": TASK + line + "\n"}).tasks
    assert getattr(task, field) == value


def test_settings_that_are_left_out(make_workspace: MakeWorkspace) -> None:
    (task,) = found(make_workspace, {"taskrunner.toml": TASK}).tasks
    settings = (task.timeout, task.retries, task.weight, task.lock, task.shell, task.noise)
    assert settings == (None, 0, 1, (), None, ())
    assert (task.interactive, task.internal, task.trace) == (False, False, True)


def test_env_files_are_relative_to_the_package(make_workspace: MakeWorkspace) -> None:
    line = 'env-file = [".env", { path = "../.env", required = false }]\n'
    files = {"taskrunner.toml": '[workspace]\npackages = ["a"]\n', "a/taskrunner.toml": TASK + line}
    (task,) = found(make_workspace, files).tasks
    assert [(file.path, file.required) for file in task.env_files] == [
        ("a/.env", True),
        (".env", False),
    ]


def test_dependencies_of_one_kind(make_workspace: MakeWorkspace) -> None:
    dependency = '{ task = "build", from = "dev-dependencies" }'
    files = {
        "taskrunner.toml": '[workspace]\npackages = ["*"]\n',
        "a/taskrunner.toml": TASK + f"depends-on = [{dependency}]\n",
        "a/package.json": '{"devDependencies": {"b": "workspace:*", "bare": "workspace:*"},'
        ' "dependencies": {"c": "workspace:*"}}',
        "b/taskrunner.toml": TASK,
        "b/package.json": '{"name": "b"}',
        "bare/package.json": '{"name": "bare", "dependencies": {"c": "workspace:*"}}',
        "c/taskrunner.toml": TASK,
        "c/package.json": '{"name": "c"}',
    }
    tasks = graph.build(found(make_workspace, files))
    assert tasks.depends == ((1,), (), ())
