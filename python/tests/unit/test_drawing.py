"""Graphs as text, dot, Mermaid and JSON."""

from __future__ import annotations

import json
import shutil
import subprocess

import pytest

from taskrunner.report.drawing import draw

DEPENDS = {"ui#build": [], "web#build": ["ui#build"], "web#test": ["web#build", "ui#build"]}
AWKWARD = {'a"b\\c;#d': ['<e>\n&"'], '<e>\n&"': []}
CHILD_DEADLINE = 30


def drawn(form: str, depends: dict[str, list[str]]) -> str:
    return "\n".join(draw(form, depends)) + "\n"  # type: ignore[arg-type] # one of the four


def test_text() -> None:
    assert drawn("text", DEPENDS) == (
        "ui#build\nweb#build\n  ui#build\nweb#test\n  web#build\n  ui#build\n"
    )


def test_dot() -> None:
    assert drawn("dot", {"a#x": ["b#y"], "b#y": []}) == (
        'digraph tasks {\n  rankdir = LR;\n  node [shape = box];\n  "a#x";\n  "a#x" -> "b#y";\n'
        '  "b#y";\n}\n'
    )
    assert '"a\\"b\\\\c;#d"' in drawn("dot", AWKWARD)


def test_mermaid() -> None:
    assert drawn("mermaid", {"a#x": ["b#y"], "b#y": []}) == (
        'graph LR\n  t0["a#35;x"]\n  t1["b#35;y"]\n  t0 --> t1\n'
    )
    assert 't0["a#34;b#92;c#59;#35;d"]' in drawn("mermaid", AWKWARD)


def test_json() -> None:
    found = json.loads(drawn("json", AWKWARD))
    assert found["version"] == 1
    assert {task["taskId"]: task["dependsOn"] for task in found["tasks"]} == AWKWARD


def test_an_empty_graph() -> None:
    assert drawn("text", {}) == "\n"
    assert json.loads(drawn("json", {}))["tasks"] == []


@pytest.mark.skipif(shutil.which("dot") is None, reason="Graphviz is not installed")
def test_graphviz_understands_it() -> None:
    done = subprocess.run(
        ["dot", "-Tplain"],
        input=drawn("dot", AWKWARD).encode(),
        capture_output=True,
        timeout=CHILD_DEADLINE,
        check=False,
    )
    assert done.returncode == 0, done.stderr
