"""When the controls are asked, by which method, and what is remembered of it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from shiftline.connector.families import BLIND
from shiftline.connector.qualification import METHOD_BLIND, Control
from shiftline.connector.qualifier import (
    BLIND_RETRY,
    EAGER_AFTER,
    REFUSED_RETRY,
    UNKNOWN_RETRY,
    QualificationPolicy,
    Qualifier,
)
from shiftline.connector.reading import NOBODY_ANSWERED, Reading, read_answer
from shiftline.trades.model import EvidenceKind

NOW = datetime(2026, 11, 23, 15, 0, tzinfo=UTC)
CONTROLS = ("sip:here@lab", "sip:gone@lab")
AVAILABLE = Reading(EvidenceKind.AVAILABLE)
SECOND = timedelta(seconds=1)
Statuses = Mapping[Control, int | None]
PAIR: Statuses = {Control.PRESENT: 200, Control.ABSENT: 480}
SAME: Statuses = {Control.PRESENT: 200, Control.ABSENT: 200}


def qualifier(known: dict[str, Any] | None = None, **changes: Any) -> Qualifier:
    settings = {"methods": ("options",), "controls": CONTROLS} | changes
    return Qualifier(QualificationPolicy(**settings), NOW, known)


def answer(asker: Qualifier, now: datetime, statuses: Mapping[str, Statuses]) -> list[str]:
    """Answer each control by these statuses (None: silence); return what was asked, as METHOD.CONTROL."""
    asked = []
    while (question := asker.next_control(now, needed=True)) is not None:
        status = statuses[question.method][question.control]
        reading = NOBODY_ANSWERED
        if status is not None:
            reading = read_answer(question.method, status, has_binding=status == 200)
        asker.answered(question, reading, status, now, credentials_refused=status in (401, 403))
        asked.append(f"{question.method}.{question.control}")
    return asked


def test_checks_wait_for_both_controls() -> None:
    """One question at a time, the present one first; then agents are asked, and believed."""
    asker = qualifier()
    assert not asker.may_check(NOW)
    first = asker.next_control(NOW, needed=True)
    assert first is not None
    assert (first.address, first.control) == (CONTROLS[0], Control.PRESENT)
    assert asker.next_control(NOW, needed=True) is None
    asker.answered(first, AVAILABLE, 200, NOW)
    assert (asker.may_check(NOW), asker.judged(AVAILABLE, "options", NOW)) == (False, None)
    assert answer(asker, NOW, {"options": PAIR}) == ["options.absent"]
    assert asker.may_check(NOW)
    assert asker.judged(AVAILABLE, "options", NOW) == AVAILABLE
    assert asker.trouble(NOW) is None


def test_nothing_is_asked_before_somebody_waits() -> None:
    """A worker that nobody needs yet is quiet for a while; then it finds out by itself."""
    asker = qualifier()
    assert asker.next_control(NOW + EAGER_AFTER - SECOND, needed=False) is None
    assert asker.next_control(NOW + EAGER_AFTER, needed=False) is not None


def test_whoever_has_rearmed_a_trunk_is_shown_at_once_what_it_says() -> None:
    """Nobody need wait for it, and a proof from before is not relied on; then all is as ever."""
    before = qualifier()
    answer(before, NOW, {"options": PAIR})
    policy = before.policy
    for known in (None, before.knowledge(NOW)):
        asker = Qualifier(policy, NOW, known, is_awaited=True)
        first = asker.next_control(NOW, needed=False)
        assert first is not None
        assert first.control is Control.PRESENT
        asker.answered(first, AVAILABLE, 200, NOW)
        assert answer(asker, NOW, {"options": PAIR}) == ["options.absent"]
        assert asker.next_control(NOW + EAGER_AFTER, needed=False) is None


def test_a_blind_method_lets_checks_go_and_believes_none() -> None:
    """It is asked again after a while, when somebody waits; and says what is wrong."""
    asker = qualifier()
    answer(asker, NOW, {"options": SAME})
    assert asker.may_check(NOW)
    assert asker.judged(AVAILABLE, "options", NOW) == METHOD_BLIND
    assert asker.trouble(NOW) == BLIND
    assert "same answer" in asker.knowledge(NOW)["why"]
    assert asker.next_control(NOW + BLIND_RETRY - SECOND, needed=True) is None
    assert asker.next_control(NOW + BLIND_RETRY, needed=False) is None
    assert answer(asker, NOW + BLIND_RETRY, {"options": PAIR}) == ["options.present", "options.absent"]
    assert asker.judged(AVAILABLE, "options", NOW + BLIND_RETRY) == AVAILABLE


def test_a_short_validity_keeps_no_check_waiting() -> None:
    """A blind method is asked again before its old answers lapse."""
    asker = qualifier(valid=timedelta(minutes=2))
    answer(asker, NOW, {"options": SAME})
    renewal = NOW + timedelta(minutes=1.5)
    assert asker.may_check(renewal)
    assert asker.next_control(renewal, needed=True) is not None


@pytest.mark.parametrize("status", [403, None])
def test_refused_or_silent_controls_prove_nothing(status: int | None) -> None:
    """Checks go on waiting, and the other control is not troubled; both are asked again soon."""
    asker = qualifier()
    assert answer(asker, NOW, {"options": {Control.PRESENT: status}}) == ["options.present"]
    assert not asker.may_check(NOW)
    assert asker.trouble(NOW) == BLIND
    assert asker.next_control(NOW + UNKNOWN_RETRY - SECOND, needed=True) is None
    later = NOW + (REFUSED_RETRY if status == 403 else UNKNOWN_RETRY)
    assert answer(asker, later, {"options": PAIR})[-1] == "options.absent"
    assert asker.may_check(later)


def test_a_proof_is_renewed_before_it_lapses() -> None:
    """After three quarters of its time, when nobody waits as well; agents are believed meanwhile."""
    asker = qualifier()
    answer(asker, NOW, {"options": PAIR})
    assert asker.next_control(NOW + timedelta(hours=3) - SECOND, needed=True) is None
    question = asker.next_control(NOW + timedelta(hours=3), needed=False)
    assert question is not None
    assert asker.judged(AVAILABLE, "options", NOW + timedelta(hours=3)) == AVAILABLE


def test_a_publish_window_is_left_alone_as_long_as_can_be() -> None:
    """The burst has the trunk; a proof that would lapse in it is renewed all the same."""
    asker = qualifier(in_publish_window=lambda _: True)
    answer(asker, NOW, {"options": PAIR})
    assert asker.next_control(NOW + timedelta(hours=3.79), needed=True) is None
    assert asker.next_control(NOW + timedelta(hours=3.81), needed=True) is not None


def test_a_lapsed_proof_is_none() -> None:
    """Agents wait again, and what came in flight is asked again."""
    asker = qualifier()
    answer(asker, NOW, {"options": PAIR})
    lapsed = NOW + timedelta(hours=4)
    assert not asker.may_check(lapsed)
    assert asker.judged(AVAILABLE, "options", lapsed) is None
    assert "too long ago" in asker.knowledge(lapsed)["why"]


def test_silence_does_not_end_a_proof_before_its_time() -> None:
    """A PBX that restarts when the controls are renewed has proven itself a while ago."""
    asker = qualifier()
    answer(asker, NOW, {"options": PAIR})
    renewal = NOW + timedelta(hours=3)
    answer(asker, renewal, {"options": {Control.PRESENT: None}})
    assert asker.judged(AVAILABLE, "options", renewal) == AVAILABLE
    assert asker.next_control(renewal + UNKNOWN_RETRY, needed=False) is not None


def test_a_word_against_the_method_ends_a_proof_at_once() -> None:
    """Both controls there: what was true this morning is not true now."""
    asker = qualifier()
    answer(asker, NOW, {"options": PAIR})
    renewal = NOW + timedelta(hours=3)
    answer(asker, renewal, {"options": SAME})
    assert asker.judged(AVAILABLE, "options", renewal) == METHOD_BLIND


AUTO: dict[str, Any] = {"methods": ("options", "registration")}
REGISTERED: Statuses = {Control.PRESENT: 200, Control.ABSENT: 480}


def test_auto_takes_the_first_that_qualifies() -> None:
    """The harmless one first; the next is not even asked."""
    asker = qualifier(**AUTO)
    assert answer(asker, NOW, {"options": PAIR}) == ["options.present", "options.absent"]
    assert asker.method == "options"


def test_auto_goes_on_where_one_is_blind_and_stays_with_what_qualified() -> None:
    """It says why the first was not taken, and does not ask it again as long as the second qualifies."""
    asker = qualifier(**AUTO)
    assert len(answer(asker, NOW, {"options": SAME, "registration": REGISTERED})) == 4
    assert asker.method == "registration"
    assert "same answer" in asker.knowledge(NOW)["methods"]["options"]["why"]
    renewal = NOW + timedelta(hours=3)
    asked = answer(asker, renewal, {"registration": REGISTERED})
    assert asked == ["registration.present", "registration.absent"]


def test_checks_wait_for_the_last_candidate() -> None:
    """The first is blind; nobody is asked by it as long as the second may qualify."""
    asker = qualifier(**AUTO)
    for status in (200, 200):
        question = asker.next_control(NOW, needed=True)
        assert question is not None
        asker.answered(question, AVAILABLE, status, NOW)
    assert not asker.may_check(NOW)
    answer(asker, NOW, {"registration": {Control.PRESENT: 403}})
    assert asker.may_check(NOW)


def test_auto_does_not_lock_an_account_on_its_way() -> None:
    """A method that had our credentials refused rests for a quarter of an hour; the blind one is used."""
    asker = qualifier(**AUTO)
    refused: Mapping[str, Statuses] = {"options": SAME, "registration": {Control.PRESENT: 403}}
    assert answer(asker, NOW, refused) == ["options.present", "options.absent", "registration.present"]
    assert asker.method == "options"
    soon = NOW + BLIND_RETRY
    assert answer(asker, soon, refused) == ["options.present", "options.absent"]
    later = NOW + REFUSED_RETRY
    assert "registration.present" in answer(asker, later, refused)


def test_what_was_proven_survives_a_restart() -> None:
    """Through plain JSON, with its age; nothing is asked as long as it is fresh."""
    asker = qualifier(**AUTO)
    answer(asker, NOW, {"options": SAME, "registration": REGISTERED})
    known = json.loads(json.dumps(asker.knowledge(NOW)))
    again = Qualifier(asker.policy, NOW + timedelta(hours=1), known)
    assert again.method == "registration"
    assert again.may_check(NOW + timedelta(hours=1))
    assert again.next_control(NOW + timedelta(hours=1), needed=True) is None
    assert not again.may_check(NOW + timedelta(hours=4))


@pytest.mark.parametrize(
    "change",
    [{"controls": ("sip:here@lab", "sip:other@lab")}, {"family": "sbc"}, {"methods": ("registration",)}],
)
def test_another_setting_voids_what_was_proven(change: dict[str, Any]) -> None:
    """The answers were about other users, or read in another way."""
    asker = qualifier()
    answer(asker, NOW, {"options": PAIR})
    again = qualifier(known=asker.knowledge(NOW), **change)
    assert not again.may_check(NOW)


def test_without_controls_checks_go_and_nobody_counts() -> None:
    """And the trunk is in trouble from the start."""
    asker = qualifier(controls=None)
    assert (asker.may_check(NOW), asker.next_control(NOW, needed=True)) == (True, None)
    assert asker.judged(AVAILABLE, "options", NOW) == METHOD_BLIND
    assert asker.trouble(NOW) == BLIND


def test_the_bypass_is_seen() -> None:
    """Trusting without proof is possible, and stands in what is saved and shown."""
    asker = qualifier(controls=None, trust_unqualified=True)
    assert asker.judged(AVAILABLE, "options", NOW) == AVAILABLE
    assert asker.knowledge(NOW)["trust_unqualified"] is True
    assert asker.knowledge(NOW)["state"] == "unknown"


def test_an_answer_to_somebody_elses_question_changes_nothing() -> None:
    """A control that an earlier owner of the trunk asked proves nothing to this one."""
    asker, earlier = qualifier(), qualifier()
    question = earlier.next_control(NOW, needed=True)
    assert question is not None
    asker.answered(question, AVAILABLE, 200, NOW)
    assert asker.knowledge(NOW)["methods"] == {}


@pytest.mark.parametrize(("proven", "methods"), [(False, ["options"]), (True, ["options", "registration"])])
def test_a_password_that_nothing_accepted_is_not_tried_by_every_method(
    proven: bool, methods: list[str]
) -> None:
    """Refused once, it may be wrong: each further method would bring the account nearer to its lock."""
    asker = qualifier(methods=("options", "registration"))
    asked = []
    while (question := asker.next_control(NOW, needed=True)) is not None:
        asked.append(question.method)
        refused = Reading(EvidenceKind.UNVERIFIABLE, "credentials.wrong-password")
        asker.answered(question, refused, 401, NOW, credentials_refused=True, credentials_proven=proven)
    assert asked == methods
    assert set(asker.knowledge(NOW)["barred"]) == {"options", "registration"}


def test_another_pbx_must_prove_itself_anew() -> None:
    """What the controls showed was about the old one, though their addresses are the same."""
    asker = qualifier(about="sip:old")
    answer(asker, NOW, {"options": PAIR})
    known = asker.knowledge(NOW)
    assert qualifier(known, about="sip:old").may_check(NOW)
    assert not qualifier(known, about="sip:new").may_check(NOW)
