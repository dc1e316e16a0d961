"""The stylesheets: of all charts, and of pages that are reports. Light, dark, print and narrow screens."""

from __future__ import annotations

from functools import cache
from importlib.resources import files

from markupsafe import Markup


@cache
def stylesheet() -> Markup:
    """Return the rules of charts for the page's ``<style>``; a page may set its variables again after it."""
    return _rules("chart.css")


@cache
def page_stylesheet() -> Markup:
    """Return the rules of charts and of everything around them: headings, tables, cards, legends."""
    return stylesheet() + _rules("page.css")


def _rules(name: str) -> Markup:
    text = files("shiftline.pictures").joinpath(name).read_text(encoding="utf-8")
    return Markup(text)  # noqa: S704 - our own file
