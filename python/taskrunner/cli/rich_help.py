"""Help and usage errors as rich-click lays them out. Slow to import, so imported for them alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich_click import RichCommand, RichContext, RichGroup, RichHelpConfiguration
from rich_click.rich_help_formatter import RichHelpFormatter

if TYPE_CHECKING:
    from collections.abc import Mapping

    import click


def help_text(command: click.Command, ctx: click.Context, subcommands: Mapping[str, str]) -> str:
    """Return the help of a command; subcommands are given by name and short help."""
    shown: RichCommand
    if subcommands:
        shown = RichGroup(
            name=command.name,
            params=command.params,
            help=command.help,
            commands={
                name: RichCommand(name=name, short_help=text, help=text)
                for name, text in subcommands.items()
            },
        )
    else:
        shown = RichCommand(
            name=command.name,
            params=command.params,
            help=command.help,
            epilog=command.epilog,
            context_settings={"help_option_names": ctx.help_option_names},
        )
    with RichContext(shown, info_name=ctx.info_name, parent=ctx.parent) as rich_context:
        return shown.get_help(rich_context)


def error_text(error: click.ClickException) -> str:
    """Return a usage error, with the usage if it is known."""
    formatter = RichHelpFormatter(config=RichHelpConfiguration.load_from_globals())
    formatter.write_error(error)
    return formatter.getvalue()
