"""The Node addon, by itself and under the published JavaScript clients."""

from __future__ import annotations

import os
import shutil
import subprocess
from typing import TYPE_CHECKING

import pytest

from taskrunner.hints import Hints, Skip, skip

from .harness import Outcome, Way, run

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

ENV = {"API_URL": "http://a", "VITE_A": "1", "VITE_B": "2"}
ADDON = "VP_RUN_NODE_CLIENT_PATH"

pytestmark = pytest.mark.skipif(shutil.which("node") is None, reason="needs node")


@pytest.fixture(scope="session")
def addon(programs: Mapping[str, str], tmp_path_factory: pytest.TempPathFactory) -> str:
    """Return the addon under a name that Node loads as one."""
    path = tmp_path_factory.mktemp("addon") / "client.node"
    shutil.copy(programs["ipc_node"], path)
    return str(path)


def node(code: str, space: Path, addon: str, *, way: Way = "channel") -> Outcome:
    (space / "tool.mjs").write_text(code)
    passed = {ADDON: addon, "HOME": os.environ.get("HOME", "/")}
    outcome = run(["node", "tool.mjs"], space, way=way, env=ENV, passed=passed)
    assert outcome.code == 0, outcome.output
    return outcome


LOAD = f"""
import {{ createRequire }} from 'node:module';
const client = createRequire(import.meta.url)(process.env.{ADDON}).load();
"""
EVERYTHING = """
client.ignoreInput('in'); client.ignoreOutput('../ws/out');
console.log(client.getEnv('API_URL'), client.getEnv('NOT_SET'));
console.log(client.getEnv('VITE_A', { tracked: false }));
console.log(JSON.stringify([client.getEnvs('VITE_*'), client.getEnvs({ prefix: 'API' })]));
client.disableCache();
"""
SAID = Hints(
    ignored_inputs=("in",),
    ignored_outputs=("out",),
    env={"API_URL": "http://a", "NOT_SET": None},
    patterns={"API*": {"API_URL": "http://a"}, "VITE_*": {"VITE_A": "1", "VITE_B": "2"}},
    disabled=True,
)


@pytest.mark.parametrize("way", ["channel", "snapshot"])
def test_every_method(way: Way, space: Path, addon: str) -> None:
    outcome = node(LOAD + EVERYTHING, space, addon, way=way)
    assert outcome.output.splitlines() == [
        "http://a undefined",
        "1",
        '[{"VITE_A":"1","VITE_B":"2"},{"API_URL":"http://a"}]',
    ]
    assert outcome.hints == SAID


def test_misuse_throws_nothing_and_is_counted(space: Path, addon: str) -> None:
    code = """
for (const wrong of [undefined, null, 5, {}, [], Symbol('x'), () => {}]) {
  client.ignoreInput(wrong); client.ignoreOutput(wrong);
  if (client.getEnv(wrong) !== undefined) throw 1;
  if (Object.keys(client.getEnvs(wrong)).length) throw 2;
}
client.getEnvs('['); client.getEnvs({ prefix: 5 }); client.getEnv('API_URL', null);
client.getEnv('API_URL', { tracked: 'no' }); client.ignoreInput('good');
"""
    outcome = node(LOAD + code, space, addon)
    assert outcome.hints.faults == {"bad-field": 29, "bad-glob": 1}
    assert outcome.hints.ignored_inputs == ("good",)
    assert outcome.hints.env == {"API_URL": "http://a"}
    assert outcome.hints.lost


def test_a_wish_with_a_strange_reason_is_a_wish(space: Path, addon: str) -> None:
    outcome = node(LOAD + "client.disableCache(new Error('x'))", space, addon)
    assert skip(outcome.hints) == Skip("disabled-by-task")


def test_workers_and_processes_each_have_their_own(space: Path, addon: str) -> None:
    code = """
import { Worker, isMainThread, workerData } from 'node:worker_threads';
import { spawnSync } from 'node:child_process';
const name = isMainThread ? process.argv[2] ?? 'main' : workerData;
for (let n = 0; n < 50; n++) {
  client.ignoreInput(`${name}/${n}`);
  if (client.getEnv('API_URL') !== 'http://a') throw new Error(name);
}
if (name === 'main') {
  for (let round = 0; round < 3; round++) {
    await Promise.all([...Array(6).keys()].map((n) => new Promise((done, failed) => {
      const worker = new Worker(new URL(import.meta.url), { workerData: `worker${round}-${n}` });
      worker.on('exit', (code) => (code ? failed(code) : done()));
    })));
  }
  const stdio = { stdio: 'inherit' };
  for (let n = 0; n < 3; n++) {
    if (spawnSync(process.execPath, ['tool.mjs', `child${n}`], stdio).status) throw n;
  }
}
"""
    outcome = node(LOAD + code, space, addon)
    assert len(outcome.hints.ignored_inputs) == (1 + 18 + 3) * 50
    assert not outcome.hints.lost


def test_loaded_in_workers_alone(space: Path, addon: str) -> None:
    code = f"""
import {{ Worker }} from 'node:worker_threads';
const code = `
  const client = require(process.env.{ADDON}).load();
  client.ignoreInput(require('node:worker_threads').workerData);
`;
for (let n = 0; n < 20; n++) {{
  await new Promise((done, failed) => new Worker(code, {{ eval: true, workerData: `${{n}}` }})
    .on('exit', (code) => (code ? failed(code) : done())));
}}
"""
    assert len(node(code, space, addon).hints.ignored_inputs) == 20


def test_without_a_runner_it_refuses_to_load(addon: str) -> None:
    code = f"try {{ require({addon!r}).load() }} catch (error) {{ console.log(error.message) }}"
    done = subprocess.run(
        ["node", "-e", code],
        env={"PATH": os.environ["PATH"]},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.startswith("no task runner")


@pytest.mark.tools
@pytest.mark.parametrize("way", ["channel", "snapshot"])
def test_the_published_client_of_vite(way: Way, space: Path, addon: str, modules: Path) -> None:
    (space / "node_modules").symlink_to(modules)
    code = "import * as client from '@voidzero-dev/vite-task-client';\n" + EVERYTHING
    assert node(code, space, addon, way=way).hints == SAID


@pytest.mark.tools
def test_the_published_client_of_visulima(space: Path, addon: str, modules: Path) -> None:
    (space / "node_modules").symlink_to(modules)
    code = """
import * as client from '@visulima/task-runner-client';
if (!client.isManaged() || client.getProtocolVersion() !== '1') throw 1;
client.ignoreInput('in'); client.ignoreOutput('out'); client.trackInput('ti');
client.trackOutput('to'); client.trackValue('k', 'v'); client.disableCache('why');
console.log(client.getEnv('API_URL'), JSON.stringify(client.getEnvs('VITE_*')));
"""
    outcome = node(code, space, addon)
    assert outcome.output == "undefined {}\n"
    assert outcome.hints == Hints(
        ignored_inputs=("in",),
        ignored_outputs=("out",),
        tracked_inputs=("ti",),
        tracked_outputs=("to",),
        values={"k": ("v",)},
        env={"API_URL": "http://a"},
        patterns={"VITE_*": {"VITE_A": "1", "VITE_B": "2"}},
        looked_up=("API_URL", "VITE_*"),
        withheld=("API_URL", "VITE_A", "VITE_B"),
        disabled=True,
        reasons=("why",),
    )
