"""Runners in this process: one that keeps every promise, and one for each promise broken."""

# ruff: noqa: ARG002 - a double overrides one step of the honest one, and needs not all it is given

from __future__ import annotations

import hashlib
import stat
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from .reference import run_plain
from .runner import Outcome, Reason, Run
from .tree import Dir, File, Link, Node, read_nodes, remove, write_node

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from .case import Case, Conditions, Task
    from .workspace import Place


class Paths(NamedTuple):
    """What a task reads and writes: the double is told instead of tracing."""

    inputs: tuple[str, ...]
    outputs: tuple[str, ...]


Nodes = list[tuple[Path, Node]]
Facts = dict[str, str]


class Entry(NamedTuple):
    """A stored result."""

    facts: Facts
    nodes: Nodes
    stdout: bytes
    stderr: bytes
    code: int


@dataclass
class HonestRunner:
    """Caches right, for tasks whose inputs and outputs it is told."""

    case: Case
    paths: Mapping[str, Paths]
    entries: dict[str, list[Entry]] = field(default_factory=dict)
    standing: dict[str, Nodes] = field(default_factory=dict)

    def run(self, place: Place, target: str, conditions: Conditions) -> Run:
        """Run or restore every task behind `target`."""
        code, stdout, stderr = 0, b"", b""
        outcomes = []
        for task in self.case.ordered():
            facts = self.facts(place, task, conditions)
            entry = self.look_up(task, facts)
            miss = None if entry else self.explain(task, facts)
            skip = None
            if entry is None:
                entry = self.execute(place, task, conditions, facts)
                skip = self.refusal(task, entry)
                if skip is None:
                    self.store(task, entry)
            else:
                self.restore(place, task, entry)
                entry = self.replay(entry)
            code, stdout, stderr = entry.code, stdout + entry.stdout, stderr + entry.stderr
            status = "miss" if miss else "hit"
            outcomes.append(Outcome(f"root#{task.name}", 0, status, miss, skip))
        return Run(code, stdout, stderr, tuple(outcomes))

    def look_up(self, task: Task, facts: Facts) -> Entry | None:
        """The stored entry with these facts, from now on the newest."""
        entries = self.entries.get(task.name, [])
        found = next((entry for entry in entries if entry.facts == facts), None)
        if found:
            entries.sort(key=lambda entry: entry is found)
        return found

    def facts(self, place: Place, task: Task, conditions: Conditions) -> Facts:
        """All the task depends on, by name."""
        facts = {"umask": oct(conditions.umask)}
        facts |= {name: value for name, value in conditions.env.items() if name in _declared(task)}
        for name in self.paths[task.name].inputs:
            top = place.root / name
            facts.setdefault(name, "None")
            for path, node in read_nodes(top):
                facts[str(path.relative_to(place.root))] = self.fact(path, node)
        return facts

    def fact(self, path: Path, node: Node) -> str:
        """What counts of one input: content and mode, absence too."""
        if isinstance(node, File):
            return f"{hashlib.sha256(node.data).hexdigest()} {node.mode:o}"
        return repr(node)

    def explain(self, task: Task, facts: Facts) -> Reason:
        """The first fact that differs from the newest entry."""
        for entry in reversed(self.entries.get(task.name, [])):
            for name in sorted(facts.keys() | entry.facts.keys()):
                if facts.get(name) != entry.facts.get(name):
                    return Reason("input-changed", name, name)
        return Reason("never-run", None, "no earlier run")

    def execute(self, place: Place, task: Task, conditions: Conditions, facts: Facts) -> Entry:
        """Run for real."""
        code, stdout, stderr = run_plain(place, [task], conditions)
        return Entry(facts, self.collect(place, task), stdout, stderr, code)

    def refusal(self, task: Task, entry: Entry) -> Reason | None:
        """Why a result is not stored."""
        return Reason("failed", None, "it failed") if entry.code else None

    def store(self, task: Task, entry: Entry) -> None:
        """Keep an entry beside the others."""
        self.entries.setdefault(task.name, []).append(entry)
        self.standing[task.name] = entry.nodes

    def collect(self, place: Place, task: Task) -> Nodes:
        """The outputs as they are."""
        tops = (place.root / name for name in self.paths[task.name].outputs)
        return [pair for top in tops for pair in read_nodes(top) if not _foreign(pair[0])]

    def restore(self, place: Place, task: Task, entry: Entry) -> None:
        """Make the outputs what the entry holds; remove what only the standing result had."""
        wanted = {path for path, _ in entry.nodes}
        for path, node in reversed(self.standing.get(task.name, [])):
            if path not in wanted and not (isinstance(node, Dir) and _full(path)):
                remove(path)
        for path, node in entry.nodes:
            if not (isinstance(node, Dir) and path.is_dir()):
                write_node(path, node)
        self.standing[task.name] = entry.nodes

    def replay(self, entry: Entry) -> Entry:
        """What a hit prints and exits with."""
        return entry


def _declared(task: Task) -> Sequence[str]:
    names = task.keys.get("env", ())
    return () if isinstance(names, str | bool | int) else names


def _foreign(path: Path) -> bool:
    return "stranger" in path.name


def _full(path: Path) -> bool:
    return path.is_dir() and any(path.iterdir())


class NeverHits(HonestRunner):
    """Runs everything, always."""

    def look_up(self, task: Task, facts: Facts) -> Entry | None:
        return None


class AlwaysHits(HonestRunner):
    """Takes any stored entry for the right one."""

    def look_up(self, task: Task, facts: Facts) -> Entry | None:
        return next(iter(self.entries.get(task.name, [])), None)


class KeepsOneEntry(HonestRunner):
    """Forgets the older results of a task."""

    def store(self, task: Task, entry: Entry) -> None:
        self.entries[task.name] = [entry]
        self.standing[task.name] = entry.nodes


class TrustsTimes(HonestRunner):
    """Takes size and modification time for the content."""

    def fact(self, path: Path, node: Node) -> str:
        if isinstance(node, File) and path.parent.name == "src":
            status = path.stat()
            return f"{status.st_size} {status.st_mtime_ns} {node.mode:o}"
        return repr(node)


class IgnoresModes(HonestRunner):
    """Does not see a chmod."""

    def fact(self, path: Path, node: Node) -> str:
        return super().fact(path, replace(node, mode=0) if isinstance(node, File) else node)


class IgnoresAbsence(HonestRunner):
    """Asks only for the files it found the first time, and for listings."""

    def facts(self, place: Place, task: Task, conditions: Conditions) -> Facts:
        facts = super().facts(place, task, conditions)
        present = {name: fact for name, fact in facts.items() if fact != "None"}
        known = {name for entry in self.entries.get(task.name, []) for name in entry.facts}
        return {n: f for n, f in present.items() if not known or n in known or "src" in n}


class IgnoresEnvironment(HonestRunner):
    """Does not see variables."""

    def facts(self, place: Place, task: Task, conditions: Conditions) -> Facts:
        return super().facts(place, task, replace(conditions, env={}))


class NeverRestores(HonestRunner):
    """Says hit, and does nothing."""

    def restore(self, place: Place, task: Task, entry: Entry) -> None:
        pass


class RestoresWrongModes(HonestRunner):
    """Writes every file with the same mode."""

    def restore(self, place: Place, task: Task, entry: Entry) -> None:
        plain = [(p, replace(n, mode=0o644) if isinstance(n, File) else n) for p, n in entry.nodes]
        super().restore(place, task, entry._replace(nodes=plain))


class ForgetsEmptyDirectories(HonestRunner):
    """Archives files only."""

    def collect(self, place: Place, task: Task) -> Nodes:
        return [pair for pair in super().collect(place, task) if not isinstance(pair[1], Dir)]


class FollowsLinks(HonestRunner):
    """Archives what a link points to."""

    def collect(self, place: Place, task: Task) -> Nodes:
        return [(path, _followed(path, node)) for path, node in super().collect(place, task)]


def _followed(path: Path, node: Node) -> Node:
    if not isinstance(node, Link) or not path.is_file():
        return node
    return File(path.read_bytes(), stat.S_IMODE(path.stat().st_mode))


class LeavesStaleOutputs(HonestRunner):
    """Lays a result over what another left."""

    def restore(self, place: Place, task: Task, entry: Entry) -> None:
        self.standing.pop(task.name, None)
        super().restore(place, task, entry)


class RemovesStrangers(HonestRunner):
    """Empties output directories whoever filled them."""

    def restore(self, place: Place, task: Task, entry: Entry) -> None:
        for name in self.paths[task.name].outputs:
            remove(place.root / name)
        super().restore(place, task, entry)


class RestoresOnlyWhatIsMissing(HonestRunner):
    """Leaves an output that was edited by hand."""

    def restore(self, place: Place, task: Task, entry: Entry) -> None:
        gone = [(path, node) for path, node in entry.nodes if not path.exists()]
        self.standing[task.name] = gone
        super().restore(place, task, entry._replace(nodes=gone))
        self.standing[task.name] = entry.nodes


class PrintsNothingOnHit(HonestRunner):
    """Keeps no log."""

    def replay(self, entry: Entry) -> Entry:
        return entry._replace(stdout=b"", stderr=b"")


class SwapsStreams(HonestRunner):
    """Replays stderr on stdout."""

    def replay(self, entry: Entry) -> Entry:
        return entry._replace(stdout=entry.stderr, stderr=entry.stdout)


class NamesTheWrongPath(HonestRunner):
    """Blames a file nobody edited."""

    def explain(self, task: Task, facts: Facts) -> Reason:
        return Reason("input-changed", "elsewhere.txt", "elsewhere.txt")


class DropsAFile(HonestRunner):
    """Leaves a file of its own in the workspace."""

    def execute(self, place: Place, task: Task, conditions: Conditions, facts: Facts) -> Entry:
        (place.root / "runner.log").write_text("ran\n", encoding="utf-8")
        return super().execute(place, task, conditions, facts)


class StoresFailures(HonestRunner):
    """Takes a failed run for a result."""

    def refusal(self, task: Task, entry: Entry) -> Reason | None:
        return None


@dataclass
class StoresOnlyRepeated(HonestRunner):
    """Stores a result that is not the first only when it comes the second time."""

    seen: list[Entry] = field(default_factory=list)

    def refusal(self, task: Task, entry: Entry) -> Reason | None:
        if not self.entries.get(task.name) or entry in self.seen:
            return super().refusal(task, entry)
        self.seen.append(entry)
        return Reason("built-on-itself", None, "not yet")
