"""How a trunk answers: how long it usually takes, whether it has fallen silent, whether answers come late.

An answer that comes half a second late was either waiting in the PBX's queue, or its request was dropped
and sent again (RFC 3261 timer E, T1 = 500 ms): in both cases we were too fast. A lone one is a lost
datagram, or a phone that is slow to answer.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from math import ceil, inf

from shiftline.governor.copies import LATE, t1_for

OVERDUE = 3.0  # times the usual answer's time
SILENCES_THAT_COUNT = 3  # a lone lost datagram is not a refusal
HELD_FOR = 2  # so many unheard: what more would leave might be lost as well
HOLD_SECONDS = 0.15
HOLD = 2.0  # times the usual answer's time; to wait a little in vain costs less than to be refused
HOLD_STEP = 0.05  # seconds until it is asked again whether answers come
SILENT_SECONDS = 1.0  # for a canary
LATE_SECONDS = 0.45  # a little less than T1
LATE_ONES = 4
IN_A_ROW = 2  # answers to copies: then it is the copies that are answered, and late only if those are
OF_THE_LAST = 10
OVERTAKEN_SECONDS = 0.25  # what left so much later was answered earlier: our datagram was lost
TOGETHER_SECONDS = 0.05  # what is answered within so much may come at the end of one pause, in any order
QUEUE_SECONDS = 0.5  # late for so long without a break, and not less and less: no pause of ours or theirs
EASES = 0.9
FOLLOWS = 0.2  # share by which the usual time follows an answer that is not late
FOLLOWS_WITHIN = 0.5  # seconds: what comes sooner after another counts for less, or a queue were soon usual
# Seconds: so slowly the fastest answer is forgotten, since what grows with our rate is no excuse.
FASTEST_DOUBLES = 60.0
FORGOTTEN_DOUBLINGS = 64.0  # by then it is; a trunk may be idle for a week
UNCHANGED = 0.8  # times the lateness before: slowing down did not help
SOON = 10.0  # seconds between two conclusions, within which that counts
IN_VAIN = 3  # conclusions that did not help: the trunk has become slow for good
THROUGHPUT_SECONDS = 1.0
SHORTEST_SECONDS = 0.5  # of answers, to tell how many come per second
KEEPS_UP = 2.5  # times what was answered: more is not tried. A climb at answers of 0.15 s needs 1.8


@dataclass(frozen=True, slots=True)
class _Heard:
    at: float
    is_late: bool
    was_overtaken: bool


@dataclass(slots=True)
class Hearing:
    """Times in seconds on one monotonic clock."""

    usual_seconds: float = 0.0
    """0: nothing was answered yet."""
    answer_seconds: float = 0.0
    """How long answers take at the moment, late ones as well; not those that later ones have overtaken."""
    silent_since: float = 0.0
    """When the first request left after which nothing was heard."""
    _to_copies: int = field(default=0, init=False)
    """So many answers in a row were to something that had been sent again."""
    _least_with_copy: float = field(default=inf, init=False)
    """The least that an answer took, of those that came after a copy; infinite: the newest needed none."""
    _unheard: int = field(default=0, init=False)
    _unheard_seconds: float = field(default=0.0, init=False)
    _last: deque[_Heard] = field(default_factory=lambda: deque(maxlen=OF_THE_LAST), init=False)
    _newest_sent_at: float = field(default=-inf, init=False)
    _just_came: deque[tuple[float, float]] = field(default_factory=deque, init=False)
    """When the newest answers came, and when their requests had left."""
    _concluded_at: float = field(default=-inf, init=False)
    _concluded_from: float = field(default=0.0, init=False)
    _fastest: float = field(default=0.0, init=False)
    _fastest_at: float = field(default=0.0, init=False)
    _late_run: int = field(default=0, init=False)
    _late_since: float = field(default=0.0, init=False)
    _first_late: float = field(default=0.0, init=False)
    _in_vain: int = field(default=0, init=False)
    _answers: deque[float] = field(default_factory=deque, init=False)
    _answers_since: float = field(default=-inf, init=False)

    def sent(self, now: float) -> None:
        """A request left."""
        if not self._unheard:
            self.silent_since = now
        self._unheard += 1

    def heard(self, *, to_copy: bool = False) -> None:
        """Something came back; ``to_copy``: only after it had been sent again."""
        self._to_copies = self._to_copies + 1 if to_copy else 0
        self._unheard = 0
        self._unheard_seconds = 0.0

    def passed(self, sent_at: float, now: float, copied_at: float | None = None) -> None:
        """A request that left at ``sent_at``, and ``copied_at`` again, was handled, and its answer came."""
        took = taken = max(0.0, now - sent_at)
        was_overtaken = self.was_overtaken(sent_at, now)
        is_late = self.is_late(took)
        if copied_at is None:
            self._least_with_copy = inf
        else:
            taken = self._taken_by_copy(took, copied_at - sent_at)
            if self._to_copies >= IN_A_ROW and not was_overtaken:
                is_late = self.is_late(now - copied_at)
        self._follow(taken, now, is_late=is_late)
        if not was_overtaken:
            self.answer_seconds += (taken - self.answer_seconds) * (FOLLOWS if self.answer_seconds else 1.0)
        self._last.append(_Heard(now, is_late, was_overtaken))
        if not is_late:
            self._late_run = 0
        elif not self._late_run:
            self._late_run, self._late_since, self._first_late = 1, now, took
        else:
            self._late_run += 1
        self._just_came.append((now, sent_at))
        self._answers.append(now)
        while self._answers[0] < now - THROUGHPUT_SECONDS:
            self._answers.popleft()

    def _taken_by_copy(self, took: float, copied_after: float) -> float:
        """How long the answer took that came after a copy: whose it is does not show (Karn's algorithm).

        The first datagram's, unless an answer before took so little that it would have come before the copy:
        then waiting for longer only makes answers later, and each is to its copy.
        """
        was_lost = copied_after >= LATE * self._least_with_copy
        self._least_with_copy = min(self._least_with_copy, took)
        return took - copied_after if was_lost else took

    @property
    def t1(self) -> float:
        """How old (seconds) a request must be to be sent again at this moment."""
        return t1_for(self.answer_seconds)

    def _follow(self, took: float, now: float, *, is_late: bool) -> None:
        if not self.usual_seconds:
            self.usual_seconds = self._fastest = took
        elif not is_late:
            share = FOLLOWS * min(1.0, (now - self._fastest_at) / FOLLOWS_WITHIN)
            self.usual_seconds += (took - self.usual_seconds) * share
            doublings = min((now - self._fastest_at) / FASTEST_DOUBLES, FORGOTTEN_DOUBLINGS)
            self._fastest = min(took, self._fastest * 2.0**doublings)
        self._fastest_at = now

    def is_late(self, took: float) -> bool:
        """True if an answer took longer than a trunk that keeps up would take."""
        return self.usual_seconds > 0 and took > max(LATE_SECONDS, OVERDUE * self._fastest)

    def was_overtaken(self, sent_at: float, now: float) -> bool:
        """True if something that left clearly later was answered a while ago."""
        while self._just_came and self._just_came[0][0] < now - TOGETHER_SECONDS:
            self._newest_sent_at = max(self._newest_sent_at, self._just_came.popleft()[1])
        return sent_at < self._newest_sent_at - OVERTAKEN_SECONDS

    @property
    def were_dropped(self) -> bool:
        """True if many were answered only when they were sent again: later ones had overtaken them."""
        return sum(one.is_late and one.was_overtaken for one in self._last) >= LATE_ONES

    def is_queueing(self, took: float, now: float) -> bool:
        """True if answers have been late for a while, this one no less than the first."""
        lasts = now - self._late_since >= QUEUE_SECONDS
        return self._late_run >= LATE_ONES and lasts and took >= EASES * self._first_late

    def conclude(self, took: float, now: float, *, pause: float) -> bool:
        """Count lateness anew, now that it is answered by slowing down after a ``pause`` (seconds).

        False if that did not help again and again: the trunk has become slow for good, and late is usual.
        """
        helped = now - self._concluded_at > SOON or took < UNCHANGED * self._concluded_from
        self._in_vain = 0 if helped else self._in_vain + 1
        self._concluded_at, self._concluded_from = now, took
        self._last.clear()
        self._late_run = 0
        self._answers.clear()
        self._answers_since = now + pause
        if self._in_vain < IN_VAIN:
            return True
        self._in_vain, self.usual_seconds, self._fastest = 0, took, took
        return False

    def keeps_up_with(self, rate: float, now: float, *, since: float) -> bool:
        """True if answers come at two fifths of that rate at least: else a queue grows, which is seen late.

        ``since`` is when requests began to leave at about that rate.
        """
        span = min(SHORTEST_SECONDS, now - since)
        enough = ceil(rate * span / KEEPS_UP) - 1  # one may be on its way
        return enough <= 0 or (enough <= len(self._answers) and self._answers[-enough] > now - span)

    def throughput(self, now: float) -> float | None:
        """Answers per second, lately; None if too few have come to tell."""
        since = max(self._answers_since, now - THROUGHPUT_SECONDS)
        since = max(since, self._answers[0]) if self._answers else since
        if now - since < SHORTEST_SECONDS:
            return None
        return sum(at > since for at in self._answers) / (now - since)

    @property
    def canary_patience(self) -> float:
        """So long (seconds) to wait for a canary's answer."""
        return max(SILENT_SECONDS, OVERDUE * self.usual_seconds)

    def has_fallen_silent(self, elapsed: float) -> bool:
        """True when everything sent for a while went unanswered; time-outs would tell it much later.

        ``elapsed`` is the time that counts since the last question.
        """
        if self._unheard:
            self._unheard_seconds += elapsed
        return self._unheard >= HELD_FOR and self.is_overdue(self._unheard_seconds, LATE_SECONDS)

    @property
    def awaits_an_answer(self) -> bool:
        """True while nothing answers any more, and something should have: until then more might be lost."""
        waits = self._unheard_seconds > max(HOLD_SECONDS, HOLD * self.usual_seconds) + self._until_copy
        return self._unheard >= HELD_FOR and waits

    def is_overdue(self, waited: float, at_least: float) -> bool:
        """True if an answer should have come by now."""
        return waited > max(at_least, OVERDUE * self.usual_seconds) + self._until_copy

    @property
    def _until_copy(self) -> float:
        """So much longer (seconds) to wait while answers come only to what was sent again."""
        return self.t1 if self._to_copies else 0.0
