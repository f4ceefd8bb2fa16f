"""The harness can fail: it passes the honest double and catches each broken promise."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from . import doubles
from .case import Case, Conditions, Task, change
from .doubles import HonestRunner, Paths
from .edits import Chmod, Delete, Put, Rename, SameSize, SetEnv, Touch, Write
from .harness import BrokenError, Harness
from .runner import Reason
from .tree import Dir, File, Link

if TYPE_CHECKING:
    from pathlib import Path

# Reads a listing, a mode, a variable and an absent file; leaves files, modes, links, an empty
# directory and output on both streams. `use` reads what `build` left.
COMMAND = (
    "mkdir -p dist/empty; rm -f dist/*.out dist/link; "
    "for f in src/*; do cat $f > dist/${f##*/}.out; done; "
    "cat local.conf 2>/dev/null > dist/conf.out; echo $MODE > dist/mode.out; "
    "test -x src/a.txt; echo $? > dist/bit.out; chmod 600 dist/bit.out; ln -s mode.out dist/link; "
    "echo built; echo careful >&2"
)

CASE = Case(
    "double",
    {"src/a.txt": "aaa\n", "src/b.txt": "bbb\n", "unrelated.txt": "x\n"},
    (
        Task("build", COMMAND, keys={"env": ["MODE"]}),
        Task("use", "cat dist/a.txt.out > used", depends_on=("build",)),
    ),
    (
        change(SameSize("src/b.txt", b"b", b"c"), "build", names="src/b.txt"),
        change(Write("src/a.txt"), "build", "use", names="src/a.txt"),
        change(Write("src/c.txt"), "build", names="src/c.txt"),
        change(Delete("src/b.txt"), "build", names="src/b.txt"),
        change(Rename("src/b.txt", "src/d.txt"), "build"),
        change(Chmod("src/a.txt", 0o755), "build", names="src/a.txt"),
        change(Write("local.conf"), "build", names="local.conf"),
        change(SetEnv("MODE", "fast"), "build", names="MODE"),
        change(Touch("src/a.txt")),
        change(Write("unrelated.txt")),
    ),
    conditions=Conditions({"MODE": "slow"}),
    stranger_in="dist",
)

PATHS = {
    "build": Paths(("src", "local.conf"), ("dist",)),
    "use": Paths(("dist/a.txt.out",), ("used",)),
}

CAUGHT = [
    (doubles.NeverHits, "second run: ran"),
    (doubles.AlwaysHits, "after SameSize"),
    (doubles.KeepsOneEntry, "undone: SameSize"),
    (doubles.TrustsTimes, "after SameSize"),
    (doubles.IgnoresModes, "after Chmod"),
    (doubles.IgnoresAbsence, "local.conf"),
    (doubles.IgnoresEnvironment, "after SetEnv"),
    (doubles.NeverRestores, "is missing (a file)"),
    (doubles.RestoresWrongModes, "has mode 0644, should have 0600"),
    (doubles.ForgetsEmptyDirectories, "is missing (a directory)"),
    (doubles.FollowsLinks, "is a file, should be a link"),
    (doubles.LeavesStaleOutputs, "is there, and should not be"),
    (doubles.RemovesStrangers, "the user's file beside the outputs is gone"),
    (doubles.RestoresOnlyWhatIsMissing, "edited by hand"),
    (doubles.PrintsNothingOnHit, "stdout is not what the command prints"),
    (doubles.SwapsStreams, "stdout is not what the command prints"),
    (doubles.NamesTheWrongPath, "no miss names src/b.txt"),
    (doubles.DropsAFile, "'runner.log': is there"),
]


def test_passes_the_honest_runner(tmp_path: Path) -> None:
    Harness(CASE, HonestRunner(CASE, PATHS), tmp_path).check()


@pytest.mark.parametrize(
    ("runner", "complaint"), CAUGHT, ids=[runner.__name__ for runner, _ in CAUGHT]
)
def test_catches(runner: type[HonestRunner], complaint: str, tmp_path: Path) -> None:
    with pytest.raises(BrokenError) as caught:
        Harness(CASE, runner(CASE, PATHS), tmp_path).check()
    assert complaint in str(caught.value).partition("exit code")[0]


KINDS = Case(
    "kinds",
    {"src/a.txt": "a\n", "src/to": Link("a.txt")},
    (Task("build", "ls -F src > list; cat src/to >> list 2>/dev/null; true"),),
    (
        change(Put("src/to", File(b"b\n")), "build", names="src/to"),
        change(Put("src/to", Link("b.txt")), "build", names="src/to"),
        change(Put("src/a.txt", Dir()), "build", names="src/a.txt"),
        change(Put("src/a.txt", Dir(0o700)), "build", names="src/a.txt"),
    ),
)


def test_undo_puts_links_and_files_back(tmp_path: Path) -> None:
    paths = {"build": Paths(("src",), ("list",))}
    Harness(KINDS, HonestRunner(KINDS, paths), tmp_path).check()


def test_an_edit_that_does_not_fit_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("x", encoding="utf-8")
    with pytest.raises(ValueError, match="does not fit 'a'"):
        SameSize("a", b"y", b"z").apply(tmp_path)


def test_a_failure_must_not_be_cached(tmp_path: Path) -> None:
    case = Case(
        "failing",
        {"ok": ""},
        (Task("build", "test -e ok && echo fine"),),
        (change(Delete("ok"), "build", names="ok"),),
    )
    paths = {"build": Paths(("ok",), ())}
    Harness(case, HonestRunner(case, paths), tmp_path / "honest").check()
    faulty = doubles.StoresFailures(case, paths)
    with pytest.raises(BrokenError, match="a failed run was taken for a result"):
        Harness(case, faulty, tmp_path / "faulty").check()


def test_an_allowance_is_for_one_reason(tmp_path: Path) -> None:
    files, paths = {"a.txt": "a\n"}, {"build": Paths(("a.txt",), ("out.txt",))}

    def check(name: str, uncached: str | None) -> None:
        edit = change(Write("a.txt"), "build", uncached=uncached)
        case = Case(name, files, (Task("build", "cat a.txt > out.txt"),), (edit,))
        Harness(case, doubles.StoresOnlyRepeated(case, paths), tmp_path / name).check()

    check("allowed", "built-on-itself")
    with pytest.raises(BrokenError, match="build was not stored"):
        check("not allowed", None)
    with pytest.raises(BrokenError, match="should be for input-modified"):
        check("another reason", "input-modified")


def test_a_reason_names_bytes_that_are_no_text() -> None:
    reason = Reason.read({"kind": "input-changed", "path": "src/bad\\xff.txt", "detail": None})
    assert reason is not None
    assert reason.mentions("src/bad\udcff.txt")
    assert not reason.mentions("src/bad\udcfe.txt")
