"""From causes to expected outcomes: a request runs the gauntlet of the faults, then meets a healthy trunk."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from shiftline.diagnosis.catalogue.baseline import carries_login, healthy
from shiftline.diagnosis.catalogue.cause import Signature, Stage
from shiftline.diagnosis.families import Family
from shiftline.diagnosis.outcome import Outcome
from shiftline.diagnosis.probe import Account, Credentials, Probe

DOUBT_OF_HEALTH = 0.03
"""What the healthy answers leave to any outcome: odd dial plans, a lost packet."""
_AHEAD = (Credentials.CACHED, Credentials.AGED)


@dataclass(frozen=True, slots=True, kw_only=True)
class Hypothesis:
    """One explanation in full detail: which signatures, on which family. No signature: no fault."""

    signatures: tuple[Signature, ...]
    """In the order in which they act."""
    causes: tuple[str, ...]
    family: Family
    prior: float


def expected(hypothesis: Hypothesis, probe: Probe) -> dict[Outcome, float]:
    """How likely each outcome of a probe is; sums to one. Outcomes that are left out are not expected."""
    found: dict[Outcome, float] = {}
    rest = 1.0
    for signature in hypothesis.signatures:
        share = rest * reach(signature, probe)
        rest -= share
        for outcome, part in signature.answers.items():
            shown = _as_seen(outcome, signature, probe)
            found[shown] = found.get(shown, 0.0) + share * part
    if rest > 0.0:
        for outcome, part in healthy(hypothesis.family, probe).items():
            found[outcome] = found.get(outcome, 0.0) + rest * part
    return found


def in_order(signatures: Iterable[Signature]) -> tuple[Signature, ...]:
    """As they act: by stage."""
    return tuple(sorted(signatures, key=lambda signature: (signature.stage, signature.id)))


def reach(signature: Signature, probe: Probe) -> float:
    """How surely a probe meets this filter, if nothing ahead of it answers."""
    # What stands behind the login is never reached by a request that does not get past it.
    if signature.stage > Stage.CHALLENGE and not carries_login(probe):
        return 0.0
    if signature.stage is Stage.CHALLENGE and not _tries_login(probe):
        return 0.0
    return signature.chance(probe)


def _tries_login(probe: Probe) -> bool:
    # A wrong password or an unknown user is refused by the healthy trunk already.
    return probe.credentials is not Credentials.NONE and carries_login(probe)


def answer_share(signature: Signature, probe: Probe, outcome: Outcome) -> float:
    """How much of what this filter answers to a probe looks like this outcome."""
    return sum(
        part for told, part in signature.answers.items() if _as_seen(told, signature, probe) is outcome
    )


def _as_seen(outcome: Outcome, signature: Signature, probe: Probe) -> Outcome:
    """A refusal ahead of the challenge meets credentials that were sent ahead of it, too."""
    ahead = outcome is Outcome.FORBIDDEN and signature.stage < Stage.CHALLENGE
    if ahead and probe.credentials in _AHEAD and probe.account is not Account.NOBODY:
        return Outcome.FORBIDDEN_AFTER_CHALLENGE
    return outcome


def distance(one: Mapping[Outcome, float], other: Mapping[Outcome, float]) -> float:
    """Total variation between two expectations, from 0 (alike) to 1."""
    return 0.5 * sum(abs(one.get(outcome, 0.0) - other.get(outcome, 0.0)) for outcome in {*one, *other})
