"""The rule: what two controls' answers prove, and what an agent's answer is worth then."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from shiftline.connector.qualification import (
    METHOD_BLIND,
    NO_CONTROLS,
    ControlAnswer,
    Qualification,
    QualificationState,
    qualify,
)
from shiftline.connector.reading import Reading
from shiftline.trades.model import EvidenceKind

NOW = datetime(2026, 11, 23, 15, 0, tzinfo=UTC)
FOUR_HOURS = timedelta(hours=4)
AVAILABLE, BUSY, NOT_REGISTERED, UNKNOWN_USER = (
    Reading(kind)
    for kind in (
        EvidenceKind.AVAILABLE,
        EvidenceKind.BUSY,
        EvidenceKind.NOT_REGISTERED,
        EvidenceKind.UNKNOWN_USER,
    )
)
REFUSED = Reading(EvidenceKind.UNVERIFIABLE, "policy.account-disabled")
SILENT = Reading(EvidenceKind.UNVERIFIABLE, "network.unreachable")


def proof(present: Reading, absent: Reading, at: datetime = NOW) -> Qualification:
    return qualify(ControlAnswer(at=at, reading=present), ControlAnswer(at=at, reading=absent))


@pytest.mark.parametrize(
    ("present", "absent", "state", "why"),
    [
        (AVAILABLE, NOT_REGISTERED, "qualified", "present control got Available"),
        (BUSY, NOT_REGISTERED, "qualified", "present control got Busy"),
        (AVAILABLE, AVAILABLE, "blind", "same answer"),
        (NOT_REGISTERED, NOT_REGISTERED, "blind", "same answer"),
        (UNKNOWN_USER, UNKNOWN_USER, "blind", "same answer"),
        (NOT_REGISTERED, AVAILABLE, "blind", "present control is not there"),
        (UNKNOWN_USER, NOT_REGISTERED, "blind", "present control is not there"),
        (AVAILABLE, BUSY, "blind", "absent control is there"),
        (AVAILABLE, UNKNOWN_USER, "blind", "does not know the absent control"),
        (METHOD_BLIND, METHOD_BLIND, "blind", "answers for itself"),
        (METHOD_BLIND, UNKNOWN_USER, "blind", "answers for itself"),
        (REFUSED, REFUSED, "unknown", "present control could not be asked"),
        (AVAILABLE, REFUSED, "unknown", "absent control could not be asked"),
        (SILENT, NOT_REGISTERED, "unknown", "present control could not be asked"),
    ],
)
def test_what_the_controls_prove(present: Reading, absent: Reading, state: str, why: str) -> None:
    """Only a present control that is there and an absent one that is not qualify; the sentence says why."""
    found = proof(present, absent)
    assert found.state == state
    assert why in found.why


def test_one_control_proves_nothing() -> None:
    """A box that says 200 to everything passes any single question."""
    one = ControlAnswer(at=NOW, reading=AVAILABLE)
    assert {qualify(one, None).state, qualify(None, one).state, qualify(None, None).state} == {
        QualificationState.UNKNOWN
    }


@pytest.mark.parametrize(
    ("present", "absent", "worth"),
    [
        (AVAILABLE, NOT_REGISTERED, {AVAILABLE, BUSY, NOT_REGISTERED, UNKNOWN_USER}),
        (AVAILABLE, AVAILABLE, {NOT_REGISTERED, UNKNOWN_USER}),
        (AVAILABLE, UNKNOWN_USER, {NOT_REGISTERED, UNKNOWN_USER}),
        (NOT_REGISTERED, NOT_REGISTERED, {UNKNOWN_USER}),
        (UNKNOWN_USER, UNKNOWN_USER, set()),
        (METHOD_BLIND, METHOD_BLIND, {UNKNOWN_USER}),
    ],
)
def test_what_an_answer_is_worth(present: Reading, absent: Reading, worth: set[Reading]) -> None:
    """Available and Busy need proof; a no counts unless the present control got that no as well."""
    found = proof(present, absent)
    said = {AVAILABLE, BUSY, NOT_REGISTERED, UNKNOWN_USER}
    assert {reading for reading in said if found.judged(reading) is reading} == worth
    assert {found.judged(reading) for reading in said - worth} <= {METHOD_BLIND}


def test_without_controls_nothing_that_approves_counts() -> None:
    """NotRegistered approves whoever is off duty: a PBX that says 480 of everybody would approve them all."""
    assert [NO_CONTROLS.judged(one) for one in (AVAILABLE, BUSY, NOT_REGISTERED)] == [METHOD_BLIND] * 3
    assert NO_CONTROLS.judged(UNKNOWN_USER) == UNKNOWN_USER


def test_what_cannot_be_told_keeps_its_cause() -> None:
    """A refusal is not blindness, whatever the method is."""
    assert proof(AVAILABLE, AVAILABLE).judged(REFUSED) == REFUSED


def test_a_proof_is_as_old_as_its_older_half() -> None:
    """And a time to come, after the clock was set back, proves nothing."""
    older, newer = ControlAnswer(at=NOW, reading=AVAILABLE), NOW + timedelta(hours=1)
    found = qualify(older, ControlAnswer(at=newer, reading=NOT_REGISTERED))
    assert found.asked_at == NOW
    assert found.holds(NOW + FOUR_HOURS - timedelta(seconds=1), FOUR_HOURS)
    assert not found.holds(NOW + FOUR_HOURS, FOUR_HOURS)
    assert not found.holds(NOW - timedelta(seconds=1), FOUR_HOURS)
