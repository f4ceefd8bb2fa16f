"""Files of variables: what a line may look like, and what is said of one that can't be."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from taskrunner import dotenv
from taskrunner.environ import Environments
from taskrunner.errors import ConfigError
from taskrunner.model import EnvFile

from .plans import PLACE, make_task

if TYPE_CHECKING:
    from pathlib import Path

LINES = [
    ("A=1", {"A": "1"}),
    ("A = 1 \nB=2", {"A": "1", "B": "2"}),
    ("export A=1", {"A": "1"}),
    ("# A=1\n\n  A=2 # why\n", {"A": "2"}),
    ("A=a#b c", {"A": "a#b c"}),
    ("A=", {"A": ""}),
    ("A=# nothing", {"A": ""}),
    ("A=\nB=1", {"A": "", "B": "1"}),
    ("A='a # b'  # c", {"A": "a # b"}),
    ("A='$B \\n'", {"A": "$B \\n"}),
    ('A="a\\n\\"b\\""', {"A": 'a\n"b"'}),
    ('A="one\ntwo"\nB=3', {"A": "one\ntwo", "B": "3"}),
    ("A=1\r\nB=2\r\n", {"A": "1", "B": "2"}),
    ("A=1\nA=2", {"A": "2"}),
    ("", {}),
]


@pytest.mark.parametrize(("text", "expected"), LINES)
def test_lines(tmp_path: Path, text: str, expected: dict[str, str]) -> None:
    (tmp_path / ".env").write_bytes(text.encode())
    assert dotenv.read(str(tmp_path / ".env"), PLACE, required=True) == expected


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"A=1\nwhat is this\n", r"\.env:2: not a line of the form `NAME=value`"),
        (b"1A=1\n", r"\.env:1: not a line of the form"),
        (b"A='x\n", r"\.env:1: `A` has a quote that isn't closed"),
        (b'A="x" y\n', r"\.env:1: `A` has a quote that isn't closed at its end"),
        (b"A=\xff\n", r"\.env: not valid UTF-8"),
        (b"A=a\0b\n", r"\.env:1: `A` contains a NUL character"),
    ],
)
def test_bad_files(tmp_path: Path, data: bytes, message: str) -> None:
    (tmp_path / ".env").write_bytes(data)
    with pytest.raises(ConfigError, match=message):
        dotenv.read(str(tmp_path / ".env"), PLACE, required=True)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    path = str(tmp_path / ".env")
    assert dotenv.read(path, PLACE, required=False) == {}
    with pytest.raises(ConfigError, match=r"there is no .*/\.env"):
        dotenv.read(path, PLACE, required=True)


def test_a_file_wins_over_what_is_passed_anyway_and_loses_to_what_is_asked_for(
    tmp_path: Path,
) -> None:
    (tmp_path / ".env").write_text("HOME=/file\nMODE=file\nONLY=file\n")
    (tmp_path / ".env.local").write_text("LOCAL=1\nONLY=local\n")
    outer = {"HOME": "/home/me", "MODE": "outer", "ONLY": "outer"}
    files = tuple(EnvFile(name, required=True, place=PLACE) for name in (".env", ".env.local"))
    task = make_task(0, "t", env_files=files, env=("MODE",))
    made = Environments(str(tmp_path), outer).of(task)
    wanted = {"HOME": "/file", "MODE": "outer", "ONLY": "local", "LOCAL": "1"}
    assert {name: made.values[name] for name in wanted} == wanted
    assert made.tracked == wanted.keys()
