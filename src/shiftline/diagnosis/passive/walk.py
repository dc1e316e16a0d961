"""The load of each request, told in the order of time: a burst that was refused has an afterwards."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence

from shiftline.diagnosis.passive.arrivals import AT_REST, Arrivals, load_of
from shiftline.diagnosis.passive.own import Own, method_of
from shiftline.diagnosis.passive.pace import Pace
from shiftline.diagnosis.passive.rows import UNANSWERED, Rows
from shiftline.diagnosis.passive.verdicts import TROUBLE
from shiftline.diagnosis.probe import Load

SETTLING_SECONDS = 2.0
"""So long after a refusal at speed nothing is concluded from a request at rest."""
BAN_SECONDS = 900.0
WINDOW_SECONDS = 10.0
"""The longest window of limiters in use. What passes so near to a refusal under load may only have come
before it; what is refused so soon after the load is refused for the load."""
_DURING_SECONDS = 1.0
_BEFORE = 6

RefusedSort = tuple[str, str, bool]
"""Method, account, and whether it carried a login."""


class Walk:
    """To be asked about the rows in the order of time."""

    def __init__(
        self, rows: Rows, marks: bytearray, arrivals: Arrivals, own: Own, pace: Pace | None = None
    ) -> None:
        self.refused_after = 0
        """Refusals at rest after a burst."""
        self.recovered_after: float | None = None
        """Seconds from the last refusal at speed to the first passage at rest, the shortest seen."""
        self.is_own = bytes(source in own.sources for source in rows.sorts.source)
        """By sort, whether it comes from an own source."""
        self.fails_at_rest = False
        """What fails at rest anyway has no "after"."""
        self._rows, self._marks, self._arrivals = rows, marks, arrivals
        self._paced = frozenset[int]() if pace is None else pace.rows
        self._each_has_its_own = pace is not None and pace.is_of_sources
        self._last_refusal: float | None = None
        self._answers_until = float("-inf")
        self._longest_answer = 0.0
        self._end = rows.at[arrivals.order[-1]] if arrivals.order else 0.0
        self._in_trouble = False

    def load(self, row: int) -> Load | None:
        """The load that a request was under; None where it could be two."""
        count = self._arrivals.by_source[row]
        if not self.is_own[self._rows.sort[row]]:
            if count > AT_REST or (row in self._paced and self._each_has_its_own):
                return None  # its own rate may be what it is refused for
            if row in self._paced:
                return Load.DURING
            since = self._last_refusal
            is_during = since is not None and self._rows.at[row] - since <= _DURING_SECONDS
            return Load.DURING if is_during else Load.SINGLE
        is_in_queue = self._is_in_queue(row)
        if count > AT_REST:
            if self._marks[row] == TROUBLE:
                self._last_refusal, self._in_trouble = self._rows.at[row], True
            return load_of(count)
        if row in self._paced:
            return Load.PACED
        if not self._in_trouble or self.fails_at_rest or self._last_refusal is None:
            return Load.SINGLE
        return (
            None
            if is_in_queue
            else self._afterwards(self._rows.at[row] - self._last_refusal, self._marks[row])
        )

    def _is_in_queue(self, row: int) -> bool:
        """Whether what was asked got no answer while earlier questions still got theirs.

        That is a queue, or may be where the record ends before such an answer. Who bans an address in
        silence answers nothing of it.
        """
        now, after = self._rows.at[row], self._rows.latency[row]
        if after != UNANSWERED:
            self._longest_answer = max(self._longest_answer, after)
            self._answers_until = max(self._answers_until, now + after)
            return False
        return self._answers_until > now or now + self._longest_answer > self._end

    def _afterwards(self, since: float, mark: int) -> Load | None:
        if since < (WINDOW_SECONDS if mark == TROUBLE else SETTLING_SECONDS):
            return None
        if since > BAN_SECONDS:
            self._in_trouble = False
            return Load.SINGLE
        if mark == TROUBLE:
            self.refused_after += 1
        else:
            self._in_trouble = False
            self.recovered_after = min(since, self.recovered_after or since)
        return Load.AFTER_PAUSE

    def fails_before_load(self) -> bool:
        """Whether most of what came last before any load was refused had failed as well."""
        rows, by_source = self._rows, self._arrivals.by_source
        sorts = rows.sorts
        asks = bytes(is_own and sorts.kind_of(sort).is_question for sort, is_own in enumerate(self.is_own))
        before: deque[bool] = deque(maxlen=_BEFORE)
        for row in self._arrivals.order:
            mark = self._marks[row]
            if not mark or not asks[rows.sort[row]]:
                continue
            if by_source[row] <= AT_REST:
                before.append(mark == TROUBLE and row not in self._paced)
            elif mark == TROUBLE:
                break
        return sum(before) > len(before) / 2

    def refusals(self, own: Own) -> dict[RefusedSort, list[float]]:
        """When own requests were refused under load, by sort."""
        rows, by_source = self._rows, self._arrivals.by_source
        sorts = rows.sorts
        found: dict[RefusedSort, list[float]] = {}
        for row in self._arrivals.order:
            if self._marks[row] != TROUBLE or by_source[row] <= AT_REST:
                continue
            sort = rows.sort[row]
            if self.is_own[sort]:
                method, account = method_of(sorts.kind_of(sort)), own.account(sorts, sort)
                key = str(method), str(account), sorts.login[sort] != 0
                found.setdefault(key, []).append(rows.at[row])
        return found


class Near:
    """Whether one of some moments, in order, lies within `WINDOW_SECONDS` of now. Now never goes back."""

    def __init__(self, moments: Sequence[float]) -> None:
        self._moments = moments
        self._place = 0

    def __call__(self, now: float) -> bool:
        """Whether one is near."""
        moments, start = self._moments, now - WINDOW_SECONDS
        while self._place < len(moments) and moments[self._place] < start:
            self._place += 1
        return self._place < len(moments) and moments[self._place] <= now + WINDOW_SECONDS
