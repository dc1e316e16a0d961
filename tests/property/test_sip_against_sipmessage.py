"""Where the package sipmessage can read a message too, it reads the same."""

from __future__ import annotations

import sipmessage
from hypothesis import given
from hypothesis import strategies as st

from shiftline.errors import SipSyntaxError
from shiftline.sip.address import Contact, NameAddr
from shiftline.sip.message import Request, Response, parse_message
from shiftline.sip.values import CSeq, DeltaSeconds, MediaType
from shiftline.sip.via import Via

users = st.text("abcABC019-_.!~*'()&=+$,", min_size=1, max_size=8)
hosts = st.sampled_from(["lab", "pbx.example.com", "10.0.0.1", "[2001:db8::1]"])
ports = st.sampled_from(["", ":5060", ":65535"])
# No "%": sipmessage unescapes header parameters, for which RFC 3261 section 25.1 knows no escapes.
tokens = st.text("abcXYZ019-.!*_+`'~", min_size=1, max_size=8)
names = st.sampled_from(["", "Alice ", '"Alice B." ', '"A \\"q\\" B" '])
uri_texts = st.builds(
    "sip:{}@{}{}{}".format, users, hosts, ports, st.sampled_from(["", ";transport=udp", ";lr"])
)
addresses = st.builds("{}<{}>{}".format, names, uri_texts, tokens.map(";tag={}".format) | st.just(""))
vias = st.builds(
    "SIP/2.0/{} {}{};branch=z9hG4bK{}{}".format,
    st.sampled_from(["UDP", "TCP"]), hosts, ports, tokens, st.sampled_from(["", ";rport", ";received=h"])
)  # fmt: skip
start_lines = st.builds(
    "{} {} SIP/2.0".format, st.sampled_from(["OPTIONS", "REGISTER"]), uri_texts
) | st.builds(
    "SIP/2.0 {} {}".format, st.integers(100, 699), st.sampled_from(["OK", "Forbidden", "Try later"])
)


@st.composite
def messages(draw: st.DrawFn) -> bytes:
    """A legal message in one of the spellings that both readers should take."""
    rows = [
        (draw(st.sampled_from(["Via", "via", "v"])), draw(vias)),
        (draw(st.sampled_from(["From", "f"])), draw(addresses)),
        (draw(st.sampled_from(["To", "TO", "t"])), draw(addresses)),
        (draw(st.sampled_from(["Call-ID", "Call-Id", "i"])), draw(tokens)),
        ("CSeq", f"{draw(st.integers(0, 2**31 - 1))} {draw(st.sampled_from(['OPTIONS', 'REGISTER']))}"),
    ]
    lines = [
        f"{name}:{draw(st.sampled_from(['', ' ', '  ']))}{value}"
        for name, value in draw(st.permutations(rows))
    ]
    return "\r\n".join([draw(start_lines), *lines, "", draw(tokens)]).encode()


@given(messages())
def test_both_readers_agree(data: bytes) -> None:
    """Start line, addresses, Via, CSeq, Call-ID and body are the same for both."""
    try:
        theirs = sipmessage.Message.parse(data)
        their_values = (theirs.via, theirs.from_address, theirs.to_address, theirs.cseq, theirs.call_id)
    except ValueError:
        return  # it is the stricter reader; what only we accept is tested elsewhere
    ours = parse_message(data)
    assert ours.body == theirs.body
    if isinstance(ours, Request):
        assert isinstance(theirs, sipmessage.Request)
        assert (ours.method, str(ours.uri)) == (theirs.method, str(theirs.uri))
    else:
        assert isinstance(theirs, sipmessage.Response)
        assert (ours.status, ours.reason) == (theirs.code, theirs.phrase)
    compare_values(ours, *their_values)


def compare_values(
    ours: Request | Response,
    via: list[sipmessage.Via],
    from_address: sipmessage.Address,
    to_address: sipmessage.Address,
    cseq: sipmessage.CSeq,
    call_id: str,
) -> None:
    our_vias = [Via.parse(value) for value in ours.headers.get_all("Via")]
    for our_via, their_via in zip(our_vias, via, strict=True):
        assert (our_via.transport, our_via.host, our_via.port) == (
            their_via.transport,
            their_via.host,
            their_via.port,
        )
        assert our_via.branch == their_via.parameters.get("branch")
    for name, theirs in (("From", from_address), ("To", to_address)):
        mine = NameAddr.parse(ours.headers.get(name) or "")
        assert (mine.display_name, str(mine.uri)) == (theirs.name or "", str(theirs.uri))
        assert mine.tag == theirs.parameters.get("tag")
    number = CSeq.parse(ours.headers.get("CSeq") or "")
    assert (number.number, number.method) == (cseq.sequence, cseq.method)
    assert ours.headers.get("Call-ID") == call_id


@given(messages())
def test_what_sipmessage_reads_we_read(data: bytes) -> None:
    """Ours is the more tolerant reader: it refuses none of these."""
    try:
        parse_message(data)
    except SipSyntaxError as error:
        raise AssertionError(data) from error


media_types = st.builds(
    "{}/{}{}".format,
    st.sampled_from(["text", "application"]),
    tokens.map(str.lower),
    tokens.map(";charset={}".format),
)
# At most one quoted name in a row: sipmessage takes two for one.
lists = st.builds(
    ", ".join, st.tuples(addresses, uri_texts.map("<{}>".format), uri_texts.map("Desk <{}>;q=0.5".format))
)


@given(lists, media_types, st.lists(tokens, max_size=3), st.integers(0, 2**31))
def test_both_read_the_same_values(
    contact: str, content_type: str, supported: list[str], expires: int
) -> None:
    """Lists of addresses, a media type, tokens and a number of seconds."""
    rows = {"Contact": contact, "Content-Type": content_type, "Expires": str(expires)}
    rows |= {"Supported": ",".join(supported)} if supported else {}
    data = "\r\n".join(
        ["SIP/2.0 200 OK", *(f"{name}: {value}" for name, value in rows.items()), "", ""]
    ).encode()
    theirs = sipmessage.Message.parse(data)
    try:
        contacts, media_type = theirs.contact, theirs.content_type
    except ValueError:
        return  # it is the stricter reader
    headers = parse_message(data).headers
    ours = [Contact.parse(value).address for value in headers.get_all("Contact")]
    assert [(mine.display_name, str(mine.uri)) for mine in ours if mine] == [
        (other.name or "", str(other.uri)) for other in contacts
    ]
    mine = MediaType.parse(headers.get("Content-Type") or "")
    assert media_type is not None
    assert (mine.essence, mine.parameter("charset")) == (
        media_type.mime_type,
        media_type.parameters.get("charset"),
    )
    assert headers.get_all("Supported") == theirs.supported == supported
    assert DeltaSeconds.parse(headers.get("Expires") or "").seconds == theirs.expires
