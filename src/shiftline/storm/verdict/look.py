"""A first look at the run that was asked for: what was refused, what passed later on, and how much."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from shiftline.storm.sample import TIMEOUT, WITHHELD, Result
from shiftline.storm.verdict.arrivals import Arrival, Key, Kind, arrivals_of, counted_kinds, passed
from shiftline.storm.watch import Asked

FEW = 0.002
"""A share of refused or lost requests that is no limit."""
SHUT_SECONDS = 11.0
"""Longer than the windows that are met with: whoever is refused for so long is banned."""
_SHUT_SHARE = 0.9


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """What the seconds and the watched requests of a run show at once."""

    usual: frozenset[int]
    """Statuses that a request got when it was alone, beside success and challenges."""
    alone: Counter[int]
    """Final answers to requests that were alone."""
    passes: int
    refusals: Counter[int]
    """How often each refusal came; `TIMEOUT` for silence."""
    counted: frozenset[Kind]
    """What was refused at all: method, and with credentials or not."""
    pass_rate: float
    """Of what is counted: passes per second in the later half of the run."""
    request_rate: float
    """Requests per second."""
    is_shut: bool
    """Whether whoever was refused once stayed refused."""
    sources: frozenset[str]
    users: int

    @property
    def refused(self) -> int:
        """All refusals."""
        return sum(self.refusals.values())

    @property
    def is_refusing(self) -> bool:
        """Whether there is something to explain."""
        return self.refused > max(3.0, FEW * (self.passes + self.refused))

    @property
    def is_silent(self) -> bool:
        """Whether most refusals were silence."""
        return self.refusals[TIMEOUT] > self.refused / 2

    def near(self) -> Mapping[Key, float]:
        """What passed per second and key."""
        rate = self.pass_rate
        return {
            Key.ALL: rate,
            Key.SOURCE: rate / max(1, len(self.sources)),
            Key.USER: rate / max(1, self.users),
        }


def look_at(result: Result) -> Look:
    """See `Look`."""
    rows = result.watch.asked
    alone = Counter(row.status for row in _alone(rows))
    usual = frozenset(status for status in alone if status not in (TIMEOUT, WITHHELD))
    arrivals = arrivals_of(rows, usual=usual)
    counted = counted_kinds(arrivals)
    answers = _answers(result)
    refusals = Counter(
        {status: count for status, count in answers.items() if count and not _passes(status, usual)}
    )
    return Look(
        usual=usual,
        alone=alone,
        passes=sum(answers.values()) - sum(refusals.values()),
        refusals=refusals,
        counted=counted,
        pass_rate=_pass_rate(result, arrivals, usual, counted),
        request_rate=result.whole.requests / result.sending_seconds if result.sending_seconds else 0.0,
        is_shut=_is_shut([arrival for arrival in arrivals if arrival.kind in counted]),
        sources=frozenset(row.source for row in rows),
        users=len({row.user for row in rows}),
    )


def _answers(result: Result) -> Counter[int]:
    """Final answers of all requests, and the silent ones."""
    answers = Counter(result.whole.answers)
    unanswered = sum(row.status == TIMEOUT for row in result.watch.asked)
    answers[TIMEOUT] = max(result.whole.statuses[TIMEOUT], unanswered)
    return answers


def _passes(status: int, usual: frozenset[int]) -> bool:
    return passed(Asked(0.0, None, status, "", "", "", carried=False), usual)


def _alone(rows: Sequence[Asked]) -> list[Asked]:
    """The first requests, as long as each was answered before the next was sent."""
    found = []
    for row, following in pairwise(rows):
        if row.answered is None or row.answered > following.sent:
            break
        found.append(row)
    return found


def _pass_rate(
    result: Result, arrivals: Sequence[Arrival], usual: frozenset[int], counted: frozenset[Kind]
) -> float:
    whole = [sample for sample in result.samples if sample.second < int(result.sending_seconds)]
    late = whole[len(whole) // 2 :]
    seconds = sum(sample.seconds for sample in late)
    if not seconds:
        return 0.0
    passes = sum(
        count for sample in late for status, count in sample.answers.items() if _passes(status, usual)
    )
    tail = [arrival for arrival in arrivals[len(arrivals) // 2 :] if arrival.passed]
    share = sum(arrival.kind in counted for arrival in tail) / len(tail) if tail else 1.0
    return passes / seconds * share


def _is_shut(counted: Sequence[Arrival]) -> bool:
    """Whether users that were refused once were refused for long, or to the end."""
    by_user: dict[str, list[Arrival]] = defaultdict(list)
    for arrival in counted:
        by_user[arrival.user].append(arrival)
    refused = shut = 0
    for arrivals in by_user.values():
        first = next((arrival.at for arrival in arrivals if not arrival.passed), None)
        if first is None:
            continue
        refused += 1
        again = next((arrival.at for arrival in arrivals if arrival.passed and arrival.at > first), None)
        shut += again is None or again - first > SHUT_SECONDS
    return refused > 0 and shut >= _SHUT_SHARE * refused
