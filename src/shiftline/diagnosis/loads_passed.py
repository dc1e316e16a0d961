"""Up to which rate the loads passed, of what they were made and of what not; a limit may lie above it."""

from __future__ import annotations

from collections.abc import Sequence

from shiftline.diagnosis.belief import Belief
from shiftline.diagnosis.evidence import Trial
from shiftline.diagnosis.finding import Finding
from shiftline.diagnosis.hypotheses import HEALTHY
from shiftline.diagnosis.outcome import REFUSALS, Outcome
from shiftline.diagnosis.probe import Aim, Credentials, Load, Method
from shiftline.diagnosis.programme import PROGRAMME

_LADDER = (Load.BRISK, Load.RAISED, Load.STORM)
_FULL = (Load.RAISED, Load.STORM)
_CROWDS = (Load.CONCURRENT, Load.CROWD)
ASKED = "asked"
"""The figure of a load that passed: of how many requests it was."""
_ANSWERS = (Outcome.NOT_FOUND, Outcome.NO_METHOD)
"""No refusals of a load: the user or the method is unknown at any rate."""


def loads_passed(trials: Sequence[Trial]) -> str:
    """What passed, and what was not tried; empty if no load was put on, or one was refused."""
    if any(map(_is_refused_load, trials)):
        return ""
    most: dict[str, tuple[float, int]] = {}
    for one in trials:
        plan = PROGRAMME[one.experiment].plan if one.experiment in PROGRAMME else None
        if plan is not None and one.probe.load in _LADDER:
            asked = round(one.figures.get(ASKED, plan.requests))
            kind = _kind(one)
            most[kind] = max(most.get(kind, (0.0, 0)), (plan.rate, asked))
    if not most:
        return ""
    told = " and ".join(
        f"{number:,} {kind} at {rate:.0f} a second" for kind, (rate, number) in sorted(most.items())
    )
    lacking = [one for one in (_lacking(trials, _LADDER), _without_login(trials)) if one]
    left = f" No load was put on {' or '.join(lacking)}." if lacking else ""
    crowds = [PROGRAMME[one.experiment].plan for one in trials if one.probe.load in _CROWDS]
    at_once = max((plan.at_once for plan in crowds if plan is not None), default=0)
    tried = f", nor by {at_once} at once" if at_once else ""
    slow = "or counts for a minute"  # as some do (V19, V24)
    return f"No limit was met by {told}{tried}; one that lets more pass, {slow}, was not looked for.{left}"


def not_loaded(beliefs: Sequence[Belief], findings: Sequence[Finding]) -> str:
    """What a limit may count that no load was made of, where nothing is found; empty for a record."""
    if any(one.cause != HEALTHY for one in findings) or not beliefs:
        return ""
    evidence = [belief.evidence for belief in beliefs]
    if any(one.subject.requests for one in evidence):
        return ""
    trials = [trial for one in evidence for trial in one.trials]
    if any(map(_is_refused_load, trials)):
        return ""
    lacking = _lacking(trials, _FULL)
    return f"no load was put on {lacking}, which is what checks of agents are" if lacking else ""


def is_unloaded(belief: Belief) -> bool:
    """Whether we asked, and made no load: a fault that shows at rest may hide a limit."""
    trials = belief.evidence.trials
    is_run = bool(trials) and not belief.evidence.subject.requests
    return is_run and not any(one.probe.load in (*_LADDER, *_CROWDS) for one in trials)


def _is_refused_load(one: Trial) -> bool:
    is_load = one.probe.load in (*_LADDER, *_CROWDS)
    return is_load and one.outcome in REFUSALS and one.outcome not in _ANSWERS


def _lacking(trials: Sequence[Trial], loads: Sequence[Load]) -> str:
    is_there = any(one.probe.aim is Aim.USER and one.probe.load in loads for one in trials)
    return "" if is_there else "OPTIONS about users"


def _without_login(trials: Sequence[Trial]) -> str:
    """Loads use a nonce again; a check without one begins with a request that has no credentials."""
    bare = (Credentials.NONE, Credentials.UNASKED)
    is_there = any(one.as_sent.credentials in bare and one.probe.load in _LADDER for one in trials)
    return "" if is_there else "requests without a login"


def _kind(one: Trial) -> str:
    """What the load was made of: "OPTIONS about a user with our login"."""
    probe = one.as_sent
    if probe.method is not Method.OPTIONS:
        return f"{probe.method} with our login"
    if probe.aim is not Aim.USER:
        return "OPTIONS to the server itself"
    carried = probe.credentials not in (Credentials.NONE, Credentials.UNASKED)
    return f"OPTIONS about a user {'with our login' if carried else 'without a login'}"
