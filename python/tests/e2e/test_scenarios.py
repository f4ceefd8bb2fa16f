"""Scenarios that simpler rules get wrong: files of the user, results built on others, clones."""

from __future__ import annotations

import os
import shutil
import subprocess
from typing import TYPE_CHECKING

import pytest

from ..metamorphic.case import Conditions, Task
from ..metamorphic.cases_tools import INCREMENTAL_PY as KEEPING_PY
from ..metamorphic.reference import run_plain
from ..metamorphic.tree import Source, differences, remove
from ..metamorphic.workspace import Place, init_git
from .space import Space
from .test_live import held

if TYPE_CHECKING:
    from pathlib import Path

# As tsc --incremental: keeps digests of what it has done, and does again only what changed.
INCREMENTAL_PY = """\
import hashlib, json, pathlib
state = pathlib.Path("state.json")
old = json.loads(state.read_text()) if state.exists() else {}
new = {}
pathlib.Path("out").mkdir(exist_ok=True)
for path in sorted(pathlib.Path("src").iterdir()):
    new[path.name] = hashlib.sha256(path.read_bytes()).hexdigest()
    if old.get(path.name) != new[path.name]:
        (pathlib.Path("out") / path.name).write_text(path.read_text().upper())
state.write_text(json.dumps(new))
"""
INCREMENTAL_FILES: Source = {"inc.py": INCREMENTAL_PY, "src/a": "a\n", "src/b": "b\n"}
INCREMENTAL = [Task("build", "python3 inc.py")]
WHOLE = {"out/a": "EDITED\n", "out/b": "B\n"}


def text(space: Space, name: str) -> str:
    return (space.root / name).read_text(encoding="utf-8")


def put(space: Space, name: str, data: str) -> None:
    path = space.root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(data, encoding="utf-8")


def clone(space: Space, base: Path, files: Source, tasks: list[Task]) -> Space:
    """A workspace with the sources alone, and a copy of the cache."""
    other = Space.make(base, files, tasks)
    shutil.copytree(space.cache, other.cache)
    return other


def expect_whole_in_a_clone(space: Space, base: Path) -> None:
    """Restored or built: in a clean clone, all of the result is there."""
    other = clone(space, base, {**INCREMENTAL_FILES, "src/a": "edited\n"}, INCREMENTAL)
    run = other.run()
    assert {name: text(other, name) for name in WHOLE} == WHOLE, run.told()


def test_a_first_run_on_state_made_by_hand(tmp_path: Path) -> None:
    space = Space.make(tmp_path / "here", INCREMENTAL_FILES, INCREMENTAL)
    run_plain(space.place, INCREMENTAL, space.conditions)
    put(space, "src/a", "edited\n")
    assert space.run().code == 0
    assert {name: text(space, name) for name in WHOLE} == WHOLE
    expect_whole_in_a_clone(space, tmp_path / "clone")


def test_outputs_deleted_but_not_the_state(tmp_path: Path) -> None:
    space = Space.make(tmp_path / "here", INCREMENTAL_FILES, INCREMENTAL)
    space.run()
    remove(space.root / "out")
    put(space, "src/a", "edited\n")
    space.run()
    expect_whole_in_a_clone(space, tmp_path / "clone")


def test_an_incremental_result_in_a_clean_clone(tmp_path: Path) -> None:
    space = Space.make(tmp_path / "here", INCREMENTAL_FILES, INCREMENTAL)
    space.run()
    put(space, "src/a", "edited\n")
    space.run()
    assert {name: text(space, name) for name in WHOLE} == WHOLE
    expect_whole_in_a_clone(space, tmp_path / "clone")


def test_a_result_that_keeps_what_is_right_in_a_clean_clone(tmp_path: Path) -> None:
    files: Source = {"tools/gen.py": KEEPING_PY, "schema.txt": "Cat Dog\n"}
    tasks = [Task("build", "python3 tools/gen.py")]
    space = Space.make(tmp_path / "here", files, tasks)
    space.run()
    put(space, "schema.txt", "Cat Dog Eel\n")
    for number in range(3):
        space.run()
        other = clone(
            space, tmp_path / f"clone-{number}", {**files, "schema.txt": "Cat Dog Eel\n"}, tasks
        )
        run = other.run()
        assert differences(space.tree(), other.tree()) == [], run.told()


def test_a_run_by_hand_between_two_runs(tmp_path: Path) -> None:
    space = Space.make(tmp_path / "here", INCREMENTAL_FILES, INCREMENTAL)
    space.run()
    put(space, "src/a", "edited\n")
    run_plain(space.place, INCREMENTAL, space.conditions)
    assert space.run().code == 0
    assert {name: text(space, name) for name in WHOLE} == WHOLE
    expect_whole_in_a_clone(space, tmp_path / "clone")


def test_a_lock_file_that_the_user_updated_is_not_put_back(tmp_path: Path) -> None:
    line = "test -e lock || echo 1 > lock; cat lock > out.txt"
    space = Space.make(tmp_path, {}, [Task("build", line)])
    space.run()
    assert space.run().ran() == frozenset()
    put(space, "lock", "2\n")
    run = space.run()
    assert run.ran() == {"build"}, run.told()
    assert (text(space, "lock"), text(space, "out.txt")) == ("2\n", "2\n")


def test_a_source_that_a_refused_run_changed_is_not_removed(tmp_path: Path) -> None:
    line = "for f in $(cat list); do sed -i s/a/b/ $f; done"
    files: Source = {"a.txt": "aaa\n", "b.txt": "aaa\n", "list": "a.txt\n"}
    space = Space.make(tmp_path, files, [Task("build", line)])
    for _ in range(3):
        space.run()
    put(space, "list", "b.txt\n")
    for _ in range(3):
        space.run()
    assert (text(space, "a.txt"), text(space, "b.txt")) == ("bbb\n", "bbb\n")


MAKEFILE = (
    "all.txt: a.o\n\tcat a.o > all.txt\na.o: a.txt\n\techo $(FLAGS) > a.o; cat a.txt >> a.o\n"
)


@pytest.mark.skipif(shutil.which("make") is None, reason="not on this machine: make")
def test_an_edited_makefile_in_a_clean_clone(tmp_path: Path) -> None:
    tasks = [Task("build", "make -s")]
    files: Source = {"a.txt": "a\n", "Makefile": f"FLAGS = old\n{MAKEFILE}"}
    edited: Source = {**files, "Makefile": f"FLAGS = new\n{MAKEFILE}"}
    space = Space.make(tmp_path / "here", files, tasks)
    space.run()
    put(space, "Makefile", f"FLAGS = new\n{MAKEFILE}")
    space.run()
    other = clone(space, tmp_path / "clone", edited, tasks)
    run = other.run()
    assert text(other, "all.txt") == "new\na\n", run.told()


@pytest.mark.skipif(shutil.which("make") is None, reason="not on this machine: make")
def test_a_source_put_back_under_its_old_time(tmp_path: Path) -> None:
    tasks = [Task("build", "make -s")]
    files: Source = {"a.txt": "first\n", "Makefile": f"FLAGS = x\n{MAKEFILE}"}
    space = Space.make(tmp_path / "here", files, tasks)
    source = space.root / "a.txt"
    shutil.copy2(source, space.root / "a.orig")
    put(space, "a.txt", "edited\n")
    space.run()
    (space.root / "a.orig").rename(source)
    space.run()  # make says that all is up to date
    other = clone(space, tmp_path / "clone", files, tasks)
    run = other.run()
    assert text(other, "all.txt") == "x\nfirst\n", run.told()


def test_a_clean_task_is_not_answered_from_a_tree_that_was_clean(tmp_path: Path) -> None:
    tasks = [Task("build", "mkdir -p dist; echo x > dist/x"), Task("clean", "rm -rf dist")]
    space = Space.make(tmp_path, {}, tasks)
    space.run("clean")
    space.run("build")
    run = space.run("clean")
    assert run.code == 0
    assert not (space.root / "dist").exists(), run.told()
    space.run("build")
    assert text(space, "dist/x") == "x\n"


def test_outputs_of_another_variable_value_stay(tmp_path: Path) -> None:
    line = "mkdir -p out; cat a.txt > out/$TARGET"
    space = Space.make(tmp_path, {"a.txt": "a\n"}, [Task("build", line, keys={"env": ["TARGET"]})])
    for target in ("linux", "windows", "linux"):
        Space(space.place, Conditions({"TARGET": target})).run()
    assert text(space, "out/windows") == "a\n"
    assert text(space, "out/linux") == "a\n"


def test_an_output_that_got_committed_is_not_removed(tmp_path: Path) -> None:
    line = "mkdir -p gen; for n in $(cat schema.txt); do echo $n > gen/$n.txt; done"
    files = {"schema.txt": "one two\n", ".gitignore": ".taskrunner/\n"}
    space = Space.make(tmp_path, files, [Task("build", line)])
    space.run()
    init_git(space.root)
    put(space, "schema.txt", "one\n")
    run = space.run()
    assert run.ran() == {"build"}
    assert text(space, "gen/two.txt") == "two\n", run.told()


def test_a_result_does_not_go_through_a_link_the_user_made(tmp_path: Path) -> None:
    space = Space.make(tmp_path, {"src/a": "a\n"}, [Task("build", "cp -r src/. dist")])
    space.run()
    remove(space.root / "dist")
    (space.root / "elsewhere").mkdir()
    put(space, "elsewhere/mine", "mine\n")
    (space.root / "dist").symlink_to("elsewhere")
    run = space.run()
    assert run.code == 0
    assert (space.root / "dist").is_symlink(), run.told()
    assert text(space, "elsewhere/mine") == "mine\n"
    assert text(space, "elsewhere/a") == "a\n"


def test_bytes_nobody_recorded_are_kept_when_a_hit_replaces_them(tmp_path: Path) -> None:
    space = Space.make(tmp_path, {"a.txt": "a\n"}, [Task("build", "cat a.txt > out.txt")])
    space.run()
    put(space, "out.txt", "written by hand for hours\n")
    run = space.run()
    assert text(space, "out.txt") == "a\n"
    if not run.ran():
        kept = [path for path in (space.root / ".taskrunner/replaced").rglob("*") if path.is_file()]
        contents = [path.read_text(encoding="utf-8") for path in kept]
        assert "written by hand for hours\n" in contents
        assert b"out.txt" in run.stderr, run.told()


def test_a_file_of_the_user_where_an_output_would_go(tmp_path: Path) -> None:
    line = "cat a.txt > out.txt; if test -e extra; then cat a.txt > mine.txt; fi"
    files = {"a.txt": "a\n", "extra": "", ".gitignore": ".taskrunner/\n"}
    space = Space.make(tmp_path, files, [Task("build", line)])
    space.run()
    remove(space.root / "extra")
    put(space, "mine.txt", "the user's own by now\n")
    run = space.run()
    assert run.code == 0
    assert text(space, "mine.txt") == "the user's own by now\n", run.told()


def test_a_source_edited_while_an_earlier_step_runs(tmp_path: Path) -> None:
    tasks = [
        Task("slow", "echo ready; flock gate true; echo slow > slow.txt"),
        Task("build", "cat slow.txt b.txt > out.txt", depends_on=("slow",)),
    ]
    space = Space.make(tmp_path, {"b.txt": "old\n", "gate": "", "a": ""}, tasks)
    with space.started() as run:
        with held(space.root / "gate"):
            run.wait_for(b"ready\n")
            put(space, "b.txt", "new\n")
        assert run.finish().code == 0
    assert text(space, "out.txt") == "slow\nnew\n"
    put(space, "b.txt", "old\n")
    assert space.run().code == 0
    assert text(space, "out.txt") == "slow\nold\n"
    put(space, "b.txt", "new\n")
    assert space.run().code == 0
    assert text(space, "out.txt") == "slow\nnew\n"


def test_a_later_step_that_rewrites_an_earlier_ones_output(tmp_path: Path) -> None:
    tasks = [
        Task("emit", "head -c 8388608 /dev/zero > big; echo one > file; cat a.txt >> file"),
        Task("build", "sed -i s/one/two/ file; head -c 9 big > big.head", depends_on=("emit",)),
    ]
    files: Source = {"a.txt": "a\n"}
    space = Space.make(tmp_path / "here", files, tasks)
    for _ in range(3):
        run = space.run()
        assert run.code == 0
        assert text(space, "file") == "two\na\n", run.told()
    other = clone(space, tmp_path / "clone", files, tasks)
    assert other.run().code == 0
    assert differences(space.tree(), other.tree()) == []


def test_a_variable_that_is_withheld(tmp_path: Path) -> None:
    space = Space.make(tmp_path, {}, [Task("build", 'echo "mode $MODE" > out.txt')])
    fast = Space(space.place, Conditions({"MODE": "fast"}))
    run = fast.run()
    skip = run.one("build").skip
    assert skip is not None, run.told()
    assert skip.kind == "withheld-variable", run.told()
    assert skip.mentions("MODE")
    assert space.run().one("build").skip is None, "it is not set now, so nothing is withheld"


def test_a_log_that_grows_is_not_a_result(tmp_path: Path) -> None:
    space = Space.make(tmp_path, {"a.txt": "a\n"}, [Task("build", "cat a.txt >> log.txt")])
    space.run()
    put(space, "a.txt", "b\n")
    run = space.run()
    assert text(space, "log.txt") == "a\nb\n"
    skip = run.one("build").skip
    assert skip is not None, run.told()
    assert skip.mentions("log.txt")


def test_git_add_is_seen_by_what_lists_the_index(tmp_path: Path) -> None:
    files = {"src/a": "a\n", ".gitignore": ".taskrunner/\nout.txt\n"}
    space = Space.make(tmp_path, files, [Task("build", "git ls-files src > out.txt")])
    init_git(space.root)
    space.run()
    assert space.run().ran() == frozenset()
    put(space, "src/b", "b\n")
    git(space.place, "add", "src/b")
    assert space.run().ran() == {"build"}
    assert text(space, "out.txt") == "src/a\nsrc/b\n"


def test_git_status_by_the_user_is_no_reason_to_run(tmp_path: Path) -> None:
    files = {"src/a": "a\n", ".gitignore": ".taskrunner/\nout.txt\n"}
    space = Space.make(tmp_path, files, [Task("build", "git ls-files src > out.txt")])
    init_git(space.root)
    space.run()
    os.utime(space.root / "src/a", (1, 1))
    index = (space.root / ".git/index").read_bytes()
    git(space.place, "status")  # refreshes the stat data in the index
    assert (space.root / ".git/index").read_bytes() != index
    run = space.run()
    assert run.ran() == frozenset(), run.told()


def test_git_status_within_a_step(tmp_path: Path) -> None:
    files = {"src/a": "a\n", ".gitignore": ".taskrunner/\nout.txt\n"}
    space = Space.make(tmp_path, files, [Task("build", "git status --short > out.txt")])
    init_git(space.root)
    os.utime(space.root / "src/a", (1, 1))  # so that it rewrites the index
    run = space.run()
    assert run.one("build").skip is None, run.told()
    assert space.run().ran() == frozenset()
    put(space, "src/a", "edited\n")
    assert space.run().ran() == {"build"}
    assert text(space, "out.txt") == " M src/a\n"


def test_unordered_tasks_that_share_a_file_are_told_so(tmp_path: Path) -> None:
    tasks = [
        Task("one", "cat a.txt > shared.txt"),
        Task("two", "cat a.txt a.txt > shared.txt"),
        Task("build", "true", depends_on=("one", "two")),
    ]
    run = Space.make(tmp_path, {"a.txt": "a\n"}, tasks).run()
    others = {"one": "workspace#two", "two": "workspace#one"}
    skips = {name: run.one(name).skip for name in others}
    # The second is told; the first too, if it was not yet stored, or was being stored.
    races = {name: skip for name, skip in skips.items() if skip is not None and skip.kind == "race"}
    assert races, run.told()
    for name, skip in races.items():
        assert skip.path == "shared.txt", run.told()
        assert skip.mentions(others[name])


def git(place: Place, *arguments: str) -> None:
    subprocess.run(
        ["git", *arguments],
        cwd=place.root,
        env=place.environment(Conditions()),
        capture_output=True,
        timeout=20,
        check=True,
    )


def test_no_file_is_coloured_that_a_plain_run_leaves_plain(tmp_path: Path) -> None:
    ask = "python3 -c 'import os; print(os.environ.get(\"FORCE_COLOR\"))' > out"
    space = Space.make(tmp_path, {}, [Task("build", ask)])
    space.run()
    assert text(space, "out") == "None\n"
    forced = {"FORCE_COLOR": "1"}
    assert space.run(env=forced).ran()
    assert text(space, "out") == "1\n"
    assert not space.run(env=forced).ran()
    assert not space.run().ran()
    assert text(space, "out") == "None\n"


def test_a_touched_file_that_the_user_wrote_into_stays(tmp_path: Path) -> None:
    space = Space.make(tmp_path, {}, [Task("build", "touch stamp")])
    for _ in range(2):
        space.run()
    assert not space.run().ran()
    put(space, "stamp", "the user's\n")
    assert space.run().ran()
    assert text(space, "stamp") == "the user's\n"


def test_what_was_built_by_hand_is_removed_and_the_next_run_is_stored(tmp_path: Path) -> None:
    command = "rm -rf dist; mkdir dist; cp src/a dist/"
    space = Space.make(tmp_path, {"src/a": "a\n"}, [Task("build", command)])
    put(space, "dist/old", "by hand\n")
    assert [outcome.skip is not None for outcome in space.run().outcomes] == [True]
    assert [outcome.skip for outcome in space.run().outcomes] == [None]
    assert not space.run().ran()
