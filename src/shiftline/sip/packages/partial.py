"""Documents that tell of changes: numbered, full or partial (RFC 3680 section 5.1, RFC 4235 section 4.3)."""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum
from typing import TYPE_CHECKING, Protocol, TypeVar

from shiftline.errors import SipSyntaxError

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element


class Numbered(Protocol):
    """A document with its place in the row."""

    @property
    def version(self) -> int: ...
    @property
    def is_full(self) -> bool: ...


Document = TypeVar("Document", bound=Numbered)
Word = TypeVar("Word", bound=StrEnum)


def updated(known: Document, later: Document, merge: Callable[[], Document]) -> Document | None:
    """What is known after ``later``; None when a document between was lost: full state must be fetched.

    ``merge`` makes one document of both. A partial document already seen changes nothing.
    """
    if later.is_full:
        return later  # whatever its version: the order of NOTIFYs is kept by their CSeq
    if later.version <= known.version:
        return known
    return merge() if later.version == known.version + 1 else None


def read_completeness(root: Element) -> bool:
    """Whether a document is full. Raises SipSyntaxError when it is neither full nor partial."""
    written = root.get("state")
    if written not in ("full", "partial"):
        raise SipSyntaxError(f"The document is neither full nor partial: {str(written)[:20]!r}.")
    return written == "full"


def read_word(kind: type[Word], text: str | None) -> Word:
    """A state by its word. Raises SipSyntaxError for one that the standard does not have."""
    written = (text or "").lower()
    try:
        return kind(written)
    except ValueError as error:
        raise SipSyntaxError(f"{written[:20]!r} is no {kind.__name__} of the standard.") from error
