"""Turns chosen tasks into actions with integer ids in an order in which they can run."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple

from taskrunner import command
from taskrunner.environ import Environments, working_directory
from taskrunner.planner import Planner

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from taskrunner.environ import Environment
    from taskrunner.graph import Graph
    from taskrunner.model import Task
    from taskrunner.planner import Step
    from taskrunner.select import Selection


class Action(NamedTuple):
    """A step, resolved and ready to run."""

    id: int
    task: Task
    part: int
    """Which of its task's steps this is, from 0."""
    parts: int
    """How many steps its task has."""
    line: str
    """The command line as written, with the arguments added."""
    args: tuple[str, ...]
    command: command.Command
    cwd: str
    """Relative to the workspace root, which is empty."""
    environment: Environment
    after: tuple[int, ...]
    """The steps directly before this one; their ids are smaller."""
    variables: tuple[str, ...] = ()
    """The variables that the command line itself looks up."""

    @property
    def env(self) -> dict[str, str]:
        """All variables of the step, those set by prefixes included."""
        where = {"PWD": working_directory(self.environment.root, self.cwd)}
        return {**self.environment.values, **where, **dict(self.command.assignments)}

    @property
    def label(self) -> str:
        """What the step is called in output."""
        return self.task.label + (f" ({self.part + 1}/{self.parts})" if self.parts > 1 else "")


class Plan(NamedTuple):
    """All actions of a run, by id: each comes after all those it has to wait for."""

    root: str
    actions: tuple[Action, ...]
    outer: Mapping[str, str] = MappingProxyType({})
    """The runner's own environment, without the variables of the hint protocol."""
    warnings: tuple[str, ...] = ()
    """What is to be said about how the tasks were chosen."""

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
    graph: Graph,
    selection: Selection,
    args: tuple[str, ...],
    outer: Mapping[str, str],
    *,
    parallel: bool = False,
) -> Plan:
    """Return the actions of the selected tasks and of all they depend on.

    The arguments go to the last step of each selected task, to no other. If `parallel`, no task
    waits for another.
    """
    planner = Planner(graph, parallel=parallel)
    planner.run(selection, args)
    environments = Environments(graph.workspace.root, outer)
    actions = []
    for number, (step, after) in enumerate(planner.steps()):
        environment = environments.of(step.task, step.script, step.variables)
        actions.append(_action(number, step, environment, after))
    broken = (f"{error}" for error in graph.workspace.broken.values())
    warnings = (*broken, *dict.fromkeys(planner.warnings))
    return Plan(graph.workspace.root, tuple(actions), environments.outer, warnings)


def _action(
    number: int,
    step: Step,
    environment: Environment,
    after: tuple[int, ...],
) -> Action:
    return Action(
        id=number,
        task=step.task,
        part=step.part,
        parts=step.parts,
        line=step.line + "".join(f" {command.quote(arg)}" for arg in step.args),
        args=step.args,
        command=step.command,
        cwd=step.cwd,
        environment=environment,
        after=after,
        variables=command.variables(step.command),
    )
