"""Which tasks a query means: names, scopes, what changed."""

from __future__ import annotations

import shutil
import subprocess
from typing import TYPE_CHECKING

import pytest

from taskrunner import graph
from taskrunner.errors import SelectionError, TaskrunnerError
from taskrunner.query import Query
from taskrunner.select import Selection, select
from taskrunner.workspace import discover

if TYPE_CHECKING:
    from pathlib import Path

    from ..conftest import MakeWorkspace

FILES = {
    "taskrunner.toml": '[workspace]\npackages = ["*"]\n[task-defaults.hidden]\ninternal = true\n',
    "a/package.json": '{"name": "@acme/a", "scripts": {"build": "x", "hidden": "x"},'
    ' "dependencies": {"b": "*"}}',
    "b/package.json": '{"name": "b", "scripts": {"build": "x", "hidden": "x"}}',
    "c/package.json": '{"name": "@acme/c", "scripts": {"lint": "x"}}',
    "d/package.json": '{"name": "@acme/twice"}',
    "e/package.json": '{"name": "@other/twice"}',
}


def chosen(root: Path, query: Query, here: str = "", *, outer: bool = True) -> Selection:
    return select(graph.build(discover(str(root))), query, here, outer=outer)


def labels(root: Path, query: Query, here: str = "", *, outer: bool = True) -> list[str]:
    tasks = discover(str(root)).tasks
    return [tasks[number].label for number in chosen(root, query, here, outer=outer).tasks]


@pytest.mark.parametrize(
    ("query", "here", "expected"),
    [
        (Query("build"), "a", ["@acme/a#build"]),
        (Query("build"), "a/src", ["@acme/a#build"]),
        (Query("build"), "b", ["b#build"]),
        (Query("@acme/a#build,b#build"), "", ["@acme/a#build", "b#build"]),
        (Query("a#build"), "", ["@acme/a#build"]),
        (Query("build", recursive=True), "", ["@acme/a#build", "b#build"]),
        (Query("build", transitive=True), "a", ["@acme/a#build", "b#build"]),
        (Query("build", transitive=True), "b", ["b#build"]),
        (Query("a#build", transitive=True), "c", ["@acme/a#build", "b#build"]),
        (Query("build", filters=(".",)), "a", ["@acme/a#build"]),
        (Query("build,lint", filters=("a", "c")), "", ["@acme/a#build", "@acme/c#lint"]),
    ],
)
def test_names_and_scopes(
    make_workspace: MakeWorkspace, query: Query, here: str, expected: list[str]
) -> None:
    assert labels(make_workspace(FILES), query, here) == expected


def test_internal_tasks_are_only_reached_from_inside(make_workspace: MakeWorkspace) -> None:
    root = make_workspace(FILES)
    with pytest.raises(SelectionError, match="`b#hidden` is internal"):
        labels(root, Query("b#hidden"))
    with pytest.raises(SelectionError, match="no package has a task `hidden`"):
        labels(root, Query("hidden", recursive=True))
    assert labels(root, Query("b#hidden"), outer=False) == ["b#hidden"]
    assert labels(root, Query("hidden", recursive=True), outer=False) == [
        "@acme/a#hidden",
        "b#hidden",
    ]


@pytest.mark.parametrize(
    ("query", "message"),
    [
        (Query("twice#build"), "no package `twice`"),
        (Query("nope#build"), "no package `nope`"),
        (Query("build", recursive=True, filters=("a",)), "--recursive and --filter can't be used"),
        (Query("build", transitive=True, affected=""), "--transitive and --affected can't be used"),
        (Query("build", root=True, recursive=True), "--recursive and --workspace-root can't be"),
        (Query("b#build", filters=("a",)), "`b#build` names a package"),
        (Query("build", filters=("{",)), "`{` is not a filter"),
        (Query("build", filters=("../x",)), "`../x` leads out of the workspace"),
        (Query("build,", recursive=True), "`build,` has an empty name"),
    ],
)
def test_what_can_not_be_meant(make_workspace: MakeWorkspace, query: Query, message: str) -> None:
    with pytest.raises(TaskrunnerError) as caught:
        labels(make_workspace(FILES), query)
    assert message in str(caught.value)


# Changes

needs_git = pytest.mark.skipif(shutil.which("git") is None, reason="needs git")


def git(root: Path, *words: str) -> str:
    identity = ("-c", "user.name=me", "-c", "user.email=me@example.org")
    settings = ("-c", "init.defaultBranch=main", "-c", "commit.gpgsign=false")
    done = subprocess.run(
        ["git", *identity, *settings, *words],
        cwd=root,
        capture_output=True,
        text=True,
        check=True,
        timeout=20,
    )
    return done.stdout.strip()


@pytest.fixture
def repository(make_workspace: MakeWorkspace) -> Path:
    root = make_workspace({**FILES, "b/old.txt": "", ".gitignore": "out\n"})
    git(root, "init", "-q")
    git(root, "add", "-A")
    git(root, "commit", "-qm", "one")
    return root


def changed(root: Path, query: Query) -> list[str]:
    return [label.partition("#")[0] for label in labels(root, query)]


@needs_git
def test_packages_with_changes_since_a_commit(repository: Path) -> None:
    root, since = repository, Query("build", filters=("[HEAD]",))
    assert chosen(root, since).warnings == ("no package matches the filter `[HEAD]`",)
    (root / "a/out").write_text("ignored by git")
    assert chosen(root, since).tasks == ()
    (root / "b/old.txt").unlink()
    assert changed(root, since) == ["b"]
    assert changed(root, Query("build", filters=("...[HEAD]",))) == ["@acme/a", "b"]
    git(root, "commit", "-qam", "two")
    assert chosen(root, since).tasks == ()
    assert changed(root, Query("build", filters=("[HEAD~1]",))) == ["b"]
    (root / "a/new file").write_text("")
    assert changed(root, since) == ["@acme/a"]


@needs_git
def test_affected_is_what_changed_on_this_branch_and_what_needs_it(repository: Path) -> None:
    root = repository
    git(root, "switch", "-qc", "topic")
    (root / "b/new.txt").write_text("")
    git(root, "add", "-A")
    git(root, "commit", "-qm", "on the branch")
    git(root, "switch", "-q", "main")
    (root / "a/main.txt").write_text("")
    git(root, "add", "-A")
    git(root, "commit", "-qm", "meanwhile")
    git(root, "switch", "-q", "topic")
    assert changed(root, Query("build", affected="")) == ["@acme/a", "b"]
    assert changed(root, Query("build", affected="main", filters=("b",))) == ["b"]
    assert changed(root, Query("build", affected="", filters=("[main]",))) == ["@acme/a", "b"]
    nothing = chosen(root, Query("build", affected="HEAD"))
    assert (nothing.tasks, nothing.warnings) == ((), ("no package is affected",))
    with pytest.raises(SelectionError, match="no package is affected"):
        chosen(root, Query("build", affected="HEAD", fail_if_no_match=True))


@needs_git
def test_a_file_beside_all_packages_belongs_to_the_root(repository: Path) -> None:
    (repository / "tsconfig.json").write_text("")
    (repository / "docs").mkdir()
    (repository / "docs/x").write_text("")
    found = discover(str(repository))
    with pytest.raises(SelectionError, match="none of the selected packages has a task `build`"):
        select(graph.build(found), Query("build", filters=("[HEAD]",)), "")


@needs_git
def test_what_git_does_not_know(repository: Path) -> None:
    with pytest.raises(SelectionError, match="git knows no commit `nope`") as caught:
        chosen(repository, Query("build", filters=("[nope]",)))
    assert "shallow" in (caught.value.hint or "")
    with pytest.raises(SelectionError, match="git knows no commit `--help`"):
        chosen(repository, Query("build", affected="--help"))
    git(repository, "switch", "-q", "--orphan", "other")
    git(repository, "commit", "-q", "--allow-empty", "-m", "alone")
    git(repository, "checkout", "-q", "main", "--", ".")
    with pytest.raises(SelectionError, match="have no commit in common"):
        chosen(repository, Query("build", affected="main"))
    git(repository, "branch", "-qm", "main", "elsewhere")
    with pytest.raises(SelectionError, match="no branch to compare with"):
        chosen(repository, Query("build", affected=""))


@needs_git
def test_without_a_repository(make_workspace: MakeWorkspace) -> None:
    with pytest.raises(SelectionError, match="git doesn't know what changed: not a git repository"):
        chosen(make_workspace(FILES), Query("build", affected="main"))


def test_without_git(make_workspace: MakeWorkspace, monkeypatch: pytest.MonkeyPatch) -> None:
    root = make_workspace(FILES)
    monkeypatch.setenv("PATH", str(root))
    with pytest.raises(SelectionError, match="there is no git here"):
        chosen(root, Query("build", affected="main"))
