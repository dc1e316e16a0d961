"""Qualified is never said from equal answers, from one control, or beyond the proof's age."""

from __future__ import annotations

from collections.abc import Collection
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from shiftline.connector.qualification import (
    THERE,
    Control,
    ControlAnswer,
    QualificationState,
    qualify,
)
from shiftline.connector.qualifier import QualificationPolicy, Qualifier
from shiftline.connector.reading import Reading
from shiftline.trades.model import EvidenceKind

START = datetime(2026, 11, 23, 15, 0, tzinfo=UTC)
CAUSES = st.sampled_from(["method.blind", "network.unreachable", "policy.account-disabled"])
READINGS = st.one_of(
    st.sampled_from([Reading(kind) for kind in EvidenceKind if kind is not EvidenceKind.UNVERIFIABLE]),
    st.builds(lambda cause: Reading(EvidenceKind.UNVERIFIABLE, cause), CAUSES),
)
MOMENTS = st.timedeltas(timedelta(0), timedelta(days=2)).map(lambda after: START + after)
ANSWERS = st.builds(ControlAnswer, at=MOMENTS, reading=READINGS)


@given(present=st.none() | ANSWERS, absent=st.none() | ANSWERS)
def test_only_two_different_answers_qualify(
    present: ControlAnswer | None, absent: ControlAnswer | None
) -> None:
    """And they are the right way round."""
    if qualify(present, absent).state is QualificationState.QUALIFIED:
        assert present is not None
        assert absent is not None
        assert present.reading.kind in THERE
        assert absent.reading.kind is EvidenceKind.NOT_REGISTERED


@given(
    present=ANSWERS,
    absent=ANSWERS,
    now=MOMENTS,
    valid=st.timedeltas(timedelta(minutes=1), timedelta(days=1)),
)
def test_no_proof_outlives_its_older_half(
    present: ControlAnswer, absent: ControlAnswer, now: datetime, valid: timedelta
) -> None:
    """Whatever the answers' order in time, and however the clock moves."""
    if qualify(present, absent).holds(now, valid):
        assert timedelta(0) <= now - min(present.at, absent.at) < valid


STEPS = st.lists(
    st.tuples(st.timedeltas(timedelta(0), timedelta(hours=2)), READINGS, st.booleans()), max_size=30
)


@given(steps=STEPS, methods=st.sampled_from([("options",), ("options", "registration")]))
def test_nobody_is_available_without_a_fresh_pair(
    steps: list[tuple[timedelta, Reading, bool]], methods: tuple[str, ...]
) -> None:
    """Over any course of time and answers, through restarts too, against a ledger of what was answered."""
    policy = QualificationPolicy(methods=methods, controls=("sip:here@lab", "sip:gone@lab"))
    asker, now = Qualifier(policy, START), START
    ledger: list[tuple[str, Control, datetime, EvidenceKind]] = []

    def was_proven(control: Control, kinds: Collection[EvidenceKind]) -> bool:
        """Whether this control once got such an answer by the method in use, and not too long ago."""
        answers = ((at, kind) for method, who, at, kind in ledger if (method, who) == (asker.method, control))
        return any(now - at < policy.valid and kind in kinds for at, kind in answers)

    for elapsed, reading, restarts in steps:
        now += elapsed
        if restarts:
            asker = Qualifier(policy, now, asker.knowledge(now))
        question = asker.next_control(now, needed=True)
        if question is not None:
            asker.answered(question, reading, None, now)
            ledger.append((question.method, question.control, now, reading.kind))
        believed = asker.judged(Reading(EvidenceKind.AVAILABLE), asker.method, now)
        if believed is not None and believed.kind is EvidenceKind.AVAILABLE:
            assert was_proven(Control.PRESENT, THERE)
            assert was_proven(Control.ABSENT, {EvidenceKind.NOT_REGISTERED})
