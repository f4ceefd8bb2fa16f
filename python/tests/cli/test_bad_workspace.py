"""Packages and manifests that don't fit together, and places where there is no workspace."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from .bad_input import GOOD, MEMBERS, Cases, check

if TYPE_CHECKING:
    from ..conftest import MakeWorkspace
    from .conftest import Cli, Engines


CASES: Cases = {
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
}


@pytest.mark.parametrize("case", CASES)
def test_bad_input(case: str, make_workspace: MakeWorkspace, cli: Cli, engines: Engines) -> None:
    check(CASES[case], make_workspace, cli, engines)


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
