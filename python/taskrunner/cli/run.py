"""`taskrunner run`: understands the options, plans, and has the plan performed or shown."""

from __future__ import annotations

from typing import get_args

import click

from taskrunner import cache, env_vars
from taskrunner.cli import choosing, dry_run, session
from taskrunner.cli.completion import task_names
from taskrunner.cli.lazy import Command
from taskrunner.cli.perform import Request, perform
from taskrunner.cli.processors import processors
from taskrunner.execute import Bridge
from taskrunner.report.log import Mode as LogMode


def _run(words: tuple[str, ...], *, parallel: bool, **options: object) -> int:
    wanted = choosing.taken(words, options)
    request = _request(parallel=parallel, **options)  # type: ignore[arg-type] # click's values, by our own names
    found = session.workspace()
    planned = choosing.planned(found, wanted, parallel=parallel)
    with session.engine(found, workers=max(2, processors())) as engine:
        policy = cache.Policy(request.mode, found.cache.tasks, found.cache.scripts)
        if request.dry_run:
            return dry_run.show(planned, Bridge(engine, planned, policy), as_json=request.json)
        if request.mode == "verify":
            from taskrunner.cli import verify

            return verify.perform(found, planned, engine, policy, request)
        bridge = Bridge(engine, planned, policy)
        if request.clean:
            engine.clean([action.id for action in planned.actions])
        return perform(found, planned, engine, bridge, request)


def _request(  # noqa: PLR0917 - called by name
    cached: bool,  # noqa: FBT001
    uncached: bool,  # noqa: FBT001
    force: bool,  # noqa: FBT001
    verified: bool,  # noqa: FBT001
    parallel: bool,  # noqa: FBT001
    concurrency: int | None = None,
    **others: object,
) -> Request:
    chosen = [
        name
        for name, given in zip(_MODES, (cached, uncached, force, verified), strict=True)
        if given
    ]
    if len(chosen) > 1:
        raise click.UsageError(f"{chosen[0]} and {chosen[1]} can't be used together")
    if others["json"] and others["log"] is not None:
        raise click.UsageError("--json and --log can't be used together")
    mode = _MODES[chosen[0]] if chosen else "configured"
    if concurrency is None and not parallel:
        concurrency = processors()
    return Request(mode=mode, concurrency=concurrency, **others)  # type: ignore[arg-type] # as above


_MODES: dict[str, cache.Mode] = {
    "--cache": "on",
    "--no-cache": "off",
    "--force": "force",
    "--verify": "verify",
}


def _positive(ctx: click.Context, param: click.Parameter, value: str | None) -> int | None:
    if value is None:
        return None
    if value.isascii() and value.isdigit() and int(value) > 0:
        return int(value)
    message = f"`{value}` is not a number of steps to run at once; give 1 or more"
    raise click.BadParameter(message, ctx=ctx, param=param)


_AFTER_EQUALS_ONLY = choosing.AFTER_EQUALS_ONLY | {"--summarize"}


class _RunCommand(Command):
    """Leaves what follows the task names alone, and no word for a value that may be missing."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Parse the words after `run`."""
        takes_value = {
            name
            for param in self.params
            if isinstance(param, click.Option) and not param.is_flag
            for name in param.opts
        } - _AFTER_EQUALS_ONLY
        at = 0
        while at < len(args) and args[at].startswith("-") and args[at] not in {"-", "--"}:
            if args[at] in _AFTER_EQUALS_ONLY:
                args[at] += "="
            at += 2 if args[at] in takes_value else 1
        return super().parse_args(ctx, args)


def _flag(*names: str, help: str) -> click.Option:  # noqa: A002 - click's word
    return click.Option(list(names), is_flag=True, help=help)


command = _RunCommand(
    "run",
    callback=_run,
    help="Run tasks and what they depend on, or answer them from the cache."
    "\n\nTASK is a name, or several with commas between: `build`, `ui#build,lint`."
    " Without an option that chooses packages it is one of the current package's."
    " All that follows goes to the named tasks.",
    options_metavar="[OPTIONS]",
    context_settings={"allow_interspersed_args": False, "ignore_unknown_options": False},
    params=[
        *choosing.options(),
        _flag("--cache", "cached", help="Cache even if `[cache] tasks` is false."),
        _flag("--no-cache", "uncached", help="Run everything; look up and store nothing."),
        _flag("--force", help="Run everything, and store the results anew."),
        _flag("--verify", "verified", help="Run hits again from nothing; say which don't repeat."),
        _flag("--clean", help="First remove what the steps produced before."),
        click.Option(
            ["--log"],
            type=click.Choice(get_args(LogMode)),
            help="How the output of several steps shares the screen. Default: interleaved.",
        ),
        click.Option(
            ["--concurrency"],
            metavar="N",
            envvar=env_vars.CONCURRENCY,
            callback=_positive,
            help="How many steps may run at once. Default: as many as there are processors.",
        ),
        _flag("--parallel", help="Begin all tasks at once, whatever they depend on."),
        _flag("--continue", "keep_going", help="After a failure, run what doesn't depend on it."),
        click.Option(
            ["--summarize"],
            metavar="[=PATH]",
            help="Write a summary in JSON, to .taskrunner/last-run.json if no path is given.",
        ),
        _flag("--json", help="Tell the events of the run on stdout, one JSON object to a line."),
        _flag("--dry-run", help="Show what would run, and run nothing."),
        _flag("--verbose", "-v", help="Say more about each step."),
        click.Argument(
            ["words"],
            nargs=-1,
            required=True,
            type=click.UNPROCESSED,
            shell_complete=task_names,
            metavar="TASK[,TASK...] [ARGS...]",
        ),
    ],
)
