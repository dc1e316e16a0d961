"""What the examination sends, and what it makes of the answers, against the practice PBX in virtual time."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.unit.doctor.trunk import ALL, CASE, ask, outcomes, trunk

from shiftline.diagnosis.experiment import Permission, Risk
from shiftline.diagnosis.outcome import Outcome
from shiftline.diagnosis.probe import Account, Credentials, Method, Probe, Source
from shiftline.diagnosis.programme import PROGRAMME
from shiftline.doctor.examination import Examination, Way
from shiftline.doctor.examination.desk import Desk
from shiftline.doctor.examination.ledger import Ledger
from shiftline.doctor.examination.question import NO_NONCE, WITHHELD
from shiftline.doctor.examination.requests import Writer
from shiftline.errors import MisuseError
from shiftline.lab.pbx.bank.build import BANK
from shiftline.lab.pbx.bank.limits import STANDINGS
from shiftline.lab.virtual import Road
from shiftline.lab.virtual_examination import OTHER, OWN, examine
from shiftline.sip.uri import SipUri

SINGLES = [name for name, one in PROGRAMME.items() if one.plan is None and not name.startswith("p8.")]


def test_every_single_question_can_be_asked_of_a_healthy_trunk() -> None:
    """Nothing is refused but what has to be, and the PBX is left as it was found."""
    pbx = trunk()
    examination = ask(pbx, *SINGLES)
    found = outcomes(examination)
    assert found.keys() >= set(SINGLES) - {"p7.invite"}
    refused = {name for name, outcome in found.items() if outcome in (Outcome.FORBIDDEN, Outcome.SILENCE)}
    assert not refused
    assert found["p0.options"] is found["p3.credentials"] is found["p7.bind"] is Outcome.OK
    assert found["p2.challenge"] is Outcome.CHALLENGE
    assert found["p3.cached"] is found["p3.aged"] is Outcome.OK
    assert (found["p6.present"], found["p6.absent"]) == (Outcome.OK, Outcome.NOT_FOUND)
    assert found["p6.wrong"] is found["p6.unknown"] is Outcome.CHALLENGE_AGAIN
    bindings = ask(pbx, "p3.credentials").exchanges[-1]
    assert "contact" not in bindings.hints, "a binding of ours was left behind"


def test_the_exchanges_are_those_that_the_pbx_saw() -> None:
    """As many, in the same order, from the sources that the probes say."""
    pbx = trunk()
    examination = ask(pbx, "p0.options", "p3.credentials", "p1.source")
    seen = [(one.method, one.source, one.status) for one in pbx.records]
    assert seen == [
        ("OPTIONS", OWN[0], 200),
        ("REGISTER", OWN[0], 401),
        ("REGISTER", OWN[0], 200),
        ("OPTIONS", OTHER[0], 200),
    ]
    assert [(one.method, one.source, one.status) for one in examination.exchanges] == seen
    assert examination.requests_sent == 4


def test_single_questions_keep_a_second_apart() -> None:
    """And an old nonce is as old as it should be; it is used three times in a row."""
    pbx = trunk()
    ask(pbx, "p0.options", "p2.challenge", "p3.credentials", "p3.aged")
    at = [one.at for one in pbx.records]
    assert [later - earlier >= 1.0 for earlier, later in pairwise(at)] == [
        True, True, False, True, False, False,
    ]  # fmt: skip
    assert at[-3] - at[-4] >= PROGRAMME["p3.aged"].wait_seconds


@pytest.mark.parametrize("personality", ["chan_sip", "kamailio", "sbc"])
def test_a_load_ends_with_the_first_refusal_and_a_canary_follows(personality: str) -> None:
    """Nothing else is sent before it is known whether the refusal outlasts the rate."""
    pbx = trunk("throttle.source", personality=personality, limit=10, window_seconds=1, form="window")
    examination = ask(pbx, "p8.options.raised", "p2.challenge")
    assert [done.experiment for done in examination.done] == ["p8.options.raised", "p8.pause", "p2.challenge"]
    found = outcomes(examination)
    assert found["p8.options.raised"] in (
        Outcome.FORBIDDEN, Outcome.UNAVAILABLE, Outcome.SILENCE,
    )  # fmt: skip
    assert (found["p8.pause"], found["p2.challenge"]) == (Outcome.OK, Outcome.CHALLENGE)
    load = examination.done[0]
    assert load.requests < PROGRAMME["p8.options.raised"].cost
    assert examination.done[1].at - load.at >= 12.0


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_what_a_limit_counts_is_asked_while_it_refuses(seed: int) -> None:
    """By source: the other source passes meanwhile, the other account does not; 403, 503 and silence."""
    pbx = trunk("throttle.source", limit=10, window_seconds=1, form="window", seed=seed, stands=STANDINGS[0])
    names = ("p8.options.raised", "p8.during.source", "p8.during.account", "p8.during.register")
    found = outcomes(ask(pbx, *names))
    refusal = found["p8.options.raised"]
    assert found["p8.during.source"] is Outcome.OK
    assert found["p8.during.account"] is found["p8.during.register"] is refusal


def test_a_refused_load_says_which_limits_it_leaves_possible() -> None:
    """30 a second, counted in windows of two."""
    pbx = trunk("throttle.source", limit=30, window_seconds=2, form="window")
    examination = ask(pbx, "p8.options.raised", "p8.during.register")
    figures = next(one.figures for one in examination.diagnosis().findings if "limit" in one.figures)
    assert figures["limit_lowest"] <= 60 <= figures["limit_highest"]
    assert figures["window_seconds_lowest"] <= 2.0 <= figures["window_seconds_highest"]


def test_one_address_is_enough() -> None:
    """No way from another one is asked for: our ends may not have it."""

    def contact_of(way: Way) -> SipUri:
        assert way.source is Source.OWN
        return SipUri(host="2001:db8::7")

    case = replace(CASE, has_second_source=False)
    Examination(case, ALL, token=lambda: "t", contact_of=contact_of)


def test_nothing_is_asked_beside_a_load_that_passed() -> None:
    """It would be a plain question under a false name."""
    with pytest.raises(MisuseError):
        ask(trunk(), "p8.options.brisk", "p8.during.source")


def test_lost_datagrams_are_no_silence() -> None:
    """One in fifty is lost each way: the load passes all the same."""
    assert (
        outcomes(ask(trunk(road=Road(loss=0.02, seed=3)), "p8.options.raised"))["p8.options.raised"]
        is Outcome.OK
    )


def test_refused_credentials_are_tried_twice_and_no_more() -> None:
    """Whatever is proposed, the ledger holds: the third login stops at its challenge."""
    pbx = trunk("credentials.wrong-password")
    logins = ("p3.credentials", "p5.source", "p7.options", "p7.bind", "p10.minimal.login", "p6.wrong")
    ask(pbx, *logins)
    assert sum(one.carried_credentials for one in pbx.records) == 2


@pytest.mark.parametrize("personality", ["kamailio", "pjsip", "chan_sip", "freeswitch", "sbc"])
@pytest.mark.parametrize("fault", ["credentials.wrong-password", "credentials.stale-nonce", "policy.domain"])
def test_a_whole_examination_sends_two_logins_that_nothing_proves(fault: str, personality: str) -> None:
    """With every nonce, new or old, stale or not, and with loads: of each account, in 15 minutes."""
    if personality not in BANK[fault].shown:
        return
    pbx = trunk(fault, personality=personality)
    examine(pbx, CASE, Permission(risk=Risk.MAY_TRIP))
    for account in ("shiftline", "agent0002"):
        tried = [one for one in pbx.records if one.carried_credentials and one.auth_user == account]
        if not any(200 <= (one.status or 0) < 300 for one in tried):
            assert len(tried) <= 2


def test_a_login_that_did_not_pass_is_not_used_again() -> None:
    """Its nonce would carry the refused password once more."""
    pbx = trunk("credentials.wrong-password")
    examination = ask(pbx, "p3.credentials", "p3.aged", "p3.cached", "p5.source")
    assert sum(one.carried_credentials for one in pbx.records) == 2
    withheld = {one.experiment: one.why_not for one in examination.done if one.outcome is None}
    assert withheld == {"p3.aged": NO_NONCE, "p3.cached": NO_NONCE, "p5.source": WITHHELD}


def test_no_load_carries_a_login_that_did_not_pass() -> None:
    """Twenty at once would be twenty failed logins."""
    pbx = trunk("credentials.wrong-password")
    ask(pbx, "p9.register")
    assert sum(one.carried_credentials for one in pbx.records) == 1


def test_a_nonce_of_one_method_is_not_used_for_another() -> None:
    """A proxy's 407 is no challenge of the registrar's: it would look like a nonce that grew stale."""
    desk = Desk(CASE, Writer(case=CASE, token=lambda: "t", contact_of=lambda _: CASE.server, nobody="nobody"))
    subscribe = Probe(method=Method.SUBSCRIBE, credentials=Credentials.FRESH)
    client = desk.new_login(subscribe)
    assert client is not None
    desk.keep(subscribe, client, 1.0)
    assert desk.session(subscribe) is not None
    assert desk.session(Probe(method=Method.REGISTER, credentials=Credentials.AGED)) is None


def test_a_locked_account_is_left_alone() -> None:
    """The doctor's own choice: few questions carry its credentials, and none after the second refusal."""
    pbx = trunk("ban.user", in_force_seconds=300.0)
    examine(pbx, CASE, Permission(risk=Risk.MAY_TRIP))
    carried = [one for one in pbx.records if one.carried_credentials and one.auth_user == "shiftline"]
    assert len(carried) <= 2


def test_both_controls_alike_are_marked() -> None:
    """The method tells nothing then."""
    examination = ask(trunk("method.blind"), "p6.present", "p6.absent")
    assert "method.blind" in {mark.kind for mark in examination.marks}


def test_a_budget_is_kept() -> None:
    """To the request, loads included."""
    pbx = trunk()
    examination = examine(pbx, CASE, ALL, budget=30)
    assert examination.requests_sent <= 30
    assert len(pbx.records) <= 30


@settings(max_examples=60)
@given(
    st.lists(
        st.tuples(
            st.floats(min_value=0.0, max_value=400.0),
            st.sampled_from([Account.OWN, Account.OTHER]),
            st.sampled_from([Credentials.FRESH, Credentials.WRONG, Credentials.CACHED]),
            st.sampled_from(
                [
                    Outcome.CHALLENGE_AGAIN,
                    Outcome.CHALLENGE_STALE,
                    Outcome.FORBIDDEN_AFTER_CHALLENGE,
                    Outcome.SILENCE,
                ]
            ),
        ),
        max_size=40,
    )
)
def test_no_account_is_refused_thrice_in_a_quarter_of_an_hour(
    tries: list[tuple[float, Account, Credentials, Outcome]],
) -> None:
    """In any order of tries, as long as nothing was accepted."""
    ledger, now = Ledger(), 0.0
    sent: dict[Account, list[float]] = {}
    for gap, account, credentials, outcome in tries:
        now += gap
        if ledger.may_carry(account, credentials, now):
            ledger.note(account, credentials, outcome, now)
            sent.setdefault(account, []).append(now)
    for times in sent.values():
        assert all(later - earlier >= 900.0 for earlier, later in zip(times, times[2:], strict=False))
