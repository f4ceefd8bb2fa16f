"""Variables that a program looks up with `getenv` and says nothing of: the fast way sees them."""

from __future__ import annotations

import platform
import shutil
import subprocess
from typing import TYPE_CHECKING

import pytest

from taskrunner.environ import TRACKED, UNTRACKED, matching
from taskrunner.hints import PROTOCOL_NAMES, Collector, Setting, provenance
from taskrunner.lookups import counts
from taskrunner.tracing import trace

from ..metamorphic.case import Task
from .tool import Tool

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from ..metamorphic.case import Toml

seen = pytest.mark.skipif(
    platform.machine() != "x86_64" or platform.libc_ver()[0] != "glibc" or not shutil.which("gcc"),
    reason="needs the fast way (x86-64, glibc) and gcc",
)

PROGRAM = """
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
int main(int count, char **names) {
  FILE *in = fopen("in.txt", "r"), *out = fopen("out.txt", "w");
  int first = fgetc(in);
  /* Looks its arguments up if the input says so. */
  if (first != '-')
    for (int i = 1; i < count; i++) {
      char *value = getenv(names[i]);
      fprintf(out, "%s ", value ? value : "none");
    }
  fprintf(out, "%c", first);
  return 0;
}
"""


def looking_up(base: Path, *names: str, keys: Mapping[str, Toml] | None = None) -> Tool:
    """Return a task that runs a program which looks these up and prints them, and its input."""
    task = Task("build", f"./program {' '.join(names)}", keys=keys or {})
    tool = Tool(Tool.make(base, {"in.txt": "1"}, [task]).place)
    source = base / "program.c"
    source.write_text(PROGRAM)
    subprocess.run(["gcc", "-o", str(tool.root / "program"), str(source)], check=True)
    return tool


@seen
def test_one_that_was_withheld_is_said_and_passed_from_then_on(tmp_path: Path) -> None:
    tool = looking_up(tmp_path, "MODE")
    run = tool.run(env={"MODE": "a"})
    skip = run.one("build").skip
    assert skip is not None, run.told()
    assert (skip.kind, skip.message) == (
        "withheld-variable",
        "it asks for `MODE`, which is set but withheld",
    )
    assert 'env = ["MODE"]' in run.stderr.decode()
    assert tool.read("out.txt") == "none 1"
    assert tool.build(MODE="a") == "its last result was not stored"
    assert tool.read("out.txt") == "a 1"
    assert tool.build(MODE="a") == "hit"
    assert tool.build(MODE="a", OTHER="x") == "hit"
    assert tool.build(MODE="b") == "env 'MODE' changed"
    assert tool.read("out.txt") == "b 1"
    assert tool.build() == "env 'MODE' removed"
    assert tool.read("out.txt") == "none 1"
    for value in ("a", "b"):
        assert tool.build(MODE=value) == "hit"
        assert tool.read("out.txt") == f"{value} 1"


@seen
def test_the_trace_of_any_command_names_them(tmp_path: Path) -> None:
    tool = looking_up(tmp_path)
    done = trace(["./program", "MODE", "SET"], cwd=str(tool.root), env={"SET": "1"})
    assert "MODE" in done.variables
    assert "SET" not in done.variables
    assert done.as_json()["variables"] == list(done.variables)


@seen
def test_one_that_was_not_set_is_known_when_it_is(tmp_path: Path) -> None:
    tool = looking_up(tmp_path, "MODE")
    assert tool.build() == "no earlier run"
    assert tool.build() == "hit"
    assert tool.build(MODE="a") == "env 'MODE' added"
    assert tool.read("out.txt") == "a 1"
    assert tool.build(MODE="a") == "hit"
    assert tool.build() == "hit"
    assert tool.read("out.txt") == "none 1"


@seen
def test_an_undone_edit_does_not_bring_back_what_was_made_without_it(tmp_path: Path) -> None:
    tool = looking_up(tmp_path, "MODE")
    assert tool.build() == "no earlier run"
    tool.put("in.txt", "2")
    assert tool.build(MODE="a") != "hit"
    assert tool.build(MODE="a") == "hit"
    tool.put("in.txt", "1")
    assert tool.build(MODE="a") != "hit"
    assert tool.read("out.txt") == "a 1"


@seen
def test_what_is_given_counts_though_it_is_not_looked_up_again(tmp_path: Path) -> None:
    tool = looking_up(tmp_path, "MODE")
    assert tool.build() == "no earlier run"
    tool.put("in.txt", "-")
    assert tool.build(MODE="a") != "hit"
    # Given to the whole step: who else looks at it may not be seen.
    assert tool.build(MODE="a") == "hit"
    assert tool.build(MODE="b") == "env 'MODE' changed"


@seen
def test_a_tool_that_trusts_what_it_made_starts_from_nothing(tmp_path: Path) -> None:
    tool = looking_up(tmp_path)
    command = "test -e out.txt || ./program MODE"
    tool = Tool(Tool.make(tmp_path, {}, [Task("build", command)]).place)
    assert tool.build(MODE="a") == "not cached: withheld-variable"
    assert tool.read("out.txt") == "none 1"
    for value in ("a", "b"):
        assert tool.build(MODE=value) != "hit"
        assert tool.read("out.txt") == f"{value} 1"
        assert tool.build(MODE=value) == "hit"


@seen
def test_one_that_the_step_has_or_sets_itself_is_not_missed(tmp_path: Path) -> None:
    command = "export MADE=here; ./program MADE DECLARED FREE"
    keys = {"env": ["DECLARED"], "untracked-env": ["FREE"]}
    tool = looking_up(tmp_path, keys=keys)
    tool = Tool(Tool.make(tmp_path, {}, [Task("build", command, keys=keys)]).place)
    assert tool.build(MADE="there", DECLARED="d", FREE="f") == "no earlier run"
    assert tool.read("out.txt") == "here d f 1"
    assert tool.build(MADE="elsewhere", DECLARED="d", FREE="g") == "hit"
    assert tool.build() == "env 'DECLARED' removed"


@seen
def test_what_a_session_has_set_does_not_count(tmp_path: Path) -> None:
    names = ("DISPLAY", "EDITOR", "GITHUB_ACTIONS", "npm_config_user_agent", "LD_LIBRARY_PATH")
    tool = looking_up(tmp_path, *names)
    assert tool.build(**dict.fromkeys(names, "/none")) == "no earlier run"
    assert tool.build() == "hit"
    assert not tool.hints()


@seen
def test_where_every_call_is_notified_nobody_sees_it(tmp_path: Path) -> None:
    tool = looking_up(tmp_path, "MODE")
    way = {"TASKRUNNER_TRACER": "notify"}
    assert tool.build(MODE="a", **way) == "no earlier run"
    assert tool.build(MODE="b", **way) == "hit"
    assert tool.read("out.txt") == "none 1"


def test_names_are_shown_only_if_a_tool_spoke_of_them_or_they_were_withheld() -> None:
    env = {"SET": "1", "GIVEN": "2"}
    given = {"GIVEN"}
    no = lambda _: False  # noqa: E731
    collector = Collector(Setting("/w", "/w", env, given, no, no))
    collector.gives(given)
    collector.sees(["SET", "UNSET", "DISPLAY"])
    collector.receive("get_env", [b"SAID", b"\1"], "channel")
    hints = collector.done()
    assert hints.env == {"GIVEN": "2", "SAID": None, "SET": "1", "UNSET": None}
    assert hints.looked_up == ("GIVEN", "SET", "UNSET")
    assert hints.withheld == ("SET",)
    assert provenance(hints) == {"trackedEnv": ["SAID"], "withheldEnv": ["SET"]}


@pytest.mark.parametrize(
    "name",
    [
        "CFLAGS",
        "CC",
        "MODE",
        "NODE_ENV",
        "HTTP_PROXY",
        "GITHUB_SHA",
        "PYTHONHASHSEED",
        "XDG_CONFIG_HOME",
    ],
)
def test_what_may_be_meant_for_the_result_counts(name: str) -> None:
    assert counts(name)


def test_what_is_the_runners_own_never_counts() -> None:
    for name in (*PROTOCOL_NAMES, "TASKRUNNER_TRACER", "VP_RUN_ID"):
        assert not counts(name), name


def test_what_is_passed_is_not_in_the_table_but_for_what_says_nothing() -> None:
    """What is tracked must not be left out because of a name in the table."""
    passed = {name for name in (*TRACKED, "LC_ALL", "LC_CTYPE") if "*" not in name}
    assert {name for name in passed if not counts(name)} == set()
    assert matching(UNTRACKED, ("SSH_*",)) == {"SSH_AUTH_SOCK", "SSH_AGENT_PID"}
