"""The decision table, row by row and policy by policy."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from types import MappingProxyType

import pytest

from shiftline.trades.decision import DecisionPolicy, StandingWord, decide, standing_word
from shiftline.trades.model import Decision, Evaluation, Evidence, EvidenceKind, Standing, Verdict

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
NOTHING_FOUND = Evaluation()


def evidence(kind: EvidenceKind, cause: str | None = None) -> Evidence:
    return Evidence(agent="a", kind=kind, method="registration", taken_at=NOON, cause=cause)


def standing(
    kind: EvidenceKind | None,
    *,
    cause: str | None = None,
    has_address: bool = True,
    is_served: bool = True,
    scheduled_now: bool = False,
) -> Standing:
    found = None if kind is None else evidence(kind, cause)
    return Standing(
        agent="a",
        evidence=found,
        has_address=has_address,
        is_served=is_served,
        scheduled_now=scheduled_now,
    )


STANDING_OF = {
    StandingWord.AVAILABLE: standing(EvidenceKind.AVAILABLE),
    StandingWord.BUSY: standing(EvidenceKind.BUSY),
    StandingWord.OFF_DUTY_NOT_REGISTERED: standing(EvidenceKind.NOT_REGISTERED),
    StandingWord.ON_DUTY_NOT_REGISTERED: standing(EvidenceKind.NOT_REGISTERED, scheduled_now=True),
    StandingWord.UNKNOWN_USER: standing(EvidenceKind.UNKNOWN_USER),
    StandingWord.UNVERIFIABLE: standing(EvidenceKind.UNVERIFIABLE, cause="method.blind"),
    StandingWord.NO_ADDRESS: standing(None, has_address=False),
    StandingWord.NO_TRUNK: standing(None, is_served=False),
    StandingWord.NO_EVIDENCE: standing(None),
}
# Written out once more, so that a change of the product's table has to be made twice on purpose.
DESIGNED = {
    StandingWord.AVAILABLE: Verdict.APPROVE,
    StandingWord.BUSY: Verdict.APPROVE,
    StandingWord.OFF_DUTY_NOT_REGISTERED: Verdict.APPROVE,
    StandingWord.ON_DUTY_NOT_REGISTERED: Verdict.REFER,
    StandingWord.UNKNOWN_USER: Verdict.REFER,
    StandingWord.UNVERIFIABLE: Verdict.REFER,
    StandingWord.NO_ADDRESS: Verdict.REFER,
    StandingWord.NO_TRUNK: Verdict.REFER,
    StandingWord.NO_EVIDENCE: Verdict.REFER,
}
FINE = STANDING_OF[StandingWord.AVAILABLE]
UNVERIFIABLE = STANDING_OF[StandingWord.UNVERIFIABLE]


def decided(word: StandingWord, policy: DecisionPolicy, *, receiving: bool) -> Decision:
    sides = (FINE, STANDING_OF[word]) if receiving else (STANDING_OF[word], FINE)
    return decide(*sides, NOTHING_FOUND, policy)


@pytest.mark.parametrize("word", StandingWord)
def test_every_word_has_a_standing_that_leads_to_it(word: StandingWord) -> None:
    """A standing is put into exactly the word that the design gives it."""
    assert standing_word(STANDING_OF[word]) is word


@pytest.mark.parametrize("kind", EvidenceKind)
def test_an_agent_without_address_is_that_whatever_old_evidence_says(kind: EvidenceKind) -> None:
    """Evidence about an address that was taken away is not used."""
    assert standing_word(standing(kind, has_address=False)) is StandingWord.NO_ADDRESS
    assert standing_word(standing(kind, is_served=False)) is StandingWord.NO_TRUNK


@pytest.mark.parametrize("kind", sorted(set(EvidenceKind) - {EvidenceKind.NOT_REGISTERED}))
def test_the_schedule_matters_to_unregistered_phones_only(kind: EvidenceKind) -> None:
    """Being scheduled now changes no other row of the table."""
    assert standing_word(standing(kind, scheduled_now=True)) is standing_word(standing(kind))


@pytest.mark.parametrize("receiving", [False, True])
@pytest.mark.parametrize("on_unverifiable", Verdict)
@pytest.mark.parametrize("word", StandingWord)
def test_each_word_under_each_answer_to_the_unverifiable(
    word: StandingWord, on_unverifiable: Verdict, receiving: bool
) -> None:
    """`on_unverifiable` rules its own row and no other, on either side of the trade."""
    expected = on_unverifiable if word is StandingWord.UNVERIFIABLE else DESIGNED[word]
    decision = decided(word, DecisionPolicy(on_unverifiable=on_unverifiable), receiving=receiving)
    assert decision.verdict is expected


@pytest.mark.parametrize("verdict", Verdict)
@pytest.mark.parametrize("word", StandingWord)
def test_a_unit_may_override_each_row(word: StandingWord, verdict: Verdict) -> None:
    """An override changes its own row, also the unverifiable one, and no other."""
    policy = DecisionPolicy(overrides=MappingProxyType({word: verdict}), on_unverifiable=Verdict.REFER)
    for each in StandingWord:
        expected = verdict if each is word else DESIGNED[each]
        assert policy.verdict_on(each) is expected


@pytest.mark.parametrize("other", StandingWord)
@pytest.mark.parametrize("word", StandingWord)
def test_the_weaker_side_decides(word: StandingWord, other: StandingWord) -> None:
    """A trade is approved only if both sides are fine; the sides may be swapped."""
    policy = DecisionPolicy(overrides=MappingProxyType({StandingWord.UNKNOWN_USER: Verdict.DENY}))
    verdicts = {policy.verdict_on(word), policy.verdict_on(other)}
    if Verdict.REFER in verdicts:
        expected = Verdict.REFER
    elif Verdict.DENY in verdicts:
        expected = Verdict.DENY
    else:
        expected = Verdict.APPROVE
    for sides in ((word, other), (other, word)):
        first, second = (STANDING_OF[side] for side in sides)
        assert decide(first, second, NOTHING_FOUND, policy).verdict is expected


@pytest.mark.parametrize(
    ("evaluation", "reason"),
    [
        (Evaluation(violations=("maxHours",)), "violation.maxHours"),
        (Evaluation(admin_review=("crossUnit",)), "admin-review.crossUnit"),
        (Evaluation(unevaluated=("restTime",)), "unevaluated.restTime"),
    ],
)
def test_what_the_wfm_found_goes_to_a_person(evaluation: Evaluation, reason: str) -> None:
    """Two fine phones do not outvote the WFM's own evaluation."""
    decision = decide(FINE, FINE, evaluation, DecisionPolicy())
    assert decision == Decision(verdict=Verdict.REFER, rule="needs-a-person", reasons=(reason,))


def test_a_listed_violation_denies_outright() -> None:
    """The deny list is a rule that somebody wrote down; it wins over a referral."""
    policy = DecisionPolicy(deny_violations=frozenset({"maxHours"}))
    evaluation = Evaluation(violations=("maxHours", "restTime"), unevaluated=("crossUnit",))
    decision = decide(UNVERIFIABLE, FINE, evaluation, policy)
    assert decision == Decision(verdict=Verdict.DENY, rule="deny-list", reasons=("violation.maxHours",))


def test_the_deny_list_is_about_violations_only() -> None:
    """The same word among the unevaluated rules or the admin reviews denies nothing."""
    policy = DecisionPolicy(deny_violations=frozenset({"maxHours"}))
    evaluation = Evaluation(admin_review=("maxHours",), unevaluated=("maxHours",))
    assert decide(FINE, FINE, evaluation, policy).verdict is Verdict.REFER


def test_a_standing_that_denies_is_named_with_its_rule() -> None:
    """A denial for a standing comes from the unit's setting and says so."""
    decision = decide(FINE, UNVERIFIABLE, NOTHING_FOUND, DecisionPolicy(on_unverifiable=Verdict.DENY))
    assert decision.verdict is Verdict.DENY
    assert decision.rule == "standing-denies"
    assert decision.reasons == ("receiving.unverifiable:method.blind",)


def test_a_referral_names_every_objection() -> None:
    """A supervisor reads all that speaks against approval, side by side with its cause."""
    evaluation = Evaluation(violations=("maxHours",), unevaluated=("restTime",))
    decision = decide(UNVERIFIABLE, STANDING_OF[StandingWord.NO_ADDRESS], evaluation, DecisionPolicy())
    assert decision.reasons == (
        "violation.maxHours",
        "unevaluated.restTime",
        "initiating.unverifiable:method.blind",
        "receiving.no-address",
    )


def test_an_approval_has_no_reasons_against_it() -> None:
    """Both fine and nothing found: the one way to an approval by default."""
    decision = decide(FINE, STANDING_OF[StandingWord.BUSY], NOTHING_FOUND, DecisionPolicy())
    assert decision == Decision(verdict=Verdict.APPROVE, rule="both-fine", reasons=())


@pytest.mark.parametrize(("age_seconds", "is_fresh"), [(0, True), (60, True), (60.001, False)])
def test_evidence_is_fresh_up_to_its_age_limit(age_seconds: float, is_fresh: bool) -> None:
    """Stale evidence is never used; the limit itself still counts as fresh."""
    now = NOON + timedelta(seconds=age_seconds)
    assert evidence(EvidenceKind.AVAILABLE).is_fresh(now, 60.0) is is_fresh


def beside(by_sip: Evidence | None, by_platform: Evidence | None) -> Standing:
    return Standing(agent="a", evidence=by_sip, platform=by_platform)


SIP_BLIND = evidence(EvidenceKind.UNVERIFIABLE, "method.blind")
SIP_AWAY = evidence(EvidenceKind.NOT_REGISTERED)
PLATFORM_HERE = Evidence(agent="a", kind=EvidenceKind.AVAILABLE, method="platform", taken_at=NOON)
PLATFORM_MUTE = replace(PLATFORM_HERE, kind=EvidenceKind.UNVERIFIABLE, cause="platform.no-word")


@pytest.mark.parametrize(
    ("by_sip", "by_platform", "used"),
    [
        (SIP_AWAY, PLATFORM_HERE, SIP_AWAY),
        (SIP_BLIND, PLATFORM_HERE, PLATFORM_HERE),
        (SIP_BLIND, PLATFORM_MUTE, SIP_BLIND),
        (SIP_BLIND, None, SIP_BLIND),
        (None, PLATFORM_HERE, PLATFORM_HERE),
        (None, PLATFORM_MUTE, PLATFORM_MUTE),
        (None, None, None),
    ],
)
def test_the_platform_counts_only_where_sip_says_nothing(
    by_sip: Evidence | None, by_platform: Evidence | None, used: Evidence | None
) -> None:
    """What SIP has said is never overruled, whatever the platform shows; the newer is not the better."""
    assert beside(by_sip, by_platform).used is used


def test_a_fallback_decides_and_its_silence_refers_with_the_first_cause() -> None:
    """The reason names what SIP could not do: that is what somebody has to mend."""
    fine = standing(EvidenceKind.AVAILABLE)
    told = decide(fine, beside(SIP_BLIND, PLATFORM_HERE), NOTHING_FOUND, DecisionPolicy())
    mute = decide(fine, beside(SIP_BLIND, PLATFORM_MUTE), NOTHING_FOUND, DecisionPolicy())
    assert told.verdict is Verdict.APPROVE
    assert (mute.verdict, mute.reasons) == (Verdict.REFER, ("receiving.unverifiable:method.blind",))
