"""Numbers on the command line that must lie within bounds.

Typer has ranges of its own; its help gives their bounds a column, and cuts the options' names for it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

import typer

Check = Callable[[typer.Context, typer.CallbackParam, float | None], float | None]


def between(least: float, most: float | None = None) -> Check:
    """For an option's ``callback``: takes numbers from ``least`` to ``most``, both allowed."""

    def check(ctx: typer.Context, param: typer.CallbackParam, value: float | None) -> float | None:
        if value is not None and not (least <= value <= (float("inf") if most is None else most)):
            bounds = f"at least {least:,.10g}" + ("" if most is None else f" and at most {most:,.10g}")
            raise typer.BadParameter(f"{value:,.10g} must be {bounds}.", ctx=ctx, param=cast("Any", param))
        return value

    return check
