"""The Python client end to end: verb, way in, effect; and where there is no runner."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from taskrunner import client
from taskrunner.hints import Hints, Skip, skip

from .harness import CLIENTS, Way, python, run

if TYPE_CHECKING:
    from pathlib import Path

WAYS: tuple[Way, ...] = ("channel", "file", "forbidden", "snapshot")
ENV = {"API_URL": "http://a", "VITE_A": "1", "VITE_B": "2"}


@pytest.fixture(autouse=True)
def outside(monkeypatch: pytest.MonkeyPatch) -> None:
    """The tests may themselves be run by a runner."""
    for name in ("TASKRUNNER_CHANNEL", "TASK_RUNNER_HINTS", "TASKRUNNER_ENV_SNAPSHOT"):
        monkeypatch.delenv(name, raising=False)


@pytest.mark.parametrize("way", WAYS)
def test_every_statement(way: Way, space: Path) -> None:
    code = """
import os
os.mkdir("sub"); os.chdir("sub")
ignore_input("in"); ignore_output(b"../out"); track_input("/".join([os.getcwd(), "ti"]))
track_output("to"); track_value("k", "v"); disable_cache("why")
assert is_managed()
"""
    outcome = run(python(code), space, way=way)
    assert outcome.code == 0, outcome.output
    assert outcome.hints == Hints(
        ignored_inputs=("sub/in",),
        ignored_outputs=("out",),
        tracked_inputs=("sub/ti",),
        tracked_outputs=("sub/to",),
        values={"k": ("v",)},
        disabled=True,
        reasons=("why",),
    )


QUESTIONS = """
print(get_env("API_URL"), get_env("NOT_SET"), get_env("VITE_B", tracked=False))
print(get_envs("VITE_*"), get_envs(prefix="API"), get_envs("["))
"""


@pytest.mark.parametrize("way", ["channel", "snapshot"])
def test_questions_are_answered_from_the_runners_environment(way: Way, space: Path) -> None:
    outcome = run(python(QUESTIONS), space, way=way, env=ENV)
    assert outcome.output.splitlines() == [
        "http://a None 2",
        "{'VITE_A': '1', 'VITE_B': '2'} {'API_URL': 'http://a'} {}",
    ]
    assert outcome.hints.env == {"API_URL": "http://a", "NOT_SET": None}
    assert outcome.hints.patterns == {
        "VITE_*": {"VITE_A": "1", "VITE_B": "2"},
        "API*": {"API_URL": "http://a"},
    }
    assert outcome.hints.faults == {"bad-glob": 1}
    assert not outcome.hints.withheld


@pytest.mark.parametrize("way", ["file", "forbidden"])
def test_without_an_answer_the_own_environment_counts_and_is_said_to_lack(
    way: Way, space: Path
) -> None:
    code = 'print(get_env("API_URL"), get_env("NOT_SET"), get_envs("VITE_*"))'
    outcome = run(python(code), space, way=way, env=ENV, passed={"VITE_A": "1"})
    assert outcome.output == "None None {'VITE_A': '1'}\n"
    assert outcome.hints.env == {"API_URL": "http://a", "NOT_SET": None}
    assert outcome.hints.withheld == ("API_URL", "VITE_B")
    assert skip(outcome.hints) == Skip("withheld-variable", "API_URL")


def test_configuration_beats_the_hint(space: Path) -> None:
    code = 'print(get_env("API_URL"), get_envs("VITE_*"))'
    outcome = run(python(code), space, env=ENV, untracked=lambda n: n in {"API_URL", "VITE_B"})
    assert outcome.output == "http://a {'VITE_A': '1', 'VITE_B': '2'}\n"
    assert outcome.hints.env == {}
    assert outcome.hints.patterns == {"VITE_*": {"VITE_A": "1"}}


def test_links_and_dots_are_resolved(space: Path) -> None:
    code = """
import os
os.makedirs("real/deep"); os.symlink("real", "link"); os.symlink("/etc", "away")
ignore_input("link/x"); ignore_input("link/deep/../y"); ignore_input("away/passwd")
ignore_input("../../.."); ignore_input(".")
"""
    outcome = run(python(code), space)
    assert outcome.hints.ignored_inputs == ("real/x", "real/y")
    assert outcome.hints.faults == {"outside": 1, "too-wide": 2}
    assert skip(outcome.hints) is None


def test_a_directory_that_is_gone(space: Path) -> None:
    code = 'import os\nos.mkdir("d"); os.chdir("d"); os.rmdir("../d"); ignore_input("x")'
    outcome = run(python(code), space)
    assert (outcome.code, outcome.hints.faults) == (0, {"bad-field": 1})


def test_bytes_that_are_not_text(space: Path) -> None:
    for way in WAYS:
        outcome = run(python(r'ignore_input(b"\xff\x80x")'), space, way=way)
        assert outcome.hints.ignored_inputs == ("\udcff\udc80x",)


def test_threads_and_forks(space: Path) -> None:
    code = """
import os, threading
def talk(name):
    for n in range(200):
        ignore_input(f"{name}/{n}")
        assert get_env("API_URL") == "http://a"
talk("before")
children = []
for child in range(8):
    pid = os.fork()
    if not pid:
        talk(f"child{child}")
        os._exit(0)
    children.append(pid)
threads = [threading.Thread(target=talk, args=(f"thread{n}",)) for n in range(8)]
for thread in threads: thread.start()
for thread in threads: thread.join()
assert all(os.waitpid(child, 0)[1] == 0 for child in children)
"""
    outcome = run(python(code), space, env=ENV)
    assert outcome.code == 0, outcome.output
    assert len(outcome.hints.ignored_inputs) == 17 * 200
    assert not outcome.hints.lost


def test_a_signal_handler_in_the_middle_of_an_exchange(space: Path) -> None:
    code = """
import signal
done = 0
def handler(*_):
    global done
    done += 1
    ignore_input(f"handler/{done}")
    signal.setitimer(signal.ITIMER_REAL, 0.0003)
signal.signal(signal.SIGALRM, handler)
signal.setitimer(signal.ITIMER_REAL, 0.0003)
n = 0
while done < 200:
    n += 1
    assert get_env("API_URL", tracked=bool(n % 2)) == "http://a"
    ignore_input(f"main/{n % 1000}")
signal.setitimer(signal.ITIMER_REAL, 0)
"""
    outcome = run(python(code), space, env=ENV)
    assert outcome.code == 0, outcome.output
    assert sum(p.startswith("handler/") for p in outcome.hints.ignored_inputs) >= 200
    assert not outcome.hints.lost


def test_an_interrupted_exchange_leaves_the_next_one_in_step(space: Path) -> None:
    code = """
import signal
class Stop(Exception): pass
armed = False
def handler(*_):
    global armed
    if armed:
        armed = False
        raise Stop
signal.signal(signal.SIGALRM, handler)
stopped = 0
while stopped < 100:
    try:
        armed = True
        signal.setitimer(signal.ITIMER_REAL, 0.0003)
        for _ in range(1000):
            assert get_env("API_URL") == "http://a"
            assert get_env("NOT_SET") is None
        armed = False
    except Stop:
        stopped += 1
signal.setitimer(signal.ITIMER_REAL, 0)
"""
    outcome = run(python(code), space, env=ENV)
    assert outcome.code == 0, outcome.output


def test_the_runner_dies_and_the_tool_goes_on(space: Path) -> None:
    code = """
import os, signal, time
ignore_input("a")
runner = os.getppid()
os.kill(runner, signal.SIGKILL)
while os.getppid() == runner: time.sleep(0.001)
for n in range(1000): ignore_input(f"b/{n}")
assert get_env("PATH") == os.environ["PATH"]
open("ended", "w").close()
"""
    with pytest.raises(AssertionError, match="said nothing"):
        run(python(code), space)
    for _ in range(1000):
        if (space / "ended").exists():
            return
        subprocess.run(["sleep", "0.02"], check=True)
    pytest.fail("the tool did not end")


def test_outside_a_runner_nothing_happens(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HERE_A", "1")
    assert not client.is_managed()
    client.ignore_input("x")
    client.track_value("k", "v")
    client.disable_cache()
    assert client.get_env("HERE_A") == "1"
    assert client.get_env("HERE_B") is None
    assert client.get_envs("HERE_*") == {"HERE_A": "1"}
    assert client.get_envs(prefix="HERE_") == {"HERE_A": "1"}
    assert client.get_envs("[") == {}
    with pytest.raises(TypeError, match="pattern or a prefix"):
        client.get_envs()


def test_misuse_is_the_same_inside_and_outside(space: Path) -> None:
    for way in WAYS:
        code = """
for call in (lambda: ignore_input(None), lambda: get_env(5), lambda: get_envs()):
    try: call()
    except TypeError: continue
    raise SystemExit(1)
track_value("k", 5)
"""
        outcome = run(python(code), space, way=way)
        assert outcome.code == 0, outcome.output
        assert outcome.hints.values == {"k": ("5",)}


def test_importing_it_brings_in_nothing_else() -> None:
    code = (
        "import sys; before = set(sys.modules); import taskrunner.client;"
        "print(*sorted(set(sys.modules) - before))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "PYTHONPATH": str(CLIENTS)},
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    own = {"__future__", "taskrunner", "taskrunner.client"}
    # The package itself may name its parts for type checkers.
    assert set(done.stdout.split()) <= own | {"typing"}


def test_talking_to_the_channel_needs_no_further_module_of_python(space: Path) -> None:
    code = """
import sys
before = set(sys.modules)
ignore_input("x")
print(*sorted(set(sys.modules) - before))
"""
    outcome = run([sys.executable, *python(code)[1:]], space)
    assert set(outcome.output.split()) <= {"_socket", "atexit", "time"}


def test_one_file_is_enough(space: Path) -> None:
    source = (CLIENTS / "taskrunner/client.py").read_bytes()
    (space / "_hints.py").write_bytes(source)
    code = "import sys; sys.path.insert(0, ''); import _hints; _hints.ignore_input('x')"
    outcome = run([sys.executable, "-S", "-c", code], space, passed={"PYTHONPATH": ""})
    assert outcome.hints.ignored_inputs == ("x",), outcome.output
