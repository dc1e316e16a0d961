"""How sure a verdict on a record would be without one piece of its evidence: does it hang by a thread?

Nobody chose what a record compares, so any one comparison may mean something else than it looks like: a
header that comes with a method, an account that another rule serves. One such mistake must not make a verdict
sure.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from shiftline.diagnosis.belief import (
    Belief,
    Facts,
    facts_of,
    kinds_of_marks,
    price_of_doubt,
    scores_of_singles,
    worth_of_marks,
)
from shiftline.diagnosis.hypotheses import HEALTHY, candidates, column

_LOGGED = (
    "asterisk.", "dns.", "fail2ban.", "firewall.", "freeswitch.", "genesys.", "governor.", "kamailio.",
    "tls.",
)  # fmt: skip
"""Kinds of marks that a log line makes: whoever refused says why, and nothing is compared."""
_OUT_OF_REACH = 40.0
"""So much less likely than the best, as a logarithm, a candidate is with all evidence that no one piece of it
is what refutes him."""


def confidence_without_one(belief: Belief, named: frozenset[str]) -> float:
    """How likely one of the named causes is without the piece of evidence that tells most for them.

    Of a record, and of single faults. Log lines are left in: they say what they mean. Health is no rival:
    something was refused, and not by it.
    """
    facts, kinds = facts_of(belief.evidence), kinds_of_marks(belief.evidence)
    every = candidates()
    scores = scores_of_singles(facts, kinds, is_recorded=True)
    least = max(scores) - _OUT_OF_REACH
    kept = [
        place
        for place, score in enumerate(scores)
        if score >= least and (every[place].cause != HEALTHY or HEALTHY in named)
    ]
    is_named = [every[place].cause in named for place in kept]
    whole = [scores[place] for place in kept]
    return min(
        (_share(without, is_named) for without in _each_without_one(whole, kept, facts, kinds)), default=1.0
    )


def _each_without_one(
    whole: Sequence[float], kept: Sequence[int], facts: Facts, kinds: Sequence[str]
) -> Iterator[list[float]]:
    """The scores of the candidates that are kept, without each piece of evidence in turn."""
    ill = [(place, candidates()[place]) for place in kept]
    for fact, weight in facts.items():
        told = column(*fact)
        yield [
            score - weight * (told[place] - price_of_doubt(one.doubt))
            for score, (place, one) in zip(whole, ill, strict=True)
        ]
    for kind in (kind for kind in kinds if not kind.startswith(_LOGGED)):
        yield [
            score - worth_of_marks((kind,), (one.cause,), one.family)
            for score, (_, one) in zip(whole, ill, strict=True)
        ]


def _share(scores: Sequence[float], is_named: Sequence[bool]) -> float:
    top = max(scores)
    shares = [math.exp(score - top) for score in scores]
    return sum(share for share, named in zip(shares, is_named, strict=True) if named) / sum(shares)
