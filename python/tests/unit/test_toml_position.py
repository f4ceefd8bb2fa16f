"""Lines of keys in documents of every shape."""

from __future__ import annotations

import pytest

from taskrunner.toml_position import line_of

DOCUMENT = '''# a comment with [brackets] and = signs
top = 1
dotted.inner."quoted key" = """
[not.a.table]
key = "no key"
"""
'literal' = 'x # no comment'

[tasks.build] # comment
command = [ # one
  "a", # two ] }
  'b',
  { auto = true, pattern = "x" },
]
env = ["A", "B"]
when = 1979-05-27T07:32:00Z

[[list]]
name = "first"
[[list]]
name = "second"
[list.sub]
x = 1
["with \\u0041 escape"]
y = { a.b = 1, c = [1, 2] }
'''

LINES = [
    (("top",), 2),
    (("dotted", "inner", "quoted key"), 3),
    (("dotted",), 3),
    (("literal",), 7),
    (("tasks", "build"), 9),
    (("tasks",), 9),
    (("tasks", "build", "command"), 10),
    (("tasks", "build", "command", 0), 11),
    (("tasks", "build", "command", 1), 12),
    (("tasks", "build", "command", 2), 13),
    (("tasks", "build", "command", 2, "pattern"), 13),
    (("tasks", "build", "env"), 15),
    (("tasks", "build", "env", 1), 15),
    (("tasks", "build", "when"), 16),
    (("tasks", "build", "missing"), 9),
    (("list", 0, "name"), 19),
    (("list", 1, "name"), 21),
    (("list", 1, "sub", "x"), 23),
    (("with A escape", "y", "a", "b"), 25),
    (("with A escape", "y", "c", 1), 25),
    (("nothing",), 1),
    ((), 1),
]


@pytest.mark.parametrize(("keys", "line"), LINES)
@pytest.mark.parametrize("ending", ["\n", "\r\n"])
def test_line(keys: tuple[str | int, ...], line: int, ending: str) -> None:
    assert line_of(DOCUMENT.replace("\n", ending), keys) == line


@pytest.mark.parametrize("text", ["=", "[", "[[", "a", '"', "a = [", "a = {", "'a", "a.", "]"])
def test_what_is_no_toml_ends_too(text: str) -> None:
    assert line_of(text, ("a",)) == 1
