"""The governor of one trunk: paced sending, a learned rate, and the class of each refusal.

Rules of this file. Nothing here sleeps or sends: the driver asks `permission`, reports `sent` and
`answered`, and comes back at the moment it was told. One request is in flight until the trunk has
accepted our credentials once. A refusal silences the trunk until an unauthenticated canary passes: a
throttle lets it pass after a while, a policy does not, and refused credentials show as a canary that is
challenged while the request behind it is refused again. Whatever happens, at most two requests with
refused credentials leave in an episode.

```
PROVING --accepted--> CLIMBING --refused--> LISTENING --canary passed--> HOLDING --refused--> LISTENING
   |                                            |
   +--- credentials refused twice, or canaries refused past the patience -----> STOPPED
```
Sources: facts on overload control (section 1) and on SIP 403 signatures (3.7).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from shiftline.governor.pacer import Pacer
from shiftline.governor.policy import GovernorPolicy
from shiftline.governor.window_fit import Observation, WindowFit, fit_windows

MAX_REFUSED_CREDENTIALS = 2
CANARIES_THAT_MEAN_POLICY = 3  # refused at rest, on a trunk that never accepted anything
STRIKE_SILENCE = 1.0  # seconds; after that much silence a refusal is not about the last second's rate
BOUNDARY_MARGIN = 0.03  # seconds after a window's end before the next one is tried
LOWEST_RATE = 0.5
DECREASE = 0.85
OPEN_CREEP = 3.0  # while the fit leaves the limit open
PINNED_CREEP = 0.1  # once it is known: only to notice that it was raised
LONGEST_GROWTH_STEP = 0.25  # seconds; a rate does not grow while nothing is sent
MEMORY = 4000  # observations kept for the fit
SILENCES_THAT_COUNT = 3  # a lone lost datagram is not a refusal


class Mode(StrEnum):
    """Where the governor stands."""

    PROVING = "proving"
    CLIMBING = "climbing"
    LISTENING = "listening"
    HOLDING = "holding"
    STOPPED = "stopped"


class Answer(StrEnum):
    """What became of one request, as far as admission goes."""

    PASSED = "passed"
    """Handled: any answer that only a PBX which looked at the request gives (200, 404, 480, 486...)."""
    CHALLENGED = "challenged"
    """401 or 407 to a request without credentials: the path is open, nothing is proven yet."""
    REFUSED = "refused"
    """403, 503 and the like."""
    CREDENTIALS_REFUSED = "credentials-refused"
    """Challenged again although the request carried credentials for the newest nonce."""
    SILENT = "silent"
    """No answer in time."""


class RefusalClass(StrEnum):
    """What kind of refusal the trunk shows; the doctor takes these as observations."""

    NONE = "none"
    THROTTLE = "throttle"
    BAN = "ban"
    POLICY = "policy"
    CREDENTIALS = "credentials"
    UNREACHABLE = "unreachable"
    UNDECIDED = "undecided"


class Send(StrEnum):
    """What the driver may send now."""

    NOTHING = "nothing"
    CHECK = "check"
    CANARY = "canary"


@dataclass(frozen=True, slots=True)
class Permission:
    """What may leave now; with NOTHING, ``again_at`` is when to ask again (None: after the next answer)."""

    send: Send
    again_at: float | None = None


@dataclass(slots=True)
class _Flight:
    sent_at: float
    kind: Send
    credentials: bool


class Governor:
    """See the module's text. All times are seconds on one monotonic clock."""

    def __init__(self, policy: GovernorPolicy, now: float, known: Mapping[str, Any] | None = None) -> None:
        self.policy = policy
        self.mode = Mode.PROVING
        self.refusal = RefusalClass.NONE
        self.overshoots = 0
        self._pacer = Pacer(rate=self._first_rate(known), now=now)
        self._after_proof = Mode.HOLDING if known or not policy.learn else Mode.CLIMBING
        self._fit: WindowFit | None = None
        self._seen: deque[Observation] = deque(maxlen=MEMORY)
        self._flights: dict[int, _Flight] = {}
        self._next_ticket = 0
        self._proven = False
        self._strikes = 0
        self._silences = 0
        self._silence = 0.0
        self._listen_until = 0.0
        self._listening_since = 0.0
        self._canaries_refused = 0
        self._resumed_at = now
        self._grown_at = now

    @property
    def rate(self) -> float:
        """The paced rate in requests per second."""
        return self._pacer.rate

    def permission(self, now: float) -> Permission:
        """Return what may leave at ``now``, given that something waits to be sent."""
        if self.mode is Mode.STOPPED:
            return Permission(Send.NOTHING)
        if self.mode is Mode.LISTENING:
            if any(flight.kind is Send.CANARY for flight in self._flights.values()):
                return Permission(Send.NOTHING)
            if now < self._listen_until:
                return Permission(Send.NOTHING, self._listen_until)
            return Permission(Send.CANARY)
        if self.mode is Mode.PROVING and self._flights:
            return Permission(Send.NOTHING)
        self._grow(now)
        free_at = self._pacer.free_at(now)
        if free_at > now:
            return Permission(Send.NOTHING, free_at)
        return Permission(Send.CHECK)

    def sent(self, now: float, kind: Send, *, credentials: bool) -> int:
        """Note that a request left; return the ticket for `answered`."""
        self._pacer.take(now)
        self._next_ticket += 1
        self._flights[self._next_ticket] = _Flight(now, kind, credentials)
        return self._next_ticket

    def answered(self, ticket: int, now: float, answer: Answer, retry_after: float | None = None) -> None:
        """Note what became of a request. ``retry_after`` (seconds) is honoured on any refusal."""
        flight = self._flights.pop(ticket)
        if self.mode is Mode.STOPPED:
            return
        if answer is Answer.SILENT:
            self._silent(flight, now)
            return
        self._silences = 0
        if answer in (Answer.PASSED, Answer.CHALLENGED):
            self._seen.append(Observation(flight.sent_at, passed=True))
            self._passed(flight, now, proven=answer is Answer.PASSED)
        elif answer is Answer.CREDENTIALS_REFUSED:
            # The limiter let it through: only the credentials were turned down.
            self._seen.append(Observation(flight.sent_at, passed=True))
            self._strike(now)
        else:
            self._seen.append(Observation(flight.sent_at, passed=False))
            self._refused(flight, now, retry_after or 0.0)

    def knowledge(self) -> dict[str, Any]:
        """What should survive a restart, as plain JSON values."""
        return {
            "mode": str(self.mode),
            "refusal": str(self.refusal),
            "rate": round(self._pacer.rate, 3),
            "limit": None if self._fit is None else self._fit.lowest_limit,
            "window_seconds": None if self._fit is None else self._fit.window_seconds,
            "overshoots": self.overshoots,
            "learned": self._proven and self.mode is not Mode.CLIMBING,
        }

    def _first_rate(self, known: Mapping[str, Any] | None) -> float:
        if known:
            return min(self.policy.ceiling, max(float(known["rate"]), 1.0))
        if self.policy.learn:
            return min(self.policy.ceiling, self.policy.initial_rate)
        return self.policy.max_rate

    def _passed(self, flight: _Flight, now: float, *, proven: bool) -> None:
        if flight.kind is Send.CANARY:
            if self.mode is Mode.LISTENING:
                self._path_is_open(now)
            return
        if not proven:
            return
        self._proven = True
        if flight.sent_at >= self._resumed_at:
            self._silence = 0.0
            self._strikes = 0
        if self.mode is Mode.PROVING:
            self._resume(now)

    def _path_is_open(self, now: float) -> None:
        """A canary passed. After a long silence, or with nothing proven, go on one at a time."""
        self._pacer.restart(now)
        self._resumed_at = now
        if self._proven and self._silence < STRIKE_SILENCE:
            self._resume(now)
        else:
            self.mode = Mode.PROVING

    def _resume(self, now: float) -> None:
        self.mode = self._after_proof
        self.refusal = RefusalClass.THROTTLE if self.overshoots else RefusalClass.NONE
        self._grown_at = now
        if self.overshoots:
            self._settle_rate(now)

    def _refused(self, flight: _Flight, now: float, retry_after: float) -> None:
        if self.mode is Mode.LISTENING:
            if flight.kind is Send.CANARY:
                self._canaries_refused += 1
                self._judge_silence(now)
                self._listen(now, retry_after)
            return
        if self.mode is Mode.PROVING and (not self._proven or self._silence >= STRIKE_SILENCE):
            # At rest and refused: pacing will not help this one. The canary says whether the path is open.
            self._strike(now, retry_after)
            return
        if self.mode is not Mode.PROVING:
            self.overshoots += 1
        self._begin_listening(now, retry_after)

    def _strike(self, now: float, retry_after: float = 0.0) -> None:
        self._strikes += 1
        if self._strikes >= MAX_REFUSED_CREDENTIALS:
            self.mode = Mode.STOPPED
            self.refusal = RefusalClass.CREDENTIALS
            return
        self._silence = max(self._silence, STRIKE_SILENCE / 2)
        self._begin_listening(now, retry_after)

    def _begin_listening(self, now: float, retry_after: float) -> None:
        self.mode = Mode.LISTENING
        self.refusal = RefusalClass.UNDECIDED
        self._after_proof = Mode.HOLDING
        self._listening_since = now
        self._canaries_refused = 0
        self._listen(now, retry_after)

    def _listen(self, now: float, retry_after: float) -> None:
        """Be silent for a while: until the known window ends, or a little longer each time."""
        if not self._silence:
            self._silence = self.policy.canary_seconds
            until = now + self._silence
            if self._fit is not None and self._fit.is_pinned:
                # A refusal right after a boundary was the old window's: the phase is known to its grain only.
                until = max(now, self._fit.next_boundary(now - self._fit.grain_seconds)) + BOUNDARY_MARGIN
            self._listen_until = max(now + retry_after, until)
            return
        # Short steps within the second that most windows last, then doubling: a ban must not be prolonged.
        grow = 1.25 if self._silence < STRIKE_SILENCE / 3 else 2.0
        self._silence = min(self._silence * grow, self.policy.longest_silence)
        self._listen_until = now + max(retry_after, self._silence)

    def _judge_silence(self, now: float) -> None:
        if not self._proven and self._canaries_refused >= CANARIES_THAT_MEAN_POLICY:
            self.mode = Mode.STOPPED
            self.refusal = RefusalClass.POLICY
        elif now - self._listening_since > self.policy.patience_seconds:
            self.refusal = RefusalClass.BAN

    def _silent(self, flight: _Flight, now: float) -> None:
        self._silences += 1
        if self.mode is Mode.LISTENING:
            if flight.kind is Send.CANARY:
                self.refusal = RefusalClass.UNREACHABLE
                self._silence = max(self._silence, STRIKE_SILENCE / 2)
                self._listen(now, 0.0)
        elif self.mode is Mode.PROVING or self._silences >= SILENCES_THAT_COUNT:
            self._silence = max(self._silence, STRIKE_SILENCE / 2)
            self._begin_listening(now, 0.0)
            self.refusal = RefusalClass.UNREACHABLE

    def _settle_rate(self, now: float) -> None:
        """Choose the rate to hold from what the refusals taught."""
        before = self._pacer.rate
        seen = sorted(self._seen, key=lambda observation: observation.sent_at)
        self._fit = fit_windows(seen)
        if self._fit is None:
            self._pacer.cap = None
            self._hold(before * DECREASE)
        else:
            self._hold(self._fit.rate * (1.0 - self.policy.headroom))
        if not self.policy.learn:
            self._hold(min(before * DECREASE, self._pacer.rate))
        self._pacer.restart(now)

    def _hold(self, rate: float) -> None:
        self._pacer.rate = max(min(rate, self.policy.ceiling), LOWEST_RATE)
        if self._fit is not None:
            self._pacer.window_seconds = self._fit.window_seconds
            self._pacer.cap = max(1, int(self._pacer.rate * self._fit.window_seconds + 0.001))

    def _grow(self, now: float) -> None:
        elapsed = min(now - self._grown_at, LONGEST_GROWTH_STEP)
        self._grown_at = now
        if self.mode is Mode.CLIMBING:
            self._pacer.rate = min(
                self._pacer.rate * 2 ** (elapsed / self.policy.doubling_seconds), self.policy.ceiling
            )
        elif self.mode is Mode.HOLDING and self.policy.learn and not self.policy.headroom:
            self._hold(self._pacer.rate * (1.0 + self._creep() * elapsed))

    def _creep(self) -> float:
        """How fast the held rate may grow now, as a share of itself per second."""
        fit = self._fit
        if fit is None:
            return self.policy.creep_per_second
        if not fit.is_pinned and self._pacer.rate * fit.window_seconds <= fit.highest_limit:
            return self.policy.creep_per_second * OPEN_CREEP
        return self.policy.creep_per_second * PINNED_CREEP
