"""Hours of the day: does the trouble keep to one, and when did the burst come?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, tzinfo
from itertools import pairwise

from shiftline.diagnosis.evidence import Mark
from shiftline.diagnosis.passive.arrivals import AT_REST, Arrivals
from shiftline.diagnosis.passive.rows import Rows
from shiftline.diagnosis.passive.subjects import Part
from shiftline.diagnosis.passive.verdicts import PASSED, TROUBLE
from shiftline.trades.windows import PublishWindow

_LEAST_AT_REST = 5
_LEAST_DAYS = 2
_LONGEST_BAND_SECONDS = 3 * 3600.0
_LEAST_OUTSIDE = 5
_EPOCH_SINCE = 1e8
_DAY = 86_400.0
_PAUSE_SECONDS = 20.0
_STRAY_SHARE = 0.1
"""Of the refusals of the largest group that no pause parts: a smaller group did not begin the burst."""
TOLD_AT = "told.at"
"""Kind of the mark that says when lines were written; no row of the catalogue."""
_DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")


@dataclass(frozen=True, slots=True)
class HourBand:
    """A band of the day, in seconds after midnight of the zone, in which alone the trouble is."""

    begins: float
    ends: float
    zone: tzinfo
    count: int

    def __call__(self, at: float) -> bool:
        """Whether a moment lies in the band."""
        return self.begins <= _second_of_day(at, self.zone) <= self.ends

    @property
    def mark(self) -> Mark:
        """For the evidence."""
        text = f"between {_clock(self.begins)} and {_clock(self.ends)}"
        return Mark(kind="traffic.hour-only", count=self.count, text=text)


def find_hours(rows: Rows, marks: bytearray, arrivals: Arrivals, part: Part, zone: tzinfo) -> HourBand | None:
    """The band, if trouble at rest keeps to it on several days and like requests pass before and after it.

    What was seen on one day may be a lock, a ban or a change as well as an hour (`spans`).
    """
    if not len(rows) or rows.at[0] < _EPOCH_SINCE:
        return None
    troubled = [row for row in part.rows if marks[row] == TROUBLE and arrivals.by_source[row] <= AT_REST]
    if len(troubled) < _LEAST_AT_REST or len({_date(rows.at[row], zone) for row in troubled}) < _LEAST_DAYS:
        return None
    seconds = [_second_of_day(rows.at[row], zone) for row in troubled]
    band = HourBand(min(seconds), max(seconds), zone, len(troubled))
    if band.ends - band.begins > _LONGEST_BAND_SECONDS:
        return None
    accounts = {rows.account(row) for row in troubled}
    before = after = inside = 0
    for row in range(len(rows)):
        if marks[row] == PASSED and rows.account(row) in accounts:
            second = _second_of_day(rows.at[row], zone)
            before += second < band.begins
            after += second > band.ends
            inside += band.begins <= second <= band.ends
    is_band = before >= _LEAST_OUTSIDE and after >= _LEAST_OUTSIDE and inside <= 0.1 * len(troubled)
    return band if is_band else None


def burst_mark(rows: Rows, part: Part, zone: tzinfo, windows: Sequence[PublishWindow]) -> Mark | None:
    """When the burst that was refused came, in civil time; of the publish if it began in a declared window.

    By itself a burst is a burst: a restart of all phones or a script looks the same.
    """
    refused = _without_strays(sorted(rows.at[row] for row in part.rows))
    begins, ends = refused[0], refused[-1]
    if begins < _EPOCH_SINCE:
        return None
    first, last = datetime.fromtimestamp(begins, UTC).astimezone(zone), datetime.fromtimestamp(ends, UTC)
    is_declared = any(one.contains(first) for one in windows)
    text = f"{_DAYS[first.weekday()]} {first:%H:%M:%S} to {last.astimezone(zone):%H:%M:%S}, {zone}"
    return Mark(
        kind="traffic.publish-window" if is_declared else "traffic.burst",
        count=len(refused),
        text=text,
        figures={
            "begins_at": begins,
            "ends_at": ends,
            "in_publish_window": float(is_declared),
            "windows_declared": float(bool(windows)),
        },
    )


def _without_strays(moments: Sequence[float]) -> list[float]:
    """Those of the groups that make the burst; ``moments`` ascend.

    Where the limit answers as the PBX does of absent users, one of these may stand minutes before it.
    """
    groups: list[list[float]] = [[moments[0]]]
    for before, at in pairwise(moments):
        if at - before > _PAUSE_SECONDS:
            groups.append([])
        groups[-1].append(at)
    largest = max(len(group) for group in groups)
    return [at for group in groups if len(group) >= _STRAY_SHARE * largest for at in group]


def told_mark(moments: Sequence[float], zone: tzinfo, windows: Sequence[PublishWindow]) -> Mark | None:
    """When lines without requests were written, held against the declared windows; it speaks for no cause."""
    known = [one for one in moments if one >= _EPOCH_SINCE]
    if not known or not windows:
        return None
    times = [datetime.fromtimestamp(one, UTC).astimezone(zone) for one in (min(known), max(known))]
    first, last = (f"{_DAYS[one.weekday()]} {one:%H:%M:%S}" for one in times)
    inside = sum(any(one.contains(datetime.fromtimestamp(at, UTC)) for one in windows) for at in known)
    text = f"{first}, {zone}" if first == last else f"{first} to {last}, {zone}"
    return Mark(kind=TOLD_AT, count=len(known), text=text, figures={"inside": float(inside)})


def _date(at: float, zone: tzinfo) -> date:
    return datetime.fromtimestamp(at, UTC).astimezone(zone).date()


def _second_of_day(at: float, zone: tzinfo) -> float:
    moment = datetime.fromtimestamp(at, UTC).astimezone(zone)
    return moment.hour * 3600.0 + moment.minute * 60.0 + moment.second


def _clock(second: float) -> str:
    hours, rest = divmod(int(second), 3600)
    return f"{hours:02d}:{rest // 60:02d}"
