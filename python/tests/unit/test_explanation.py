"""An explanation in words, and as JSON that comes back as it was."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from taskrunner import fingerprint
from taskrunner.explanation import Explanation, Fact, as_json, lines, load, save

if TYPE_CHECKING:
    from pathlib import Path

CHANGED = Fact("content", "input-changed", "src/a.c", None, "file 12 0644", "file 34 0644")
SAME = Fact("lookup", None, None, "gcc", "/usr/bin/gcc", "/usr/bin/gcc")


def explained(**fields: object) -> Explanation:
    one = Explanation(
        "ws#build", 0, "ws#build", "gcc a.c", "miss", ("input-changed", "src/a.c", None),
        "input changed: src/a.c", 1, (CHANGED,), (),
    )  # fmt: skip
    return one._replace(**fields)  # type: ignore[arg-type] # fields by name


def shown(one: Explanation, *, whole: bool = False, past: bool = False) -> list[str]:
    return list(lines(one, lambda text, *_: text, whole=whole, past=past))


def test_a_miss_names_what_differs() -> None:
    assert shown(explained()) == [
        "ws#build: $ gcc a.c",
        "  would be a miss: input changed: src/a.c",
        "  the stored result differs in 1 place:",
        "    content  src/a.c  file 12 0644 -> file 34 0644",
    ]


@pytest.mark.parametrize(
    ("fields", "verdict"),
    [
        ({"status": "hit"}, "would be a hit"),
        ({"status": "disabled", "words": "--no-cache"}, "caching is off: --no-cache"),
        ({"status": "unknown", "words": "gen has to run"}, "unknown: gen has to run"),
        ({"words": None}, "would be a miss"),
    ],
)
def test_verdicts(fields: dict[str, object], verdict: str) -> None:
    assert shown(explained(differences=(), **fields))[1] == f"  {verdict}"


def test_a_run_that_is_over() -> None:
    assert shown(explained(), past=True)[1] == "  was a miss: input changed: src/a.c"


def test_many_differences_are_counted_unless_all_are_asked_for() -> None:
    many = explained(differences=(CHANGED,) * 30, results=4)
    assert shown(many)[2] == "  the nearest of 4 results differs in 30 places:"
    assert shown(many)[-1] == "    and 20 more; --all names them"
    assert len(shown(many, whole=True)) == 33


def test_the_whole_path_set() -> None:
    whole = shown(explained(status="hit", differences=(), inputs=(SAME,)), whole=True)
    assert whole[2:] == ["  it depends on 1 thing:", "    lookup  gcc  /usr/bin/gcc"]


def test_a_name_that_is_looked_for_upwards_is_no_path_of_the_workspace() -> None:
    above = Fact("kind", "input-created", None, "package.json", "absent", "a file")
    assert shown(explained(differences=(above,)))[-1] == (
        "    kind  package.json in a directory above  absent -> a file"
    )


def test_odd_bytes_can_neither_act_on_the_terminal_nor_break_json() -> None:
    odd = explained(differences=(CHANGED._replace(path="a\x1b[31m\udcff"),))
    assert "a\\x1b[31m\\xff" in shown(odd)[-1]
    assert "\\\\xff" in as_json([odd])


def test_json_comes_back(tmp_path: Path) -> None:
    path = str(tmp_path / "file.json")
    both = [explained(), explained(status="hit", reason=None, words=None, inputs=(SAME,))]
    save(path, both)
    assert load(path) == both


@pytest.mark.parametrize("text", ["", "{", "[]", '{"version": 99, "steps": []}', '{"version": 1}'])
def test_what_is_no_explanation_is_none(tmp_path: Path, text: str) -> None:
    path = tmp_path / "file.json"
    path.write_text(text)
    assert load(str(path)) == []


def test_changed_fields_of_a_description() -> None:
    old = b'{"command": ["cc", "a"], "env": {"A": "11", "B": "22"}, "cwd": ["."]}'
    new = b'{"command": ["cc", "b"], "env": {"A": "33", "C": "44"}, "cwd": ["."]}'
    assert list(fingerprint.changes(old, new)) == [
        ("command", "cc a", "cc b"),
        ("env A", "a value (11)", "a value (33)"),
        ("env B", "a value (22)", "unset"),
        ("env C", "unset", "a value (44)"),
    ]
    assert list(fingerprint.changes(None, new)) == []
    assert list(fingerprint.changes(b"{", new)) == []
