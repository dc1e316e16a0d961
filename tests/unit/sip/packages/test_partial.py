"""Documents in a row: what follows, what is old, and what is missing."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from xml.etree.ElementTree import Element

import pytest

from shiftline.errors import SipSyntaxError
from shiftline.sip.packages.partial import read_completeness, read_word, updated


@dataclass(frozen=True, slots=True)
class Page:
    """A document without contents."""

    version: int
    is_full: bool = False


class Light(StrEnum):
    """A state with two words."""

    ON = "on"
    OFF = "off"


KNOWN, MERGED = Page(version=3, is_full=True), Page(version=99, is_full=True)


@pytest.mark.parametrize(
    ("later", "result"),
    [
        (Page(4), MERGED),
        (Page(3), KNOWN),
        (Page(1), KNOWN),
        (Page(5), None),
        (Page(1, is_full=True), Page(1, is_full=True)),
    ],
)
def test_only_the_next_partial_document_is_merged(later: Page, result: Page | None) -> None:
    """An old one says nothing new, a full one says all, and after a gap nothing is known."""
    assert updated(KNOWN, later, lambda: MERGED) == result


@pytest.mark.parametrize("written", [{}, {"state": "Full"}, {"state": ""}])
def test_a_document_says_whether_it_is_full(written: dict[str, str]) -> None:
    """In the words of the standard: a guess could lose what a partial document left out."""
    assert read_completeness(Element("list", {"state": "full"}))
    assert not read_completeness(Element("list", {"state": "partial"}))
    with pytest.raises(SipSyntaxError):
        read_completeness(Element("list", written))


def test_a_state_is_a_word_of_the_standard() -> None:
    """In either case; no other word, and not no word."""
    assert read_word(Light, "ON") is Light.ON
    for written in ("dim", "", None):
        with pytest.raises(SipSyntaxError):
            read_word(Light, written)
