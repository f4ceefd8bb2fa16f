"""Which lines are run in parts, and that the parts do what the line does."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import pytest

from taskrunner.chain import split
from taskrunner.command import parse

if TYPE_CHECKING:
    from pathlib import Path

SPLIT = [
    ("a && b", [("a", ""), ("b", "")]),
    ("a&&b", [("a", ""), ("b", "")]),
    ("a 'x && y' && b \"&&\"", [("a 'x && y'", ""), ('b "&&"', "")]),
    (r"a \&\& && b", [(r"a \&\&", ""), ("b", "")]),
    ("A=1 a && B='2 3' b", [("A=1 a", ""), ("B='2 3' b", "")]),
    ("rm -rf dist && cp src/*.js ~/x", [("rm -rf dist", ""), ("cp src/*.js ~/x", "")]),
    ('a $HOME && b ${X} "$Y"', [("a $HOME", ""), ('b ${X} "$Y"', "")]),
    ("gen > out/x && sort < out/x 2>&1", [("gen > out/x", ""), ("sort < out/x 2>&1", "")]),
    ("echo hi >> log && a", [("echo hi >> log", ""), ("a", "")]),
    ("test -f x && a", [("test -f x", ""), ("a", "")]),
    ("[ -f x ] && a", [("[ -f x ]", ""), ("a", "")]),
    ("a x#y && b", [("a x#y", ""), ("b", "")]),
    ("cd sub && a && b", [("a", "sub"), ("b", "sub")]),
    ("cd sub/.. && a", [("a", "")]),
    ("a && cd 'my dir' && b && cd .. && c", [("a", ""), ("b", "my dir"), ("c", "")]),
]  # fmt: skip

WHOLE = [
    "a",
    "a | b",
    "a && b | c",
    "a && b || c",
    "a && b; c",
    "a && b &",
    "a & b && c",
    "a && (b)",
    "{ a && b; }",
    "! a && b",
    "a && b # why",
    "a &&",
    "&& a",
    "a && && b",
    "a && b\nc",
    "a && \\\n b",
    "if a && b; then c; fi",
    "while a && b",
    "a && exit 3",
    "export A=1 && b",
    "A=1 && b",
    ". ./env && b",
    "set -e && b",
    "umask 022 && b",
    "exec a && b",
    "eval a && b",
    ": ${X:=1} && b",
    "a ${X:-y} && b",
    "a $(b && c) && d",
    'a "$(b)" && c',
    "a `b` && c",
    "a $? && b",
    "a $$ && b",
    "a $1 && b",
    "a $OLDPWD && b",
    "$CMD && b",
    "a <<E && b",
    "> x && b",
    "a 'b && c",
    "cd && b",
    "cd - && b",
    "cd -P x && b",
    "cd /tmp && b",
    "cd ~ && b",
    "cd $X && b",
    "cd a b && c",
    "cd ../.. && b",
    "A=1 cd x && b",
    "a && cd x",
    "cd x",
]


@pytest.mark.parametrize(("line", "parts"), SPLIT)
def test_split(line: str, parts: list[tuple[str, str]]) -> None:
    assert [tuple(part) for part in split(line, "")] == parts


@pytest.mark.parametrize("line", WHOLE)
def test_whole(line: str) -> None:
    assert split(line, "x") == ((line, "x"),)


def test_directories_are_below_that_of_the_task() -> None:
    assert split("cd b && x", "a") == (("x", "a/b"),)
    assert split("cd .. && x", "a") == (("x", ""),)
    assert split("cd ../.. && x", "a") == (("cd ../.. && x", "a"),)


LINES = [
    'echo "a  b" && echo *.txt',
    "cd sub && echo *.txt && cd .. && echo ~ *.t?t",
    "A='x y' sh -c 'echo \"$A\"' && echo \"[$A]\" $HOME",
    "printf '%s|' a\\ b \"c'd\" && printf '%s|' -{x,y}z",
    "test -f one.txt && echo there && test -f none && echo not",
    "false && echo not",
    "echo x > out.x && cat out.x >> out.y && cat out.y 2>&1",
    "cd sub && pwd && cd .. && pwd",
    "none-such-program 2>/dev/null && echo not",
    "[ -d sub ] && echo yes",
]


@pytest.mark.parametrize("line", LINES)
def test_parts_do_what_the_line_does(line: str, tmp_path: Path) -> None:
    results = []
    for way in ("whole", "parts"):
        root = tmp_path / way / "ws"
        (root / "sub").mkdir(parents=True)
        for name in ("one.txt", "two.txt", "sub/three.txt"):
            (root / name).touch()
        out, code = (whole if way == "whole" else parts)(line, root)
        files = {str(p.relative_to(root)): p.read_text() for p in root.rglob("*") if p.is_file()}
        results.append((out.replace(f"/{way}/", "/"), code, files))
    assert len(split(line, "")) > 1
    assert results[0] == results[1]


def run(argv: tuple[str, ...], cwd: Path, variables: dict[str, str]) -> tuple[str, int]:
    env = {"PATH": "/usr/bin:/bin", "HOME": "/home/me", "PWD": str(cwd)} | variables
    try:
        done = subprocess.run(argv, cwd=cwd, env=env, stdout=-1, text=True, timeout=10, check=False)
    except FileNotFoundError:
        return "", 127
    return done.stdout, done.returncode


def whole(line: str, root: Path) -> tuple[str, int]:
    return run(("/bin/sh", "-c", line), root, {})


def parts(line: str, root: Path) -> tuple[str, int]:
    text = ""
    for part in split(line, ""):
        command = parse(part.line)
        out, code = run(command.argv, root / part.cwd, dict(command.assignments))
        text += out
        if code:
            return text, code
    return text, 0
