"""Tests of the word counter."""

from __future__ import annotations

from wordstats import count, most_common


def test_counts_whatever_the_case() -> None:
    assert count("To be, or not to be") == {"to": 2, "be": 2, "or": 1, "not": 1}


def test_most_common_is_the_first_of_equals() -> None:
    assert most_common("to be or not to be") == "to"


def test_no_words() -> None:
    assert most_common("...") is None
