"""How sure a verdict would be without one piece of its evidence: does it hang by a thread?

Nobody chose what a record compares, so any one comparison may mean something else than it looks like: a
header that comes with a method, an account that another rule serves. One such mistake must not make a verdict
sure. An experiment was made to tell, with its controls, and can be made again: there a piece is one
observation, and what was seen twice does not hang by either.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from shiftline.diagnosis.belief import (
    UNKNOWN,
    Belief,
    facts_of,
    kinds_of_marks,
    price_of_doubt,
    scores_of_singles,
    worth_of_marks,
)
from shiftline.diagnosis.evidence import Evidence, Trial
from shiftline.diagnosis.hypotheses import HEALTHY, candidates, column
from shiftline.diagnosis.outcome import Outcome
from shiftline.diagnosis.probe import Probe

SURE = 0.9
"""From this confidence on, a verdict is acted upon."""
_LOGGED = (
    "asterisk.", "dns.", "fail2ban.", "firewall.", "freeswitch.", "genesys.", "governor.", "kamailio.",
    "tls.",
)  # fmt: skip
"""Kinds of marks that a log line makes: whoever refused says why, and nothing is compared."""
_OUT_OF_REACH = 40.0
"""So much less likely than the best, as a logarithm, a candidate is with all evidence that no one piece of it
is what refutes him."""

ODD = 0.05
"""How likely an answer is at most to whom it surprises."""
_ODD = math.log(ODD)

Fact = tuple[Probe, Outcome]


@dataclass(frozen=True, slots=True, kw_only=True)
class Thread:
    """The observation that a sure verdict hangs by."""

    experiment: str
    """Which brought it."""
    fact: Fact
    rest: Evidence
    """All evidence but that."""


def confidence_without_one(belief: Belief, named: frozenset[str], *, is_recorded: bool) -> float:
    """How likely one of the named causes is without the piece of evidence that tells most for them.

    Of single faults. Log lines are left in: they say what they mean. In a record health is no rival:
    something was refused, and not by it. In an examination marks are left in: each rests on many answers.
    """
    return min((share for share, _ in _without_each(belief, named, is_recorded=is_recorded)), default=1.0)


def thread_of(belief: Belief) -> Thread | None:
    """What the leading explanation of an examination hangs by; None if it is sure without any one."""
    named = frozenset(belief.leading.causes)
    if len(named) > 1 or named & {HEALTHY, UNKNOWN}:
        return None
    weakest = min(_without_each(belief, named, is_recorded=False), key=lambda pair: pair[0], default=None)
    if weakest is None or weakest[1] is None or weakest[0] >= SURE:
        return None
    evidence, fact = belief.evidence, weakest[1]
    number = next(place for place, trial in enumerate(evidence.trials) if _fact(trial) == fact)
    rest = (*evidence.trials[:number], *evidence.trials[number + 1 :])
    trial = evidence.trials[number]
    return Thread(
        experiment=trial.experiment,
        fact=fact,
        rest=replace(evidence, trials=rest),
    )


def _without_each(
    belief: Belief, named: frozenset[str], *, is_recorded: bool
) -> Iterator[tuple[float, Fact | None]]:
    """The share of the named without each piece of evidence in turn; None: the piece is a mark."""
    facts, kinds = facts_of(belief.evidence), kinds_of_marks(belief.evidence)
    scores = scores_of_singles(facts, kinds, is_recorded=is_recorded)
    least = max(scores) - _OUT_OF_REACH
    kept = [
        (place, one)
        for place, (score, one) in enumerate(zip(scores, candidates(), strict=True))
        if score >= least and (one.cause != HEALTHY or HEALTHY in named or not is_recorded)
    ]
    again = _seen_again(belief.evidence)
    is_named = [one.cause in named for _, one in kept]
    whole = [scores[place] for place, _ in kept]
    for fact, weight in facts.items():
        told = column(*fact)
        if is_recorded:
            worths = [weight * (told[place] - price_of_doubt(one.doubt)) for place, one in kept]
        else:
            # Whom it surprises has to call it chance, which does not come twice. Whom it does not surprise,
            # a repeat tells nothing new.
            stays = _ODD if fact in again else -math.inf
            worths = [0.0 if told[place] < stays else weight * told[place] for place, _ in kept]
        yield _share(whole, worths, is_named), fact
    for kind in (kind for kind in kinds if is_recorded and not kind.startswith(_LOGGED)):
        worths = [worth_of_marks((kind,), (one.cause,), one.family) for _, one in kept]
        yield _share(whole, worths, is_named), None


def _seen_again(evidence: Evidence) -> frozenset[Fact]:
    """What was observed more than once."""
    counts: Counter[Fact] = Counter()
    for trial in evidence.trials:
        counts[_fact(trial)] += trial.count
    return frozenset(fact for fact, count in counts.items() if count > 1)


def _fact(trial: Trial) -> Fact:
    return trial.as_sent, trial.outcome


def _share(whole: Sequence[float], worths: Sequence[float], is_named: Sequence[bool]) -> float:
    scores = [score - worth_of for score, worth_of in zip(whole, worths, strict=True)]
    top = max(scores)
    shares = [math.exp(score - top) for score in scores]
    return sum(share for share, named in zip(shares, is_named, strict=True) if named) / sum(shares)
