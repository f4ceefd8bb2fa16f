"""Collects the steps of a run: tasks, what they depend on, and runs inside their commands.

Steps and joints are vertices of one graph; a joint stands for the beginning or the end of a task
and does nothing. Whatever reaches a task reaches the same vertices, so a step is run once.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from taskrunner import command, query
from taskrunner.chain import Part, split
from taskrunner.errors import GraphError, SelectionError, TaskrunnerError, UsageError
from taskrunner.order import by_creation, ordered, reached
from taskrunner.select import select

if TYPE_CHECKING:
    from collections.abc import Iterator

    from taskrunner.graph import Graph
    from taskrunner.model import Task
    from taskrunner.select import Selection

    _Part = tuple[tuple[str, str] | None, str, str, tuple[str, ...]]

_NESTED = ("taskrunner", "run")


class Call(NamedTuple):
    """A task with what it is given; the same call is the same steps."""

    task: int
    args: tuple[str, ...] = ()
    variables: tuple[tuple[str, str], ...] = ()
    """Set before a `taskrunner run` inside a command, for all that it runs."""


class Step(NamedTuple):
    """A step as the planner leaves it."""

    task: Task
    part: int
    parts: int
    line: str
    args: tuple[str, ...]
    command: command.Command
    cwd: str
    script: tuple[str, str] | None
    """The name and the line of the script that is run, if it is one."""
    variables: tuple[tuple[str, str], ...]


class Planner:
    """Reaches tasks, and knows the steps of all that were reached."""

    def __init__(self, graph: Graph, *, parallel: bool = False) -> None:
        self.graph = graph
        self.parallel = parallel
        """Whether tasks don't wait for each other; the parts of a command still do."""
        self.warnings: list[str] = []
        self.after: list[list[int]] = []
        self.made: list[Step | None] = []
        self.start: dict[Call, int] = {}
        self.end: dict[Call, int] = {}
        self.named: dict[int, Call] = {}
        self.open: list[Call] = []

    def run(self, selection: Selection, args: tuple[str, ...]) -> None:
        """Reach what the command line asks for."""
        self.warnings += selection.warnings
        self.named = {task: Call(task, args) for task in selection.tasks}
        _Reach(self, selection, args).all()

    def steps(self) -> Iterator[tuple[Step, tuple[int, ...]]]:
        """Yield the steps in order, each with the places in it of those directly before it."""
        at: list[tuple[int, ...]] = [()] * len(self.after)
        count = 0
        for vertex in by_creation(self.after):
            before = self.after[vertex]
            if len(before) == 1:
                behind = at[before[0]]
            else:
                behind = tuple(sorted({number for other in before for number in at[other]}))
            step = self.made[vertex]
            if step is None:
                at[vertex] = behind
            else:
                at[vertex] = (count,)
                count += 1
                yield step, behind

    def add(self, step: Step | None, after: list[int]) -> int:
        """Make a vertex: a step, or a joint without one."""
        self.made.append(step)
        self.after.append(list(dict.fromkeys(after)))
        return len(self.made) - 1

    def expand(self, call: Call, after: list[int]) -> None:
        """Make the vertices of a call, between its start and its end."""
        task = self.graph.tasks[call.task]
        last = self.start[call] = self.add(None, after)
        own: list[tuple[int, Step]] = []
        for script, text, cwd, args in _parts(task, call.args):
            parsed = _parsed(task, text, args)
            if parsed.line is None and parsed.argv[:2] == _NESTED:
                last = self.nested(call, text, parsed, cwd, last)
            else:
                step = Step(task, len(own), 0, text, args, parsed, cwd, script, call.variables)
                last = self.add(step, [last])
                own.append((last, step))
        for vertex, step in own:
            self.made[vertex] = step._replace(parts=len(own))
        self.end[call] = last

    def nested(self, call: Call, text: str, parsed: command.Command, cwd: str, last: int) -> int:
        """Reach what a run inside a command asks for, after what that command did before it."""
        try:
            asked = query.parse(parsed.argv[2:])
            selection = select(self.graph, asked, cwd, outer=False)
        except (SelectionError, UsageError) as error:
            raise self._in_command(call, text, error) from error
        self.warnings += selection.warnings
        variables = dict([*call.variables, *parsed.assignments])
        self.open.append(call)
        try:
            reach = _Reach(self, selection, asked.args, tuple(variables.items()))
            return reach.behind(last)
        finally:
            self.open.pop()

    def _in_command(self, call: Call, text: str, error: TaskrunnerError) -> TaskrunnerError:
        task = self.graph.tasks[call.task]
        message = f"{task.place}: in `{text}` of `{task.label}`: {error.message}"
        return SelectionError(message, hint=error.hint)


class _Reach:
    """One request for tasks: the command line's, or that of a run inside a command."""

    def __init__(
        self,
        planner: Planner,
        selection: Selection,
        args: tuple[str, ...],
        variables: tuple[tuple[str, str], ...] = (),
    ) -> None:
        self.planner = planner
        self.selection = selection
        self.variables = variables
        # A task whose command asks for itself among others means those others.
        self.pruned = planner.open[-1].task if planner.open else None
        self.calls = {
            task: Call(task, args, variables) for task in selection.tasks if task != self.pruned
        }

    def all(self) -> None:
        """Make the vertices of all calls and of those before them."""
        self._make(None)

    def behind(self, last: int) -> int:
        """Make all calls come after a vertex, and return one after which they are all done.

        What is done already before that vertex is not done again.
        """
        held = self._make(last)
        ends = [self.planner.end[call] for call in self.calls.values()]
        covered = bool(ends) and held.issuperset(self.calls.values())
        return self.planner.add(None, ends if covered else [*ends, last])

    def _make(self, last: int | None) -> set[Call]:
        """Make what isn't made, after a vertex if one is given; return what comes after that.

        A call is bound to the vertex before its own steps are made: what these run in their turn
        has to know what is done by then.
        """
        planner = self.planner
        for call in self.calls.values():
            self._refuse_open(call, [])
        order = ordered(self.before, self.calls.values(), self._cycle)
        done = set() if last is None else reached(planner.after, [last])
        held: set[Call] = set()
        for call in order:
            before = [] if planner.parallel else self.before(call)
            bound = [] if last is None or not held.isdisjoint(before) else [last]
            if call not in planner.end:
                planner.expand(call, [*(planner.end[other] for other in before), *bound])
            elif planner.start[call] in done:
                continue
            else:
                planner.after[planner.start[call]] += bound
            held.add(call)
        return held

    def before(self, call: Call) -> list[Call]:
        """Return the calls that have to be done before one."""
        found = dict.fromkeys(self.calls[task] for task in self._ordered_before(call.task))
        if self.selection.depends:
            for task in self.planner.graph.depends_on(call.task):
                other = self._call(task)
                self._refuse_open(other, [call])
                found[other] = None
        return list(found)

    def _ordered_before(self, task: int) -> Iterator[int]:
        for other in self.selection.order.get(task, ()):
            if other == self.pruned:
                yield from self._ordered_before(other)
            else:
                yield other

    def _call(self, task: int) -> Call:
        named = self.calls.get(task) or (None if self.variables else self.planner.named.get(task))
        return named or Call(task, (), self.variables)

    def _refuse_open(self, call: Call, through: list[Call]) -> None:
        """Raise if a task is asked for whose own command is being planned."""
        chain = [each.task for each in self.planner.open]
        if call.task in chain:
            tasks = [*chain[chain.index(call.task) :], *(each.task for each in through), call.task]
            labels = " -> ".join(self.planner.graph.tasks[task].label for task in tasks)
            place = self.planner.graph.tasks[call.task].place
            raise GraphError(f"{place}: tasks run each other: {labels}")

    def _cycle(self, chain: list[Call]) -> GraphError:
        return self.planner.graph.cycle([call.task for call in chain])


def _parts(task: Task, args: tuple[str, ...]) -> Iterator[_Part]:
    """Yield the steps of a task as written; the last of its own command is given the arguments."""
    for script, text, takes_args in _lines(task):
        whole = (Part(text, task.cwd),)
        parts = split(text, task.cwd) if task.shell is None else whole
        for index, (part, cwd) in enumerate(parts):
            added = args if takes_args and index == len(parts) - 1 else ()
            yield script, part, cwd, added


def _lines(task: Task) -> Iterator[tuple[tuple[str, str] | None, str, bool]]:
    """Yield the lines of a task and of the scripts around it: whose they are, who takes args."""
    for text in task.before:
        yield (f"pre{task.name}", text), text, False
    for index, text in enumerate(task.commands):
        script = (task.name, text) if task.is_script else None
        yield script, text, index == len(task.commands) - 1
    for text in task.after:
        yield (f"post{task.name}", text), text, False


def _parsed(task: Task, line: str, args: tuple[str, ...]) -> command.Command:
    try:
        return command.parse(line, args, task.shell)
    except command.UnterminatedQuoteError:
        # Only a script gets this far: the shell says what it thinks of it, as it would for npm.
        return command.parse(line, args, (command.SHELL, "-c"))
