"""Every rule of the cache is needed: left out, a scenario is not as a clean build any more.

Rules can be left out only of a build made for that: `make mutation` makes one, and runs this.
"""

from __future__ import annotations

import os
import socket
import tempfile
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from taskrunner import _native

from ..metamorphic.case import Conditions, Task
from ..metamorphic.surroundings import directory_outside
from ..metamorphic.workspace import Place, missing, write_workspace
from . import inside
from .mutants import MUTANTS, SAY
from .player import DifferenceError, Player

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from .mutants import Mutant

CAN = os.environ.get("TASKRUNNER_MUTATION") is not None
pytestmark = [
    pytest.mark.tools,
    pytest.mark.skipif(not CAN, reason="needs a build that can leave out rules: `make mutation`"),
]
DEADLINE = 20.0


@contextmanager
def without(*rules: str) -> Iterator[None]:
    """Leave out rules, for a while."""
    _native.switch_off(rules)
    try:
        yield
    finally:
        _native.switch_off([])


@pytest.mark.parametrize("rule", MUTANTS)
def test_a_scenario_needs_the_rule(rule: str, tmp_path: Path) -> None:
    mutant: Mutant = MUTANTS[rule]
    Player(mutant.scenario(), tmp_path / "with").play()
    with without(rule), pytest.raises(DifferenceError):
        Player(mutant.scenario(), tmp_path / "without").play()


class Bench:
    """A task in a workspace, after others if need be, run within this process."""

    def __init__(self, base: Path, command: str, *more: Task) -> None:
        self.place = Place.make(base)
        self.base = base
        self.conditions = Conditions()
        self.tasks = [*more, Task("all", command, tuple(task.name for task in more))]
        write_workspace(self.place.root, {"x": "word\n"}, self.tasks)

    def hits(self) -> bool:
        """Run it; whether all was a hit."""
        return not self.missed()

    def missed(self) -> list[str]:
        """Run it; the tasks that were no hits."""
        cache = str(self.base / "cache")
        done = inside.run(self.place, self.conditions, "all", cache)
        return [step.task for step in done.steps if step.status != "hit"]

    def move(self) -> None:
        """Go on in a copy of the sources elsewhere, which shares the cache."""
        self.place = Place(self.base / "elsewhere", self.place.home, self.place.temp)
        self.place.root.mkdir()
        write_workspace(self.place.root, {"x": "word\n"}, self.tasks)

    def again(self) -> bool:
        """Run it twice; whether the second time was a hit."""
        assert not self.hits()
        return self.hits()


def needs(rule: str, base: Path, command: str) -> None:
    """The task is a hit the second time only without the rule."""
    assert not Bench(base / "with", command).again()
    with without(rule):
        assert Bench(base / "without", command).again()


def test_wrote_outside(tmp_path: Path) -> None:
    with directory_outside() as outside:
        needs("wrote-outside", tmp_path, f"cat x > {outside}/y")


def test_read_temp(tmp_path: Path) -> None:
    # Not below pytest's own directory, which is a cache by its name.
    with tempfile.NamedTemporaryFile("w") as given:
        given.write("given\n")
        given.flush()
        needs("read-temp", tmp_path, f"cat {given.name} > o")


def test_appended(tmp_path: Path) -> None:
    """What is appended to is modified as well: each rule alone is enough."""
    command = "echo more >> x"
    with without("modified-its-input"):
        assert not Bench(tmp_path / "with", command).again()
    with without("modified-its-input", "appended"):
        assert Bench(tmp_path / "without", command).again()


def test_present(tmp_path: Path) -> None:
    def hits_without_the_name(base: Path) -> bool:
        bench = Bench(base, "ls d > o; cat x > d/f")
        (bench.place.root / "d").mkdir()
        (bench.place.root / "d/f").touch()
        assert bench.again()
        (bench.place.root / "d/f").unlink()
        return bench.hits()

    assert not hits_without_the_name(tmp_path / "with")
    with without("present"):
        assert hits_without_the_name(tmp_path / "without")


def test_asked_peer(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        ask = f"python3 -c 'import socket; socket.create_connection((\"127.0.0.1\", {port}))'"
        needs("asked-peer", tmp_path, f"{ask}; cat x > o")


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root: it enters a mount namespace")
@pytest.mark.skipif(bool(missing(["unshare"])), reason="not on this machine: unshare")
def test_incomplete(tmp_path: Path) -> None:
    needs("incomplete", tmp_path, "unshare -m cat x > o")


def test_race(tmp_path: Path) -> None:
    writers = [Task(name, "cat x > o") for name in ("one", "two")]
    assert not Bench(tmp_path / "with", "true", *writers).again()
    with without("race"):
        assert Bench(tmp_path / "without", "true", *writers).again()


def test_beneath(tmp_path: Path) -> None:
    def hits_after_a_change(base: Path) -> bool:
        bench = Bench(base, SAY.format("trackInput", "data") + "cat x > o")
        (bench.place.root / "data").mkdir()
        assert bench.again()
        (bench.place.root / "data/new").touch()
        return bench.hits()

    assert not hits_after_a_change(tmp_path / "with")
    with without("beneath"):
        assert hits_after_a_change(tmp_path / "without")


def test_second_name(tmp_path: Path) -> None:
    def hits_once_the_source_was_written_in_place(base: Path) -> bool:
        bench = Bench(base, "rm -f o; ln x o")
        assert bench.again()
        (bench.place.root / "x").write_text("other\n")
        assert not bench.hits()
        return bench.hits()

    assert hits_once_the_source_was_written_in_place(tmp_path / "with")
    with without("second-name"):
        assert not hits_once_the_source_was_written_in_place(tmp_path / "without")


def test_tool_state(tmp_path: Path) -> None:
    def missed_after_an_edit(base: Path) -> list[str]:
        """A later step goes on with what an earlier one made, and would not make again."""
        configure = Task("configure", "mkdir -p b; [ -e b/.ninja_log ] || echo none > b/.ninja_log")
        build = "cat b/.ninja_log > /dev/null; cat x > b/.ninja_log; cat x > b/o"
        bench = Bench(base, build, configure)
        assert bench.again()
        (bench.place.root / "x").write_text("other\n")
        return bench.missed()

    assert missed_after_an_edit(tmp_path / "with") == ["all"]
    with without("tool-state"):
        assert missed_after_an_edit(tmp_path / "without") == ["configure", "all"]


TWO_AND_ONE = "[ -e s ] || { echo 1 > s; echo 2 > q; }; cat x > p"


# Makes `r` once; where the trace of that is incomplete, nobody can say what from.
ONCE = """case $(cat y) in
hidden) unshare -m cat x > r ;;
*) [ -e r ] || cat x > r ;;
esac
cat r > o"""


def test_put_back(tmp_path: Path) -> None:
    def is_back(base: Path) -> bool:
        bench = Bench(base, TWO_AND_ONE)
        assert bench.again()
        (bench.place.root / "q").unlink()
        (bench.place.root / "x").write_text("other\n")
        assert not bench.hits()
        return (bench.place.root / "q").exists()

    assert is_back(tmp_path / "with")
    with without("put-back"):
        assert not is_back(tmp_path / "without")


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root: it enters a mount namespace")
@pytest.mark.skipif(bool(missing(["unshare"])), reason="not on this machine: unshare")
def test_whole(tmp_path: Path) -> None:
    def takes_over_what_nobody_can_vouch_for(base: Path) -> bool:
        bench = Bench(base, ONCE)
        (bench.place.root / "y").write_text("hidden\n")
        assert not bench.again()
        (bench.place.root / "x").write_text("other\n")
        (bench.place.root / "y").write_text("seen\n")
        assert not bench.hits()
        bench.move()
        (bench.place.root / "x").write_text("other\n")
        (bench.place.root / "y").write_text("seen\n")
        return bench.hits()

    assert not takes_over_what_nobody_can_vouch_for(tmp_path / "with")
    with without("whole"):
        assert takes_over_what_nobody_can_vouch_for(tmp_path / "without")


def test_in_place(tmp_path: Path) -> None:
    def hits_beside_a_strangers_file(base: Path) -> bool:
        bench = Bench(base, TWO_AND_ONE)
        assert bench.again()
        (bench.place.root / "q").write_text("somebody's\n")
        (bench.place.root / "x").write_text("other\n")
        assert not bench.hits()
        return bench.hits()

    assert hits_beside_a_strangers_file(tmp_path / "with")
    with without("in-place"):
        assert not hits_beside_a_strangers_file(tmp_path / "without")


def test_root(tmp_path: Path) -> None:
    def hits_elsewhere(base: Path) -> bool:
        bench = Bench(base, "pwd > o")
        assert bench.again()
        bench.move()
        return bench.hits()

    assert not hits_elsewhere(tmp_path / "with")
    with without("root"):
        assert hits_elsewhere(tmp_path / "without")


def test_still_writing(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    leaves = f"(exec 3> late; read line < {pipe}; echo $line >&3) > /dev/null 2>&1 &"
    command = f"{leaves} while [ ! -e late ]; do :; done; cat x > o"

    def hits(base: Path) -> bool:
        bench = Bench(base, command)
        again = bench.again()
        for _ in range(1 if again else 2):  # let go of what was left behind
            pipe.write_text("line\n")
        return again

    assert not hits(tmp_path / "with")
    with without("still-writing"):
        assert hits(tmp_path / "without")


def test_input_modified(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)

    def hits(base: Path) -> bool:
        bench = Bench(base, f"cat x > o; read line < {pipe}")

        def meddle() -> None:
            with pipe.open("w") as out:  # when the step waits
                (bench.place.root / "x").write_text("meddled\n")
                out.write("line\n")

        def run() -> bool:
            thread = threading.Thread(target=meddle, daemon=True)
            thread.start()
            hit = bench.hits()
            if hit:
                pipe.read_text()  # nobody else lets the thread go
            thread.join(DEADLINE)
            return hit

        assert not run()
        return run()

    assert not hits(tmp_path / "with")
    with without("input-modified"):
        assert hits(tmp_path / "without")


def test_every_rule_has_its_test() -> None:
    alone = {name.removeprefix("test_").replace("_", "-") for name in globals()}
    assert set(_native.RULES) <= set(MUTANTS) | alone
