"""`explain`: what would happen, why, and why it did; never touching the workspace."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from ..metamorphic.case import Task
from ..metamorphic.runner import RUN_DEADLINE, command
from .space import Space

FILES = {"in.txt": "in\n", "lib/a": "a\n"}
GEN = Task("gen", "cat in.txt > mid.txt; ls lib >> mid.txt", keys={"env": ["MODE"]})
USE = Task("use", "cat mid.txt > out.txt", ("gen",))


@pytest.fixture
def space(tmp_path: Path) -> Space:
    return Space.make(tmp_path, FILES, (GEN, USE))


def explain(space: Space, *words: str, **env: str) -> str:
    done = subprocess.run(
        [*command(), "explain", *words],
        cwd=space.root,
        env=space.place.environment(space.conditions) | env,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=RUN_DEADLINE,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, b"")
    return done.stdout.decode()


def steps(space: Space, *words: str, **env: str) -> list[dict[str, Any]]:
    document = json.loads(explain(space, "--json", *words, **env))
    assert document["version"] == 1
    found: list[dict[str, Any]] = document["steps"]
    return found


def test_before_the_first_run(space: Space) -> None:
    gen, use = steps(space, "use")
    assert (gen["status"], gen["reason"]["kind"], gen["results"]) == ("miss", "never-run", 0)
    assert (use["status"], use["reason"]["message"]) == (
        "unknown",
        "workspace#gen has to run first",
    )


def test_a_hit_then_an_edit_then_its_undo(space: Space) -> None:
    space.run("use")
    assert explain(space, "use").endswith("  would be a hit\n")
    (space.root / "in.txt").write_text("edited\n")
    (space.root / "lib/b").write_text("b\n")
    before = space.tree()
    gen, _ = steps(space, "use")
    assert (gen["status"], gen["results"]) == ("miss", 1)
    found = {(it["look"], it["kind"], it["path"]) for it in gen["differences"]}
    assert found == {
        ("content", "input-changed", "in.txt"),
        ("listing", "listing-changed", "lib"),
    }
    assert all(it["old"] != it["new"] for it in gen["differences"])
    assert space.tree() == before
    (space.root / "in.txt").write_text("in\n")
    (space.root / "lib/b").unlink()
    assert [step["status"] for step in steps(space, "use")] == ["hit", "hit"]


def test_the_nearest_of_several_results(space: Space) -> None:
    space.run("use")
    (space.root / "in.txt").write_text("second\n")
    (space.root / "lib/b").write_text("b\n")
    space.run("use")
    (space.root / "in.txt").write_text("third\n")
    gen, _ = steps(space, "use")
    assert gen["results"] == 2
    assert [it["path"] for it in gen["differences"]] == ["in.txt"]


def test_all_names_the_whole_path_set(space: Space) -> None:
    space.run("use")
    gen, _ = steps(space, "--all", "use")
    paths = {(it["look"], it["path"]) for it in gen["inputs"]}
    assert {("content", "in.txt"), ("listing", "lib")} <= paths
    assert all(it["kind"] is None for it in gen["inputs"])
    assert "  it depends on " in explain(space, "--all", "gen")


def test_a_variable_is_named_and_its_value_is_not(space: Space) -> None:
    space.run("gen")
    (gen,) = steps(space, "gen", MODE="a-secret")
    assert gen["reason"]["kind"] == "env-added"
    assert [it["name"] for it in gen["differences"]] == ["env MODE"]
    assert "a-secret" not in json.dumps(gen)


def test_last_says_why_a_run_that_is_over_missed(space: Space) -> None:
    space.run("use")
    (space.root / "in.txt").write_text("edited\n")
    space.run("use")
    assert [step["status"] for step in steps(space, "use")] == ["hit", "hit"]
    gen, use = steps(space, "--last", "use")
    assert [it["path"] for it in gen["differences"]] == ["in.txt"]
    assert [it["path"] for it in use["differences"]] == ["mid.txt"]
    space.run("use")  # nothing missed: there is nothing newer to tell
    assert "was a miss: input changed: in.txt" in explain(space, "--last", "gen")


def test_last_before_anything_missed(space: Space) -> None:
    assert (
        explain(space, "--last", "use") == "when something last missed, none of these tasks did\n"
    )


def test_why_the_last_result_was_not_stored(tmp_path: Path) -> None:
    space = Space.make(tmp_path, FILES, (Task("grow", "echo more >> in.txt"),))
    space.run("grow")
    (grow,) = steps(space, "grow")
    assert grow["reason"]["kind"] == "not-stored"
    assert "in.txt" in grow["reason"]["message"]


def test_programs_are_told_by_where_they_are_found(space: Space) -> None:
    space.run("use")
    gen, _ = steps(space, "--all", "use")
    found = {it["name"]: it["new"] for it in gen["inputs"] if it["look"] == "lookup"}
    assert all(Path(where).name == name for name, where in found.items())
    assert found
