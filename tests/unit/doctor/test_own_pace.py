"""Limits so slow that questions of ours, one at a time, use them up: in virtual time."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from tests.unit.diagnosis.test_begun_windows import counted
from tests.unit.doctor.trunk import CASE, PASSWORD, Script, trunk

from shiftline.diagnosis.evidence import Trial
from shiftline.diagnosis.exchange import Exchange
from shiftline.diagnosis.experiment import Permission, Risk
from shiftline.diagnosis.outcome import Outcome
from shiftline.diagnosis.probe import Load
from shiftline.diagnosis.programme import PROGRAMME
from shiftline.doctor.examination import Answer, Case, Examination
from shiftline.doctor.examination.own_pace import OwnPace
from shiftline.lab.pbx.agents import Truth
from shiftline.lab.pbx.config import PracticePbxConfig
from shiftline.lab.pbx.faults import Faults
from shiftline.lab.virtual import VirtualPbx
from shiftline.lab.virtual_examination import examine
from shiftline.sip.uri import SipUri

MAY_TRIP = Permission(risk=Risk.MAY_TRIP)
PLAIN = Case(
    server=SipUri(host="127.0.0.1", port=5060),
    address="127.0.0.1",
    account=CASE.account,
    known_good=CASE.known_good,
    has_second_source=True,
    has_other_transport=True,
)


AGENTS = {
    "agent0001": Truth.AVAILABLE,
    "agent0002": Truth.AVAILABLE,
    "agent0003": Truth.NOT_REGISTERED,
}
CONTROLLED = replace(PLAIN, present="agent0001", absent="agent0003")


def examined(
    limiter: str, seed: int, *, case: Case = PLAIN, permission: Permission = MAY_TRIP
) -> Examination:
    """What comes of a trunk that is healthy but for this limit."""
    config = PracticePbxConfig(
        log_path=Path("unused"),
        agents=AGENTS if case.present else {},
        password=PASSWORD,
        accounts=("shiftline", "agent0002"),
        personality="kamailio",
        faults=Faults(limiter=limiter),
        seed=seed,
    )
    return examine(VirtualPbx(config), case, permission, seed=seed)


@pytest.mark.parametrize(
    ("limiter", "seed"),
    [("window:6/10s,status=503", 1), ("window:6/10s,status=503", 2), ("sliding:6/10s,status=503", 3)],
)
def test_a_limit_that_single_questions_use_up_is_no_overload(limiter: str, seed: int) -> None:
    """Kamailio's pipelimit with 6 in 10 s refuses a load from its first request on, and questions as well."""
    found = examined(limiter, seed).diagnosis()
    assert found.findings[0].cause == "throttle.source"
    assert "capacity.overload" not in {one.cause for one in found.findings}


@pytest.mark.parametrize("seed", [1, 3])
def test_one_limit_of_an_address_refuses_either_request_of_a_login(seed: int) -> None:
    """3 in 2 s by $si: it is not the account that is limited, nor that as well, where its challenge passed.

    Our second source uses up a count of its own, under a load from the first one too (seed 1).
    """
    found = examined("window:3/2s,status=403", seed, case=CONTROLLED)
    told = {one.outcome for one in found.trials}
    assert told >= {Outcome.FORBIDDEN, Outcome.FORBIDDEN_AFTER_CHALLENGE}
    diagnosis = found.diagnosis()
    assert diagnosis.cause == "throttle.source"
    assert len(diagnosis.findings) == 1


def test_logins_that_were_all_refused_by_pace_do_not_tell_the_account_from_the_address() -> None:
    """By chance every refusal met the second request. Both sources had some, each from its own count."""
    found = examined("window:3/2s,status=403", 2, case=CONTROLLED, permission=Permission())
    assert Outcome.FORBIDDEN not in {one.outcome for one in found.trials}
    diagnosis = found.diagnosis()
    assert diagnosis.cause is None
    [finding] = diagnosis.findings
    assert {"throttle.source", "throttle.user"} <= {finding.cause, *finding.indistinguishable_from}


def test_under_a_load_from_elsewhere_a_limit_of_all_is_not_taken_for_our_own_pace() -> None:
    """What is shared is shown by just that: the second source is refused while the first one is."""
    found = examined("window:3/2s,status=403,key=all", 2, case=CONTROLLED)
    assert found.diagnosis().cause == "throttle.shared"


def asked(*statuses: int, seconds: float = 1.3, source: str = "127.0.0.2") -> list[Exchange]:
    """Single questions, so far apart, each answered after 10 ms."""
    return [
        Exchange(
            at=100.0 + number * seconds,
            source=source,
            method="OPTIONS",
            status=status,
            answered_after=0.01,
            probe="p0.options",
        )
        for number, status in enumerate(statuses)
    ]


OK, BUSY = 200, 503
CHANCE = [*[OK] * 9, BUSY, OK, BUSY, *[OK] * 9, BUSY, OK, OK, BUSY, OK, BUSY, BUSY, *[OK] * 12, BUSY]
"""No limit, however slow, lets twelve pass in a row and refuses the second after a refusal."""
REFUSED = Trial(probe=PROGRAMME["p0.options"].probe, outcome=Outcome.UNAVAILABLE, experiment="p0.options")
PASSED = Trial(probe=PROGRAMME["p0.options"].probe, outcome=Outcome.OK, experiment="p0.options")


@pytest.mark.parametrize(
    ("statuses", "is_paced"),
    [
        ([OK] * 5 + [BUSY] * 3 + [OK] * 5 + [BUSY] * 3, True),  # 5 in 10 s
        ([OK] * 5 + [BUSY] * 3 + [OK] * 5, False),  # one row: any window that ends behind it fits
        (CHANCE, False),
        ([OK] * 16, False),
    ],
)
def test_refused_questions_are_paced_if_one_limit_explains_all(statuses: list[int], is_paced: bool) -> None:
    pace = OwnPace()
    pace.look(asked(*statuses))
    refused, passed = pace.as_asked([REFUSED, PASSED])
    assert refused.probe.load is (Load.PACED if is_paced else Load.SINGLE)
    assert passed == PASSED


def test_a_counter_that_expires_by_whole_seconds_is_a_limit() -> None:
    """Its windows are of no one length, and begin when they like."""
    pace = OwnPace()
    seen = counted(3, 2, seed=1, timer_phase=0.37).seen
    pace.look(
        [
            replace(one, at=told.sent_at, answered_after=told.answered_at - told.sent_at)
            for one, told in zip(asked(*[OK if one.passed else BUSY for one in seen]), seen, strict=True)
        ]
    )
    assert pace.as_asked([REFUSED])[0].probe.load is Load.PACED


def test_the_first_question_is_of_the_moment_at_which_it_leaves() -> None:
    """To choose it takes a second; a limit that counts in windows of two would look like none."""
    examination = Examination(
        PLAIN, MAY_TRIP, token=lambda: "1", contact_of=lambda _: PLAIN.server, choose=Script("p0.options")
    )
    examination.begin(10.0)
    assert not examination.sendings()
    assert examination.next_timer() == 10.0
    examination.handle_timer(11.2)
    [sending] = examination.sendings()
    examination.answered(sending.key, Answer(failure="ECONNREFUSED"), 11.3)
    [exchange] = examination.exchanges
    assert exchange.at == 11.2


def test_what_no_limit_explains_none_does_with_more_answers() -> None:
    pace = OwnPace()
    chance = asked(*CHANCE)
    pace.look(chance)
    assert not pace.may_be_a_limit
    pace.look([*chance, *asked(*[OK] * 6, *[BUSY] * 4)])
    assert not pace.may_be_a_limit


def test_each_source_may_have_a_limit_of_its_own() -> None:
    pace = OwnPace()
    statuses = [OK] * 5 + [BUSY] * 3 + [OK] * 5 + [BUSY] * 3
    other = asked(*[OK] * 3, *[BUSY] * 3, seconds=0.2, source="127.0.0.4")
    pace.look([*asked(*statuses), *other])
    assert pace.may_be_a_limit


def test_whose_first_login_is_refused_from_elsewhere_has_used_nothing_up_there() -> None:
    """What the second source got tells of the account then; after a few requests of its own it may not."""
    refused = Trial(
        probe=PROGRAMME["p3.all-changed.source"].probe,
        outcome=Outcome.FORBIDDEN_AFTER_CHALLENGE,
        experiment="p3.all-changed.source",
    )
    own = asked(*[OK] * 5, *[BUSY] * 3, *[OK] * 5, *[BUSY] * 3)
    for passed, is_kept in ((1, True), (3, False)):
        pace = OwnPace()
        elsewhere = asked(*[OK] * passed, *[BUSY] * 3, seconds=0.2, source="127.0.0.4")
        pace.look([*own, *elsewhere])
        assert pace.may_be_a_limit
        assert bool(pace.as_asked([refused])) is is_kept


def test_a_load_meets_a_limit_at_rest_only_if_nothing_was_asked_before() -> None:
    """If there is a limit at all."""
    pace = OwnPace()
    before = asked(*[OK] * 6, *[BUSY] * 4)
    pace.look(before)
    last = before[-1].at
    assert not pace.is_after_a_rest(last + 1.0, before)
    assert pace.is_after_a_rest(last + 12.0, before)
    pace.may_be_a_limit = False
    assert pace.is_after_a_rest(last + 1.0, before)


def test_the_answer_of_who_is_absent_is_no_refusal_of_a_limit() -> None:
    pace = OwnPace()
    pace.look(asked(*[OK] * 5, *[BUSY] * 3, *[OK] * 5, *[BUSY] * 3))
    absent = Trial(
        probe=PROGRAMME["p6.absent"].probe, outcome=Outcome.UNAVAILABLE_NOW, experiment="p6.absent"
    )
    assert pace.as_asked([absent]) == (absent,)


def test_what_a_slow_limit_would_explain_is_asked_after_a_rest() -> None:
    """By chance a rule refuses subscriptions in the order in which a limit of a few in ten seconds would."""
    pbx = trunk("policy.event-package", personality="chan_sip", seed=1, package="presence")
    found = examine(pbx, replace(CASE, working_agent="PureCloud/2.1"), Permission(), seed=1)
    diagnosis = found.diagnosis()
    assert (diagnosis.cause, diagnosis.confidence >= 0.9) == ("policy.event-package", True)
    assert not diagnosis.findings[0].indistinguishable_from
