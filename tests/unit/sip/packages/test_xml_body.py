"""XML from strangers: a tree, or one error, and never much work."""

from __future__ import annotations

import pytest

from shiftline.errors import SipSyntaxError
from shiftline.sip.packages.xml_body import (
    DEEPEST,
    LARGEST_BODY_BYTES,
    MOST_ELEMENTS,
    child_text,
    local_name,
    read_version,
    read_xml,
)

LAUGHS = b"""<?xml version="1.0"?>
<!DOCTYPE a [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;&a;&a;"><!ENTITY c "&b;&b;&b;&b;&b;&b;">]>
<a>&c;</a>"""
OUTSIDE = b'<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/hostname">]><a>&x;</a>'


def test_names_are_read_without_their_namespace() -> None:
    """PBXs write old, new and no namespaces."""
    root = read_xml(b'<p:a xmlns:p="urn:x"><b> text\n</b></p:a>', "a")
    assert (local_name(root), child_text(root, "b"), child_text(root, "c")) == ("a", "text", None)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<a",
        b"<a></b>",
        b"<b/>",
        b"\xff\xfe\x00",
        b"<a/>\0",
        b"<a>\x01</a>",
        b'<?xml version="1.0" encoding="no-such"?><a/>',
        b'<?xml version="1.0" encoding="utf-7"?><a/>',
        b'<?xml version="1.0" encoding="big5"?><a/>',
        b"<!DOCTYPE a><a/>",
        b"<a>&undefined;</a>",
        LAUGHS,
        OUTSIDE,
        b"<a>" * 10_000,
        b"<a>" * (DEEPEST + 1) + b"</a>" * (DEEPEST + 1),
        b"<a>" + b"<b/>" * MOST_ELEMENTS + b"</a>",
        b"<a>" + b" " * LARGEST_BODY_BYTES + b"</a>",
    ],
)
def test_everything_else_is_one_error(body: bytes) -> None:
    """Malformed, another document, unknown encodings, entities, DTDs, too deep, too many, too large."""
    with pytest.raises(SipSyntaxError):
        read_xml(body, "a")


def test_the_bounds_themselves_are_allowed() -> None:
    """As deep and as many as said."""
    read_xml(b"<a>" * DEEPEST + b"</a>" * DEEPEST, "a")
    read_xml(b"<a>" + b"<b/>" * (MOST_ELEMENTS - 1) + b"</a>", "a")


@pytest.mark.parametrize("text", [None, "", "-1", "1.5", "12345678901", "\N{ARABIC-INDIC DIGIT TWO}"])
def test_a_version_is_a_number(text: str | None) -> None:
    """Documents are ordered by it."""
    assert read_version("17") == 17
    with pytest.raises(SipSyntaxError):
        read_version(text)
