"""Paths that tools ignore and track, through the whole run: what counts, what is restored."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from ..e2e.space import Space
from ..metamorphic.case import Task
from .tool import PREAMBLE, WAYS, Tool

if TYPE_CHECKING:
    from pathlib import Path

COPY = "open('out.txt', 'w').write(open('in.txt').read())\n"
IN = {"in.txt": "one"}


@pytest.mark.parametrize("way", WAYS)
def test_an_ignored_input_makes_no_miss(tmp_path: Path, way: str) -> None:
    code = "ignore_input('noise'); open('noise/x').read(); import os; os.listdir('noise')\n"
    tool = Tool.of(tmp_path, code + COPY, way, files={**IN, "noise/x": "1"})
    assert tool.build() == "no earlier run"
    assert tool.hints()["ignoredInputs"] == ["noise"]
    tool.put("noise/x", "2")
    tool.put("noise/y", "new")
    assert tool.build() == "hit"
    tool.put("in.txt", "two")
    assert tool.build() == "input changed: in.txt"


def test_without_the_wish_it_does(tmp_path: Path) -> None:
    tool = Tool.of(tmp_path, "open('noise/x').read()\n" + COPY, files={**IN, "noise/x": "1"})
    tool.build()
    tool.put("noise/x", "2")
    assert tool.build() == "input changed: noise/x"


@pytest.mark.parametrize("way", WAYS)
def test_an_ignored_output_is_not_restored_and_not_removed(tmp_path: Path, way: str) -> None:
    code = "ignore_output('log.txt'); open('log.txt', 'a').write('+')\n"
    tool = Tool.of(tmp_path, code + COPY, way, files=IN)
    assert tool.build() == "no earlier run"
    assert tool.build() == "hit"
    assert tool.read("log.txt") == "+"
    tool.remove("log.txt", "out.txt")
    assert tool.build() == "hit"
    assert tool.read("out.txt") == "one"
    assert not (tool.root / "log.txt").exists()
    tool.put("log.txt", "somebody's")
    tool.put("in.txt", "two")
    assert tool.build() == "input changed: in.txt"
    assert tool.read("log.txt") == "somebody's+"
    assert tool.build() == "hit"
    tool.put("in.txt", "one")
    assert tool.build() == "hit"
    assert tool.read("log.txt") == "somebody's+"


CACHE = """
import os
ignore_input('cache'); ignore_output('cache')
os.makedirs('cache', exist_ok=True)
source = open('in.txt').read()
known = f'cache/{source}'
if not os.path.exists(known): open(known, 'w').write(source.upper())
open('cache/log', 'a').write('+')
open('out.txt', 'w').write(open(known).read())
open('names.txt', 'w').write(' '.join(n for n in sorted(os.listdir('.')) if n[0] != '.'))
"""


@pytest.mark.parametrize("way", WAYS)
def test_a_cache_of_the_tools_own_is_nobodys_business(tmp_path: Path, way: str) -> None:
    tool = Tool.of(tmp_path, CACHE, way, files=IN)
    assert tool.build() == "no earlier run"
    assert tool.build() == "hit", "the new name in the listing is ignored too"
    tool.put("cache/one", "EDITED")
    assert tool.build() == "hit"
    tool.remove("cache/one", "cache/log", "out.txt")
    assert tool.build() == "hit"
    assert tool.read("out.txt") == "ONE"
    assert not (tool.root / "cache/one").exists()
    tool.put("in.txt", "two")
    assert tool.build() == "input changed: in.txt"
    assert tool.build() == "hit"
    tool.put("in.txt", "one")
    assert tool.build() == "hit"
    assert (tool.root / "cache/two").exists()


def test_what_is_declared_is_never_ignored(tmp_path: Path) -> None:
    code = "ignore_input('x'); ignore_output('y'); open('x').read(); open('y', 'w').write('y')\n"
    keys = {"input": ["x", "in.txt"], "output": ["y", "out.txt"]}
    tool = Tool.of(tmp_path, code + COPY, files={**IN, "x": "1"}, keys=keys)
    assert tool.build() == "no earlier run"
    tool.remove("y")
    assert tool.build() == "hit"
    assert tool.read("y") == "y"
    tool.put("x", "2")
    assert tool.build().startswith("files matching a pattern changed")


@pytest.mark.parametrize("way", WAYS)
def test_a_tracked_input_counts_unseen_and_with_all_beneath(tmp_path: Path, way: str) -> None:
    code = "track_input('data'); track_input('absent')\n" + COPY
    tool = Tool.of(tmp_path, code, way, files={**IN, "data/a/b": "1"})
    assert tool.build() == "no earlier run"
    assert tool.build() == "hit"
    tool.put("data/a/b", "2")
    assert "data" in tool.build()
    assert tool.build() == "hit"
    tool.put("data/c", "new")
    assert "data" in tool.build()
    tool.remove("data/c")
    assert tool.build() == "hit"
    tool.put("absent", "there")
    assert "absent" in tool.build()
    tool.put("data/a/b", "1")
    tool.remove("absent")
    assert tool.build() == "hit"


def test_what_it_leaves_beneath_a_tracked_input_is_none(tmp_path: Path) -> None:
    code = "track_input('data'); open('data/made', 'w').write('x')\n"
    tool = Tool.of(tmp_path, code + COPY, files={**IN, "data/a": "1"})
    assert tool.build() == "no earlier run"
    assert tool.build() == "hit"
    tool.remove("data/made")
    assert tool.build() == "hit"
    assert tool.read("data/made") == "x"


def test_tracking_beats_ignoring_and_configuration_beats_both(tmp_path: Path) -> None:
    code = "ignore_input('data'); track_input('data/a'); track_input('docs')\n" + COPY
    files = {**IN, "data/a": "1", "data/b": "1", "docs/x": "1"}
    tool = Tool.of(tmp_path, code, files=files)
    task = tool.read("taskrunner.toml")
    tool.put("taskrunner.toml", f'{task}input = [{{ auto = true }}, "!docs/**"]\n')
    assert tool.build() == "no earlier run"
    tool.put("data/b", "2")
    tool.put("docs/x", "2")
    assert tool.build() == "hit"
    tool.put("data/a", "2")
    assert "data/a" in tool.build()


def test_a_tracked_input_that_a_step_before_left(tmp_path: Path) -> None:
    tasks = [
        Task("gen", "mkdir -p gen && cp src.txt gen/made.txt"),
        Task("build", WAYS["channel"], depends_on=("gen",)),
    ]
    files = {**IN, "src.txt": "1", "tool/tool.py": PREAMBLE + "track_input('gen')\n" + COPY}
    tool = Tool(Space.make(tmp_path, files, tasks).place)
    assert tool.build() == "no earlier run"
    assert tool.build() == "hit"
    tool.remove("gen/made.txt")
    assert tool.build() == "hit", "the hit before it is about to put that back"
    tool.put("src.txt", "2")
    assert "gen" in tool.build()


def test_a_tracked_input_that_somebody_changed_meanwhile(tmp_path: Path) -> None:
    code = "track_input('data'); ignore_input('gate')\n"
    code += "print('ready', flush=True); open('gate').read()\n"
    tool = Tool.of(tmp_path, code + COPY, files={**IN, "data/x": "1"})
    os.mkfifo(tool.root / "gate")
    with tool.started() as started:
        started.wait_for(b"ready")
        tool.put("data/x", "2")
        (tool.root / "gate").write_text("go on")
        run = started.finish()
    skip = run.one("build").skip
    assert skip is not None, run.told()
    assert (skip.kind, skip.path) == ("input-modified", "data/x")


@pytest.mark.parametrize("way", WAYS)
def test_a_tracked_output_is_one_where_others_are_not(tmp_path: Path, way: str) -> None:
    code = "import os; os.makedirs('more/a'); open('more/a/b', 'w').write('b')\n"
    code += "track_output('more'); open('temp.txt', 'w').write('t')\n"
    tool = Tool.of(tmp_path, code + COPY, way, files=IN, keys={"output": ["out.txt"]})
    assert tool.build() == "no earlier run"
    tool.remove("more/a/b", "out.txt", "temp.txt")
    assert tool.build() == "hit"
    assert tool.read("more/a/b") == "b"
    assert tool.read("out.txt") == "one"
    assert not (tool.root / "temp.txt").exists()


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(
    ("code", "kind"),
    [
        ("track_value('rev', 'abc')", "tracked-value"),
        ("track_value('rev', 'a'); track_value('rev', 'b')", "conflicting-values"),
        ("track_input('/etc/hostname')", "tracked-outside"),
        ("track_output('../beside')", "tracked-outside"),
    ],
)
def test_what_cant_be_honoured_is_not_cached(
    tmp_path: Path, code: str, kind: str, way: str
) -> None:
    tool = Tool.of(tmp_path, code, way)
    assert tool.build() == f"not cached: {kind}"
    assert tool.build() == f"not cached: {kind}"


def test_links_and_dots_lead_to_what_they_name(tmp_path: Path) -> None:
    code = "import os; os.chdir('sub')\nignore_input('../link'); ignore_input('../../away')\n"
    code += "open('../link/x').read(); os.chdir('..')\n" + COPY
    tool = Tool.of(tmp_path, code, files={**IN, "real/x": "1", "sub/keep": ""})
    (tool.root / "link").symlink_to("real")
    assert tool.build() == "no earlier run"
    assert tool.hints() == {"ignoredInputs": ["link", "real"], "badInput": {"outside": 1}}
    tool.put("real/x", "2")
    assert tool.build() == "hit"
