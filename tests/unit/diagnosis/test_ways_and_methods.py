"""Rules in a record about a transport or several methods, for one peer alone; and headers that are served."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import pytest
from tests.unit.diagnosis.records import BEGIN, OURS, Answer, Fault, Pbx
from tests.unit.diagnosis.test_confounded import HEADERS, named, read

from shiftline.diagnosis.evidence import Evidence
from shiftline.diagnosis.exchange import Carried, Exchange
from shiftline.diagnosis.observe import observe

FORBIDDEN = Answer(403, "Forbidden", 0.002)
SECOND, PHONE = "192.0.2.11", "192.0.2.77"
KNOWN = Carried(username="trunk", realm="lab", nonce="known")


def over_tcp(exchanges: Iterable[Exchange]) -> list[Exchange]:
    """The same by another way."""
    return [replace(one, transport="TCP", size=1400) for one in exchanges]


def with_nonce(exchanges: Iterable[Exchange]) -> list[Exchange]:
    """Logins that were sent ahead."""
    return [replace(one, carried=KNOWN) for one in exchanges]


def ours(fault: Fault, *, passes_over_tcp: bool, sources: tuple[str, ...] = (OURS,)) -> list[Exchange]:
    """What these addresses ask over UDP, and a little over TCP; a third is logged in ahead if that passes."""
    pbx, healthy = Pbx(fault), Pbx(seed=2)
    found: list[Exchange] = []
    for number in range(45):
        source, at = sources[number % len(sources)], BEGIN + 30.0 * number
        asked = list(pbx.ask(at, source=source))
        found += with_nonce(asked) if number % 3 == 0 and passes_over_tcp else asked
        if number % 5 == 0 and passes_over_tcp:
            found += with_nonce(over_tcp([*healthy.ask(at + 10.0, source=source)][-1:]))
        elif number % 5 == 0:
            found += over_tcp(pbx.ask(at + 10.0, source=source))
    return found


def phones(*, agent: str = "Yealink") -> list[Exchange]:
    """Registrations from elsewhere, over UDP, that pass."""
    pbx = Pbx(seed=3)
    return [
        one
        for number in range(30)
        for one in pbx.ask(
            BEGIN + 45.0 * number + 5.0,
            source=PHONE,
            method="REGISTER",
            user="phone1",
            login="phone1",
            agent=agent,
            contact=PHONE,
        )
    ]


def refuse(request: Exchange) -> Answer | None:
    """Everything."""
    return FORBIDDEN


def subjects(found: Iterable[Evidence]) -> list[tuple[str, tuple[str, ...]]]:
    """Key and values of each."""
    return [(one.subject.key, one.subject.values) for one in found]


@pytest.mark.parametrize("sources", [(OURS,), (OURS, SECOND)])
def test_a_transport_that_is_refused_to_us_alone_is_one_subject(sources: tuple[str, ...]) -> None:
    """With a login and without: the rule is asked before it. Phones pass over the same transport."""
    record = [*ours(refuse, passes_over_tcp=True, sources=sources), *phones()]
    assert subjects(observe(record)) == [("transport", ("UDP",))]
    diagnosis = read(record)
    assert "policy.transport" in named(diagnosis)
    assert not {"acl.source", "ban.source", "credentials.shared-lockout"} & named(diagnosis)


def test_a_transport_that_is_refused_to_everybody_is_found_as_well() -> None:
    others = [
        replace(one, status=403, reason="Forbidden", challenge=None)
        for one in phones()
        if one.carried is None
    ]
    record = [*ours(refuse, passes_over_tcp=True), *others]
    assert "policy.transport" in named(read(record))


@pytest.mark.parametrize("sources", [(OURS,), (OURS, SECOND)])
def test_addresses_that_are_refused_over_either_transport_accuse_none(sources: tuple[str, ...]) -> None:
    record = [*ours(refuse, passes_over_tcp=False, sources=sources), *phones()]
    assert "transport" not in {key for key, _ in subjects(observe(record))}
    found = named(read(record))
    assert "acl.source" in found
    assert "policy.transport" not in found


def test_methods_that_fail_alike_are_one_subject_however_few_of_a_package() -> None:
    """Two or three subscriptions to each package are too few to say that it always fails."""
    pbx = Pbx(lambda request: None if request.method == "REGISTER" else FORBIDDEN)
    record = phones()
    for number in range(40):
        at = BEGIN + 30.0 * number
        record += pbx.ask(at)
        record += pbx.ask(at + 10.0, method="REGISTER")
        if number % 8 == 0:
            package = ("presence", "dialog", "reg")[number // 8 % 3]
            record += pbx.ask(at + 20.0, method="SUBSCRIBE", event=package)
    assert subjects(observe(record)) == [("method", ("OPTIONS", "SUBSCRIBE"))]


def by_headers(extra: tuple[str, ...], served: tuple[str, ...] = ()) -> list[Exchange]:
    """REGISTER is refused with these headers more, OPTIONS pass with those."""
    pbx = Pbx(lambda request: FORBIDDEN if request.method == "REGISTER" else None)
    found: list[Exchange] = []
    for number in range(20):
        at = BEGIN + 30.0 * number
        register = pbx.ask(at, method="REGISTER")
        found += [replace(one, headers=(*HEADERS, *extra)) for one in register]
        found += [replace(one, headers=(*HEADERS, *served)) for one in pbx.ask(at + 10.0)]
    return found


def marks(record: list[Exchange]) -> set[str]:
    """Of all subjects."""
    return {mark.kind for one in observe(record) for mark in one.marks}


def test_headers_that_pass_elsewhere_speak_against_a_broken_message() -> None:
    assert "traffic.headers-served" in marks(by_headers(("Supported",), served=("Supported", "Accept")))


def test_a_header_that_goes_with_the_refused_method_alone_does_not_clear_it() -> None:
    assert "traffic.headers-served" not in marks(by_headers(("Expires",)))


def test_where_headers_are_not_known_nothing_is_said_of_them() -> None:
    record = by_headers(("Supported",), served=("Supported",))
    record[0] = replace(record[0], headers=())
    assert "traffic.headers-served" not in marks(record)
