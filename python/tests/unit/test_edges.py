"""Every way in which a manifest names another package of the workspace."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from taskrunner.workspace import Workspace, discover

if TYPE_CHECKING:
    from ..conftest import MakeWorkspace

ALL = '[workspace]\npackages = ["*"]\n'
B = {
    "b/package.json": '{"name": "b", "version": "1.2.0"}',
    "b/pyproject.toml": '[project]\nname = "b.py"\nversion = "1.2.0"\n',
    "b/Cargo.toml": '[package]\nname = "b-rs"\nversion = "1.2.0"\n',
}


def found(make: MakeWorkspace, files: dict[str, str]) -> Workspace:
    return discover(str(make(files)))


def needs(workspace: Workspace) -> dict[str, dict[str, tuple[str, ...]]]:
    """For each package that needs any, what it needs and why, by path."""
    paths = [package.path for package in workspace.packages]
    return {
        paths[number]: {paths[need.package]: need.kinds for need in each}
        for number, each in enumerate(workspace.needs)
        if each
    }


def npm(field: str, spec: str) -> tuple[str, str]:
    return "a/package.json", f'{{"name": "a", "{field}": {{"b": "{spec}"}}}}'


def python(text: str) -> tuple[str, str]:
    return "a/pyproject.toml", f'[project]\nname = "a"\n{text}'


def cargo(text: str) -> tuple[str, str]:
    return "a/Cargo.toml", f'[package]\nname = "a"\n{text}'


UV = '[tool.uv.sources]\n"b.py" = '
EDGES = {
    "workspace": (npm("dependencies", "workspace:*"), "dependencies"),
    "workspace, any version": (npm("dependencies", "workspace:^9"), "dependencies"),
    "workspace, with a path": (npm("dependencies", "workspace:../b"), "dependencies"),
    "an alias": (("a/package.json", '{"dependencies": {"z": "workspace:b@*"}}'), "dependencies"),
    "semver": (npm("dependencies", "^1.0.0"), "dependencies"),
    "any": (npm("dependencies", "*"), "dependencies"),
    "nothing": (npm("dependencies", ""), "dependencies"),
    "file": (npm("dependencies", "file:../b"), "dependencies"),
    "link": (npm("dependencies", "link:../b"), "dependencies"),
    "portal": (npm("dependencies", "portal:../b"), "dependencies"),
    "a bare path": (npm("dependencies", "../b"), "dependencies"),
    "npm dev": (npm("devDependencies", "workspace:*"), "dev-dependencies"),
    "npm optional": (npm("optionalDependencies", "1.x"), "optional-dependencies"),
    "npm peer": (npm("peerDependencies", ">=1"), "peer-dependencies"),
    "uv workspace": (
        python(f'dependencies = ["B_Py>=1"]\n{UV}{{ workspace = true }}\n'),
        "dependencies",
    ),
    "uv path": (
        python(f'dependencies = ["b.py"]\n{UV}{{ path = "../b", editable = true }}\n'),
        "dependencies",
    ),
    "uv choices": (
        python(f'dependencies = ["b.py[x]"]\n{UV}[{{ path = "../b", extra = "x" }}]\n'),
        "dependencies",
    ),
    "uv group": (
        python(f'[dependency-groups]\ndev = ["b.py"]\n{UV}{{ workspace = true }}\n'),
        "dev-dependencies",
    ),
    "uv dev": (
        python(f'[tool.uv]\ndev-dependencies = ["b.py"]\n{UV}{{ workspace = true }}\n'),
        "dev-dependencies",
    ),
    "uv extra": (
        python(
            f"[project.optional-dependencies]\nx = [\"b.py ; python_version > '3'\"]\n"
            f"{UV}{{ workspace = true }}\n"
        ),
        "optional-dependencies",
    ),
    "uv build": (
        python(f'[build-system]\nrequires = ["b.py"]\n{UV}{{ workspace = true }}\n'),
        "build-dependencies",
    ),
    "a direct reference": (python('dependencies = ["b.py @ file:../b"]\n'), "dependencies"),
    "poetry": (
        python('[tool.poetry.dependencies]\n"b.py" = { path = "../b", develop = true }\n'),
        "dependencies",
    ),
    "poetry group": (
        python('[tool.poetry.group.test.dependencies]\n"b.py" = { path = "../b" }\n'),
        "dev-dependencies",
    ),
    "cargo path": (cargo('[dependencies]\nb-rs = { path = "../b" }\n'), "dependencies"),
    "cargo dev": (cargo('[dev-dependencies]\nb-rs = { path = "../b" }\n'), "dev-dependencies"),
    "cargo build": (cargo('[build-dependencies]\nb-rs.path = "../b"\n'), "build-dependencies"),
    "cargo optional": (
        cargo('[dependencies]\nb-rs = { path = "../b", optional = true }\n'),
        "optional-dependencies",
    ),
    "cargo target": (
        cargo("[target.'cfg(unix)'.dependencies]\nb-rs = { path = '../b' }\n"),
        "dependencies",
    ),
}


@pytest.mark.parametrize("kind", EDGES)
def test_edges(make_workspace: MakeWorkspace, kind: str) -> None:
    (file, text), expected = EDGES[kind]
    workspace = found(make_workspace, {"taskrunner.toml": ALL, **B, file: text})
    assert needs(workspace) == {"a": {"b": (expected,)}}


NONE = {
    "another version": npm("dependencies", "^2.0.0"),
    "a tag": npm("dependencies", "latest"),
    "another package": npm("dependencies", "npm:c@1"),
    "git": npm("dependencies", "github:acme/b"),
    "a repository": npm("dependencies", "acme/b"),
    "an address": npm("dependencies", "https://example.org/b.tgz"),
    "an archive": npm("dependencies", "file:../b-1.0.tgz"),
    "no string": ("a/package.json", '{"dependencies": {"b": 1}}'),
    "a name of npm's in Python": python(
        'dependencies = ["b"]\n[tool.uv.sources]\nb = { workspace = true }\n'
    ),
    "no source": python('dependencies = ["b.py"]\n'),
    "a source that nothing asks for": python(f"{UV}{{ workspace = true }}\n"),
    "a source elsewhere": python(f'dependencies = ["b.py"]\n{UV}{{ git = "https://x" }}\n'),
    "a crate from the registry": cargo('[dependencies]\nb-rs = "1"\n'),
    "itself": ("a/package.json", '{"name": "a", "dependencies": {"a": "workspace:*"}}'),
}


@pytest.mark.parametrize("kind", NONE)
def test_no_edges(make_workspace: MakeWorkspace, kind: str) -> None:
    file, text = NONE[kind]
    assert needs(found(make_workspace, {"taskrunner.toml": ALL, **B, file: text})) == {}


def test_all_kinds_of_one_edge(make_workspace: MakeWorkspace) -> None:
    files = {
        "taskrunner.toml": ALL,
        **B,
        "a/package.json": '{"peerDependencies": {"b": "*"},'
        ' "devDependencies": {"b": "workspace:*"}}',
    }
    kinds = ("dev-dependencies", "peer-dependencies")
    assert needs(found(make_workspace, files)) == {"a": {"b": kinds}}


SHARED = {
    "uv sources of the root": (
        {
            "pyproject.toml": '[tool.uv.workspace]\nmembers = ["a", "b"]\n'
            '[tool.uv.sources]\n"b.py" = { workspace = true }\n'
        },
        python('dependencies = ["b.py"]\n'),
    ),
    "a path among them": (
        {
            "pyproject.toml": '[tool.uv.workspace]\nmembers = ["a", "b"]\n'
            '[tool.uv.sources]\n"b.py" = { path = "b" }\n'
        },
        python('dependencies = ["b.py"]\n'),
    ),
    "dependencies of a Cargo workspace": (
        {
            "Cargo.toml": '[workspace]\nmembers = ["a", "b"]\n'
            '[workspace.dependencies]\nb-rs = { path = "b" }\n'
        },
        cargo("[dependencies]\nb-rs = { workspace = true }\n"),
    ),
    "a patch": (
        {
            "Cargo.toml": '[workspace]\nmembers = ["a", "b"]\n'
            '[patch.crates-io]\nb-rs = { path = "b" }\n'
        },
        cargo('[dependencies]\nb-rs = "1"\n'),
    ),
    "a patched dependency of a Cargo workspace": (
        {
            "Cargo.toml": '[workspace]\nmembers = ["a", "b"]\n'
            '[workspace.dependencies]\nb-rs = "1"\n[patch.crates-io]\nb-rs = { path = "b" }\n'
        },
        cargo("[dependencies]\nb-rs.workspace = true\n"),
    ),
    "pnpm's catalog": (
        {"pnpm-workspace.yaml": "packages: [a, b]\ncatalog:\n  b: ^1.0.0\n"},
        npm("dependencies", "catalog:"),
    ),
    "a catalog with a name": (
        {"pnpm-workspace.yaml": "packages: [a, b]\ncatalogs:\n  x:\n    b: ^1.0.0\n"},
        npm("dependencies", "catalog:x"),
    ),
    "bun's catalog": (
        {"package.json": '{"workspaces": {"packages": ["a", "b"], "catalog": {"b": "1"}}}'},
        npm("dependencies", "catalog:"),
    ),
}


@pytest.mark.parametrize("kind", SHARED)
def test_what_the_root_says_for_all(make_workspace: MakeWorkspace, kind: str) -> None:
    root, (file, text) = SHARED[kind]
    assert needs(found(make_workspace, {**root, **B, file: text})) == {
        "a": {"b": ("dependencies",)}
    }


def test_a_member_of_its_own_mind(make_workspace: MakeWorkspace) -> None:
    files = {
        "pyproject.toml": '[tool.uv.workspace]\nmembers = ["a", "b"]\n'
        '[tool.uv.sources]\n"b.py" = { workspace = true }\n',
        **B,
        "a/pyproject.toml": python(f'dependencies = ["b.py"]\n{UV}{{ index = "x" }}\n')[1],
    }
    assert needs(found(make_workspace, files)) == {}
