"""When a log line was written: the usual ways to write a time, and the zone where none is written.

A local time can be ambiguous (the hour that comes twice in autumn) or missing (the one that is skipped in
spring). Lines of a log follow each other, so the first is settled by order; both are counted and said.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

_MONTHS = {
    name: number
    for number, name in enumerate(
        ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"), start=1
    )
}
_ZONE = r"(?P<zone>Z|UTC|GMT|[+-]\d\d:?\d\d)?"
_CLOCK = r"(?P<hour>\d\d):(?P<minute>\d\d):(?P<second>\d\d)(?:[.,](?P<fraction>\d{1,9}))?"
_FULL = rf"(?P<year>\d{{4}})[-/](?P<month>\d\d)[-/](?P<day>\d\d)[T ]{_CLOCK} ?{_ZONE}"
_AT_START = re.compile(rf"\W{{0,3}}(?:[UT] )?{_FULL}")
_SYSLOG = re.compile(rf"\W{{0,2}}(?:<\d{{1,3}}>)?(?P<name>[A-Z][a-z]{{2}}) {{1,2}}(?P<day>\d\d?) {_CLOCK}")
_ANYWHERE = re.compile(_FULL)
_EPOCH = re.compile(r"\[?(?P<seconds>1\d{9}(?:\.\d{1,9})?)\b")
_CLOCK_ONLY = re.compile(_CLOCK)
_BEYOND = 12
"""Characters behind a time that decide where it ends: a fraction, a zone."""
_BACK = 300.0
"""Seconds by which a log may run backwards without having entered the second of two equal hours."""


class LogClock:
    """Reads the times of one log, in the order of its lines."""

    def __init__(self, zone: ZoneInfo | None, *, written: float) -> None:
        """``zone`` is None if the user named none (UTC is assumed, and said); ``written`` is the file's own
        time in seconds since the epoch: it gives the year where the lines leave it out."""
        self._zone = zone or ZoneInfo("UTC")
        self._is_assumed = zone is None
        self._latest_year = datetime.fromtimestamp(written, UTC) + timedelta(days=1)
        self._last: float | None = None
        self.zoneless = self.ambiguous = self.missing = 0
        self.is_fine = False
        """Whether a time with parts of a second was seen."""
        self._before = "\n"
        """How the line before began, as far as its time and what decides about it goes."""
        self._read_before: tuple[tuple[float, int], tuple[int, int, int]] = (0.0, 0), (0, 0, 0)

    def at_start(self, line: str) -> tuple[float, int] | None:
        """The time at a line's beginning in seconds since the epoch, and where it ends; None without one.

        Most lines of a busy log begin as the one before.
        """
        if line.startswith(self._before):
            read, counted = self._read_before
            self._count(counted)
            return read
        before = self.zoneless, self.ambiguous, self.missing
        read_now = self._read_at_start(line)
        self._before = "\n"  # of an hour that comes twice the order of the lines decides
        if read_now is not None and len(line) >= read_now[1] + _BEYOND:
            after = self.zoneless, self.ambiguous, self.missing
            counted = after[0] - before[0], after[1] - before[1], after[2] - before[2]
            self._before, self._read_before = line[: read_now[1] + _BEYOND], (read_now, counted)
        return read_now

    def _count(self, counted: tuple[int, int, int]) -> None:
        self.zoneless += counted[0]
        self.ambiguous += counted[1]
        self.missing += counted[2]

    def _read_at_start(self, line: str) -> tuple[float, int] | None:
        found = _AT_START.match(line)
        if found is not None:
            return self._read(found, int(found["year"]), int(found["month"]), found["zone"])
        found = _SYSLOG.match(line)
        if found is not None and found["name"] in _MONTHS:
            month = _MONTHS[found["name"]]
            return self._read(found, self._year_of(month, int(found["day"])), month, None)
        found = _EPOCH.match(line)
        return (float(found["seconds"]), found.end()) if found else None

    def anywhere(self, line: str) -> float | None:
        """The first full time within a line."""
        found = _ANYWHERE.search(line)
        if found is None:
            return None
        read = self._read(found, int(found["year"]), int(found["month"]), found["zone"])
        return read[0] if read else None

    def clock_only(self, text: str, near: float | None) -> float | None:
        """A time of day without its date, on the day that brings it nearest to ``near``."""
        found = _CLOCK_ONLY.search(text)
        if found is None or near is None:
            return None
        day = datetime.fromtimestamp(near, self._zone)
        read = self._read(found, day.year, day.month, None, day=day.day)
        if read is None:
            return None
        return min((read[0] + shift * 86_400.0 for shift in (-1, 0, 1)), key=lambda at: abs(at - near))

    def _year_of(self, month: int, day: int) -> int:
        latest = self._latest_year
        return latest.year if (month, day) <= (latest.month, latest.day) else latest.year - 1

    def _read(
        self, found: re.Match[str], year: int, month: int, zone: str | None, *, day: int | None = None
    ) -> tuple[float, int] | None:
        self.is_fine = self.is_fine or found["fraction"] is not None
        digits = (found["fraction"] or "").ljust(6, "0")[:6]
        try:
            naive = datetime(  # noqa: DTZ001 - its zone follows
                year, month, day or int(found["day"]), int(found["hour"]), int(found["minute"]),
                min(59, int(found["second"])), int(digits),
            )  # fmt: skip
        except ValueError:
            return None
        if zone is None:
            self.zoneless += 1
            at = self._local(naive)
        else:
            at = naive.replace(tzinfo=UTC).timestamp() - _offset(zone)
        self._last = at
        return at, found.end()

    def _local(self, naive: datetime) -> float:
        first = naive.replace(tzinfo=self._zone, fold=0)
        second = naive.replace(tzinfo=self._zone, fold=1)
        if first.utcoffset() == second.utcoffset():
            return first.timestamp()
        if first.astimezone(UTC).astimezone(self._zone).replace(tzinfo=None) != naive:
            self.missing += 1
            return first.timestamp()
        self.ambiguous += 1
        is_second = self._last is not None and first.timestamp() < self._last - _BACK
        return (second if is_second else first).timestamp()

    def notes(self) -> list[str]:
        """What a reader of the result should know about these times."""
        notes = []
        if self.zoneless and self._is_assumed:
            notes.append("its times name no zone and were taken as UTC: give --timezone if they are not")
        if self.ambiguous:
            notes.append(
                f"{self.ambiguous} times lie in the hour that comes twice when clocks go back "
                f"in {self._zone.key}: told apart by their order"
            )
        if self.missing:
            notes.append(
                f"{self.missing} times lie in the hour that clocks skip in {self._zone.key}: "
                "is it the right zone?"
            )
        return notes


def _offset(zone: str) -> float:
    """Seconds east of UTC."""
    if zone[0] not in "+-":
        return 0.0
    digits = zone[1:].replace(":", "")
    return (int(digits[:2]) * 3600 + int(digits[2:]) * 60) * (1 if zone[0] == "+" else -1)
