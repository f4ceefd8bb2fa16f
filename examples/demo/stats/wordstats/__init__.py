"""Counts words."""

from __future__ import annotations

import re
from collections import Counter

WORD = re.compile(r"[A-Za-z']+")


def count(text: str) -> Counter[str]:
    """How often each word occurs, whatever its case."""
    return Counter(word.lower() for word in WORD.findall(text))


def most_common(text: str) -> str | None:
    """The most frequent word, the first of equals; nothing if there are no words."""
    ranked = count(text).most_common(1)
    return ranked[0][0] if ranked else None
