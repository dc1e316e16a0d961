"""A first look at the run that was asked for: what was refused, what passed later on, and how much."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby, pairwise
from statistics import median

from shiftline.storm.calls import T1
from shiftline.storm.sample import TIMEOUT, Result, Sample
from shiftline.storm.verdict.arrivals import (
    COPIES,
    Arrival,
    Key,
    Kind,
    arrivals_of,
    counted_kinds,
    free_kinds,
    passed,
)
from shiftline.storm.watch import Asked

FEW = 0.002
"""A share of refused or lost requests that is no limit."""
SHUT_SECONDS = 11.0
"""Longer than the windows that are met with: whoever is refused for so long is banned."""
_SHUT_SHARE = 0.9
_SHUT_PART = 0.7
"""Of a shorter run."""
_FEWEST_ASKED = 20
_FEW_USERS, _FEW_SHARE = 3, 0.02
"""So many users, or such a share of the others, may be silent for a reason of their own."""
_MOST_SCOUTS = 3
"""Users that a run tries one after the other before its load (`plan.Plan.scouts`)."""
_LATE_SHARE = 0.05
"""Of the copies: answers that came late, from which on silence is a queue and no refusal."""
_WAITED, _WAITED_SECONDS = 4.0, 0.1
"""Times the answer of a request alone, and seconds: who gets through after so long has waited in a queue."""
_QUICK_SECONDS = T1 / 2.0
"""A server that answers a single request within this owes copies no late answers."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Waits:
    """How late answers were, in seconds: of the quickest request that was alone, and of the load's half."""

    alone: float
    median: float
    after_copy: float
    """From the last copy before an answer to that answer: the median."""
    copies: int
    late_answers: int
    """Answers to copies, and to requests that were given up."""

    @property
    def has_queued(self) -> bool:
        """Whether answers came long after what they answer, copies too."""
        return self.after_copy >= max(_WAITED * self.alone, _WAITED_SECONDS)


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
    peak_rate: float
    """Of the busiest second."""
    is_shut: bool
    """Whether whoever was refused once stayed refused."""
    sources: frozenset[str]
    users: int
    waits: Waits
    mute: frozenset[str] = frozenset()
    """A few users who never got an answer while others did: their silence is not the load's."""
    is_targets_silence: bool = True
    """Whether anybody else went unanswered."""

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

    @property
    def is_late(self) -> bool:
        """Whether silence was lateness: requests waited, and what could not wait was lost.

        Who refuses by silence answers the copy that he lets through as quickly as a request alone, and never
        the same request twice.
        """
        waits = self.waits
        twice = waits.late_answers > max(3.0, _LATE_SHARE * waits.copies)
        is_quick_alone = 0.0 < waits.alone <= _QUICK_SECONDS
        has_grown = waits.median >= max(T1, 2.0 * waits.alone)
        return self.is_silent and is_quick_alone and (waits.has_queued or (twice and has_grown))

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
    mute = _mute_users(result.watch.asked)
    rows = [row for row in result.watch.asked if row.user not in mute]
    scouts = _scouts(rows)
    alone = Counter(row.status for row in scouts)
    usual = _usual(scouts, rows)
    arrivals = arrivals_of(rows, usual=usual)
    counted = counted_kinds(arrivals)
    answers = _answers(result, mute)
    refusals = Counter(
        {status: count for status, count in answers.items() if count and not _passes(status, usual)}
    )
    waits = Waits(
        alone=min((row.answered - row.sent for row in scouts if row.answered is not None), default=0.0),
        median=result.whole.latency.quantile(0.5),
        after_copy=_after_copy(rows),
        copies=result.whole.retransmissions,
        late_answers=result.whole.late_answers,
    )
    if 0.0 < waits.alone <= _QUICK_SECONDS and not waits.has_queued:
        # Dropped, and its copy answered at once: refused until then.
        refusals[TIMEOUT] += sum(row.answered is not None and row.answered - row.sent > T1 for row in rows)
    pass_rate = _pass_rate(result, arrivals, usual, counted)
    is_silent = refusals[TIMEOUT] > sum(refusals.values()) / 2
    return Look(
        usual=usual,
        alone=alone,
        passes=sum(answers.values()) - sum(refusals.values()),
        refusals=refusals,
        counted=counted,
        pass_rate=pass_rate,
        peak_rate=max(
            (sample.requests / sample.seconds for sample in result.whole_seconds if sample.seconds),
            default=0.0,
        ),
        request_rate=result.whole.requests / result.sending_seconds if result.sending_seconds else 0.0,
        is_shut=_is_shut(
            [arrival for arrival in arrivals if arrival.kind in counted],
            [_passes_of(sample, usual) for sample in result.whole_seconds],
            is_silent=is_silent and not _passes_by_copies(rows),
            is_waiting=is_silent,
            has_free=bool(free_kinds(arrivals)),
        ),
        sources=frozenset(row.source for row in rows),
        users=len({row.user for row in rows}),
        waits=waits,
        mute=mute,
        is_targets_silence=any(row.answered is None for row in rows),
    )


def _after_copy(rows: Sequence[Asked]) -> float:
    found = []
    for row in rows:
        if row.answered is not None:
            waited = row.answered - row.sent
            found.append(waited - max((after for after in COPIES if after < waited), default=0.0))
    return median(found or [0.0])


def _mute_users(rows: Sequence[Asked]) -> frozenset[str]:
    """The few who were never answered, if others were; a limiter would have met others, too."""
    answered = {row.user for row in rows if row.answered is not None}
    asked = Counter(row.user for row in rows if row.user not in answered)
    few = len(asked) <= max(_FEW_USERS, _FEW_SHARE * len(answered))
    return frozenset(asked) if answered and few else frozenset()


def _answers(result: Result, mute: frozenset[str]) -> Counter[int]:
    """Final answers of all requests, and the silent ones; those to the ``mute`` are left out."""
    answers = Counter(result.whole.answers)
    rows = [row for row in result.watch.asked if row.status == TIMEOUT]
    answers[TIMEOUT] = max(result.whole.statuses[TIMEOUT], len(rows)) - sum(row.user in mute for row in rows)
    return answers


def _passes(status: int, usual: frozenset[int]) -> bool:
    return passed(Asked(0.0, None, status, "", "", "", carried=False), usual)


def _scouts(rows: Sequence[Asked]) -> list[Asked]:
    """The first users' requests, each answered before the next was sent, until one got what it wanted.

    A load may look like that too, if the server is quick: it comes after the first success.
    """
    found: list[Asked] = []
    for row, following in pairwise(rows):
        is_another = row.user not in {asked.user for asked in found}
        if is_another and len({asked.user for asked in found}) == _MOST_SCOUTS:
            break
        if row.answered is None or row.answered > following.sent:
            break
        found.append(row)
        if 200 <= row.status < 300:
            break
    return found


def _usual(scouts: Sequence[Asked], rows: Sequence[Asked]) -> frozenset[int]:
    """What the scouts got, if none of them had success nor later on got anything else for the same.

    Of one that had, the others' refusals are a matter of those users; what passes later on was refused for
    something that has passed, such as a ban.
    """
    if any(200 <= row.status < 300 for row in scouts):
        return frozenset()
    nothing: frozenset[int] = frozenset()
    later = {(row.user, row.method, row.carried) for row in rows if passed(row, nothing)}
    return frozenset(
        row.status
        for row in scouts
        if row.status >= 300 and (row.user, row.method, row.carried) not in later
        and not passed(row, nothing)
    )  # fmt: skip


def _passes_of(sample: Sample, usual: frozenset[int]) -> int:
    return sum(count for status, count in sample.answers.items() if _passes(status, usual))


def _pass_rate(
    result: Result, arrivals: Sequence[Arrival], usual: frozenset[int], counted: frozenset[Kind]
) -> float:
    whole = result.whole_seconds
    late = whole[len(whole) // 2 :]
    seconds = sum(sample.seconds for sample in late)
    if not seconds:
        return 0.0
    passes = sum(_passes_of(sample, usual) for sample in late)
    tail = [arrival for arrival in arrivals[len(arrivals) // 2 :] if arrival.passed]
    share = sum(arrival.kind in counted for arrival in tail) / len(tail) if tail else 1.0
    return passes / seconds * share


def _passes_by_copies(rows: Sequence[Asked]) -> bool:
    """Whether silence let later copies of the same through, about as often as none: who bans does not."""
    late = sum(row.answered is not None and row.answered - row.sent > T1 for row in rows)
    return late >= max(1, sum(row.answered is None for row in rows))


def _is_shut(
    counted: Sequence[Arrival], passes: Sequence[int], *, is_silent: bool, is_waiting: bool, has_free: bool
) -> bool:
    """Whether whoever was refused once was refused for long, or to the end.

    Where everything is counted, the ``passes`` of each second tell: a limit that many share lets each of
    them through rarely. Where something is free, it is the users who tell. Silence keeps flows waiting, so
    that seconds without passes mean nothing.
    """
    if is_waiting and not is_silent:
        return False
    if not is_silent and not has_free:
        empty = max((len(list(run)) for passed, run in groupby(map(bool, passes)) if not passed), default=0)
        return empty >= min(SHUT_SECONDS, _SHUT_PART * len(passes)) > 0
    found = _after_refusal(counted)
    if is_silent:
        shut = sum(not passed for _, passed in found)
        return bool(found) and shut >= _SHUT_SHARE * len(found)
    return sum(asked for asked, _ in found) >= _FEWEST_ASKED and not any(passed for _, passed in found)


def _after_refusal(counted: Sequence[Arrival]) -> list[tuple[int, int]]:
    """Of each user that was refused: what he asked in `SHUT_SECONDS` after it, and what of that passed."""
    by_user: dict[str, list[Arrival]] = defaultdict(list)
    for arrival in counted:
        by_user[arrival.user].append(arrival)
    found = []
    for arrivals in by_user.values():
        first = next((arrival.at for arrival in arrivals if not arrival.passed), None)
        if first is not None:
            after = [arrival for arrival in arrivals if first < arrival.at <= first + SHUT_SECONDS]
            found.append((len(after), sum(arrival.passed for arrival in after)))
    return found
