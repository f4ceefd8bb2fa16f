"""What `docs/protocol.md` shows is run as it stands there."""

from __future__ import annotations

import re
import sys
from typing import TYPE_CHECKING

from taskrunner.hints import FAULTS, Skip, skip

from .harness import CONNECT, ROOT, python, run

if TYPE_CHECKING:
    from pathlib import Path

PAGE = (ROOT / "docs/protocol.md").read_text()
BLOCKS: list[str] = re.findall(r"```\w+\n(.*?)```", PAGE, re.DOTALL)


def block(having: str) -> str:
    (found,) = (text for text in BLOCKS if having in text)
    return found


def test_the_whole_client(space: Path) -> None:
    outcome = run([sys.executable, "-c", block("def exchange")], space, env={"API_URL": "http://a"})
    assert outcome.output == "(0, [])\n(1, [b'http://a'])\n"
    assert outcome.hints.ignored_inputs == ("cache",)
    assert outcome.hints.env == {"API_URL": "http://a"}


def test_the_bytes_of_an_exchange(space: Path) -> None:
    sent, received = (bytes.fromhex(line) for line in block("09 00 00 00").splitlines())
    code = f"s = connect(); s.sendall({sent!r}); print(s.recv(99) == {received!r})"
    outcome = run(python(CONNECT + code), space)
    assert outcome.output == "True\n"
    assert outcome.hints.faults == {"outside": 1}


def test_every_line_of_the_file(space: Path) -> None:
    lines = re.findall(r'^\| `(\{"op".*?\})`', PAGE, re.MULTILINE)
    code = f"append({chr(10).join(lines)!r}.encode())"
    outcome = run(python(CONNECT + code), space, way="file")
    assert (len(lines), outcome.said) == (8, 8)
    assert set(outcome.hints.faults) == {"outside"}


def test_the_example_of_another_tool(space: Path) -> None:
    code = f"""
from types import SimpleNamespace
{block("# conf.py")}
setup(SimpleNamespace(builder=SimpleNamespace(name="html")))
print(release)
setup(SimpleNamespace(builder=SimpleNamespace(name="linkcheck")))
"""
    outcome = run(python(code), space, env={"DOCS_RELEASE": "1.2"})
    assert outcome.output == "1.2\n"
    assert outcome.hints.env == {"DOCS_RELEASE": "1.2"}
    assert skip(outcome.hints) == Skip("disabled-by-task", "linkcheck asks the network")


def test_every_kind_of_bad_input_is_on_the_page() -> None:
    section = PAGE.split("## Bad input")[1].split("\n## ")[0]
    assert set(re.findall(r"`([a-z0-9-]+)`", section)) >= set(FAULTS)
