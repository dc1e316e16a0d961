"""What a question is expected to tell, and what it costs."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping

from shiftline.diagnosis.belief import Belief
from shiftline.diagnosis.experiment import Experiment, Risk
from shiftline.diagnosis.hypotheses import candidates, expected, meeting
from shiftline.diagnosis.outcome import Outcome
from shiftline.diagnosis.probe import Probe

_NOTHING = 1e-9
_RISK_PRICE = {
    Risk.PASSIVE: 0.5,
    Risk.HARMLESS: 1.0,
    Risk.COUNTS_AS_FAILURE: 3.0,
    Risk.MAY_TRIP: 2.5,
    Risk.MAY_RING: 12.0,
}


def information(belief: Belief, probe: Probe) -> float:
    """Bits that the outcome of a probe is expected to tell about the explanation."""
    met, every = meeting(probe), candidates()
    reaches, seen = met.reach, met.seen
    joint: defaultdict[tuple[Outcome, tuple[str, ...]], float] = defaultdict(float)
    passing: defaultdict[tuple[int, tuple[str, ...]], float] = defaultdict(float)
    prior: defaultdict[tuple[str, ...], float] = defaultdict(float)
    for one in belief.details:
        causes, rest = one.causes, one.weight
        prior[causes] += rest
        for number in one.numbers:
            if reaches[number]:
                share = rest * reaches[number]
                joint[seen[number], causes] += share
                rest -= share
        passing[every[one.numbers[0]].home, causes] += rest
    for (home, causes), rest in passing.items():
        if rest > _NOTHING:
            for outcome, part in met.healthy[home].items():
                joint[outcome, causes] += rest * part
    rows: defaultdict[Outcome, float] = defaultdict(float)
    for (outcome, _), share in joint.items():
        rows[outcome] += share
    # H(explanation) - H(explanation | outcome), each entropy weighed by its own sum
    told = _entropy(prior.values()) - (_surprise(joint.values()) - _surprise(rows.values()))
    return max(0.0, told)


def outcomes(belief: Belief, probe: Probe) -> dict[Outcome, float]:
    """How likely each outcome of a probe is, as things stand."""
    found: dict[Outcome, float] = {}
    total = sum(one.weight for one in belief.details)
    for one in belief.details:
        for outcome, share in expected(one.numbers, probe).items():
            found[outcome] = found.get(outcome, 0.0) + one.weight * share / total
    return dict(sorted(found.items(), key=lambda item: -item[1]))


def price(experiment: Experiment) -> float:
    """What a question costs, in harmless single requests."""
    return (
        _RISK_PRICE[experiment.risk] * (1.0 + experiment.cost / 8.0) * (1.0 + experiment.wait_seconds / 20.0)
    )


def distance(one: Mapping[Outcome, float], other: Mapping[Outcome, float]) -> float:
    """Total variation, from 0 (alike) to 1."""
    return 0.5 * sum(abs(one.get(outcome, 0.0) - other.get(outcome, 0.0)) for outcome in {*one, *other})


def _surprise(parts: Iterable[float]) -> float:
    return -sum(part * math.log2(part) for part in parts if part > 0.0)


def _entropy(parts: Iterable[float]) -> float:
    """Of a row that need not sum to one: weighed by its sum."""
    kept = tuple(parts)
    return _surprise(kept) - _surprise((sum(kept),))
