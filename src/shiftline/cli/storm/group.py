"""``shiftline storm SERVER`` and ``shiftline storm compare``: a verb with a verb of its own beside it."""

from __future__ import annotations

from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup

from shiftline.cli.storm import compare, load

_USUAL = "run"


class _Unnamed(typer.Context):
    """Of a verb whose own name nobody types, so that its usage does not show it."""

    @property
    def command_path(self) -> str:
        """See click."""
        return super().command_path.removesuffix(f" {_USUAL}")


class _Usual(TyperCommand):
    context_class = _Unnamed


class _LoadsByDefault(TyperGroup):
    """A first word that names no verb is the server; so are options, ``--help`` among them."""

    usual = _USUAL

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """See click."""
        if not args or args[0] not in self.commands:
            args = [self.usual, *args]
        return super().parse_args(ctx, args)


app = typer.Typer(
    cls=_LoadsByDefault, help="Load a SIP server; or compare two such runs.", rich_markup_mode="rich"
)
app.command(_USUAL, cls=_Usual)(load.run)
app.command("compare")(compare.compare)
