"""Every reason has words, on both sides of the border."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from taskrunner.reasons import MISS_KINDS, NOT_CACHED_KINDS, Reason, next_step, show, word

WITHOUT_SUBJECT = {"root-moved", "never-run", "forced", "verified"}
SOURCE = Path(__file__).parents[3] / "crates/policy/src/reason.rs"


@pytest.mark.parametrize("kind", [*MISS_KINDS, *NOT_CACHED_KINDS])
def test_words(kind: str) -> None:
    plain, about = word(Reason(kind)), word(Reason(kind, "src/a.c"))
    assert kind not in {plain, about} or " " not in kind
    assert "{" not in plain + about
    assert not plain.endswith(".")
    assert word(Reason(kind, "a", "why")) != plain or kind in WITHOUT_SUBJECT
    advice = next_step(Reason(kind))
    assert advice is None or "{" not in advice.replace("{auto", "")


def test_examples() -> None:
    assert word(Reason("input-changed", "src/a.c")) == "input changed: src/a.c"
    assert word(Reason("unreadable", "a", "EIO")) == "can't be read: a (EIO)"
    assert word(Reason("lookup-changed", detail="gcc")) == "program found elsewhere on PATH: gcc"
    assert word(Reason("later-kind", "x")) == "later-kind: x"
    assert next_step(Reason("withheld-variable", "CC")) == (
        'add `env = ["CC"]`, or `untracked-env` if its value does not matter'
    )


def test_paths_cant_act_on_the_terminal() -> None:
    assert show("a\x1b[31m\n\u202e\udcffä {path}") == "a\\x1b[31m\\n\\u202e\\xffä {path}"
    assert word(Reason("input-changed", "{detail}\r")) == "input changed: {detail}\\r"


@pytest.mark.skipif(not SOURCE.exists(), reason="without the sources")
def test_the_native_lists_are_known_here() -> None:
    text = SOURCE.read_text()
    lists = re.findall(r"(MissKind|NotCachedKind) \{(.*?)\n    \}", text, re.DOTALL)
    assert len(lists) == 2
    for name, body in lists:
        known = MISS_KINDS if name == "MissKind" else NOT_CACHED_KINDS
        assert set(re.findall(r'= "([a-z-]+)"', body)) <= set(known)
