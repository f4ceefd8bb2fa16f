"""`taskrunner explain`: whether a task would be a hit, and if not, what differs."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import click

from taskrunner.cli import choosing
from taskrunner.cli.lazy import Command

if TYPE_CHECKING:
    from collections.abc import Iterator

    from taskrunner._native import Engine
    from taskrunner.events import Lookup
    from taskrunner.explanation import Explanation
    from taskrunner.plan import Action, Plan
    from taskrunner.workspace import Workspace


def _explain(
    words: tuple[str, ...], *, last: bool, everything: bool, as_json: bool, **options: Any
) -> int:
    from taskrunner.cli import session

    wanted = choosing.taken(words, options)
    found = session.workspace()
    tasks, selection = choosing.chosen(found, wanted)
    planned = choosing.planned_of(tasks, selection, wanted)
    if last:
        explained = list(_last(found, planned))
    else:
        with session.engine(found, workers=1) as engine:
            explained = list(_now(found, planned, engine, everything=everything))
    named = {action.task.label for action in planned.actions if action.task.id in selection.tasks}
    _show(explained, named, last=last, everything=everything, as_json=as_json)
    return 0


def _now(
    found: Workspace, planned: Plan, engine: Engine, *, everything: bool
) -> Iterator[Explanation]:
    """Compare each step with what is stored of it, in the tree as it is."""
    from taskrunner import cache, events
    from taskrunner.execute import Bridge
    from taskrunner.forecast import forecast

    policy = cache.Policy("configured", found.cache.tasks, found.cache.scripts)
    bridge = Bridge(engine, planned, policy)
    lookups = forecast(planned, bridge)
    for action, lookup in zip(planned.actions, lookups, strict=True):
        if lookup is not None:
            one = bridge.explain(action.id, lookup, whole=everything)
            yield _with_why_not_stored(found, one)
            continue
        one = bridge.explain(action.id, events.Lookup("miss"), whole=everything)
        waits = _first_to_run(planned, lookups, action)
        reason = ("dependency-ran", None, waits)
        yield one._replace(status="unknown", reason=reason, words=f"{waits} has to run first")


def _with_why_not_stored(found: Workspace, one: Explanation) -> Explanation:
    """Add why the last result was not stored, if the last run tells."""
    if one.reason is None or one.reason[0] != "not-stored":
        return one
    from taskrunner.cli import last
    from taskrunner.execute import state_dir
    from taskrunner.reasons import Reason, word

    for step in last.steps(state_dir(found.root)):
        why = step["cacheSkipReason"]
        if (step["taskId"], step["step"]) == (one.task, one.step) and why is not None:
            reason = Reason("not-stored", None, why["message"])
            return one._replace(reason=(reason.kind, None, reason.detail), words=word(reason))
    return one


def _first_to_run(planned: Plan, lookups: list[Lookup | None], action: Action) -> str:
    """Return the label of the first step before this one that is no hit."""
    seen = set(action.after)
    for other in reversed(planned.actions[: action.id]):
        if other.id in seen:
            seen.update(other.after)
    missing = (n for n in sorted(seen) if (found := lookups[n]) is None or found.status != "hit")
    return planned.actions[next(missing)].label


def _last(found: Workspace, planned: Plan) -> Iterator[Explanation]:
    """Read why steps of these tasks missed when something last did."""
    from taskrunner.execute import state_dir
    from taskrunner.explanation import LAST, load

    labels = {action.label for action in planned.actions}
    for one in load(os.path.join(state_dir(found.root), LAST)):
        if one.label in labels:
            yield one


def _show(
    explained: list[Explanation],
    named: set[str],
    *,
    last: bool,
    everything: bool,
    as_json: bool,
) -> None:
    from taskrunner import explanation
    from taskrunner.report.sink import Sink

    out = Sink(1)
    if as_json:
        out.line(explanation.as_json(explained))
        return
    if not explained:
        out.line("when something last missed, none of these tasks did")
    for one in explained:
        # What a task depends on is worth a word only if it would run.
        if last or one.task in named or one.status != "hit":
            for line in explanation.lines(one, out.style, whole=everything, past=last):
                out.line(line)


command = Command(
    "explain",
    callback=_explain,
    help="Say whether tasks would be hits, and what differs if not. Nothing is run."
    "\n\nThe nearest stored result is compared with the files as they are now, by the code that"
    " looks results up.",
    context_settings={"allow_interspersed_args": False, "ignore_unknown_options": False},
    options_metavar="[OPTIONS]",
    params=[
        *choosing.options(),
        click.Option(
            ["--last"], is_flag=True, help="Explain the last run in which something missed instead."
        ),
        click.Option(
            ["--all", "everything"],
            is_flag=True,
            help="Name every difference, and all that the result depends on.",
        ),
        click.Option(["--json", "as_json"], is_flag=True, help="Print JSON."),
        click.Argument(
            ["words"],
            nargs=-1,
            required=True,
            type=click.UNPROCESSED,
            metavar="TASK[,TASK...] [ARGS...]",
        ),
    ],
)
