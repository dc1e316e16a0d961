"""Where two things differ at once between refused and accepted, both are named; beside health, nobody is."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import pytest
from tests.unit.diagnosis.records import OURS, Answer, Fault, Pbx, publish_day

from shiftline.diagnosis.belief import believe
from shiftline.diagnosis.conclude import conclude
from shiftline.diagnosis.exchange import Carried, Exchange, brief
from shiftline.diagnosis.experiment import Permission
from shiftline.diagnosis.finding import Diagnosis
from shiftline.diagnosis.hypotheses import HEALTHY
from shiftline.diagnosis.observe import observe
from shiftline.diagnosis.passive.nonces import NonceBook
from shiftline.diagnosis.probe import Account, Credentials, Load

FORBIDDEN = Answer(403, "Forbidden", 0.002)
ELSEWHERE = "192.0.2.77"
HEADERS = ("Via", "From", "To", "Call-ID", "CSeq")


def read(exchanges: Iterable[Exchange]) -> Diagnosis:
    """What a record says."""
    beliefs = [believe(one, is_recorded=True) for one in observe(exchanges)]
    return conclude(beliefs, Permission(), is_recorded=True)


def named(diagnosis: Diagnosis) -> frozenset[str]:
    """All causes that are named."""
    return frozenset(name for one in diagnosis.findings for name in (one.cause, *one.indistinguishable_from))


def per_account(limit: int) -> Fault:
    """At most so many logins of one account in each second."""
    counts: dict[tuple[str, int], int] = {}

    def judge(request: Exchange) -> Answer | None:
        if request.carried is None:
            return None
        key = (request.carried.username, int(request.at))
        counts[key] = counts.get(key, 0) + 1
        return FORBIDDEN if counts[key] > limit else None

    return judge


def per_method(method: str, limit: int) -> Fault:
    """At most so many requests of one method in each second, whoever sends them."""
    counts: dict[int, int] = {}

    def judge(request: Exchange) -> Answer | None:
        if request.method != method:
            return None
        second = int(request.at)
        counts[second] = counts.get(second, 0) + 1
        return FORBIDDEN if counts[second] > limit else None

    return judge


def quiet_day(pbx: Pbx, extra: tuple[str, ...] = ("X-Attributes",)) -> list[Exchange]:
    """Questions at rest with a nonce that was known; about agents named ``long...`` with more headers."""
    login = Carried(username="trunk", realm="lab", nonce="known")
    found: list[Exchange] = []
    for number in range(60):
        user = f"long{number}" if number % 3 == 0 else f"agent{number}"
        *_, one = pbx.ask(1_716_388_200.0 + 30.0 * number, user=user)
        is_long = user.startswith("long")
        headers = (*HEADERS, *extra) if is_long else HEADERS
        found.append(replace(one, headers=headers, size=900 if is_long else 500, carried=login))
    return found


def refuse_long(request: Exchange) -> Answer | None:
    """What `quiet_day` makes longer."""
    return FORBIDDEN if request.user.startswith("long") else None


def test_a_header_that_makes_messages_larger_accuses_the_size_as_well() -> None:
    """Its bytes may be the reason, or what it says; the program's name is the same in all of them."""
    found = named(read(quiet_day(Pbx(refuse_long))))
    assert "message.too-large" in found
    assert "policy.user-agent" not in found


def test_a_larger_message_that_passed_clears_the_size() -> None:
    """By another method of the same sender."""
    day = quiet_day(Pbx(refuse_long))
    at = day[-1].at
    larger = [
        replace(one, size=1200, headers=HEADERS)
        for number in range(20)
        for one in Pbx().ask(at + 30.0 * number, method="SUBSCRIBE", event="presence")
    ]
    found = named(read([*day, *larger]))
    assert "message.too-large" not in found
    assert "message.malformed" in found


def test_what_is_refused_with_a_contact_alone_accuses_the_list_of_contacts() -> None:
    """And not the program, which is served without one (A4)."""
    server = "Asterisk PBX 20.6.0"
    day = quiet_day(Pbx(refuse_long, server=server), extra=("Contact",))
    sorts = {"long": ("SUBSCRIBE", "REGISTER"), "agen": ("OPTIONS", "REGISTER")}
    methods = [sorts[one.user[:4]][number % 2] for number, one in enumerate(day)]
    found = named(
        read(
            replace(
                one,
                method=method,
                event="presence" if method == "SUBSCRIBE" else "",
                contact_host=OURS if one.user.startswith("long") else "",
                size=500,
            )
            for one, method in zip(day, methods, strict=True)
        )
    )
    assert "acl.contact" in found
    assert "policy.user-agent" not in found


def test_one_passage_from_elsewhere_does_not_clear_a_limit_for_the_account() -> None:
    """A limit lets some through all the while; one request of another address may be among them."""
    pbx = Pbx(per_account(40))
    day = publish_day(pbx)
    begin = min(one.at for one in day if one.status == 403)
    passed = next(one.at for one in day if one.at > begin and one.status == 200 and one.source == OURS)
    elsewhere = list(Pbx().ask(passed, source=ELSEWHERE))
    whole = sorted([*day, *elsewhere], key=lambda one: one.at)
    during = [one.probe for part in observe(whole) for one in part.trials if one.probe.load is Load.DURING]
    assert all(probe.account is Account.OTHER for probe in during)
    assert "throttle.user" in named(read(whole))


@pytest.mark.parametrize(("others", "is_cleared"), [(3, False), (20, True)])
def test_a_few_passages_of_others_do_not_clear_a_limit_for_all(others: int, is_cleared: bool) -> None:
    """Where four of five pass meanwhile, three of others are among them by chance; twenty are not."""
    day = publish_day(Pbx(per_method("OPTIONS", 40)), seconds=20.0)
    refused = [one.at for one in day if one.status == 403]
    moments = refused[:: max(1, len(refused) // others)][:others]
    desk = [one for at in moments for one in Pbx().ask(at + 0.01, source=ELSEWHERE, login="desk")]
    found = named(read(sorted([*day, *desk], key=lambda one: one.at)))
    assert "throttle.source" in found
    assert ("throttle.method" not in found) is is_cleared


def test_an_odd_challenge_makes_no_trunk_ill() -> None:
    """Nothing was refused; what nothing speaks for is not named beside health."""
    pbx = Pbx(server="Asterisk PBX 20.5.1")
    day = [one for number in range(60) for one in pbx.ask(30.0 * number, user=f"agent{number % 9}")]
    found = read([*day, *pbx.ask(day[-1].at + 10.0, user="")])
    assert found.cause == HEALTHY
    assert named(found) == {HEALTHY}


def test_a_nonce_in_use_is_not_aged_by_a_passage() -> None:
    """Some servers count its life from its last use, so that passing late in a burst says nothing."""
    book = NonceBook()
    challenged, answered = list(Pbx().ask(1000.0))
    book.judge(brief(challenged))
    book.judge(brief(answered))
    sorts = []
    for at in (1000.8, 1001.7, 1002.6, 1003.5, 1004.4, 1005.3, 1012.0):
        later = replace(answered, at=at, call_id=f"{at}", carried=_again(answered, int(at * 10)))
        sorts.append(book.judge(brief(later))[1])
    assert sorts == [Credentials.CACHED] * 5 + [Credentials.FRESH, Credentials.AGED]


@pytest.mark.parametrize(("other", "is_repeated"), [("trunk", True), ("reception", False)])
def test_a_nonce_count_is_the_accounts_own(other: str, is_repeated: bool) -> None:
    """Kamailio gives one nonce to all that it challenges in a second, and each counts from one."""
    challenged, first = list(Pbx().ask(1000.0, login="trunk"))
    carried = _again(first, 1)
    repeated = replace(first, at=1000.2, call_id="again@192.0.2.10", carried=replace(carried, username=other))
    (evidence,) = observe([challenged, replace(first, carried=carried), repeated])
    kinds = [mark.kind for mark in evidence.marks if mark.kind == "traffic.count-repeated"]
    assert kinds == ["traffic.count-repeated"] * is_repeated


def _again(one: Exchange, count: int) -> Carried:
    assert one.carried is not None
    return replace(one.carried, nonce_count=count)
