"""Overload control in Via: asked for, told, read (RFC 7339 section 4)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shiftline.sip.agent import SipAgent
from shiftline.sip.headers import Headers
from shiftline.sip.message import Request, Response, parse_message, response_to
from shiftline.sip.overload import (
    ADVERTISED,
    OverloadControl,
    algorithms_of,
    read_overload_control,
    tell,
)
from shiftline.sip.requests import options
from shiftline.sip.uri import SipUri
from shiftline.sip.via import Via

VIA = "SIP/2.0/TCP p1.example.net;branch=z9hG4bK2d4790.1"
CONTROLS = st.builds(
    OverloadControl,
    algorithm=st.sampled_from(["loss", "rate"]),
    value=st.integers(0, 100),
    validity_seconds=st.integers(0, 2**20).map(lambda milliseconds: milliseconds / 1000),
    sequence=st.integers(0, 10**12).map(lambda thousandths: thousandths / 1000),
)


def response(*vias: str) -> Response:
    return Response(200, "OK", Headers([("Via", via) for via in vias]))


def request(via: str) -> Request:
    return Request("OPTIONS", SipUri(host="lab"), Headers([("Via", via), ("CSeq", "1 OPTIONS")]))


def test_the_example_of_the_rfc_is_read() -> None:
    """Section 4.6: 20 % less for half a second."""
    told = f'{VIA};received=192.0.2.111;oc=20;oc-algo="loss";oc-validity=500;oc-seq=1282321615.782'
    assert read_overload_control(response(told)) == OverloadControl(
        algorithm="loss", value=20, validity_seconds=0.5, sequence=1282321615.782
    )


@pytest.mark.parametrize(
    "told",
    [
        "",
        ";oc",
        ";oc-validity=500;oc-seq=1.1",
        ";oc=",
        ";oc=many",
        ";oc=-1",
        ";oc=101",
        ';oc=5;oc-algo="window"',
        f";oc={'9' * 70};oc-algo=rate",
    ],
)
def test_what_cannot_be_used_tells_nothing(told: str) -> None:
    """An unknown algorithm, no number, or a share above all."""
    assert read_overload_control(response(VIA + told)) is None


def test_what_is_left_out_has_its_default() -> None:
    """Loss, half a second, no sequence."""
    assert read_overload_control(response(f"{VIA};OC=7;oc-seq=now;oc-validity=soon")) == OverloadControl(
        algorithm="loss", value=7
    )


def test_only_the_topmost_via_is_ours() -> None:
    """A proxy's own feedback is for the proxy (section 4)."""
    assert read_overload_control(response(VIA, f"{VIA};oc=20")) is None


def test_a_client_says_what_it_knows() -> None:
    """In every request that leaves, beside rport and branch."""
    agent = SipAgent(local=("127.0.0.2", 5060), token=lambda: "t", via_parameters=ADVERTISED)
    asked = options(SipUri(host="lab"), from_uri=SipUri(host="lab"), token=lambda: "t")
    agent.send(asked, ("127.0.0.1", 5060), 0.0)
    left = parse_message(agent.datagrams_to_send()[0].data)
    assert isinstance(left, Request)
    assert algorithms_of(left) == ("loss", "rate")
    assert Via.parse(left.headers.get("Via") or "").branch == "z9hG4bKt"


def test_who_does_not_ask_is_told_nothing() -> None:
    """An algorithm without ``oc`` is no question, and an unreadable Via is none either."""
    assert algorithms_of(request(VIA)) == ()
    assert algorithms_of(request(f'{VIA};oc-algo="loss"')) == ()
    assert algorithms_of(request("nonsense")) == ()
    assert algorithms_of(request(f"{VIA};oc")) == ("loss",)
    assert algorithms_of(request(f'{VIA};oc;oc-algo="A, Rate"')) == ("rate",)


@given(CONTROLS)
def test_what_is_told_is_read(control: OverloadControl) -> None:
    """To the client that asked, and with everything else of its Via kept."""
    asked = request(f"{VIA}{ADVERTISED}, SIP/2.0/UDP far.example;branch=z9hG4bKfar")
    answer = response_to(asked, 200, to_tag="t")
    tell(answer, control)
    assert read_overload_control(answer) == control
    first, second = answer.headers.get_all("Via")
    assert (Via.parse(first).branch, Via.parse(second).host) == ("z9hG4bK2d4790.1", "far.example")
