"""Click classes that import a subcommand only when it is called, and rich only to show help."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import click

if TYPE_CHECKING:
    from collections.abc import Mapping


class Command(click.Command):
    """A command whose help is laid out by rich-click."""

    def get_help(self, ctx: click.Context) -> str:
        """Return the help text."""
        from taskrunner.cli.rich_help import help_text

        return help_text(self, ctx, {})


class Lazy(NamedTuple):
    """Where a subcommand is, and its line in the help of its group."""

    module: str
    short_help: str


class Group(click.Group):
    """A group whose subcommands are attributes `command` of modules not yet imported."""

    def __init__(self, name: str, *, lazy: Mapping[str, Lazy], **attributes: object) -> None:
        super().__init__(name, **attributes)  # type: ignore[arg-type] # click's own, passed on
        self._lazy = lazy

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names of the subcommands."""
        del ctx
        return list(self._lazy)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return a subcommand, imported now."""
        del ctx
        if cmd_name not in self._lazy:
            return None
        from importlib import import_module

        found = import_module(self._lazy[cmd_name].module).command
        return found if isinstance(found, click.Command) else None

    def get_help(self, ctx: click.Context) -> str:
        """Return the help text; the subcommands stay where they are."""
        from taskrunner.cli.rich_help import help_text

        return help_text(self, ctx, {name: lazy.short_help for name, lazy in self._lazy.items()})
