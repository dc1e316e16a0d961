"""XML from strangers, bounded: no entities, no DTD, so deep and so large and no further.

Parsing is pure: bytes in, a tree or SipSyntaxError out, and nothing else. `defusedxml` forbids what makes
a short document long (entities) and what makes a parser fetch something (DTDs, external references).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING
from xml.etree.ElementTree import ParseError, TreeBuilder

from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import DefusedXMLParser

from shiftline.errors import SipSyntaxError

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

LARGEST_BODY_BYTES = 1024 * 1024
DEEPEST = 32
"""Elements within each other. The documents of these packages need seven."""
MOST_ELEMENTS = 2_000
"""In one document; a list of members may have more. It bounds the time: about a microsecond each."""


class _BoundedBuilder(TreeBuilder):
    """Builds a tree and stops at the first element that is too deep or one too many."""

    def __init__(self, most_elements: int) -> None:
        super().__init__()
        self._most_elements = most_elements
        self._depth = 0
        self._count = 0

    def start(self, tag: str, attrs: dict[str, str], /) -> Element:
        self._depth += 1
        self._count += 1
        if self._depth > DEEPEST or self._count > self._most_elements:
            raise SipSyntaxError(f"The XML has more than {DEEPEST} levels or {self._most_elements} elements.")
        return super().start(tag, attrs)

    def end(self, tag: str, /) -> Element:
        self._depth -= 1
        return super().end(tag)


def read_xml(body: bytes, root: str, *, most_elements: int = MOST_ELEMENTS) -> Element:
    """The root element, whose local name must be ``root``. Raises SipSyntaxError, and nothing else."""
    if len(body) > LARGEST_BODY_BYTES:
        raise SipSyntaxError(f"An XML body of {len(body)} bytes is more than {LARGEST_BODY_BYTES}.")
    parser = DefusedXMLParser(target=_BoundedBuilder(most_elements), forbid_dtd=True)
    try:
        parser.feed(body)
        found = parser.close()
    except DefusedXmlException as error:
        raise SipSyntaxError(f"The XML holds what is forbidden here: {type(error).__name__}.") from error
    except (ParseError, LookupError, ValueError) as error:  # the last two: encodings nobody knows
        raise SipSyntaxError(f"The body is not well-formed XML: {str(error)[:80]}.") from error
    if local_name(found) != root:
        raise SipSyntaxError(f"The XML document is no {root}.")
    return found


def local_name(element: Element) -> str:
    """The name without its namespace: PBXs disagree about namespaces, not about names."""
    return element.tag.rpartition("}")[2]


def children(element: Element, name: str) -> Iterator[Element]:
    """The direct children with this local name."""
    return (child for child in element if local_name(child) == name)


def child_text(element: Element, name: str) -> str | None:
    """The stripped text of the first child with this local name; None when there is none."""
    for child in children(element, name):
        return (child.text or "").strip()
    return None


def read_version(text: str | None) -> int:
    """A document's version, which must be a whole number. Raises SipSyntaxError."""
    if text is None or not (text.isascii() and text.isdigit() and len(text) <= 10):
        raise SipSyntaxError(f"The version {str(text)[:20]!r} is no number.")
    return int(text)
