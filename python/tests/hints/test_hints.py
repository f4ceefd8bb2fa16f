"""What each verb means, by each way in, and what it does to the cache: one table."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import pytest

from taskrunner.client import env_glob, glob_of_prefix
from taskrunner.hints import (
    FAULTS,
    Collector,
    Hints,
    Refusal,
    Setting,
    Skip,
    Source,
    provenance,
    skip,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

GLOBS = Path(__file__).parents[3] / "crates/ipc/tests/env_globs.json"
ENV = {
    "A": "1",
    "VITE_A": "2",
    "VITE_B": "3",
    "CI": "true",
    "SHLVL": "1",
    "TASKRUNNER_CHANNEL": "x",
}
WAYS: tuple[Source, ...] = ("channel", "file", "snapshot")


LINKS = {"/ws/out": "/ws/build/out", "/ws/away": "/elsewhere"}


def resolve(path: str) -> str:
    """Resolve `..` and links."""
    parts: list[str] = []
    for part in path.split("/"):
        if part == "..":
            parts[-1:] = []
        elif part not in {"", "."}:
            parts.append(part)
        joined = "/" + "/".join(parts)
        parts = LINKS.get(joined, joined).strip("/").split("/") if parts else []
    return "/" + "/".join(parts)


def collector(passed: Sequence[str] = ("VITE_A",)) -> Collector:
    return Collector(
        Setting(
            root="/ws",
            cwd="/ws/app",
            env=ENV,
            passed=passed,
            untracked=lambda name: name == "CI",
            declared=lambda name: name == "DECLARED",
            resolve=resolve,
            is_link=LINKS.__contains__,
        )
    )


class Case(NamedTuple):
    verb: str
    fields: list[bytes]
    hints: Hints
    skip: Skip | None = None
    answer: Sequence[bytes] | Refusal | None = None
    ways: Sequence[Source] = WAYS


TABLE = {
    "ignore input": Case("ignore_input", [b"/ws/app/cache"], Hints(ignored_inputs=("app/cache",))),
    "ignore output": Case("ignore_output", [b"/ws/app/x"], Hints(ignored_outputs=("app/x",))),
    "track input": Case("track_input", [b"/ws/app/x"], Hints(tracked_inputs=("app/x",))),
    "track output": Case("track_output", [b"/ws/app/x"], Hints(tracked_outputs=("app/x",))),
    "a relative path": Case("ignore_input", [b"x"], Hints(ignored_inputs=("app/x",))),
    "dots": Case("ignore_input", [b"/ws/app/../lib/./x"], Hints(ignored_inputs=("lib/x",))),
    "bytes": Case("ignore_input", [b"/ws/\xff"], Hints(ignored_inputs=("\udcff",))),
    "a link is itself and what it leads to": Case(
        "ignore_input", [b"/ws/out"], Hints(ignored_inputs=("build/out", "out"))
    ),
    "beneath a link": Case("ignore_input", [b"/ws/out/x"], Hints(ignored_inputs=("build/out/x",))),
    "a link out of the workspace is only itself": Case(
        "ignore_input", [b"/ws/away"], Hints(ignored_inputs=("away",))
    ),
    "beneath a link out of the workspace": Case(
        "ignore_input", [b"/ws/away/x"], Hints(faults={"outside": 1})
    ),
    "dots out of the workspace": Case(
        "ignore_input", [b"/ws/../etc/x"], Hints(faults={"outside": 1})
    ),
    "a neighbour whose name begins alike": Case(
        "ignore_input", [b"/ws2/x"], Hints(faults={"outside": 1})
    ),
    "the workspace itself": Case("ignore_input", [b"/ws/"], Hints(faults={"too-wide": 1})),
    "above the workspace": Case("ignore_output", [b"/"], Hints(faults={"too-wide": 1})),
    "tracked outside": Case(
        "track_input",
        [b"/etc/x"],
        Hints(unhonoured=("/etc/x",), faults={"outside": 1}),
        Skip("tracked-outside", "/etc/x"),
    ),
    "track value": Case(
        "track_value", [b"k", b"v"], Hints(values={"k": ("v",)}), Skip("tracked-value", "k")
    ),
    "disable": Case(
        "disable_cache",
        [b"asks the network"],
        Hints(disabled=True, reasons=("asks the network",)),
        Skip("disabled-by-task", "asks the network"),
    ),
    "disable without a reason": Case(
        "disable_cache", [], Hints(disabled=True), Skip("disabled-by-task")
    ),
    "a variable": Case("get_env", [b"VITE_A", b"\1"], Hints(env={"VITE_A": "2"}), answer=[b"2"]),
    "a variable that is not set": Case("get_env", [b"B", b"\1"], Hints(env={"B": None}), answer=[]),
    "a variable that was not passed": Case(
        "get_env",
        [b"A", b"\1"],
        Hints(env={"A": "1"}),
        answer=[b"1"],
        ways=("channel", "snapshot"),
    ),
    "a variable that the tool can't have seen": Case(
        "get_env",
        [b"A", b"\1"],
        Hints(env={"A": "1"}, withheld=("A",)),
        Skip("withheld-variable", "A"),
        answer=[b"1"],
        ways=("file",),
    ),
    "a variable, not tracked": Case(
        "get_env", [b"A", b"\0"], Hints(), answer=[b"1"], ways=("channel",)
    ),
    "configuration says untracked": Case(
        "get_env", [b"CI", b"\1"], Hints(), answer=[b"true"], ways=("channel",)
    ),
    "configuration tracks it already": Case("get_env", [b"DECLARED", b"\1"], Hints(), answer=[]),
    "the protocol's own": Case("get_env", [b"TASKRUNNER_CHANNEL", b"\1"], Hints(), answer=[]),
    "a glob": Case(
        "get_envs_glob",
        [b"VITE_*", b"\1"],
        Hints(patterns={"VITE_*": {"VITE_A": "2", "VITE_B": "3"}}),
        answer=[b"VITE_A", b"2", b"VITE_B", b"3"],
        ways=("channel", "snapshot"),
    ),
    "a glob over what the tool can't have seen": Case(
        "get_envs_glob",
        [b"VITE_*", b"\1"],
        Hints(patterns={"VITE_*": {"VITE_A": "2", "VITE_B": "3"}}, withheld=("VITE_B",)),
        Skip("withheld-variable", "VITE_B"),
        answer=[b"VITE_A", b"2", b"VITE_B", b"3"],
        ways=("file",),
    ),
    "a glob that matches nothing yet": Case(
        "get_envs_glob", [b"X*", b"\1"], Hints(patterns={"X*": {}}), answer=[]
    ),
    "a glob over everything": Case(
        "get_envs_glob",
        [b"*", b"\1"],
        Hints(patterns={"*": {"A": "1", "VITE_A": "2", "VITE_B": "3"}}),
        answer=[b"A", b"1", b"CI", b"true", b"SHLVL", b"1", b"VITE_A", b"2", b"VITE_B", b"3"],
        ways=("channel",),
    ),
    "a prefix": Case(
        "get_envs_prefix",
        [b"VITE_A", b"\1"],
        Hints(patterns={"VITE_A*": {"VITE_A": "2"}}),
        answer=[b"VITE_A", b"2"],
        ways=("channel",),
    ),
    "a bad glob": Case(
        "get_envs_glob",
        [b"[A", b"\1"],
        Hints(faults={"bad-glob": 1}),
        answer=Refusal("bad-glob", "`[A` is no valid glob: '[' without ']'"),
        ways=("channel",),
    ),
    "a bad glob that was answered elsewhere": Case(
        "get_envs_glob",
        [b"[A", b"\1"],
        Hints(faults={"bad-glob": 1}, lost=True),
        Skip("hints-lost", FAULTS["bad-glob"]),
        answer=Refusal("bad-glob", "`[A` is no valid glob: '[' without ']'"),
        ways=("file", "snapshot"),
    ),
}


@pytest.mark.parametrize(
    ("case", "way"),
    [
        pytest.param(case, way, id=f"{name} by {way}")
        for name, case in TABLE.items()
        for way in case.ways
    ],
)
def test_verb_by_way_and_effect(case: Case, way: Source) -> None:
    step = collector()
    answer = step.receive(case.verb, case.fields, way)
    hints = step.done()
    assert answer == case.answer
    assert hints._replace(looked_up=()) == case.hints
    assert skip(hints) == case.skip


def folded(*messages: tuple[str, list[bytes]]) -> Hints:
    step = collector()
    for verb, fields in messages:
        step.receive(verb, fields, "channel")
    return step.done()


def test_ignoring_beneath_what_is_ignored_adds_nothing() -> None:
    hints = folded(
        ("ignore_input", [b"/ws/a/b"]),
        ("ignore_input", [b"/ws/a"]),
        ("ignore_input", [b"/ws/a-b"]),
    )
    assert hints.ignored_inputs == ("a", "a-b")


def test_any_tracked_question_makes_it_tracked() -> None:
    hints = folded(("get_env", [b"A", b"\1"]), ("get_env", [b"A", b"\0"]))
    assert hints.env == {"A": "1"}


def test_a_value_that_can_be_worked_out_again_is_no_hindrance() -> None:
    hints = folded(("track_value", [b"k", b"v"]), ("track_value", [b"k", b"v"]))
    assert skip(hints, {"k": "v"}) is None
    assert skip(hints, {"k": "w"}) == Skip("conflicting-values", "k")


def test_two_values_for_a_key_contradict_each_other() -> None:
    hints = folded(("track_value", [b"k", b"v"]), ("track_value", [b"k", b"w"]))
    assert skip(hints, {"k": "v"}) == Skip("conflicting-values", "k")


def test_what_was_lost_on_the_way_in_is_told() -> None:
    step = collector()
    step.note({"not-an-object": 1, "half-written": 1}, lost=True)
    step.note({"not-an-object": 1}, lost=False)
    hints = step.done()
    assert hints.faults == {"half-written": 1, "not-an-object": 2}
    assert skip(hints) == Skip("hints-lost", "a hint was cut off in the middle")


def test_a_wish_beats_what_was_lost() -> None:
    step = collector()
    step.receive("disable_cache", [b"why"], "file")
    step.note({"flood": 1}, lost=True)
    assert skip(step.done()) == Skip("disabled-by-task", "why")


def test_provenance_has_names_and_no_values() -> None:
    hints = folded(
        ("ignore_input", [b"/ws/a"]),
        ("get_env", [b"A", b"\1"]),
        ("get_envs_prefix", [b"VITE_", b"\1"]),
        ("track_value", [b"k", b"secret"]),
    )
    shown = provenance(hints)
    assert shown == {
        "ignoredInputs": ["a"],
        "trackedEnv": ["A"],
        "trackedEnvPatterns": ["VITE_*"],
        "trackedValues": ["k"],
    }
    assert "secret" not in json.dumps(shown)


def test_what_a_tool_looked_up_itself_is_to_be_passed() -> None:
    step = collector()
    step.receive("get_env", [b"A", b"\1"], "file")
    step.receive("get_envs_glob", [b"VITE_*", b"\1"], "file")
    step.receive("get_env", [b"B", b"\1"], "channel")
    assert step.done().looked_up == ("A", "VITE_*")


@pytest.mark.parametrize("case", json.loads(GLOBS.read_text()), ids=lambda case: case["glob"])
def test_globs_of_the_table_shared_with_rust(case: dict[str, list[str]]) -> None:
    glob = str(case["glob"])
    if case.get("bad"):
        with pytest.raises(ValueError, match=r".+"):
            env_glob(glob)
        return
    matches = env_glob(glob)
    assert [name for name in case["yes"] if not matches(name)] == []
    assert [name for name in case["no"] if matches(name)] == []


def test_a_prefix_is_literal() -> None:
    matches = env_glob(glob_of_prefix("A*[{,\\"))
    assert matches("A*[{,\\rest")
    assert not matches("AA[{,\\rest")
