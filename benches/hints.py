"""What the hint protocol costs: prints one table. Abuse of it is in `benches/hints_abuse.py`.

    python benches/hints.py            builds what it needs in release, takes a minute

Each figure is from a step served by the real channel and file (`crates/ipc/examples/peer.rs`), with
questions answered by `taskrunner.hints`.
"""

from __future__ import annotations

import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT / "python"), str(ROOT)]

from python.tests.hints.harness import (  # noqa: E402  # after the path
    CONNECT,
    Outcome,
    Way,
    built,
    python,
    run,
)

CALLS = 20_000
SPAWNS = 20


def main() -> None:
    """Build, measure, print."""
    programs = built(release=True)
    with tempfile.TemporaryDirectory() as name:
        space = Path(name, "ws")
        space.mkdir()
        for show in (imports, python_calls, node_calls):
            show(space, programs["ipc_node"])


def row(what: str, figure: str) -> None:
    """Print one line of the table."""
    print(f"{what:<66} {figure:>22}")


def step(code: str, space: Path, way: Way) -> Outcome:
    """Run code as a step; what it left."""
    outcome = run(python(CONNECT + code), space, way=way, release=True)
    if outcome.code:
        raise SystemExit(outcome.output)
    return outcome


def imports(_space: Path, _library: str) -> None:
    """Time an interpreter with and without the client, in turns."""
    spent: dict[str, list[float]] = {"pass": [], "import taskrunner.client": []}
    for _ in range(SPAWNS):
        for code, times in spent.items():
            began = time.perf_counter()
            subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT / "python")
            times.append(time.perf_counter() - began)
    without, with_client = map(statistics.median, spent.values())
    row("import taskrunner.client, over an interpreter", f"{(with_client - without) * 1e3:.1f} ms")


TIMED = f"""
import time
def timed(what, call):
    began = time.perf_counter()
    for n in range({CALLS}): call(n)
    print(what, (time.perf_counter() - began) / {CALLS} * 1e6)
"""


def python_calls(space: Path, _library: str) -> None:
    """Time one call of the Python client."""
    code = TIMED + 'timed("said before", lambda n: ignore_input("/x"))\n'
    code += 'timed("a new statement", lambda n: ignore_input(f"/x/{n}"))\n'
    code += 'timed("a question asked before", lambda n: get_env("PATH"))\n'
    code += 'timed("a new question", lambda n: get_env(f"V{n}"))\n'
    for way in ("channel", "file"):
        for line in step(code, space, way).output.splitlines():
            what, spent = line.rsplit(maxsplit=1)
            row(f"Python, one call by the {way}: {what}", f"{float(spent):.1f} us")
    outside = subprocess.run(
        python(code),
        env={"PYTHONPATH": str(ROOT / "python")},
        capture_output=True,
        text=True,
        check=True,
    )
    for line in outside.stdout.splitlines()[:1]:
        row("Python, one call outside a runner", f"{float(line.split()[-1]):.2f} us")


def node_calls(space: Path, library: str) -> None:
    """Time one call of the Node addon."""
    if shutil.which("node") is None:
        return
    addon = space / "client.node"
    shutil.copy(library, addon)
    code = f"""
const began = process.hrtime.bigint();
const client = require('{addon}').load();
client.ignoreInput('/x');
const loaded = process.hrtime.bigint();
for (let n = 0; n < {CALLS}; n++) client.ignoreInput(`/x/${{n}}`);
const told = process.hrtime.bigint();
for (let n = 0; n < {CALLS}; n++) client.getEnv('PATH');
console.log(Number(loaded - began) / 1e6, Number(told - loaded) / {CALLS}e3,
            Number(process.hrtime.bigint() - told) / {CALLS}e3);
"""
    outcome = run(["node", "-e", code], space, release=True)
    load, statement, question = map(float, outcome.output.split())
    row("Node, require + load() + first call", f"{load:.1f} ms")
    row("Node, one call: statement", f"{statement:.1f} us")
    row("Node, one call: question", f"{question:.1f} us")
    row("size of the addon", f"{addon.stat().st_size / 1024:.0f} KiB")


if __name__ == "__main__":
    main()
