"""What makes a weak fingerprint another one, and the words for it."""

from __future__ import annotations

import hashlib
import json
from typing import Any

import pytest

from taskrunner.environ import Environments
from taskrunner.fingerprint import Digesting, Explaining, Facts, describe, explain, facts
from taskrunner.model import PathRules
from taskrunner.plan import Action

from .fake_engine import Engine
from .plans import PACKAGE, make_task

FACTS = Facts(1, "notify", "Linux x86_64", "flags", "0022")
OUTER = {"LANG": "C", "A": "1", "PATH": "/bin", "HOME": "/home/me"}


def action(line: str = "tool x", outer: dict[str, str] | None = None, **changes: object) -> Action:
    from taskrunner.command import parse

    task = make_task(0, "t", line, **changes)
    environment = Environments("/ws", OUTER if outer is None else outer).of(task)
    return Action(0, task, 0, 1, line, (), parse(line), task.cwd, environment, ())


def fingerprint(
    made: Action, known: Facts = FACTS, values: dict[str, str] | None = None
) -> tuple[bytes, bytes]:
    digesting, explaining = Digesting(), Explaining()
    for visitor in (digesting, explaining):
        describe(made, known, values or {}, Engine().keyed_digest, visitor)
    return digesting.digest(), explaining.description()


BASE = fingerprint(action(env=("A", "B")))

CHANGES = {
    "another argument": (action("tool y", env=("A", "B")), "command changed"),
    "joined arguments": (action("'tool x'", env=("A", "B")), "command changed"),
    "a variable": (action(outer={**OUTER, "A": "2"}, env=("A", "B")), "env 'A' changed"),
    "a new variable": (action(outer={**OUTER, "B": ""}, env=("A", "B")), "env 'B' added"),
    "a variable gone": (
        action(outer={"LANG": "C", "HOME": "x"}, env=("A", "B")),
        "env 'A' removed",
    ),
    "a prefix": (action("B=1 tool x", env=("A", "B")), "env 'B' added"),
    "a pattern": (action(env=("A", "B", "C")), "`env` changed"),
    "an untracked pattern": (
        action(env=("A", "B"), untracked_env=("C",)),
        "`untracked-env` changed",
    ),
    "the directory": (action(env=("A", "B"), cwd="src"), "working directory changed"),
    "input rules": (
        action(env=("A", "B"), input=PathRules(exclude=("docs/**",))),
        "input configuration changed",
    ),
    "output rules": (
        action(env=("A", "B"), output=PathRules(auto=False)),
        "output configuration changed",
    ),
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_change_changes_the_digest_and_is_worded(change: str) -> None:
    made, words = CHANGES[change]
    digest, description = fingerprint(made)
    assert digest != BASE[0]
    assert explain(BASE[1], description).words == words


@pytest.mark.parametrize("field", Facts._fields)
def test_so_does_every_fact(field: str) -> None:
    other = Facts(2, "none", "Linux aarch64", "others", "0077")
    changed: Any = {field: getattr(other, field)}
    digest, description = fingerprint(action(env=("A", "B")), FACTS._replace(**changed))
    assert digest != BASE[0]
    assert explain(BASE[1], description).words


UNCHANGED = {
    "its name": action(env=("A", "B"))._replace(task=make_task(7, "other", env=("A", "B"))),
    "PATH": action(outer={**OUTER, "PATH": "/usr/bin"}, env=("A", "B")),
    "HOME": action(outer={**OUTER, "HOME": "/root"}, env=("A", "B")),
    "another package": action(env=("A", "B"), package=PACKAGE._replace(names=("x",))),
    "blanks": action("tool  x", env=("A", "B")),
}


@pytest.mark.parametrize("change", UNCHANGED)
def test_what_is_no_part_changes_nothing(change: str) -> None:
    assert fingerprint(UNCHANGED[change])[0] == BASE[0]


def test_both_visitors_see_the_same() -> None:
    """Whatever makes two digests differ is to be found in the descriptions, and the reverse."""
    made = [fingerprint(each) for each, _ in CHANGES.values()] + [BASE]
    made += [fingerprint(each) for each in UNCHANGED.values()]
    for digest, description in made:
        for other_digest, other_description in made:
            assert (digest == other_digest) == (description == other_description)


def test_descriptions_hold_digests_instead_of_values() -> None:
    secret = "hunter2hunter2"  # noqa: S105 - it is the test's
    _, description = fingerprint(action("B=" + secret + " tool", {"A": secret}, env=("A",)))
    assert secret.encode() not in description
    assert hashlib.sha256(secret.encode()).hexdigest().encode() not in description
    assert set(json.loads(description)["env"]) == {"A", "B"}


def test_declared_values_count_by_keyed_digests() -> None:
    one, before = fingerprint(action(), values={"rev": "a"})
    two, after = fingerprint(action(), values={"rev": "b"})
    assert one != two
    assert b'"a"' not in before
    assert explain(before, after).words == "value 'rev' changed"
    assert explain(before, fingerprint(action())[1]).words == "value 'rev' removed"


def test_equal_values_of_two_names_have_two_digests() -> None:
    _, description = fingerprint(action(outer={"A": "x", "B": "x"}, env=("A", "B")))
    env = json.loads(description)["env"]
    assert env["A"] != env["B"]


@pytest.mark.parametrize("earlier", [None, b"", b"{", b"[]", b"\xff"])
def test_an_earlier_description_that_cant_be_read_explains_nothing(earlier: bytes | None) -> None:
    assert explain(earlier, BASE[1]).words is None


def test_odd_bytes_in_values_are_fine() -> None:
    one, _ = fingerprint(action(outer={"A": "\udcff"}, env=("A",)))
    two, _ = fingerprint(action(outer={"A": "\udcfe"}, env=("A",)))
    assert one != two


def test_facts_of_this_machine() -> None:
    found = facts("notify")
    assert found.platform.startswith("Linux ")
    assert len(found.umask) >= 3
    assert found == facts("notify")
