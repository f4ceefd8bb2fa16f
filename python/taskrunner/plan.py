"""Turns chosen tasks into actions with integer ids in an order in which they can run. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from taskrunner import command
from taskrunner.environ import Environments

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from taskrunner.environ import Environment
    from taskrunner.graph import Graph
    from taskrunner.model import Task


class Action(NamedTuple):
    """A step, resolved and ready to run."""

    id: int
    task: Task
    part: int
    """Which of its task's steps this is."""
    line: str
    """The command line as written, with the arguments added."""
    args: tuple[str, ...]
    command: command.Command
    environment: Environment
    after: tuple[int, ...]
    """The steps directly before this one; their ids are smaller."""
    withheld: str | None = None
    """A variable that the command asks for and that is set, but not passed."""

    @property
    def env(self) -> dict[str, str]:
        """All variables of the step, those set by prefixes included."""
        return {**self.environment.values, **dict(self.command.assignments)}

    @property
    def label(self) -> str:
        """What the step is called in output."""
        count = len(self.task.commands)
        return self.task.label + (f" ({self.part + 1}/{count})" if count > 1 else "")


class Plan(NamedTuple):
    """All actions of a run, by id: each comes after all those it has to wait for."""

    root: str
    actions: tuple[Action, ...]

    def before(self) -> Iterator[bytes]:
        """Yield for each action in turn the set of all those ordered before it.

        Action n is bit n % 8 of byte n // 8: lists of ids would together be as large as the square
        of a long chain.
        """
        closures: list[int] = []
        for action in self.actions:
            bits = 0
            for other in action.after:
                bits |= closures[other] | (1 << other)
            closures.append(bits)
            yield bits.to_bytes((bits.bit_length() + 7) // 8, "little")


def plan(
    graph: Graph, wanted: Iterable[int], args: tuple[str, ...], outer: Mapping[str, str]
) -> Plan:
    """Return the actions of the wanted tasks and of all they depend on.

    The arguments go to the last step of each wanted task, to no other.
    """
    chosen = dict.fromkeys(wanted)
    environments = Environments(graph.workspace.root, outer)
    actions: list[Action] = []
    last: dict[int, int] = {}
    for number in ordered(graph.depends, chosen):
        task = graph.tasks[number]
        after = tuple(sorted({last[other] for other in graph.depends[number]}))
        for index, line in enumerate(task.commands):
            final = index == len(task.commands) - 1
            added = args if final and number in chosen else ()
            action = _action(len(actions), task, index, line, added, environments.of(task), after)
            withheld = command.withheld(action.command, action.env, outer)
            actions.append(action._replace(withheld=withheld))
            after = (len(actions) - 1,)
        last[number] = len(actions) - 1
    return Plan(graph.workspace.root, tuple(actions))


def _action(  # noqa: PLR0917 - a record
    number: int,
    task: Task,
    part: int,
    line: str,
    args: tuple[str, ...],
    environment: Environment,
    after: tuple[int, ...],
) -> Action:
    shown = line + "".join(f" {command.quote(arg)}" for arg in args)
    parsed = command.parse(line, args, task.shell)
    return Action(number, task, part, shown, args, parsed, environment, after)


def ordered(depends: tuple[tuple[int, ...], ...], wanted: Iterable[int]) -> list[int]:
    """Return the wanted ids and all they depend on, each after those it depends on."""
    order: list[int] = []
    seen: set[int] = set()
    waiting = [(number, False) for number in reversed(tuple(wanted))]
    while waiting:
        number, leaving = waiting.pop()
        if leaving:
            order.append(number)
        elif number not in seen:
            seen.add(number)
            waiting.append((number, True))
            waiting += ((other, False) for other in reversed(depends[number]))
    return order
