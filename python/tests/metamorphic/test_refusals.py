"""What must not be cached is not, says why, and leaves what a plain run leaves."""

from __future__ import annotations

import threading
from dataclasses import dataclass, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

import pytest

from .reference import Plain, Reference
from .refusals import REFUSALS
from .runner import CommandRunner, Outcome, Reason, Run
from .surroundings import directory_outside
from .tree import differences, remove, snapshot
from .workspace import Place, write_workspace

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from .case import Refusal


class Answer(BaseHTTPRequestHandler):
    """Says hello, and nothing on the console."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"hello")

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the library's name
        pass


@pytest.fixture
def url() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Answer) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}/"
        server.shutdown()
        thread.join()


@pytest.fixture
def outside() -> Iterator[Path]:
    with directory_outside() as directory:
        yield directory


@dataclass(frozen=True)
class Check:
    """Runs a refusal with the command and plainly, and compares."""

    refusal: Refusal
    base: Path
    outside: Path
    url: str

    def place(self, name: str) -> Place:
        """A new place whose temporary directory holds a file that no step made."""
        place = Place.make(self.base / name)
        (place.temp / "given.txt").write_text("given\n", encoding="utf-8")
        return place

    def bound(self) -> Refusal:
        """The refusal with its placeholders filled in."""
        command = str(self.refusal.task.command)
        command = command.replace("{outside}", str(self.outside)).replace("{url}", self.url)
        return replace(self.refusal, task=replace(self.refusal.task, command=command))

    def plain(self, times: int) -> Plain:
        """What plain runs in one tree leave."""
        place = self.place(f"plain-{times}")
        bound = self.bound()
        tasks = [bound.task]
        return Reference(bound.files, tasks, tasks, bound.conditions).repeated(place, times)

    def start(self) -> Place:
        """The workspace the command runs in."""
        place = self.place("run")
        bound = self.bound()
        write_workspace(place.root, bound.files, [bound.task])
        return place

    def empty_outside(self) -> None:
        """Undo what a run wrote outside."""
        for path in self.outside.iterdir():
            remove(path)


def expect_refused(run: Run, refusal: Refusal) -> None:
    outcome = run.one("build")
    assert outcome.status != "hit", run.told()
    assert outcome.skip is not None, run.told()
    assert outcome.skip.kind == refusal.kind, run.told()
    if refusal.names:
        assert outcome.skip.mentions(refusal.names), run.told()


@pytest.mark.parametrize("refusal", REFUSALS, ids=lambda refusal: refusal.name)
def test_refusal(refusal: Refusal, tmp_path: Path, outside: Path, url: str) -> None:
    check = Check(refusal, tmp_path, outside, url)
    place = check.start()
    for times in (1, 2):
        plain = check.plain(times)
        check.empty_outside()
        run = CommandRunner().run(place, "build", refusal.conditions)
        assert differences(plain.tree, snapshot(place.root)) == [], run.told()
        assert run.code == plain.code, run.told()
        if times == 1:
            assert run.code == refusal.code, run.told()
            expect_refused(run, refusal)
        else:
            assert run.one("build").status != "hit", run.told()
            if not refusal.settled:
                expect_refused(run, refusal)


def _told(status: str, skip: Reason | None) -> Run:
    return Run(0, b"", b"", (Outcome("root#build", 0, status, None, skip),))


@pytest.mark.parametrize(
    "run",
    [
        _told("hit", None),
        _told("miss", None),
        _told("miss", Reason("failed", "a.txt", "")),
        _told("miss", Reason("appended", "b.txt", "b.txt")),
    ],
)
def test_a_wrong_answer_is_caught(run: Run) -> None:
    with pytest.raises(AssertionError):
        expect_refused(run, REFUSALS[0])


def test_a_right_answer_is_taken() -> None:
    expect_refused(_told("miss", Reason("appended", "a.txt", "")), REFUSALS[0])
