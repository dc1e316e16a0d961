"""RFC 3263 and 2782 against a zone that is a dictionary."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from random import Random

import pytest

from shiftline.errors import ConfigurationError
from shiftline.sip.targets import Kind, Naptr, Question, Records, Srv, Target, in_order, plan_targets
from shiftline.sip.uri import SipUri

Zone = Mapping[tuple[Kind, str], Records]


def srv(target: str, port: int = 5060, priority: int = 10, weight: int = 0) -> Srv:
    return Srv(priority=priority, weight=weight, port=port, target=target)


def naptr(service: str, replacement: str, order: int = 1, preference: int = 1, flags: str = "s") -> Naptr:
    return Naptr(order=order, preference=preference, flags=flags, service=service, replacement=replacement)


def resolve(uri: str, zone: Zone) -> tuple[list[Target], list[Question]]:
    """The targets, and the questions that were asked for them."""
    dialogue, asked = plan_targets(SipUri.parse(uri), random=lambda: 0.0), []
    try:
        question = next(dialogue)
        while True:
            asked.append(question)
            question = dialogue.send(zone.get((question.kind, question.name), ()))
    except StopIteration as end:
        return end.value, asked


def ways(uri: str, zone: Zone) -> list[str]:
    return [str(target) for target in resolve(uri, zone)[0]]


@pytest.mark.parametrize(
    ("uri", "way"),
    [
        ("sip:192.0.2.1", "192.0.2.1:5060 over UDP"),
        ("sip:192.0.2.1:5070", "192.0.2.1:5070 over UDP"),
        ("sip:192.0.2.1;transport=tcp", "192.0.2.1:5060 over TCP"),
        ("sip:192.0.2.1;transport=TLS", "192.0.2.1:5061 over TLS"),
        ("sips:192.0.2.1", "192.0.2.1:5061 over TLS"),
        ("sips:192.0.2.1:5099;transport=tcp", "192.0.2.1:5099 over TLS"),
        ("sip:[2001:db8::1]", "[2001:db8::1]:5060 over UDP"),
        ("sip:pbx.test;maddr=192.0.2.9", "192.0.2.9:5060 over UDP"),
    ],
)
def test_a_numeric_host_needs_no_question(uri: str, way: str) -> None:
    """Port and transport come from the URI, or from the defaults of its scheme (sections 4.1 and 4.2)."""
    assert resolve(uri, {}) == (resolve(uri, {})[0], [])
    assert ways(uri, {}) == [way]


def test_a_port_leaves_only_the_address_to_be_asked() -> None:
    """ "If a port is specified ... the client performs an A or AAAA record lookup" (section 4.2)."""
    zone: Zone = {(Kind.ADDRESS, "pbx.test"): ["192.0.2.1", "192.0.2.2"]}
    targets, asked = resolve("sip:pbx.test:5070", zone)
    assert [target.address for target in targets] == [("192.0.2.1", 5070), ("192.0.2.2", 5070)]
    assert asked == [Question(Kind.ADDRESS, "pbx.test")]


def test_naptr_chooses_the_transport() -> None:
    """By order, then preference; a service we do not speak and a rule that is no "s" are passed over."""
    zone: Zone = {
        (Kind.NAPTR, "pbx.test"): [
            naptr("SIP+D2U", "udp.pbx.test.", order=2),
            naptr("SIP+D2T", "tcp.pbx.test.", preference=2),
            naptr("SIP+D2S", "sctp.pbx.test.", preference=0),
            naptr("SIPS+D2T", "tls.pbx.test.", preference=1),
            naptr("SIP+D2T", "pattern.pbx.test.", preference=0, flags="u"),
        ],
        (Kind.SRV, "tls.pbx.test"): [srv("a.pbx.test.", 5061)],
        (Kind.SRV, "tcp.pbx.test"): [srv("a.pbx.test.")],
        (Kind.SRV, "udp.pbx.test"): [srv("192.0.2.7")],
        (Kind.ADDRESS, "a.pbx.test"): ["192.0.2.1"],
    }
    assert ways("sip:pbx.test", zone) == [
        "192.0.2.1:5061 over TLS",
        "192.0.2.1:5060 over TCP",
        "192.0.2.7:5060 over UDP",
    ]
    assert ways("sips:pbx.test", zone) == ["192.0.2.1:5061 over TLS"]


def test_without_naptr_every_srv_is_asked() -> None:
    """UDP, TCP, TLS, in our order; sips asks for TLS alone (section 4.1)."""
    zone: Zone = {
        (Kind.SRV, "_sip._tcp.pbx.test"): [srv("b.pbx.test"), srv("a.pbx.test", priority=1)],
        (Kind.SRV, "_sips._tcp.pbx.test"): [srv("a.pbx.test", 5061)],
        (Kind.ADDRESS, "a.pbx.test"): ["192.0.2.1"],
        (Kind.ADDRESS, "b.pbx.test"): ["192.0.2.2"],
    }
    assert ways("sip:pbx.test", zone) == [
        "192.0.2.1:5060 over TCP",
        "192.0.2.2:5060 over TCP",
        "192.0.2.1:5061 over TLS",
    ]
    _, asked = resolve("sips:pbx.test", zone)
    assert Question(Kind.SRV, "_sip._tcp.pbx.test") not in asked


def test_a_named_transport_asks_for_its_own_srv() -> None:
    """No NAPTR is asked (section 4.1), and without SRV the default port is used."""
    zone: Zone = {(Kind.ADDRESS, "pbx.test"): ["2001:db8::5"]}
    targets, asked = resolve("sip:pbx.test;transport=tcp", zone)
    assert [str(target) for target in targets] == ["[2001:db8::5]:5060 over TCP"]
    assert asked == [Question(Kind.SRV, "_sip._tcp.pbx.test"), Question(Kind.ADDRESS, "pbx.test")]


def test_a_name_without_srv_is_an_address_alone() -> None:
    """UDP and 5060, or TLS and 5061 (section 4.2)."""
    zone: Zone = {(Kind.ADDRESS, "pbx.test"): ["192.0.2.1"]}
    assert ways("sip:pbx.test", zone) == ["192.0.2.1:5060 over UDP"]
    assert ways("sips:pbx.test", zone) == ["192.0.2.1:5061 over TLS"]
    assert ways("sip:other.test", zone) == []


def test_a_service_that_is_declared_absent_gives_no_target() -> None:
    """An SRV target of "." (RFC 2782)."""
    zone: Zone = {
        (Kind.SRV, "_sip._udp.pbx.test"): [srv(".")],
        (Kind.SRV, "_sip._tcp.pbx.test"): [srv("192.0.2.1")],
    }
    assert ways("sip:pbx.test", zone) == ["192.0.2.1:5060 over TCP"]


def test_the_certificate_is_the_domains() -> None:
    """Not that of the host which the DNS named: the DNS proves nothing (RFC 5922 section 7)."""
    zone: Zone = {
        (Kind.SRV, "_sips._tcp.pbx.test"): [srv("a.elsewhere.test", 5061)],
        (Kind.ADDRESS, "a.elsewhere.test"): ["192.0.2.1"],
    }
    (target,) = resolve("sips:pbx.test", zone)[0]
    assert target.server_name == "pbx.test"


@pytest.mark.parametrize("uri", ["sip:pbx.test;transport=sctp", "sips:pbx.test;transport=udp"])
def test_a_transport_that_is_no_way_is_refused(uri: str) -> None:
    """The sentence names it."""
    with pytest.raises(ConfigurationError, match=r"transport '(sctp|udp)'"):
        resolve(uri, {})


def test_weights_are_shares() -> None:
    """A record of weight 3 comes first three times as often as one of weight 1; 0 nearly never."""
    records = [srv("heavy", weight=75), srv("light", weight=25), srv("none", weight=0)]
    rng = Random(1)
    first = Counter(in_order(records, rng.random)[0].target for _ in range(4000))
    assert 2.5 < first["heavy"] / first["light"] < 3.5
    assert 0 < first["none"] < 100


@pytest.mark.parametrize("number", [0.0, 0.5, 0.999999])
def test_every_record_is_tried_once(number: float) -> None:
    """Whatever the numbers are, priorities stand and nothing is lost."""
    records = [srv("c", priority=2), srv("a", weight=5), srv("b", weight=5), srv("d", priority=2, weight=9)]
    ordered = in_order(records, lambda: number)
    assert sorted(record.target for record in ordered) == ["a", "b", "c", "d"]
    assert [record.priority for record in ordered] == [2, 2, 10, 10]
