"""Sessions as a user sees them: each file in `transcripts/` is played and compared whole.

A file holds the workspace (`=== FILE name`), then the session (`=== SESSION`): lines after `$ ` are
run by sh in one workspace, what follows is what they print, stderr marked by `! `, and the exit
code if it is not 0. With TASKRUNNER_UPDATE_TRANSCRIPTS=1 the files are rewritten: read the
difference as you would read code.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from ..metamorphic.case import Conditions
from ..metamorphic.runner import RUN_DEADLINE
from ..metamorphic.tree import write_tree
from ..metamorphic.workspace import Place

TRANSCRIPTS = sorted((Path(__file__).parent / "transcripts").glob("*.txt"))
UPDATE = os.environ.get("TASKRUNNER_UPDATE_TRANSCRIPTS") == "1"
FILE, SESSION = "=== FILE ", "=== SESSION\n"
PATH_SIZE = re.compile(r"none of the \d+ directories")
DATE = re.compile(r"\b\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")
TIME = re.compile(r"\b\d+m\d\ds\b|\b\d+(\.\d+)?m?s\b")


@pytest.mark.parametrize("path", TRANSCRIPTS, ids=lambda path: path.stem)
def test_transcript(path: Path, tmp_path: Path) -> None:
    expected = path.read_text(encoding="utf-8")
    head, mark, session = expected.partition(SESSION)
    place = Place.make(tmp_path)
    write_tree(place.root, files(head))
    commands = [line[2:] for line in session.splitlines() if line.startswith("$ ")]
    found = head + mark + "".join(play(line, place) for line in commands)
    if UPDATE:
        path.write_text(found, encoding="utf-8")
    assert found == expected


def files(head: str) -> dict[str, str]:
    """The files of a workspace, by name."""
    blocks = head.split(FILE)[1:]
    return {name: text for name, _, text in (block.partition("\n") for block in blocks)}


def play(line: str, place: Place) -> str:
    """Run one line; the line and what came of it, as a transcript has them."""
    env = place.environment(Conditions())
    env["PATH"] = f"{Path(sys.executable).parent}:{env['PATH']}"
    done = subprocess.run(
        ["/bin/sh", "-c", line],
        cwd=place.root,
        env=env,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=RUN_DEADLINE,
        check=False,
    )
    told = done.stdout + "".join(f"! {text}\n" for text in done.stderr.splitlines())
    code = f"[exit {done.returncode}]\n" if done.returncode else ""
    return f"$ {line}\n{filtered(told, place)}{code}"


def filtered(text: str, place: Place) -> str:
    """The text without what differs from run to run."""
    text = PATH_SIZE.sub("none of the [N] directories", text)
    text = DATE.sub("[DATE]", text)
    return TIME.sub("[TIME]", text.replace(str(place.root), "[ROOT]"))


def test_filters() -> None:
    place = Place(Path("/w"), Path("/h"), Path("/t"))
    assert filtered("ran in 12ms, 1.5s, 2m03s at /w/a", place) == (
        "ran in [TIME], [TIME], [TIME] at [ROOT]/a"
    )
    assert filtered("12 tasks, 3 items", place) == "12 tasks, 3 items"


def test_files() -> None:
    assert files(f"{FILE}a\n1\n2\n{FILE}b/c\n3\n") == {"a": "1\n2\n", "b/c": "3\n"}
