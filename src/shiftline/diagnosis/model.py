"""From causes to expected outcomes: a request runs the gauntlet of the faults, then meets a healthy trunk."""

from __future__ import annotations

from dataclasses import replace

from shiftline.diagnosis.catalogue.baseline import Home, carries_login
from shiftline.diagnosis.catalogue.cause import Signature, Stage
from shiftline.diagnosis.outcome import Outcome
from shiftline.diagnosis.probe import Aim, Credentials, Load, Method, Path, Probe

DOUBT_OF_HEALTH = 0.03
"""What the healthy answers leave to any outcome: odd dial plans, a lost packet."""
_EVEN_BEFORE = frozenset(
    {Stage.NAME, Stage.PATH, Stage.TLS, Stage.SOURCE_BAN, Stage.CAPACITY, Stage.AGENT, Stage.RATE}
)
"""What acts even on OPTIONS that a PBX answers before it looks at lists and rules."""
_AHEAD = (Credentials.CACHED, Credentials.AGED)


def acts(signature: Signature, probe: Probe) -> float:
    """How surely the filter acts on a probe that gets to it, on whatever PBX."""
    chance = signature.chance(probe)
    if chance and probe.aim in (Aim.USER, Aim.OTHER_USER):
        # What refuses at rest is the answer at rest: such a load is not put on, and shows none of it.
        return max(0.0, chance - signature.chance(replace(probe, load=Load.SINGLE)))
    return chance


def reach(signature: Signature, probe: Probe, home: Home, chance: float) -> float:
    """How surely a probe meets this filter, if nothing ahead of it answers.

    ``chance`` is how surely the filter acts on it (`acts`).
    """
    if not chance:
        return 0.0
    asks_server = probe.method is Method.OPTIONS and probe.aim is Aim.SERVER
    if asks_server and home.answers_first and signature.stage not in _EVEN_BEFORE:
        return 0.0
    if signature.stage < Stage.CHALLENGE:
        return chance
    # What stands behind the login is never reached by a request that does not get past it, and a wrong
    # password or an unknown user is refused by the healthy trunk already.
    if not carries_login(probe):
        return 0.0
    return home.asks * chance if asks_server else chance


def as_seen(answer: Outcome, signature: Signature, probe: Probe) -> Outcome:
    """A refusal ahead of the challenge meets credentials that were sent ahead of it, too.

    Over the other transport it may be another answer.
    """
    if signature.over_other is not None and probe.path is Path.OTHER_TRANSPORT:
        return signature.over_other
    ahead = answer is Outcome.FORBIDDEN and signature.stage < Stage.CHALLENGE
    if not ahead or probe.credentials in (Credentials.NONE, Credentials.UNASKED):
        return answer
    if _has_met_it_by_pace(signature, probe):
        return Outcome.FORBIDDEN_AFTER_CHALLENGE
    # Or it strikes only what carries them: a message that they make too large.
    bare = signature.chance(replace(probe, credentials=Credentials.NONE))
    return Outcome.FORBIDDEN_AFTER_CHALLENGE if probe.credentials in _AHEAD or not bare else answer


def _has_met_it_by_pace(signature: Signature, probe: Probe) -> bool:
    """Whether its challenge came before the limit was used up: a login is two requests, and both count."""
    return probe.load is Load.PACED and not signature.chance(replace(probe, load=Load.SINGLE))
