"""The readers of event packages: a value, a SipSyntaxError, and nothing else, whatever the bytes."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from tests.unit.sip.packages.bodies import LIST_TYPE, dialog_info, pidf, reginfo, resource_list

from shiftline.errors import SipSyntaxError
from shiftline.sip.multipart import parse_multipart
from shiftline.sip.packages.catalogue import PACKAGES, Package
from shiftline.sip.packages.dialog_info import DialogInfo, parse_dialog_info
from shiftline.sip.packages.resource_list import parse_resource_list
from shiftline.sip.values import EventType, MediaType, SubscriptionState

GOOD = [
    dialog_info("confirmed", "terminated"),
    pidf("open", activity="on-the-phone"),
    reginfo("active", "active"),
    resource_list(("agent0001", "active", pidf("open"))),
]
PIECES = [
    b"<", b">", b"</", b"/>", b'"', b"&", b"&lt;", b"&x;", b"<!DOCTYPE a [", b"<!ENTITY a 'b'>", b"<![CDATA[",
    b"]]>",
    b"<?xml version='1.0' encoding='utf-16'?>",
    b"<?xml version='1.0' encoding='cp500'?>", b"\xff\xfe", b"\xef\xbb\xbf",
    b"xmlns='urn:x'", b"version='-1'", b"state='full'", b"<dialog-info", b"<presence", b"<reginfo", b"<list",
    b"\0",
    b"--cut", b"\r\n", b"\r\n\r\n", b"--cut--", b"Content-ID: <m0@lab>",
]  # fmt: skip
LAUGHS = b"<!DOCTYPE a [<!ENTITY e0 'ha'>%s]><a>&e9;</a>" % b"".join(
    b"<!ENTITY e%d '%s'>" % (level + 1, b"&e%d;" % level * 10) for level in range(9)
)

soup = st.lists(st.sampled_from(PIECES) | st.binary(max_size=8), max_size=60).map(b"".join)


@st.composite
def damaged(draw: st.DrawFn) -> bytes:
    """A good document with a few bytes cut, doubled or replaced."""
    data = draw(st.sampled_from(GOOD))
    for _ in range(draw(st.integers(1, 4))):
        start = draw(st.integers(0, len(data)))
        end = draw(st.integers(start, min(len(data), start + 12)))
        data = data[:start] + draw(st.sampled_from(PIECES) | st.binary(max_size=6)) + data[end:]
    return data


@pytest.mark.parametrize("package", PACKAGES.values(), ids=PACKAGES)
@given(body=soup | damaged() | st.binary(max_size=400))
@example(body=LAUGHS)
@example(body=b"<a>" * 21_845)
@example(body=b"<a " + b"x='' " * 13_000)
@example(body=b"<!--" * 16_000)
@example(body=b"&" * 65_535)
def test_bytes_are_a_state_or_a_syntax_error(package: Package, body: bytes) -> None:
    """No other exception leaves a reader."""
    with suppress(SipSyntaxError):
        package.parse(body)


@given(body=soup | damaged(), content_type=st.just(LIST_TYPE) | st.text(max_size=60))
@example(body=b"--cut\r\n" * 9_000, content_type=LIST_TYPE)
@example(body=b"\r\n-" * 20_000, content_type=LIST_TYPE)
def test_bytes_are_a_list_or_a_syntax_error(body: bytes, content_type: str) -> None:
    """Boundaries, part headers and documents of a list notification."""
    with suppress(SipSyntaxError):
        parse_multipart(body, MediaType.parse(content_type))
    with suppress(SipSyntaxError):
        parse_resource_list(body, content_type)


@given(st.text(max_size=80))
def test_header_values_are_read_or_a_syntax_error(text: str) -> None:
    """Event and Subscription-State; what was read as an event can be written again."""
    with suppress(SipSyntaxError):
        SubscriptionState.parse(text)
    with suppress(SipSyntaxError):
        EventType.parse(text)


changes = st.lists(
    st.tuples(st.sampled_from(["trying", "early", "confirmed", "terminated"]), st.booleans()),
    min_size=1,
    max_size=8,
)


@given(changes, st.data())
def test_partial_documents_add_up_whatever_is_lost(
    script: list[tuple[str, bool]], data: st.DataObject
) -> None:
    """Versions in order give the last state; after a loss the reader asks instead of guessing."""
    sent = [
        parse_dialog_info(
            dialog_info(word, version=number, state="full" if full or number == 0 else "partial")
        )
        for number, (word, full) in enumerate(script)
    ]
    known: DialogInfo | None = None
    for document in sent:
        if data.draw(st.booleans(), label="lost"):
            continue
        before = document if document.is_full else None
        known = known.updated_by(document) if known is not None else before
        if known is not None:
            assert known.dialogs == document.dialogs
            assert known.updated_by(document) in (known, document)
