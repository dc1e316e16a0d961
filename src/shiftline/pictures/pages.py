"""Pages from templates that stand beside the code that fills them."""

from __future__ import annotations

from collections.abc import Callable

from jinja2 import Environment, PackageLoader, StrictUndefined


def page_environment(package: str, **filters: Callable[..., object]) -> Environment:
    """Templates of a package: all text escaped, and a name that is not given is an error."""
    environment = Environment(
        loader=PackageLoader(package, ""),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= filters
    return environment
