"""A page as a browser would see it, and what every report of ours keeps to."""

from __future__ import annotations

import re
from html.parser import HTMLParser


class HtmlPage(HTMLParser):
    """What a browser would see of the page: tags with attributes, and text."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str]]] = []
        self.words: list[str] = []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, {name: value or "" for name, value in attrs}))

    def handle_data(self, data: str) -> None:
        self.words.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).replace("\N{NO-BREAK SPACE}", " ").split())

    def all(self, tag: str) -> list[dict[str, str]]:
        return [attributes for name, attributes in self.tags if name == tag]


def require_self_contained(html: str) -> None:
    """The file works offline and tells nobody that it was opened."""
    page = HtmlPage(html)
    assert not {tag for tag, _ in page.tags} & {"script", "link", "img", "iframe", "object", "base", "image"}
    assert not [a for _, a in page.tags if {"href", "src", "srcset", "action", "xlink:href"} & a.keys()]
    assert "@import" not in html
    assert set(re.findall(r"url\((.)", html)) <= {"#"}
    assert not [name for _, attributes in page.tags for name in attributes if name.startswith("on")]


def require_spoken_charts(page: HtmlPage) -> None:
    """Every picture has a title and a description, and every id is used once."""
    ids = [attributes["id"] for _, attributes in page.tags if "id" in attributes]
    assert len(ids) == len(set(ids))
    for chart in page.all("svg"):
        assert chart["role"] == "img"
        assert set(chart["aria-labelledby"].split()) <= set(ids)
