"""What we write is read back as it was; what cannot be written is refused and never injects a line."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress

from hypothesis import given
from hypothesis import strategies as st

from shiftline.errors import ConfigurationError, MisuseError
from shiftline.secrets import Secret
from shiftline.sip.address import Contact, NameAddr
from shiftline.sip.digest import Challenge, DigestAccount, DigestClient
from shiftline.sip.digest_values import AuthenticationInfo
from shiftline.sip.grammar import Parameters
from shiftline.sip.headers import Headers
from shiftline.sip.message import Request, Response, parse_message, response_to
from shiftline.sip.multipart import Part, parse_multipart, write_multipart
from shiftline.sip.requests import invite, next_attempt, options, register, register_query
from shiftline.sip.uri import SipUri
from shiftline.sip.values import (
    CSeq,
    DeltaSeconds,
    EventType,
    MediaType,
    Reason,
    SubscriptionState,
    TokenList,
    WarningValue,
)
from shiftline.sip.via import Via

Value = (
    EventType | SubscriptionState | DeltaSeconds | MediaType | WarningValue | Reason | TokenList
    | AuthenticationInfo | Contact
)  # fmt: skip

TOKEN_CHARACTERS = "abcXYZ019-.!%*_+`'~"
tokens = st.text(TOKEN_CHARACTERS, min_size=1, max_size=8)
hosts = st.from_regex(r"\A[a-z0-9]([a-z0-9.-]{0,10}[a-z0-9])?\Z") | st.sampled_from(
    ["10.0.0.1", "[2001:db8::1]"]
)
ports = st.none() | st.integers(0, 65535)
printable = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\r\n\0"), max_size=12)
anything = st.text(max_size=12) | st.sampled_from(
    ["a\r\nInjected: x", "\n", "\r", "\0", "x\r\n\r\nbody", "\ud800"]
)


def parameters(
    names: st.SearchStrategy[str], values: st.SearchStrategy[str]
) -> st.SearchStrategy[Parameters]:
    pairs = st.tuples(names.map(str.lower), st.none() | values)
    return st.lists(pairs, max_size=3).map(tuple)


uri_parameters = parameters(printable.filter(bool), printable)
header_parameters = parameters(tokens, printable)
uris = st.builds(
    SipUri,
    scheme=st.sampled_from(["sip", "sips"]),
    user=st.none() | printable,
    host=hosts,
    port=ports,
    parameters=uri_parameters,
    headers=st.sampled_from(["", "Subject=x&a=%20"]),
) | st.builds(
    SipUri, scheme=st.just("tel"), user=printable.filter(bool), host=st.just(""), parameters=uri_parameters
)
header_values = printable.map(lambda text: text.strip(" \t"))
headers = st.lists(st.tuples(tokens, header_values), max_size=5).map(Headers)


@given(uris)
def test_a_uri_is_read_as_it_was_written(uri: SipUri) -> None:
    """Any text fits into user and parameters; escaping keeps it in its place."""
    assert SipUri.parse(str(uri)) == uri


@given(
    st.builds(
        Via, transport=st.sampled_from(["UDP", "TCP"]), host=hosts, port=ports, parameters=header_parameters
    )
)
def test_a_via_is_read_as_it_was_written(via: Via) -> None:
    """Quoting keeps every parameter value in its place."""
    assert Via.parse(str(via)) == via


@given(
    st.builds(NameAddr, display_name=printable.map(str.strip), uri=uris, parameters=header_parameters),
    st.builds(CSeq, number=st.integers(0, 2**32 - 1), method=tokens),
)
def test_addresses_and_cseq_are_read_as_they_were_written(address: NameAddr, cseq: CSeq) -> None:
    """Also a display name full of quotes, brackets and commas."""
    assert NameAddr.parse(str(address)) == address
    assert CSeq.parse(str(cseq)) == cseq


@given(
    st.lists(st.builds(NameAddr, display_name=printable, uri=uris, parameters=header_parameters), max_size=4)
)
def test_a_list_of_addresses_splits_where_it_was_joined(addresses: list[NameAddr]) -> None:
    """No comma inside a value separates."""
    values = [str(address) for address in addresses]
    assert Headers([("Contact", ", ".join(values))]).get_all("Contact") == values


seconds = st.integers(0, 2**32 - 1)
comments = printable.map(lambda text: "".join(char for char in text if char not in "()\\\\")).map(str.strip)
lower_tokens = tokens.map(str.lower)
values = st.one_of(
    st.builds(EventType, package=lower_tokens, parameters=header_parameters),
    st.builds(SubscriptionState, value=lower_tokens, parameters=header_parameters),
    st.builds(DeltaSeconds, seconds=seconds, comment=comments, parameters=header_parameters),
    st.builds(MediaType, type=lower_tokens, subtype=lower_tokens, parameters=header_parameters),
    st.builds(WarningValue, code=st.integers(100, 999), agent=tokens, text=printable),
    st.builds(Reason, protocol=tokens, parameters=header_parameters),
    st.builds(TokenList, tokens=st.lists(tokens, max_size=4).map(tuple)),
    st.builds(AuthenticationInfo, nextnonce=printable, rspauth=st.none() | printable, nc=st.none() | tokens),
    st.builds(
        Contact,
        address=st.none() | st.builds(NameAddr, display_name=printable.map(str.strip), uri=uris),
    ),
)


@given(values)
def test_any_value_is_read_as_it_was_written(value: Value) -> None:
    """Each class reads what it wrote."""
    assert type(value).parse(str(value)) == value


bodies = st.binary(max_size=40)
parts = st.lists(st.builds(Part, headers=headers, body=bodies), min_size=1, max_size=4).map(tuple)


@given(parts, st.from_regex(r"\A[A-Za-z0-9'()+_,./:=? -]{0,69}[A-Za-z0-9]\Z"))
def test_parts_are_read_as_they_were_written(parts: tuple[Part, ...], boundary: str) -> None:
    """Or refused, where the boundary occurs in one of them."""
    media_type = MediaType(type="multipart", subtype="mixed", parameters=(("boundary", boundary),))
    with suppress(MisuseError):
        body = write_multipart(parts, boundary)
        assert parse_multipart(body, MediaType.parse(str(media_type))) == parts


@given(st.builds(Request, tokens, uris, headers, st.binary(max_size=20)))
def test_a_request_is_read_as_it_was_written(request: Request) -> None:
    """Start line, rows in order, body."""
    request.headers.set("Content-Length", str(len(request.body)))
    assert parse_message(bytes(request)) == request


@given(st.builds(Response, st.integers(100, 699), tokens, headers, st.binary(max_size=20)))
def test_a_response_is_read_as_it_was_written(response: Response) -> None:
    """Start line, rows in order, body."""
    response.headers.set("Content-Length", str(len(response.body)))
    assert parse_message(bytes(response)) == response


@given(anything, anything, anything, anything, anything)
def test_no_value_can_inject_a_line(user: str, host: str, name: str, value: str, reason: str) -> None:
    """A message has exactly the rows we gave it, or is refused."""
    with suppress(MisuseError):
        uri = SipUri(user=user, host=host, parameters=((name, value),), headers=value)
        assert_rows(bytes(Request("OPTIONS", uri)), 0)
    with suppress(MisuseError):
        assert_rows(bytes(Request(name, SipUri(host="h"))), 0)
    with suppress(MisuseError):
        assert_rows(bytes(Response(200, reason)), 0)
    with suppress(MisuseError):
        assert_rows(bytes(Response(200, "OK", Headers([(name, value)]))), 1)
    with suppress(MisuseError):
        address = NameAddr(display_name=name, uri=SipUri(host="h"), parameters=((name, value),))
        assert_rows(bytes(Response(200, "OK", Headers([("To", str(address))]))), 1)


@given(anything, anything, st.integers(-1, 2**40))
def test_no_typed_value_can_inject_a_line(text: str, other: str, number: int) -> None:
    """Every class that writes a header value, with hostile text in every field that takes text."""
    pairs = ((text, other), (other, None))
    hostile: tuple[Callable[[], object], ...] = (
        lambda: EventType(package=text, parameters=pairs),
        lambda: SubscriptionState(value=text, parameters=pairs),
        lambda: DeltaSeconds(seconds=number, comment=text, parameters=pairs),
        lambda: MediaType(type=text, subtype=other, parameters=pairs),
        lambda: MediaType(type="text", subtype="plain", parameters=pairs),
        lambda: WarningValue(code=number, agent=text, text=other),
        lambda: Reason(protocol=text, parameters=pairs),
        lambda: TokenList(tokens=(text, other)),
        lambda: AuthenticationInfo(nextnonce=text, rspauth=other, qop=text, nc=other),
        lambda: Via(host=text, transport=other, parameters=pairs),
        lambda: Via(host="h", parameters=pairs),
        lambda: CSeq(number=number, method=text),
        lambda: Contact(address=NameAddr(display_name=text, uri=SipUri(user=other, host="h"))),
        lambda: SipUri(scheme=text, host=other),
        lambda: SipUri(scheme="tel", user=text, host="", parameters=pairs),
        lambda: SipUri(user=text, password=other, host="h", headers=text),
    )
    for build in hostile:
        with suppress(MisuseError):
            assert not set("\r\n\0") & set(str(build()))


@given(anything, anything, anything)
def test_no_part_of_a_body_can_inject_a_line(boundary: str, name: str, value: str) -> None:
    """A multipart body has exactly the parts and rows we gave it, or is refused."""
    with suppress(MisuseError):
        part = Part(headers=Headers([(name, value)]), body=b"x")
        media_type = MediaType(type="multipart", subtype="mixed", parameters=(("boundary", boundary),))
        (again,) = parse_multipart(write_multipart((part,), boundary), media_type)
        assert (len(again.headers), again.body) == (1, b"x")


@given(anything, anything, anything)
def test_no_request_that_we_build_can_inject_a_line(user: str, token: str, content_type: str) -> None:
    """Addresses, tags, Call-ID and Content-Type come from outside; rows are ours."""
    uri = SipUri(user=user, host="h")
    builders: tuple[Callable[[], Request], ...] = (
        lambda: options(uri, from_uri=uri, token=lambda: token),
        lambda: register_query(uri, registrar=uri, token=lambda: token, call_id=token),
        lambda: register(uri, uri, uri, 60, lambda: token, call_id=token),
        lambda: invite(
            uri, from_uri=uri, contact=uri, token=lambda: token, body=b"x", content_type=content_type
        ),
    )
    for build in builders:
        with suppress(MisuseError):
            request = build()
            rows = len(request.headers)
            request.body = b""
            assert_rows(bytes(request), rows)
            assert_rows(bytes(next_attempt(request)), rows)
            assert_rows(bytes(response_to(request, 200, user, to_tag=token)), 4)


@given(anything, anything, anything)
def test_no_credentials_can_inject_a_line(username: str, realm: str, opaque: str) -> None:
    """Neither the account's name nor what the server challenged with."""
    request = register_query(SipUri(host="h"), registrar=SipUri(host="h"), token=lambda: "x")
    rows = len(request.headers)
    with suppress(MisuseError, ConfigurationError):
        client = DigestClient(DigestAccount(username=username, password=Secret("x")), token=lambda: "c")
        response = Response(401, "")
        response.headers.add("WWW-Authenticate", str(Challenge(realm=realm, nonce="n", opaque=opaque)))
        client.challenged(response, request)
        client.authorize(request)
        assert_rows(bytes(request), rows + 1)


def assert_rows(data: bytes, rows: int) -> None:
    head, blank, body = data.partition(b"\r\n\r\n")
    assert (blank, body) == (b"\r\n\r\n", b"")
    assert head.count(b"\n") == head.count(b"\r") <= rows + 1
    assert b"\0" not in head
