"""Are equal questions refused and served by turns, as several servers behind one address do?

Chance keeps no time: what begins and ends (a lock, a ban, an hour, a change) refuses in a few long spells, a
draw from several servers in many short ones. Whoever calls this has to know that no limit explains the order.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from itertools import pairwise

from shiftline.diagnosis.evidence import Trial
from shiftline.diagnosis.outcome import REFUSED_OTHERWISE, Outcome
from shiftline.diagnosis.probe import Credentials

BARE = "p2.challenge"
"""The question without a login that is asked again where nothing else may be: it risks nothing."""
TOLD_APART = "answers.told-apart"
"""Mark: equal questions had both answers, too few times to say more."""
BY_TURNS = "answers.by-turns"
"""Mark: often enough to exclude what begins and ends."""
BUSY_BY_TURNS = "answers.busy-by-turns"
"""The same with 503, which a PBX that cannot keep up says as well."""
FAILING_BY_TURNS = "answers.failing-by-turns"
"""The same with 500, 502 or 504: a server of several fails, or something behind the only one."""
FAILING_IN_LOADS = "answers.failing-in-loads"
"""The same in loads alone, so seldom that as many may have failed at rest."""
FORBIDDING = frozenset({403}) | REFUSED_OTHERWISE
FAILING = frozenset({500, 502, 504})
TURNING = FORBIDDING | FAILING | {503}
"""Statuses that are looked at. Silence is the way's, where it comes by chance."""
_LEAST_SPELLS = 3
"""Two may be a lock that came twice."""
_SHARE_OF_CHANCE = 0.6


def kind_by_turns(statuses: Sequence[int | None]) -> str:
    """The mark of refusals by turns with these statuses: that of most."""
    for some, kind in ((FORBIDDING, BY_TURNS), (FAILING, FAILING_BY_TURNS)):
        if 2 * sum(status in some for status in statuses) > len(statuses):
            return kind
    return BUSY_BY_TURNS


def are_by_turns(lines: Iterable[Sequence[bool]]) -> bool:
    """Whether refusals (True) come in as many spells as chance makes; each line is in the order of time."""
    spells, expected = 0, 0.0
    for line in lines:
        refused = sum(line)
        spells += sum(not before and after for before, after in pairwise((False, *line)))
        expected += refused * (len(line) - refused + 1) / max(1, len(line))
    return spells >= _LEAST_SPELLS and spells >= _SHARE_OF_CHANCE * expected


def whichever_was_refused(trials: Iterable[Trial]) -> tuple[Trial, ...]:
    """The same, where 403 to the second request of a login is as 403 to the first.

    Either may have met the server that refuses, so it says nothing of the login.
    """
    return tuple(
        replace(one, outcome=Outcome.FORBIDDEN)
        if one.outcome is Outcome.FORBIDDEN_AFTER_CHALLENGE and one.probe.credentials is Credentials.FRESH
        else one
        for one in trials
    )
