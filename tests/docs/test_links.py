"""Every link of the documents leads somewhere."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
DOCUMENTS = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])
LINK = re.compile(r"\]\(([^()\s]+)\)")
NAMED = re.compile(r"`((?:tests|docs|scripts)/[\w/.-]+|[\w/]+/\w+\.(?:py|cfg))`")
HEADING = re.compile(r"^#{1,6} +(.+?) *$", re.MULTILINE)
FENCE = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)


def _prose(document: Path) -> str:
    return FENCE.sub("", document.read_text(encoding="utf-8"))


def _anchors(document: Path) -> set[str]:
    """The anchors that GitHub gives to headings: lower case, no punctuation, blanks as hyphens."""
    headings = (heading.replace("`", "") for heading in HEADING.findall(_prose(document)))
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def _broken(document: Path) -> Iterator[str]:
    for link in LINK.findall(_prose(document)):
        if link.startswith(("https://", "http://", "mailto:")):
            continue
        path, _, anchor = link.partition("#")
        target = (document.parent / path).resolve() if path else document
        if not target.exists() or (anchor and anchor not in _anchors(target)):
            yield link


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_relative_links_resolve(document: Path) -> None:
    """A relative link names a file that is there, and its anchor a heading of that file."""
    assert list(_broken(document)) == []


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_named_files_are_there(document: Path) -> None:
    """A file named in backticks is there, from the root or from the package."""
    named = NAMED.findall(_prose(document))
    homes = (ROOT, ROOT / "src" / "shiftline")
    assert [name for name in named if not any((home / name).exists() for home in homes)] == []


def test_every_document_is_reached_from_the_readme() -> None:
    """Whoever begins at README.md finds every document by following links."""
    reached, waiting = set[Path](), [ROOT / "README.md"]
    while waiting:
        document = waiting.pop()
        if document in reached or document.suffix != ".md":
            continue
        reached.add(document)
        links = (link.partition("#")[0] for link in LINK.findall(_prose(document)))
        targets = ((document.parent / link).resolve() for link in links if link and "://" not in link)
        waiting += [target for target in targets if target.exists()]
    assert set(DOCUMENTS) - reached == set()
