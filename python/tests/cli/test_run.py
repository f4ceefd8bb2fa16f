"""What `run` shows, writes and returns."""

from __future__ import annotations

import json
import os
import signal
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from ..unit.fake_engine import Message, Reason, Script

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..conftest import MakeWorkspace
    from .conftest import Cli, Engines

FILES = {
    "taskrunner.toml": """
[workspace]
packages = ["libs/*"]

[tasks.gen]
command = "gen"

[tasks.build]
command = ["cc 'a b.c'", "ar x | cat"]
depends-on = ["gen"]

[tasks.deploy]
command = "deploy"
cache = false
""",
    "libs/ui/taskrunner.toml": '[tasks.build]\ncommand = "vite build"\n',
}


@pytest.fixture
def workspace(make_workspace: MakeWorkspace) -> None:
    make_workspace(FILES)


@pytest.mark.usefixtures("workspace")
class TestOutput:
    def test_misses_and_hits(self, cli: Cli, script: Callable[..., None]) -> None:
        script(
            gen=Script(hit=True, output=((1, b"generated\n"), (2, b"warned\n"))),
            build=Script(miss=Reason("input-changed", "src/a.c"), output=((1, b"compiled\n"),)),
        )
        result = cli("run", "build")
        assert result == (
            0,
            "generated\ncompiled\n",
            (
                "ws#gen: $ gen  ~ cache hit, replaying\n"
                "warned\n"
                "ws#build (1/2): $ cc 'a b.c'  ~ cache miss: input changed: src/a.c\n"
                "ws#build (2/2): $ ar x | cat  ~ cache miss: no earlier run\n"
                "2 tasks: 1 hit, 1 ran, 0 failed in [TIME] (saved [TIME])\n"
            ),
        )

    def test_a_failure(self, cli: Cli, script: Callable[..., None]) -> None:
        script(gen=Script(code=3, output=((2, b"no newline"),)))
        assert cli("run", "build") == (
            3,
            "",
            (
                "ws#gen: $ gen  ~ cache miss: no earlier run\n"
                "no newline\n"
                "ws#gen failed: exit code 3\n"
                "ws#build (1/2) skipped: ws#gen failed\n"
                "ws#build (2/2) skipped: ws#gen failed\n"
                "2 tasks: 0 hits, 0 ran, 1 failed, 1 skipped in [TIME]\n"
            ),
        )

    def test_a_missing_program(self, cli: Cli, script: Callable[..., None]) -> None:
        script(gen=Script(spawn_error=Reason("spawn-failed", detail="program `gen` not found")))
        assert cli("run", "gen") == (
            127,
            "",
            (
                "ws#gen: $ gen  ~ cache miss: no earlier run\n"
                "ws#gen failed: program `gen` not found\n"
                "1 task: 0 hits, 0 ran, 1 failed in [TIME]\n"
            ),
        )

    def test_not_cached(self, cli: Cli, script: Callable[..., None]) -> None:
        script(gen=Script(not_cached=Reason("modified-its-input", "src/x\n")))
        assert cli("run", "gen").err == (
            "ws#gen: $ gen  ~ cache miss: no earlier run\n"
            "ws#gen not cached: it modified its input src/x\\n\n"
            "  write the result to another file, or set `cache = false`\n"
            "1 task: 0 hits, 1 ran, 0 failed in [TIME]\n"
        )

    def test_replaced_files_are_named(self, cli: Cli, script: Callable[..., None]) -> None:
        script(gen=Script(hit=True, replaced=("out/x",)))
        assert (
            "ws#gen: out/x held bytes that no step made; they are kept in .taskrunner/replaced\n"
            in cli("run", "gen").err
        )

    def test_a_task_that_is_not_cached(self, cli: Cli, engines: Engines) -> None:
        result = cli("run", "deploy")
        assert "ws#deploy: $ deploy  ~ cache disabled: cache = false\n" in result.err
        assert engines[-1].named("check") == []

    def test_labels(self, cli: Cli, script: Callable[..., None]) -> None:
        script(gen=Script(output=((1, b"a\nb"), (2, b"c\n"), (1, b"d\n"))))
        result = cli("run", "--log=labeled", "gen")
        assert result.out == "[ws#gen] a\n[ws#gen] bd\n"
        assert "[ws#gen] c\n" in result.err

    def test_groups(self, cli: Cli, script: Callable[..., None]) -> None:
        output = ((2, b"one\n"), (2, b"two\n"))
        script(gen=Script(output=output), deploy=Script(output=output))
        result = cli("run", "--log", "grouped", "gen,deploy")
        assert "one\ntwo\nws#deploy: $ deploy" in result.err

    def test_colours_are_for_terminals(
        self, cli: Cli, script: Callable[..., None], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        script(gen=Script(output=((1, b"\x1b[3"), (1, b"1mred\x1b[0m\n"))))
        assert cli("run", "gen").out == "red\n"
        monkeypatch.setenv("FORCE_COLOR", "1")
        assert cli("run", "gen").out == "\x1b[31mred\x1b[0m\n"

    def test_what_cant_be_traced_is_said_once(
        self, cli: Cli, engines: Engines, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        from ..unit import fake_engine

        monkeypatch.setattr(fake_engine.Engine, "fidelity", "none")
        monkeypatch.setattr(fake_engine.Engine, "fidelity_reason", "seccomp is forbidden")
        engines.scripts["gen"] = Script(not_cached=Reason("untraced"))
        assert cli("run", "gen").err.count("traced") == 1

    def test_a_slower_way_of_tracing_is_said_once(
        self, cli: Cli, engines: Engines, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        from ..unit import fake_engine

        engines.scripts["gen"] = Script()
        monkeypatch.setattr(fake_engine.Engine, "fidelity", "ptrace")
        monkeypatch.setattr(fake_engine.Engine, "fidelity_reason", "seccomp is forbidden")
        assert cli("run", "gen").err.count("takes longer here: seccomp is forbidden") == 1


@pytest.mark.usefixtures("workspace")
class TestArguments:
    def test_they_go_to_the_last_step_of_the_named_tasks(self, cli: Cli, engines: Engines) -> None:
        cli("run", "build,ui#build", "-v", "--", "--concurrency", "it's")
        argv = {(s.package, s.name): tuple(s.argv) for s in engines[-1].steps.values()}
        added = ("-v", "--", "--concurrency", "it's")
        assert argv == {
            ("ws", "gen"): ("gen",),
            ("ws", "build"): ("cc", "a b.c"),
            ("ws", "build:1"): ("/bin/sh", "-c", "ar x | cat -v -- --concurrency 'it'\"'\"'s'"),
            ("ui", "build"): ("vite", "build", *added),
        }

    def test_concurrency(self, cli: Cli, engines: Engines, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("TASKRUNNER_CONCURRENCY", "1")
        cli("run", "gen,deploy,ui#build")
        assert engines[-1].most_running == 1
        cli("run", "--concurrency", "3", "gen,deploy,ui#build")
        assert engines[-1].most_running == 3

    def test_continue(self, cli: Cli, script: Callable[..., None]) -> None:
        script(gen=Script(code=3), deploy=Script(code=4))
        assert cli("run", "--concurrency=1", "gen,deploy").code == 3
        assert cli("run", "--concurrency=1", "--continue", "gen,deploy").code == 1

    def test_dry_run(self, cli: Cli, script: Callable[..., None], engines: Engines) -> None:
        script(gen=Script(hit=True))
        result = cli("run", "--dry-run", "build,deploy")
        assert result == (
            0,
            (
                "ws#gen: $ gen  cache hit\n"
                "ws#build (1/2): $ cc 'a b.c'  cache miss: no earlier run\n"
                "ws#build (2/2): $ ar x | cat  unknown: a step before it has to run\n"
                "ws#deploy: $ deploy  cache disabled: cache = false\n"
            ),
            "4 steps: 1 from the cache, 2 to run, 1 unknown (saves [TIME])\n",
        )
        assert {call[0] for call in engines[-1].calls} == {"check"}

    def test_the_cache_is_pruned_after_storing(
        self, cli: Cli, script: Callable[..., None], engines: Engines
    ) -> None:
        script(gen=Script(hit=True))
        cli("run", "gen")
        assert engines[-1].named("prune") == []
        cli("run", "ui#build")
        assert engines[-1].named("prune") == [(10**10, 30)]
        assert engines[-1].closed


@pytest.mark.usefixtures("workspace")
class TestSummary:
    def read(self, path: str) -> dict[str, Any]:
        document = json.loads(Path(path).read_text(encoding="utf-8"))
        assert isinstance(document, dict)
        return document

    def test_its_elements(self, cli: Cli, script: Callable[..., None]) -> None:
        script(
            gen=Script(hit=True),
            build=Script(
                miss=Reason("input-changed", "a\udcff"),
                not_cached=Reason("failed"),
                hints=(
                    Message("get_env", [b"A\xff", b"\1"]),
                    Message("ignore_input", [b"/a"]),
                    Message("ignore_output", [b"/a"]),
                ),
            ),
        )
        cli("run", "--summarize=out/s.json", "build")
        document = self.read("out/s.json")
        assert document["version"] == 1
        gen, build, second = document["tasks"]
        assert 0 <= gen.pop("durationMs") < 60_000
        assert gen == {
            "taskId": "ws#gen",
            "step": 0,
            "id": 0,
            "label": "ws#gen",
            "command": "gen",
            "state": "done",
            "cacheStatus": "hit",
            "cacheMissReason": None,
            "cacheSkipReason": None,
            "cacheHints": {},
            "exitCode": 0,
            "attempts": 1,
            "endedBy": None,
            "savedMs": 2000,
        }
        assert build == {
            "taskId": "ws#build",
            "step": 0,
            "id": 1,
            "label": "ws#build (1/2)",
            "command": "cc 'a b.c'",
            "state": "done",
            "cacheStatus": "miss",
            "cacheMissReason": {
                "kind": "input-changed",
                "path": "a\\xff",
                "detail": None,
                "message": "input changed: a\\xff",
            },
            "cacheSkipReason": {
                "kind": "failed",
                "path": None,
                "detail": None,
                "message": "it failed",
            },
            "cacheHints": {"trackedEnv": ["A\\xff"], "badInput": {"outside": 2}},
            "exitCode": 0,
            "attempts": 1,
            "endedBy": None,
            "durationMs": 1500,
            "savedMs": 0,
        }
        assert second["step"] == 1

    def test_its_default_path_takes_no_word(self, cli: Cli, engines: Engines) -> None:
        cli("run", "--summarize", "gen", "--summarize=x")
        assert self.read(".taskrunner/last-run.json")["tasks"][0]["taskId"] == "ws#gen"
        assert engines[-1].steps[0].argv == ("gen", "--summarize=x")
        assert not Path("x").exists()

    def test_what_never_began_is_left_out(self, cli: Cli, script: Callable[..., None]) -> None:
        script(gen=Script(signal=9))
        assert cli("run", "--summarize", "build").code == 137
        (gen,) = self.read(".taskrunner/last-run.json")["tasks"]
        assert (gen["taskId"], gen["exitCode"]) == ("ws#gen", 137)

    def test_disabled(self, cli: Cli, engines: Engines) -> None:
        cli("run", "--no-cache", "--summarize", "gen")
        (gen,) = self.read(".taskrunner/last-run.json")["tasks"]
        assert (gen["cacheStatus"], gen["cacheMissReason"]) == ("disabled", None)
        assert gen["cacheSkipReason"]["message"] == "caching is off: --no-cache"
        assert not engines[-1].steps[0].cached

    def test_a_path_that_cant_be_written(self, cli: Cli, script: Callable[..., None]) -> None:
        script(gen=Script())
        result = cli("run", "--summarize=taskrunner.toml/x", "gen")
        assert result.code == 2
        assert result.err.endswith(
            "error: the summary can't be written to taskrunner.toml/x: File exists\n"
        )


@pytest.mark.usefixtures("workspace")
def test_a_closed_stdout_loses_no_result(
    cli: Cli, script: Callable[..., None], engines: Engines
) -> None:
    script(gen=Script(output=((1, b"a\n"), (2, b"b\n"), (1, b"c\n"))))
    reader, writer = os.pipe()
    kept = os.dup(1)
    os.close(reader)
    os.dup2(writer, 1)
    try:
        result = cli("run", "--summarize", "gen")
    finally:
        os.dup2(kept, 1)
        os.close(kept)
        os.close(writer)
    assert result.code == 0
    assert engines[-1].named("record") == ["gen"]
    assert Path(".taskrunner/last-run.json").exists()


@pytest.mark.usefixtures("workspace")
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_ends_the_run(
    number: signal.Signals, code: int, cli: Cli, script: Callable[..., None], engines: Engines
) -> None:
    from ..unit import fake_engine

    assert threading.current_thread() is threading.main_thread()
    before = signal.getsignal(number)
    script(gen=Script(holds=True))
    sent: list[int] = []

    def send(engine: fake_engine.Engine) -> None:
        if engine.running and not engine.events and not sent:
            sent.append(number)
            signal.raise_signal(number)

    original = fake_engine.Engine.next_events

    def next_events(engine: fake_engine.Engine, limit: int, timeout: float) -> Any:
        send(engine)
        return original(engine, limit, timeout)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(fake_engine.Engine, "next_events", next_events)
        result = cli("run", "build")
    assert result.code == code
    assert engines[-1].named("kill") == [("gen", number)]
    assert f"{number.name}: ending what runs; again to kill it\n" in result.err
    assert signal.getsignal(number) is before


@pytest.mark.usefixtures("workspace")
def test_no_value_of_the_environment_is_shown(
    cli: Cli, engines: Engines, monkeypatch: pytest.MonkeyPatch, make_workspace: MakeWorkspace
) -> None:
    make_workspace(
        {"taskrunner.toml": '[tasks.gen]\ncommand = "gen"\nenv = ["API_*"]\n[workspace]\n'}
    )
    monkeypatch.setenv("API_KEY", "hunter2hunter2")
    result = cli("run", "-v", "--summarize", "gen")
    step = engines[-1].steps[0]
    assert step.env["API_KEY"] == "hunter2hunter2"
    summary = Path(".taskrunner/last-run.json").read_bytes()
    everything = result.out.encode() + result.err.encode() + summary + step.description
    assert b"API_KEY" in everything
    assert b"hunter2" not in everything


@pytest.mark.usefixtures("workspace")
def test_list(cli: Cli) -> None:
    assert cli("list") == (
        0,
        "ws#gen: gen\nws#build: cc 'a b.c'; ar x | cat\nws#deploy: deploy\nui#build: vite build\n",
        "",
    )


def test_help_says_every_option(cli: Cli) -> None:
    result = cli("run", "--help")
    assert result.code == 0
    for option in ("--cache", "--no-cache", "--force", "--log", "--concurrency", "--continue"):
        assert option in result.out
    for command in ("run", "list", "cache"):
        assert command in cli("--help").out


def test_version(cli: Cli) -> None:
    from taskrunner import __version__

    assert cli("--version") == (0, f"taskrunner {__version__}\n", "")
