"""Escape sequences are taken out wherever the pieces are cut; colour is decided in one place."""

from __future__ import annotations

import os

import pytest

from taskrunner.style import Stripper, Style, shows_colour

COLOURED = (
    b"a\x1b[31mred\x1b[0m \x1b[1;38;5;12mblue\x1b[m\x1b]8;;http://x\x1b\\link\x1b]8;;\x07"
    b"\x1b(Bend\x1b7\x1b[2K\n\xff\xc3\xa4"
)
PLAIN = b"ared bluelinkend\n\xff\xc3\xa4"


def strip(*pieces: bytes) -> bytes:
    stripper = Stripper()
    return b"".join([*(stripper.feed(piece) for piece in pieces), stripper.finish()])


@pytest.mark.parametrize("size", range(1, 12))
def test_cut_anywhere(size: int) -> None:
    pieces = [COLOURED[at : at + size] for at in range(0, len(COLOURED), size)]
    assert strip(*pieces) == PLAIN


def test_what_never_becomes_an_escape_is_kept() -> None:
    assert strip(b"a\x1b", b"") == b"a\x1b"
    assert strip(b"a\x1b[12") == b"a\x1b[12"


def test_a_long_wait_for_an_end_is_given_up() -> None:
    stripper = Stripper()
    data = b"\x1b]" + b"x" * 5000
    assert stripper.feed(data) == data


@pytest.mark.parametrize(
    ("environ", "shown"),
    [
        ({}, False),
        ({"FORCE_COLOR": "1"}, True),
        ({"FORCE_COLOR": "0"}, False),
        ({"FORCE_COLOR": "1", "NO_COLOR": "1"}, False),
        ({"FORCE_COLOR": "1", "NO_COLOR": ""}, True),
    ],
)
def test_colour_where_there_is_no_terminal(environ: dict[str, str], *, shown: bool) -> None:
    file = os.open(os.devnull, os.O_WRONLY)
    assert shows_colour(file, environ) == shown
    os.close(file)
    assert not shows_colour(file, {})


def test_colour_on_a_terminal() -> None:
    master, terminal = os.openpty()
    assert shows_colour(terminal, {})
    assert not shows_colour(terminal, {"TERM": "dumb"})
    assert not shows_colour(terminal, {"NO_COLOR": "1"})
    os.close(master)
    os.close(terminal)


def test_words_without_colour_stay_as_they_are() -> None:
    assert Style(colour=False)("x", "red") == "x"
    assert Style(colour=True)("x", "bold", "red") == "\x1b[1;31mx\x1b[0m"
