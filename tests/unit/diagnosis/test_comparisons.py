"""What a record is compared by: sizes that are few, transports, programs, and the age of nonces."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from random import Random

import pytest
from tests.unit.diagnosis.records import BEGIN, OURS, Answer, Pbx

from shiftline.diagnosis.evidence import Evidence, Trial
from shiftline.diagnosis.exchange import Carried, Challenge, Exchange
from shiftline.diagnosis.observe import observe
from shiftline.diagnosis.outcome import Outcome
from shiftline.diagnosis.passive.cells import crowded
from shiftline.diagnosis.probe import Credentials, Load, Method, Path, Probe, Shape, Source

LOST = Answer(None)
PHONE = "192.0.2.77"
KNOWN = Carried(username="trunk", realm="lab", nonce="known")


def long_is_lost(request: Exchange) -> Answer | None:
    """Of what our address sends, what a user of that name makes long."""
    return LOST if request.source == OURS and request.user.startswith("long") else None


def sized(users: Iterable[str], *, source: str = OURS, agent: str = "connector/1") -> list[Exchange]:
    """Questions at rest with a nonce that was known: 1,400 bytes about users named ``long``, else 700."""
    pbx = Pbx(long_is_lost)
    asked = [
        tuple(pbx.ask(BEGIN + 30.0 * number, user=user, source=source, agent=agent))[-1]
        for number, user in enumerate(users)
    ]
    return [
        replace(
            one, carried=KNOWN, size=1400 + one.packet if one.user.startswith("long") else 700 + one.packet
        )
        for one in asked
    ]


def kinds(found: Iterable[Evidence]) -> set[str]:
    """Of all marks."""
    return {mark.kind for one in found for mark in one.marks}


def trials(found: Iterable[Evidence]) -> list[Trial]:
    """Of all parts."""
    return [trial for one in found for trial in one.trials]


def test_few_that_passed_tell_the_size_if_they_tell_it_without_exception() -> None:
    users = ["long"] * 8 + ["short"] * 3
    assert "traffic.large-lost" in kinds(observe(sized(users)))


def test_few_that_passed_and_one_exception_tell_no_size() -> None:
    record = sized(["long"] * 8 + ["short"] * 3 + ["long"])
    record[-1] = replace(record[-1], size=650)
    assert "traffic.large-lost" not in kinds(observe(record))


def test_sizes_that_may_be_in_order_by_luck_tell_nothing() -> None:
    """Three of four are refused: one order in four puts the smallest first."""
    assert "traffic.large-lost" not in kinds(observe(sized(["long"] * 3 + ["short"])))


def test_the_usual_transport_is_that_of_the_questions_and_not_of_the_refused() -> None:
    """Large messages go over TCP, where some are lost: most of what fails went the other way."""
    record = [
        replace(one, transport="TCP") if one.user.startswith("long") else one
        for one in sized(["short", "short", "short", "long"] * 10)
    ]
    over_tcp = [place for place, one in enumerate(record) if one.transport == "TCP"]
    for place in over_tcp[::3]:
        record[place] = replace(record[place], status=200, answered_after=0.01)
    lost = [one.probe for one in trials(observe(record)) if one.outcome is Outcome.SILENCE]
    assert lost
    assert {probe.path for probe in lost} == {Path.OTHER_TRANSPORT}


def test_a_large_message_over_tcp_is_large() -> None:
    """It passed there: a datagram of that size is what is lost."""
    ours = sized(["short", "long"] * 10)
    over_tcp = [
        replace(one, transport="TCP", status=200, answered_after=0.01, at=one.at + 15.0)
        for one in sized(["long"] * 10)
    ]
    found = trials(observe([*ours, *over_tcp]))
    asked = {(one.probe.path, one.probe.shape, one.outcome) for one in found}
    assert (Path.OTHER_TRANSPORT, Shape.LARGE, Outcome.OK) in asked
    assert (Path.USUAL, Shape.LARGE, Outcome.SILENCE) in asked


def test_another_programs_message_is_foreign_whatever_its_size() -> None:
    """A limit of length may be for us alone."""
    record = [*sized(["short", "long"] * 10), *sized(["long"] * 10, source=PHONE, agent="Yealink")]
    others = [one.probe for one in trials(observe(record)) if one.probe.source is Source.OTHER]
    assert others
    assert {probe.shape for probe in others} == {Shape.FOREIGN}


def test_a_fresh_login_that_alone_makes_a_message_large_is_left_out() -> None:
    """The same message passed without it; whether its size or its login was refused is not known."""
    record = sized(["short", "long"] * 10)
    least = min(one.size for one in record if one.user.startswith("long"))
    pbx = Pbx(lambda request: LOST if request.carried is not None else None)
    for number, size in enumerate((least + 20, least + 400)):
        first, second = pbx.ask(BEGIN + 1000.0 + 60.0 * number, method="SUBSCRIBE", event="presence")
        record += [replace(first, size=least - 200), replace(second, size=size)]
    logins = [
        one
        for one in trials(observe(record))
        if one.probe.method is Method.SUBSCRIBE and one.probe.credentials is Credentials.FRESH
    ]
    assert [(one.probe.shape, one.count) for one in logins] == [(Shape.LARGE, 1)]


def ageing_nonces(life: float) -> list[Exchange]:
    """Logins with a nonce at odd moments, for as long as the server takes it; then a new one."""
    chance = Random(5)
    found: list[Exchange] = []
    issued, name, at = -1e9, "", BEGIN
    for number in range(240):
        at += chance.choice((0.3, 0.4, 1.1, 2.3))
        carried = Carried(username="trunk", realm="lab", nonce=name) if name else None
        asked = Exchange(
            at=at,
            source=OURS,
            method="OPTIONS",
            user="agent1",
            from_user="trunk",
            call_id=f"c{number}",
            transport="UDP",
            size=500,
            answered_after=0.002,
        )
        if name and at - issued <= life:
            found.append(replace(asked, status=200, carried=carried))
            continue
        issued, name = at, f"n{number}"
        stale = Challenge(realm="lab", nonce=name, is_stale=carried is not None)
        found.append(replace(asked, status=401, carried=carried, challenge=stale))
        login = Carried(username="trunk", realm="lab", nonce=name)
        found.append(replace(asked, at=at + 0.004, status=200, carried=login))
    return found


@pytest.mark.parametrize("life", [3.0, 8.0])
def test_where_nonces_end_by_age_an_old_one_is_one_that_is_forgotten(life: float) -> None:
    """Whatever age is usual elsewhere."""
    found = observe(ageing_nonces(life))
    assert "traffic.nonce-by-age" in kinds(found)
    became = {
        (one.probe.credentials, one.outcome)
        for one in trials(found)
        if one.probe.credentials in (Credentials.CACHED, Credentials.AGED)
    }
    assert became == {
        (Credentials.CACHED, Outcome.OK),
        (Credentials.AGED, Outcome.CHALLENGE_STALE),
    }


def test_where_the_number_under_way_tells_it_is_the_load() -> None:
    """Of what came at a rate; what was asked at rest stays."""
    asked = [Trial(probe=Probe(load=load), outcome=Outcome.FORBIDDEN) for load in Load]
    told = {before.probe.load: after.probe.load for before, after in zip(asked, crowded(asked), strict=True)}
    rates = (Load.BRISK, Load.RAISED, Load.STORM)
    assert {told[load] for load in rates} == {Load.CONCURRENT}
    assert all(told[load] is load for load in Load if load not in rates)
