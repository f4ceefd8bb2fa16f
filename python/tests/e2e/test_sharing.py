"""Several runners, several workspaces, one cache."""

from __future__ import annotations

import shutil
from contextlib import ExitStack
from typing import TYPE_CHECKING

from ..metamorphic.case import Task
from ..metamorphic.tree import differences, remove
from .space import Space
from .test_live import GATED, held

if TYPE_CHECKING:
    from pathlib import Path

FILES = {"src/a.txt": "a\n", "src/b.txt": "b\n"}
TASKS = [
    Task("gen", "mkdir -p out/empty; cp -r src/. out/copy; ln -sfn copy out/link; echo generated"),
    Task("build", "cat out/link/* > all.txt; chmod 600 all.txt", depends_on=("gen",)),
]


def test_two_workspaces_share_a_copied_cache(tmp_path: Path) -> None:
    first = Space.make(tmp_path / "first", FILES, TASKS)
    stored = first.run()
    second = Space.make(tmp_path / "elsewhere" / "second", FILES, TASKS)
    sources = second.tree()
    shutil.copytree(first.cache, second.cache)
    run = second.run()
    assert run.ran() == frozenset(), run.told()
    assert differences(first.tree(), second.tree()) == []
    assert b"generated\n" in stored.stdout
    assert b"generated\n" in run.stdout
    assert differences(sources, {k: v for k, v in second.tree().items() if k in sources}) == []


def test_two_workspaces_share_a_cache_directory(tmp_path: Path) -> None:
    env = {"TASKRUNNER_CACHE_DIR": str(tmp_path / "shared")}
    first = Space.make(tmp_path / "first", FILES, TASKS)
    assert first.run(env=env).code == 0
    assert not (first.cache / "archives").exists()
    second = Space.make(tmp_path / "elsewhere" / "second", FILES, TASKS)
    run = second.run(env=env)
    assert run.ran() == frozenset(), run.told()
    assert differences(first.tree(), second.tree()) == []


def test_a_shared_cache_brings_no_ownership(tmp_path: Path) -> None:
    """Files that are equal to another workspace's outputs are the user's own here."""
    env = {"TASKRUNNER_CACHE_DIR": str(tmp_path / "shared")}
    line = "cat a.txt > out.txt; if test -e extra; then mkdir -p more; cat a.txt > more/x; fi"
    tasks = [Task("build", line)]
    first = Space.make(tmp_path / "first", {"a.txt": "a\n", "extra": ""}, tasks)
    first.run(env=env)
    remove(first.root / "extra")
    first.run(env=env)
    assert not (first.root / "more/x").exists()
    second = Space.make(tmp_path / "second", {"a.txt": "a\n", "more/x": "a\n"}, tasks)
    run = second.run(env=env)
    assert run.ran() == frozenset(), run.told()
    assert (second.root / "more/x").read_text(encoding="utf-8") == "a\n", run.told()


def test_an_output_that_names_the_root_is_not_shared(tmp_path: Path) -> None:
    env = {"TASKRUNNER_CACHE_DIR": str(tmp_path / "shared")}
    tasks = [Task("build", "pwd -P > where.txt; cat a.txt > out.txt")]
    first = Space.make(tmp_path / "first", {"a.txt": "a\n"}, tasks)
    first.run(env=env)
    second = Space.make(tmp_path / "second", {"a.txt": "a\n"}, tasks)
    run = second.run(env=env)
    assert run.ran() == {"build"}, run.told()
    assert (second.root / "where.txt").read_text(encoding="utf-8") == f"{second.root}\n"
    assert first.run(env=env).ran() == frozenset()
    assert (first.root / "where.txt").read_text(encoding="utf-8") == f"{first.root}\n"
    assert second.run(env=env).ran() == frozenset()


def test_a_log_that_names_the_root_names_the_own_one(tmp_path: Path) -> None:
    env = {"TASKRUNNER_CACHE_DIR": str(tmp_path / "shared")}
    tasks = [Task("build", 'echo "in $PWD/src"; cat a.txt > out.txt')]
    first = Space.make(tmp_path / "first", {"a.txt": "a\n"}, tasks)
    assert f"in {first.root}/src\n".encode() in first.run(env=env).stdout
    second = Space.make(tmp_path / "second", {"a.txt": "a\n"}, tasks)
    run = second.run(env=env)
    assert f"in {second.root}/src\n".encode() in run.stdout, run.told()


def test_a_moved_workspace_is_whole(tmp_path: Path) -> None:
    first = Space.make(tmp_path / "before", FILES, TASKS)
    first.run()
    tree = first.tree()
    (tmp_path / "before").rename(tmp_path / "after")
    moved = Space(type(first.place).make(tmp_path / "after"))
    run = moved.run()
    assert run.code == 0
    assert run.ran() == frozenset(), run.told()
    assert differences(tree, moved.tree()) == []


def test_two_runners_at_once_run_a_step_once(tmp_path: Path) -> None:
    space = Space.make(tmp_path, {"a.txt": "a\n", "gate": ""}, [Task("build", GATED)])
    with space.started(name="first") as first, ExitStack() as later:
        with held(space.root / "gate"):
            first.wait_for(b"ready\n")
            second = later.enter_context(space.started(name="second"))
        runs = [first.finish(), second.finish()]
    assert [run.code for run in runs] == [0, 0], [run.told() for run in runs]
    assert sorted(len(run.ran()) for run in runs) == [0, 1], [run.told() for run in runs]
    assert space.run().ran() == frozenset()


def test_two_runners_at_once_on_many_steps(tmp_path: Path) -> None:
    names = [f"step{n}" for n in range(12)]
    lines = {name: f"mkdir -p out; sort src/* > out/{name}; echo {name}" for name in names}
    tasks = [Task(name, line) for name, line in lines.items()]
    tasks.append(Task("build", "cat out/* > all.txt", depends_on=tuple(names)))
    space = Space.make(tmp_path, FILES, tasks)
    with space.started(name="first") as first, space.started(name="second") as second:
        runs = [first.finish(), second.finish()]
    assert [run.code for run in runs] == [0, 0], [run.told() for run in runs]
    assert (space.root / "all.txt").read_text(encoding="utf-8") == "a\nb\n" * len(names)
    assert space.run().code == 0
    assert space.run().ran() == frozenset()
