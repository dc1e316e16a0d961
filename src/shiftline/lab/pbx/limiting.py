"""What stands in front of the practice PBX: the demo's throttle, or any limiter of the bank."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from shiftline.governor.limiters.model import FORBIDDEN, PASSED, Arrival, Fate, Feedback, Limiter, Verdict
from shiftline.governor.limiters.spec import parse_limiter
from shiftline.lab.pbx.answer import Answer
from shiftline.lab.pbx.faults import Faults, ThrottledKeys
from shiftline.sip.overload import OverloadControl


class Limiting:
    """Judges each arrival. Seconds of one clock, which never goes back."""

    def __init__(self, faults: Faults, random: Callable[[], float]) -> None:
        """``random`` draws from [0, 1): where the windows begin, and the other senders of a shared limit.

        Raises ConfigurationError for a limiter's text that cannot be read.
        """
        self._keys: ThrottledKeys | None = None
        self._limiter: Limiter | None = None
        if faults.limiter:
            self._limiter = parse_limiter(faults.limiter).build(random(), random=random)
        elif faults.throttle:
            phase_seconds = random() * faults.throttle.window_seconds
            self._keys = ThrottledKeys(faults.throttle, phase_seconds=phase_seconds)
        self._began: float | None = None

    def judge(self, arrival: Arrival) -> Verdict:
        """Take note of the arrival and decide; without a limiter everything passes."""
        if self._keys:
            return PASSED if self._keys.admits(arrival.source, arrival.at) else FORBIDDEN
        if not self._limiter:
            return PASSED
        if self._began is None:
            self._began = arrival.at  # a limiter's time begins with its first arrival
        return self._limiter.judge(replace(arrival, at=arrival.at - self._began))

    def window_at(self, now: float) -> int | None:
        """The number of the throttle's window that ``now`` falls into; None without a throttle."""
        return self._keys.window_at(now) if self._keys else None


def refusal(verdict: Verdict) -> Answer:
    """The answer to what did not pass."""
    if verdict.fate is Fate.DROP:
        return Answer(status=None, reason="throttled", is_dropped=True)
    wait = verdict.retry_after
    headers = () if wait is None else (("Retry-After", f"{wait:.0f}"),)
    return Answer(status=verdict.status, reason="throttled", headers=headers, feedback=verdict.feedback)


def control_of(feedback: Feedback) -> OverloadControl:
    """The same in the words of Via."""
    return OverloadControl(
        algorithm=feedback.algorithm,
        value=round(feedback.value),
        validity_seconds=feedback.validity_seconds,
        sequence=feedback.sequence,
    )
