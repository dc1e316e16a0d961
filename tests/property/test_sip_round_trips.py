"""What we write is read back as it was; what cannot be written is refused and never injects a line."""

from __future__ import annotations

from contextlib import suppress

from hypothesis import given
from hypothesis import strategies as st

from shiftline.errors import ConfigurationError, MisuseError
from shiftline.secrets import Secret
from shiftline.sip.digest import Challenge, DigestAccount, DigestClient
from shiftline.sip.grammar import Parameters
from shiftline.sip.headers import CSeq, Headers, NameAddr, Via
from shiftline.sip.message import Request, Response, parse_message
from shiftline.sip.requests import register_query
from shiftline.sip.uri import SipUri

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
