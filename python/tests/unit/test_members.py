"""Which directory is the root, and which are packages, by every tool's idea of a workspace."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from taskrunner.errors import ConfigError, WorkspaceError
from taskrunner.workspace import Workspace, discover

if TYPE_CHECKING:
    from ..conftest import MakeWorkspace

NPM = {f"pkgs/{name}/package.json": f'{{"name": "{name}"}}' for name in ("a", "b")}
PYTHON = {f"py/{name}/pyproject.toml": f'[project]\nname = "{name}"\n' for name in ("c", "d")}
CARGO = {f"rs/{name}/Cargo.toml": f'[package]\nname = "{name}"\n' for name in ("e", "f")}
EVERYTHING = {**NPM, **PYTHON, **CARGO, "pkgs/none/readme": "", "pkgs/py/pyproject.toml": ""}


def found(make: MakeWorkspace, files: dict[str, str], below: str = "") -> Workspace:
    return discover(str(make(files) / below).rstrip("/"))


def paths(workspace: Workspace) -> list[str]:
    return [package.path for package in workspace.packages]


WORKSPACES = {
    "npm": ({"package.json": '{"workspaces": ["pkgs/*"]}'}, ["pkgs/a", "pkgs/b"]),
    "npm with a table": (
        {"package.json": '{"workspaces": {"packages": ["pkgs/a"], "nohoist": []}}'},
        ["pkgs/a"],
    ),
    "npm with exceptions": (
        {"package.json": '{"workspaces": ["pkgs/*", "!pkgs/b"]}'},
        ["pkgs/a"],
    ),
    "npm by name": ({"package.json": '{"workspaces": ["./pkgs/a/"]}'}, ["pkgs/a"]),
    "pnpm": ({"pnpm-workspace.yaml": "packages:\n  - 'pkgs/*'\n"}, ["pkgs/a", "pkgs/b"]),
    "pnpm everywhere": (
        {"pnpm-workspace.yaml": "packages:\n  - '**'\n  - '!**/b'\n"},
        ["pkgs/a"],
    ),
    "pnpm without packages": ({"pnpm-workspace.yaml": "onlyBuiltDependencies: [x]\n"}, []),
    "uv": (
        {"pyproject.toml": '[tool.uv.workspace]\nmembers = ["py/*"]\nexclude = ["py/d"]\n'},
        ["py/c"],
    ),
    "cargo": ({"Cargo.toml": '[workspace]\nmembers = ["rs/*"]\n'}, ["rs/e", "rs/f"]),
    "cargo with exceptions": (
        {"Cargo.toml": '[workspace]\nmembers = ["rs/*"]\nexclude = ["rs/e"]\n'},
        ["rs/f"],
    ),
    "cargo by path": (
        {
            "Cargo.toml": '[workspace]\n[package]\nname = "x"\n'
            '[dependencies]\ne = { path = "rs/e" }\n'
        },
        ["rs/e"],
    ),
    "ours": (
        {"taskrunner.toml": '[workspace]\npackages = ["pkgs/*", "rs/e", "!**/b"]\n'},
        ["pkgs/a", "pkgs/py", "rs/e"],
    ),
    "several": (
        {
            "package.json": '{"workspaces": ["pkgs/*"]}',
            "pyproject.toml": '[tool.uv.workspace]\nmembers = ["py/c"]\n',
            "Cargo.toml": '[workspace]\nmembers = ["rs/f"]\n',
        },
        ["pkgs/a", "pkgs/b", "py/c", "rs/f"],
    ),
    "several, and ours": (
        {
            "taskrunner.toml": '[workspace]\npackages = ["pkgs/py", "!pkgs/b"]\n',
            "pnpm-workspace.yaml": "packages: ['pkgs/*']\n",
        },
        ["pkgs/a", "pkgs/py"],
    ),
    "one inside another": (
        {
            "package.json": '{"workspaces": ["pkgs/a"]}',
            "pkgs/a/Cargo.toml": '[workspace]\nmembers = ["../../rs/e", "in"]\n',
            "pkgs/a/in/Cargo.toml": "",
        },
        ["pkgs/a", "pkgs/a/in", "rs/e"],
    ),
}


@pytest.mark.parametrize("kind", WORKSPACES)
def test_packages(make_workspace: MakeWorkspace, kind: str) -> None:
    files, expected = WORKSPACES[kind]
    workspace = found(make_workspace, {**EVERYTHING, **files})
    assert paths(workspace) == ["", *expected]
    assert workspace.root.endswith("/ws")


def test_installed_and_hidden_packages_are_none(make_workspace: MakeWorkspace) -> None:
    files = {
        "package.json": '{"workspaces": ["*", "**", "a/*"]}',
        "a/package.json": "{}",
        "a/target/package.json": "{}",
        "node_modules/x/package.json": "{}",
        "a/node_modules/x/package.json": "{}",
        "node_modules/package.json": "{}",
        ".hidden/package.json": "{}",
    }
    assert paths(found(make_workspace, files)) == ["", "a", "a/target"]


ROOTS = {
    "a package alone": ({"package.json": "{}", "src/x": ""}, "src", ""),
    "a crate alone": ({"a/Cargo.toml": "", "a/src/x": ""}, "a/src", "a"),
    "a member": ({"package.json": '{"workspaces": ["a"]}', "a/package.json": "{}"}, "a", ""),
    "no member": ({"package.json": '{"workspaces": ["a"]}', "b/package.json": "{}"}, "b", ""),
    "a configuration beside a workspace": (
        {
            "package.json": '{"workspaces": ["a"]}',
            "taskrunner.toml": '[tasks.x]\ncommand = "x"\n',
            "a/taskrunner.toml": "",
            "a/package.json": "{}",
        },
        "a",
        "",
    ),
    "the nearest of ours": (
        {
            "taskrunner.toml": "[workspace]\n",
            "a/taskrunner.toml": "[workspace]\n",
            "a/b/package.json": '{"workspaces": []}',
        },
        "a/b",
        "a",
    ),
    "the outermost that claims the inner": (
        {
            "package.json": '{"workspaces": ["js"]}',
            "js/package.json": '{"workspaces": ["a"]}',
            "js/a/package.json": "{}",
        },
        "js/a",
        "",
    ),
    "the inner that nobody claims": (
        {
            "package.json": '{"workspaces": ["a"]}',
            "rs/Cargo.toml": '[workspace]\nmembers = ["x"]\n',
            "rs/x/Cargo.toml": "",
        },
        "rs/x",
        "rs",
    ),
    "a configuration that nobody claims": (
        {
            "Cargo.toml": '[workspace]\nmembers = ["a"]\n',
            "tools/taskrunner.toml": "",
            "tools/sub/package.json": "{}",
        },
        "tools/sub",
        "tools",
    ),
    "a configuration that is a member": (
        {
            "package.json": '{"workspaces": ["a"]}',
            "a/taskrunner.toml": "",
            "a/package.json": "{}",
        },
        "a",
        "",
    ),
    "not beyond the repository": (
        {
            "package.json": '{"workspaces": ["repo"]}',
            "repo/.git/HEAD": "",
            "repo/package.json": '{"workspaces": ["a"]}',
            "repo/a/package.json": "{}",
        },
        "repo/a",
        "repo",
    ),
    "ours beyond the repository": (
        {
            "taskrunner.toml": '[workspace]\npackages = ["repo"]\n',
            "repo/.git/HEAD": "",
            "repo/package.json": "{}",
        },
        "repo",
        "",
    ),
    "the configuration before a manifest": (
        {"taskrunner.toml": '[tasks.x]\ncommand = "x"\n', "a/package.json": "{}"},
        "a",
        "",
    ),
}


@pytest.mark.parametrize("kind", ROOTS)
def test_roots(make_workspace: MakeWorkspace, kind: str) -> None:
    files, below, expected = ROOTS[kind]
    workspace = found(make_workspace, files, below)
    assert workspace.root.rpartition("/ws")[2].removeprefix("/") == expected


def test_packages_without_a_name_are_told_apart_by_their_paths(
    make_workspace: MakeWorkspace,
) -> None:
    files = {
        "taskrunner.toml": '[workspace]\npackages = ["*/*"]\n',
        "apps/web/taskrunner.toml": "",
        "libs/web/taskrunner.toml": "",
        "libs/ui/taskrunner.toml": "",
        "libs/core/taskrunner.toml": "",
        "apps/x/package.json": '{"name": "core"}',
    }
    names = [package.name for package in found(make_workspace, files).packages]
    assert names == ["ws", "apps/web", "core", "libs/core", "ui", "libs/web"]


BROKEN = "[tasks.x]\ncomand = 'x'\n"


def test_a_broken_configuration_is_kept_for_whoever_needs_it(make_workspace: MakeWorkspace) -> None:
    files = {
        "taskrunner.toml": '[workspace]\npackages = ["*"]\n[task-defaults.y]\ninput = ["../z"]\n',
        "a/taskrunner.toml": BROKEN,
        "b/taskrunner.toml": '[tasks.x]\ncommand = "x"\n',
        "c/taskrunner.toml": "[tasks.x]\ncwd = '../..'\ncommand = 'x'\n",
        "d/taskrunner.toml": "not TOML",
        "e/taskrunner.toml": "[workspace]\n",
        "f/pyproject.toml": "[project]\nname = 'f'\n[tool.taskrunner]\nx = 1\n",
    }
    workspace = found(make_workspace, files)
    assert [task.label for task in workspace.tasks] == ["b#x"]
    assert {workspace.packages[n].path: str(e) for n, e in workspace.broken.items()} == {
        "a": "a/taskrunner.toml:2: unknown key `comand` in `[tasks.x]`",
        "c": "c/taskrunner.toml:2: `cwd` leads out of the workspace: ../..",
        "d": "d/taskrunner.toml:1: not valid TOML: expected '=' after a key in a key/value pair",
        "e": "e/taskrunner.toml:1: `[workspace]` belongs into the workspace's own taskrunner.toml",
        "f": "f/pyproject.toml:4: unknown key `x` in `[tool.taskrunner]`",
    }


def test_a_broken_configuration_at_the_root_is_an_error(make_workspace: MakeWorkspace) -> None:
    files = {"taskrunner.toml": "[workspace]\nx = 1\n", "a/taskrunner.toml": ""}
    with pytest.raises(ConfigError, match="unknown key `x`"):
        found(make_workspace, files, "a")


@pytest.mark.parametrize(
    ("file", "text", "message"),
    [
        ("a/package.json", "{", "a/package.json:1: not valid JSON"),
        ("a/package.json", "[]", "a/package.json: must be an object"),
        ("a/package.json", '{"workspaces": "x"}', "`workspaces` must be an array of patterns"),
        ("a/pyproject.toml", "x", "a/pyproject.toml:1: not valid TOML"),
        ("a/Cargo.toml", "x", "a/Cargo.toml:1: not valid TOML"),
        ("pnpm-workspace.yaml", "packages: 1", "`packages` must be a list of patterns"),
        ("pnpm-workspace.yaml", "packages:\n- *a", "pnpm-workspace.yaml:2: not understood: `*a`"),
    ],
)
def test_a_manifest_that_can_not_be_read_is_an_error(
    make_workspace: MakeWorkspace, file: str, text: str, message: str
) -> None:
    with pytest.raises(ConfigError) as caught:
        found(
            make_workspace,
            {"taskrunner.toml": '[workspace]\npackages = ["a"]\n', file: text, "a/x/y": ""}
            | ({} if file[0] == "a" else {"a/package.json": "{}"}),
        )
    assert message in str(caught.value)


def test_a_configuration_that_is_no_member(make_workspace: MakeWorkspace) -> None:
    files = {
        "taskrunner.toml": "",
        "package.json": '{"workspaces": ["a"]}',
        "a/x/taskrunner.toml": "",
        "a/package.json": "{}",
    }
    with pytest.raises(WorkspaceError, match="is no package of the workspace"):
        found(make_workspace, files, "a/x")
