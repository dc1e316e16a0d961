"""The decision table: from two agents' standings and the WFM's own evaluation to one verdict.

Rules of this file. The table is data (`STANDINGS`); a unit may override a row in its configuration.
A trade is approved only if both agents are fine *and* the WFM found nothing. Evidence about a phone
never denies by itself: a denial comes from a rule that somebody wrote down.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType

from shiftline.trades.model import Decision, Evaluation, EvidenceKind, Standing, Verdict


class StandingWord(StrEnum):
    """How an agent stands, in one word; the rows of the table."""

    AVAILABLE = "available"
    BUSY = "busy"
    OFF_DUTY_NOT_REGISTERED = "not-registered.off-duty"
    ON_DUTY_NOT_REGISTERED = "not-registered.on-duty"
    UNKNOWN_USER = "unknown-user"
    UNVERIFIABLE = "unverifiable"
    NO_ADDRESS = "no-address"
    NO_TRUNK = "no-trunk"
    NO_EVIDENCE = "no-evidence"


STANDINGS: Mapping[StandingWord, Verdict] = MappingProxyType(
    {
        StandingWord.AVAILABLE: Verdict.APPROVE,
        StandingWord.BUSY: Verdict.APPROVE,  # on a call: the line works
        StandingWord.OFF_DUTY_NOT_REGISTERED: Verdict.APPROVE,  # people trade from home
        StandingWord.ON_DUTY_NOT_REGISTERED: Verdict.REFER,
        StandingWord.UNKNOWN_USER: Verdict.REFER,  # a roster fault, not the agent's
        StandingWord.UNVERIFIABLE: Verdict.REFER,
        StandingWord.NO_ADDRESS: Verdict.REFER,
        StandingWord.NO_TRUNK: Verdict.REFER,  # he has an address that no trunk serves
        StandingWord.NO_EVIDENCE: Verdict.REFER,
    }
)

_REGISTERED: Mapping[EvidenceKind, StandingWord] = MappingProxyType(
    {
        EvidenceKind.AVAILABLE: StandingWord.AVAILABLE,
        EvidenceKind.BUSY: StandingWord.BUSY,
        EvidenceKind.UNKNOWN_USER: StandingWord.UNKNOWN_USER,
        EvidenceKind.UNVERIFIABLE: StandingWord.UNVERIFIABLE,
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class DecisionPolicy:
    """What a business unit may choose. ``deny_violations`` holds WFM violation types that deny outright."""

    on_unverifiable: Verdict = Verdict.REFER
    deny_violations: frozenset[str] = frozenset()
    overrides: Mapping[StandingWord, Verdict] = field(default_factory=lambda: MappingProxyType({}))

    def verdict_on(self, word: StandingWord) -> Verdict:
        """Return what this standing alone calls for."""
        if word in self.overrides:
            return self.overrides[word]
        if word is StandingWord.UNVERIFIABLE:
            return self.on_unverifiable
        return STANDINGS[word]


def standing_word(standing: Standing) -> StandingWord:
    """Put one agent's standing into the table's word."""
    if not standing.has_address:
        return StandingWord.NO_ADDRESS
    if not standing.is_served:
        return StandingWord.NO_TRUNK
    evidence = standing.used
    if evidence is None:
        return StandingWord.NO_EVIDENCE
    if evidence.kind is EvidenceKind.NOT_REGISTERED:
        if standing.scheduled_now:
            return StandingWord.ON_DUTY_NOT_REGISTERED
        return StandingWord.OFF_DUTY_NOT_REGISTERED
    return _REGISTERED[evidence.kind]


def decide(
    initiating: Standing, receiving: Standing, evaluation: Evaluation, policy: DecisionPolicy
) -> Decision:
    """Return the verdict, the rule that made it and every reason that speaks against approval."""
    denied = tuple(v for v in evaluation.violations if v in policy.deny_violations)
    if denied:
        return Decision(verdict=Verdict.DENY, rule="deny-list", reasons=_prefixed("violation", denied))
    objections = _objections(evaluation)
    verdicts = set()
    for side, standing in (("initiating", initiating), ("receiving", receiving)):
        word = standing_word(standing)
        verdict = policy.verdict_on(word)
        verdicts.add(verdict)
        if verdict is not Verdict.APPROVE:
            objections += (f"{side}.{word}{_cause_of(standing)}",)
    if _objections(evaluation) or Verdict.REFER in verdicts:
        return Decision(verdict=Verdict.REFER, rule="needs-a-person", reasons=objections)
    if Verdict.DENY in verdicts:
        return Decision(verdict=Verdict.DENY, rule="standing-denies", reasons=objections)
    return Decision(verdict=Verdict.APPROVE, rule="both-fine", reasons=())


def _objections(evaluation: Evaluation) -> tuple[str, ...]:
    return (
        _prefixed("violation", evaluation.violations)
        + _prefixed("admin-review", evaluation.admin_review)
        + _prefixed("unevaluated", evaluation.unevaluated)
    )


def _prefixed(kind: str, words: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(f"{kind}.{word}" for word in words)


def _cause_of(standing: Standing) -> str:
    evidence = standing.used
    if evidence is None or evidence.cause is None:
        return ""
    return f":{evidence.cause}"
