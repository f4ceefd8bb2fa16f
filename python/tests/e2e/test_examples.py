"""The examples do what their READMEs say, from a fresh copy, without a network."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

EXAMPLES = Path(__file__).resolve().parents[3] / "examples"
DEADLINE = 100.0


class Example:
    """A copy of an example, and its runs."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def run(self, *words: str) -> dict[str, str]:
        """Run it; what the cache said of each step, in order: `package#task:step`, status."""
        self.sh(sys.executable, "-m", "taskrunner", "run", "--summarize", *words)
        summary = json.loads((self.root / ".taskrunner/last-run.json").read_text())
        return {
            f"{task['taskId']}:{task['step']}": task["cacheStatus"] for task in summary["tasks"]
        }

    def sh(self, *words: str) -> str:
        done = subprocess.run(
            words,
            cwd=self.root,
            env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=DEADLINE,
            check=False,
        )
        assert done.returncode == 0, done.stdout
        return done.stdout


@pytest.fixture
def example(request: pytest.FixtureRequest, tmp_path: Path) -> Example:
    name, *tools = request.param
    missing = [tool for tool in tools if shutil.which(tool) is None]
    if missing:
        pytest.skip(f"needs {', '.join(missing)}")
    root = tmp_path / name
    shutil.copytree(EXAMPLES / name, root, symlinks=True)
    return Example(root)


NPM = pytest.param(("npm", "node", "npm"), id="npm")
UV = pytest.param(("uv", "python3"), id="uv")
MIXED = pytest.param(("mixed", "cargo", "python3", "node"), id="mixed")


@pytest.mark.parametrize("example", [NPM], indirect=True)
def test_npm(example: Example) -> None:
    example.sh("npm", "install", "--offline", "--no-audit", "--no-fund")
    first = example.run("-r", "build")
    assert list(first) == [
        "@example/format#build:0",
        "@example/format#build:1",
        "@example/greet#build:0",
        "@example/greet#build:1",
        "@example/greet#build:2",
        "@example/app#build:0",
        "@example/app#build:1",
    ]
    assert set(first.values()) == {"miss"}
    assert "<p>Hello, World!</p>" in (example.root / "packages/app/dist/index.html").read_text()
    assert set(example.run("-r", "build").values()) == {"hit"}

    tests = example.run("--filter", "greet...", "test")
    assert {name for name in tests if "#test:" in name} == {
        "@example/format#test:0",
        "@example/greet#test:0",
    }
    assert all(status == "hit" for name, status in tests.items() if "#build:" in name)

    everything = example.run("ci")
    assert everything.pop("example-npm#ci:0") == "miss"
    assert set(everything.values()) == {"hit"}


@pytest.mark.parametrize("example", [UV], indirect=True)
def test_uv(example: Example) -> None:
    assert list(example.run("-r", "test")) == ["example-textkit#test:0", "example-report#test:0"]
    report = example.run("example-report#report")
    assert report["example-report#test:0"] == "hit"
    made = (example.root / "packages/report/dist/report.txt").read_text()
    assert made == "3 a\n3 rose\n2 is\n"
    assert set(example.run("example-report#report").values()) == {"hit"}
    with (example.root / "packages/report/data/poem.txt").open("a") as poem:
        poem.write("is is\n")
    again = example.run("example-report#report")
    assert [name for name, status in again.items() if status == "miss"] == [
        "example-report#report:1"
    ]


@pytest.mark.parametrize("example", [MIXED], indirect=True)
def test_mixed(example: Example) -> None:
    first = example.run("all")
    assert list(first) == ["count#build:0", "summary#build:0", "web#build:0", "web#build:1"]
    assert "<p>5 words in 2 lines</p>" in (example.root / "web/dist/index.html").read_text()
    assert set(example.run("all").values()) == {"hit"}
    with (example.root / "py/summary/words.txt").open("a") as words:
        words.write("more words\n")
    again = example.run("all")
    assert again["count#build:0"] == "hit"
    assert "<p>7 words in 3 lines</p>" in (example.root / "web/dist/index.html").read_text()
