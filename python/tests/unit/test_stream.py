"""Characters that arrive in pieces."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from taskrunner.report.stream import split


@pytest.mark.parametrize("text", ["a", "é", "€", "𐍈"])
def test_a_cut_character_waits_for_its_rest(text: str) -> None:
    data = text.encode()
    assert split(b"x" + data) == (b"x" + data, b"")
    for cut in range(1, len(data)):
        assert split(b"x" + data[:cut]) == (b"x", data[:cut])


@given(st.binary())
def test_nothing_is_lost_and_little_waits(data: bytes) -> None:
    whole, rest = split(data)
    assert whole + rest == data
    assert len(rest) < 4


@given(st.text(), st.integers(min_value=0))
def test_text_is_whole_wherever_it_is_cut(text: str, cut: int) -> None:
    data = text.encode()
    cut %= len(data) + 1
    whole, rest = split(data[:cut])
    assert whole.decode() + (rest + data[cut:]).decode() == text
