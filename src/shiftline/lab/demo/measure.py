"""From the PBX's own log to figures. Times are seconds since the epoch, as the log has them."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from shiftline.lab.demo.result import Tick
from shiftline.lab.pbx_log import RequestRecord

TICK_SECONDS = 0.25
LONGEST_ANSWER_SECONDS = 0.06  # the lab's PBXs answer within 20 to 60 ms; the log has arrivals


@dataclass(frozen=True, slots=True, kw_only=True)
class TrunkFigures:
    """What one sender's requests came to, by the PBX's log."""

    sent: int
    refused: int
    first_at: float | None
    last_at: float | None

    @property
    def seconds(self) -> float:
        """From the first check's arrival to the last one's answer, at its latest."""
        if self.first_at is None or self.last_at is None:
            return 0.0
        return self.last_at - self.first_at + LONGEST_ANSWER_SECONDS


def is_refusal(record: RequestRecord) -> bool:
    """True for a request that the throttle turned away."""
    return record.reason == "throttled"


def figures_of(records: Iterable[RequestRecord], source: str) -> TrunkFigures:
    """Count the requests of one source address."""
    ours = [record for record in records if record.source == source]
    return TrunkFigures(
        sent=len(ours),
        refused=sum(record.status == 403 for record in ours),
        first_at=min((record.at for record in ours), default=None),
        last_at=max((record.at for record in ours), default=None),
    )


def calls_of(records: Iterable[RequestRecord], source: str) -> tuple[int, int]:
    """(calls, refused calls) of the campaign: a call is an INVITE that carried credentials or was refused."""
    invites = [r for r in records if r.source == source and r.method == "INVITE" and r.reason != "challenge"]
    return len(invites), sum(is_refusal(record) for record in invites)


def ticks_of(
    records: Sequence[RequestRecord], *, ours: str, campaign: str, since: float, until: float
) -> list[Tick]:
    """Requests per quarter of a second, from ``since`` on."""
    slots: defaultdict[int, list[RequestRecord]] = defaultdict(list)
    for record in records:
        slots[int((record.at - since) / TICK_SECONDS)].append(record)
    return [
        tick_of(slots[index], at=index * TICK_SECONDS, ours=ours, campaign=campaign)
        for index in range(int((until - since) / TICK_SECONDS) + 1)
    ]


def tick_of(records: Iterable[RequestRecord], *, at: float, ours: str, campaign: str) -> Tick:
    """Count these requests, whatever their times, as the tick ``at``."""
    counts: Counter[tuple[str, bool]] = Counter()
    for record in records:
        if record.source == ours or (record.source == campaign and record.method == "INVITE"):
            counts[record.source, is_refusal(record)] += 1
    return Tick(
        at=at,
        passed=counts[ours, False],
        refused=counts[ours, True],
        calls_passed=counts[campaign, False],
        calls_refused=counts[campaign, True],
    )
