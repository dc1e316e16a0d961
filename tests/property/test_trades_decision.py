"""What holds of the decision table for every evidence, evaluation and policy."""

from __future__ import annotations

from datetime import UTC, datetime
from types import MappingProxyType

from hypothesis import given
from hypothesis import strategies as st

from shiftline.trades.decision import STANDINGS, DecisionPolicy, StandingWord, decide, standing_word
from shiftline.trades.model import Evaluation, Evidence, EvidenceKind, Standing, Verdict

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
RULES = st.sampled_from(["maxHours", "restTime", "crossUnit", "weekend"])
CAUSES = st.none() | st.sampled_from(["method.blind", "network.unreachable"])
EVIDENCES = st.none() | st.builds(
    Evidence,
    agent=st.just("a"),
    kind=st.sampled_from(EvidenceKind),
    method=st.just("options"),
    taken_at=st.just(NOON),
    cause=CAUSES,
)
STANDINGS_OF_AGENTS = st.builds(
    Standing, agent=st.just("a"), evidence=EVIDENCES, has_address=st.booleans(), scheduled_now=st.booleans()
)
FOUND = st.lists(RULES, max_size=3).map(tuple)
EVALUATIONS = st.builds(Evaluation, violations=FOUND, admin_review=FOUND, unevaluated=FOUND)
OVERRIDES = st.dictionaries(st.sampled_from(StandingWord), st.sampled_from(Verdict)).map(MappingProxyType)
POLICIES = st.builds(
    DecisionPolicy,
    on_unverifiable=st.sampled_from(Verdict),
    deny_violations=st.frozensets(RULES),
    overrides=OVERRIDES,
)


@given(STANDINGS_OF_AGENTS, STANDINGS_OF_AGENTS, EVALUATIONS)
def test_without_a_rule_nothing_is_ever_denied(
    initiating: Standing, receiving: Standing, evaluation: Evaluation
) -> None:
    """Evidence about a phone alone never denies, nor does the WFM's evaluation by itself."""
    assert decide(initiating, receiving, evaluation, DecisionPolicy()).verdict is not Verdict.DENY


@given(STANDINGS_OF_AGENTS, STANDINGS_OF_AGENTS, EVALUATIONS, POLICIES)
def test_a_denial_comes_from_a_rule_that_somebody_wrote(
    initiating: Standing, receiving: Standing, evaluation: Evaluation, policy: DecisionPolicy
) -> None:
    """Each denial has a listed violation, or a standing that this very policy denies."""
    decision = decide(initiating, receiving, evaluation, policy)
    listed = policy.deny_violations & set(evaluation.violations)
    words = {standing_word(initiating), standing_word(receiving)}
    denying = {word for word in words if word in policy.overrides or word is StandingWord.UNVERIFIABLE}
    if decision.verdict is Verdict.DENY:
        assert listed or any(policy.verdict_on(word) is Verdict.DENY for word in denying)
        assert decision.reasons


@given(STANDINGS_OF_AGENTS, STANDINGS_OF_AGENTS, EVALUATIONS, POLICIES)
def test_approval_needs_two_fine_agents_and_a_clean_evaluation(
    initiating: Standing, receiving: Standing, evaluation: Evaluation, policy: DecisionPolicy
) -> None:
    """Approved exactly if both standings are fine under the policy and the WFM found nothing."""
    fine = all(policy.verdict_on(standing_word(one)) is Verdict.APPROVE for one in (initiating, receiving))
    decision = decide(initiating, receiving, evaluation, policy)
    assert (decision.verdict is Verdict.APPROVE) == (fine and evaluation == Evaluation())


@given(STANDINGS_OF_AGENTS, STANDINGS_OF_AGENTS, EVALUATIONS, POLICIES)
def test_swapping_the_sides_changes_no_verdict(
    initiating: Standing, receiving: Standing, evaluation: Evaluation, policy: DecisionPolicy
) -> None:
    """Who offered the trade plays no part."""
    there = decide(initiating, receiving, evaluation, policy)
    back = decide(receiving, initiating, evaluation, policy)
    assert (there.verdict, there.rule) == (back.verdict, back.rule)


@given(STANDINGS_OF_AGENTS, STANDINGS_OF_AGENTS, EVALUATIONS, POLICIES)
def test_a_verdict_other_than_approval_says_why(
    initiating: Standing, receiving: Standing, evaluation: Evaluation, policy: DecisionPolicy
) -> None:
    """Reasons are there exactly when something speaks against approval."""
    decision = decide(initiating, receiving, evaluation, policy)
    assert bool(decision.reasons) == (decision.verdict is not Verdict.APPROVE)


@given(STANDINGS_OF_AGENTS)
def test_every_standing_has_a_row(standing: Standing) -> None:
    """Whatever is known about an agent, the table answers."""
    assert standing_word(standing) in STANDINGS
