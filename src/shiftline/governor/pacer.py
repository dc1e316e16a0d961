"""A leaky bucket that also never lets more than a set count leave in any window."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from math import ceil, inf

CATCH_UP_SECONDS = 0.2  # how late a turn may come and still be made good
AT_CEILING = 1.01  # times the interval: a window of any length then holds no more than was declared
WINDOW_MARGIN = 0.01  # seconds; arrivals bunch a little on their way
MOST_COUNTED = 300_000  # the highest rate for the longest window that is learned
MOST_GAPS = 20_000
SAME_TURN_SECONDS = 0.001  # what passes between two questions of one turn
MOST_USED = 2.0  # times the interval: what left before a pause counts for no more after it
MOST_AHEAD = 2.0  # times what left lately (RFC 7661 section 4.4 doubles what was used at most)
LATELY_SECONDS = 0.5
LATELY_REQUESTS = 4.0  # at a slow rate fewer tell nothing


@dataclass(frozen=True, slots=True)
class Cap:
    """At most ``count`` requests in any ``seconds``."""

    count: int
    seconds: float

    @classmethod
    def at(cls, rate: float) -> Cap:
        """That of a declared rate (per second): the shortest of whole requests, one second or more."""
        count = ceil(rate)
        return cls(count, count / rate)


@dataclass(slots=True)
class Pacer:
    """Spaces requests by 1/rate, within two caps: the declared ceiling and the learned limit.

    A busy machine wakes us late. The bucket makes up for it, but never beyond a cap: at the far end
    a fixed window counts, and one request too many there is a refusal.
    """

    rate: float
    now: float
    ceiling: Cap | None = None
    cap: Cap | None = None
    makes_good: bool = False
    """One request that a cap put off leaves early after it: where the cap is a guess that may be too low."""
    rests_until: float = -inf
    """Until then nothing may leave, not even a canary: the PBX asked for that."""
    _free_at: float = field(default=0.0, init=False)
    _used: float = field(default=0.0, init=False)
    _idle: deque[tuple[float, float]] = field(default_factory=lambda: deque(maxlen=MOST_GAPS), init=False)
    _taken: deque[float] = field(default_factory=deque, init=False)

    def __post_init__(self) -> None:
        self._free_at = self.now

    def free_at(self, now: float) -> float:
        """The first moment at which a request may leave; not after ``now`` means at once."""
        return max(self._paced(now), self._room())

    def ceiling_room_at(self) -> float:
        """The first moment at which one more request keeps to the ceiling, whatever the rate."""
        return max(self._room_at(self.ceiling), self.rests_until)

    def take(self, now: float) -> None:
        """Note that a request leaves now."""
        interval = (AT_CEILING if self._is_at_ceiling else 1.0) / self.rate
        # What a cap put off was not late. A bucket of one token refuses the short gap that makes it good.
        turn, held = self._paced(now), self._room()
        self._free_at = max(turn + interval, held) if self.makes_good else max(turn, held) + interval
        self._taken.append(now)
        self._forget()
        self._used = min(self._used + interval, MOST_USED * interval + CATCH_UP_SECONDS)

    def used_of(self, elapsed: float) -> float:
        """How much of that time (seconds) was used: what left takes 1/rate each, and counts once.

        A rate that a late driver did not keep to was not tried.
        """
        used = min(elapsed, self._used)
        self._used -= used
        return used

    def is_ahead(self, now: float, *, since: float) -> bool:
        """True if the rate is far above what left lately: it is not known to be bearable yet.

        As TCP keeps a window that was not used from growing (RFC 7661). ``since`` is when it could begin to.
        """
        span = min(max(LATELY_SECONDS, LATELY_REQUESTS / self.rate), now - since)
        return self.rate * span > MOST_AHEAD * (self.taken_since(now - span) + 1)

    def taken_since(self, moment: float) -> int:
        """How many requests have left after ``moment``; what is long ago is forgotten."""
        count = 0
        for at in reversed(self._taken):
            if at <= moment:
                break
            count += 1
        return count

    def begin_afresh(self, now: float) -> None:
        """Make nothing good that was not sent before ``now``."""
        self._free_at = max(self._free_at, now)

    def had_nothing(self, now: float, elapsed: float) -> None:
        """For so long (seconds) up to ``now`` there was nothing to send: that time is not made good."""
        self._free_at = max(self._free_at, min(now, self._free_at + elapsed))
        if elapsed > SAME_TURN_SECONDS:
            self._idle.append((now - elapsed, now))

    def idle_share(self, start: float, end: float) -> float:
        """The share of that time in which there was nothing to send; what is long ago is forgotten."""
        idle = 0.0
        for since, until in reversed(self._idle):
            if until <= start:
                break
            idle += max(0.0, min(until, end) - max(since, start))
        return idle / (end - start) if end > start else 0.0

    def restart(self, at: float) -> None:
        """Begin a new rhythm at ``at``; nothing is made good from before."""
        self._free_at = at

    def _paced(self, now: float) -> float:
        return max(self._free_at, now - CATCH_UP_SECONDS)

    def _forget(self) -> None:
        """Forget what no cap counts any more, or may come to count."""
        counts = (cap.count for cap in (self.cap, self.ceiling) if cap is not None)
        if len(self._taken) > max([MOST_COUNTED, *counts]):
            self._taken.popleft()

    def _room(self) -> float:
        return max(self._room_at(self.cap), self.ceiling_room_at())

    @property
    def _is_at_ceiling(self) -> bool:
        ceiling = self.ceiling
        return ceiling is not None and self.rate * ceiling.seconds >= ceiling.count * 0.99

    def _room_at(self, cap: Cap | None) -> float:
        if cap is None or len(self._taken) < cap.count:
            return -inf
        return self._taken[-cap.count] + cap.seconds + WINDOW_MARGIN
