"""The strict reader of `pnpm-workspace.yaml`: what it reads, and what it refuses to guess at."""

from __future__ import annotations

import pytest

from taskrunner.manifests.yaml import Value, YamlError, read

KEYS = ("packages", "catalog", "catalogs")

TEXTS: list[tuple[str, dict[str, Value]]] = [
    ("", {}),
    ("# nothing\n", {}),
    ("packages:\n", {"packages": None}),
    ("packages: []\n", {"packages": []}),
    (
        "packages:\n  - 'a/*'\n  - b/**  # all\n\n  # old ones\n  - \"!**/test/**\"\n",
        {"packages": ["a/*", "b/**", "!**/test/**"]},
    ),
    ("packages:\n- a\n- b\nother:\n- c\n", {"packages": ["a", "b"]}),
    ("packages: [a, 'b/*', \"c\"]\n", {"packages": ["a", "b/*", "c"]}),
    ("packages: [ # these\n  a,\n  'b, c', # x\n]\nx: 1\n", {"packages": ["a", "b, c"]}),
    ("{packages: [a, b], x: {y: 1}}", {"packages": ["a", "b"]}),
    ("---\npackages:\n    - a\n...\n", {"packages": ["a"]}),
    ("packages:\r\n  - a\r\n", {"packages": ["a"]}),
    ("'packages':\n  - 'it''s'\n", {"packages": ["it's"]}),
    ('packages: ["\\u00e9\\n"]\n', {"packages": ["é\n"]}),
    ("packages:\n  - a b/c\n  - x#y\n  - a:b\n", {"packages": ["a b/c", "x#y", "a:b"]}),
    (
        ("catalog:\n  react: ^18\n  '@x/y': workspace:*\ncatalogs:\n  old:\n    react: ^17\n"
        "  new: {react: ^19, b: '>=1'}\n"),
        {
            "catalog": {"react": "^18", "@x/y": "workspace:*"},
            "catalogs": {"old": {"react": "^17"}, "new": {"react": "^19", "b": ">=1"}},
        },
    ),
    # everything else is passed over, whatever it is
    (
        ("a:\n  packages:\n    - no\nb: |\n  packages:\n    - no\n\n  - no\nc: >-\n  x: y\n"
        'd: &anchor\n  - *alias\ne: "two\n  lines"\npackages:\n  - yes\nf: {packages: [no]}\n'),
        {"packages": ["yes"]},
    ),
]  # fmt: skip


@pytest.mark.parametrize(("text", "expected"), TEXTS)
def test_what_is_read(text: str, expected: dict[str, Value]) -> None:
    assert read(text, KEYS) == expected


REFUSED = [
    ("packages:\n  - *x\n", 2, "not understood: `*x`"),
    ("packages:\n  - !packages/old\n", 2, "not understood: `!packages/old`"),
    ("packages:\n  - a\n    b\n", 3, "a value that goes on"),
    ("packages:\n  - a\n   - b\n", 3, "a value that goes on"),
    ("packages:\n  - a: b\n", 2, "not a string"),
    ("packages: |\n  a\n", 1, "not understood: `|`"),
    ("packages: &x\n  - a\n", 1, "not understood: `&x`"),
    ("packages: [a\n", 1, "a quote or bracket is never closed"),
    ("packages:\n  - 'a\n", 2, "a quote or bracket is never closed"),
    ("packages: [a] b\n", 1, "not understood: `b`"),
    ("packages:\n  - a\npackages:\n  - b\n", 3, "`packages` stands there twice"),
    ("packages:\n  - a\n---\npackages: []\n", 3, "a second document begins"),
    ("- a\n", 1, "not a line of the form `key: value`"),
    ("\tpackages: [a]\n", 1, "not a line of the form `key: value`"),
]


@pytest.mark.parametrize(("text", "line", "message"), REFUSED)
def test_what_is_refused(text: str, line: int, message: str) -> None:
    with pytest.raises(YamlError) as caught:
        read(text, KEYS)
    assert message in str(caught.value)
    assert caught.value.line == line
