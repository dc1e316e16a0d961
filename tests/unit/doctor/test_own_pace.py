"""Limits so slow that questions of ours, one at a time, use them up: in virtual time."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from tests.unit.doctor.trunk import CASE, PASSWORD, trunk

from shiftline.diagnosis.evidence import Trial
from shiftline.diagnosis.exchange import Exchange
from shiftline.diagnosis.experiment import Permission, Risk
from shiftline.diagnosis.outcome import Outcome
from shiftline.diagnosis.probe import Load
from shiftline.diagnosis.programme import PROGRAMME
from shiftline.doctor.examination import Case, Examination
from shiftline.doctor.examination.own_pace import OwnPace
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


def examined(limiter: str, seed: int) -> Examination:
    """What comes of a trunk that is healthy but for this limit."""
    config = PracticePbxConfig(
        log_path=Path("unused"),
        agents={},
        password=PASSWORD,
        accounts=("shiftline", "agent0002"),
        personality="kamailio",
        faults=Faults(limiter=limiter),
        seed=seed,
    )
    return examine(VirtualPbx(config), PLAIN, MAY_TRIP, seed=seed)


@pytest.mark.parametrize(
    ("limiter", "seed"),
    [("window:6/10s,status=503", 1), ("window:6/10s,status=503", 2), ("sliding:6/10s,status=503", 3)],
)
def test_a_limit_that_single_questions_use_up_is_no_overload(limiter: str, seed: int) -> None:
    """Kamailio's pipelimit with 6 in 10 s refuses a load from its first request on, and questions as well."""
    found = examined(limiter, seed).diagnosis()
    assert found.findings[0].cause == "throttle.source"
    assert "capacity.overload" not in {one.cause for one in found.findings}


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
