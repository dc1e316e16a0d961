"""The stylesheet of all charts: light, dark, print, and larger words on a narrow screen."""

from __future__ import annotations

from functools import cache
from importlib.resources import files

from markupsafe import Markup


@cache
def stylesheet() -> Markup:
    """Return the rules for the page's ``<style>``; a page may set its variables again after it."""
    text = files("shiftline.pictures").joinpath("chart.css").read_text(encoding="utf-8")
    return Markup(text)  # noqa: S704 - our own file
