"""One registration at one registrar, kept alive (RFC 3261 section 10.2), without I/O.

The driver's part: when `next_due` has come, take `request`, send it, and hand its final answer to `answered`
(None when none came); take events from `next_event` until it is None. ``now`` is monotonic seconds. Only
one REGISTER is under way at a time, as section 10.2 demands. Nothing is ever sent again at once after a
time-out (section 10.2.7): failures rest as RFC 5626 section 4.5 has it.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from shiftline.errors import MisuseError
from shiftline.sip.digest import ChallengeOutcome, DigestClient, ServerProof
from shiftline.sip.message import Request, Response
from shiftline.sip.refresh import Window, backoff_seconds, is_inside, no_windows, plan_refresh
from shiftline.sip.register_answer import (
    Failure,
    Verdict,
    failure_of,
    granted_seconds,
    minimum_expires,
    retry_after_seconds,
    verdict_on,
)
from shiftline.sip.registration_table import STEPS, Input, RegistrationState
from shiftline.sip.requests import register_query
from shiftline.sip.uri import SipUri

MOST_RAISES = 3
"""423 answers in a row that are followed; a registrar that asks for ever more has no end."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Binding:
    """What is to be registered: ``contacts`` for the address-of-record ``aor`` at ``registrar``."""

    aor: SipUri
    registrar: SipUri
    contacts: tuple[SipUri, ...]
    expires_seconds: int = 3600


@dataclass(frozen=True, slots=True, kw_only=True)
class Registered:
    """The binding holds until then; ``proof`` says whether the server proved that it knows the password."""

    until: float
    granted_seconds: int
    proof: ServerProof


@dataclass(frozen=True, slots=True, kw_only=True)
class RegistrationFailed:
    """It did not work now; it is tried again at ``again_at``."""

    failure: Failure
    again_at: float


@dataclass(frozen=True, slots=True, kw_only=True)
class RegistrationRefused:
    """The registrar said no, and is not asked again by itself."""

    failure: Failure


@dataclass(frozen=True, slots=True, kw_only=True)
class Unregistered:
    """It is over. ``confirmed`` is False when the registrar was not heard to agree: the binding runs out."""

    confirmed: bool


RegistrationEvent = Registered | RegistrationFailed | RegistrationRefused | Unregistered


class Registration:
    """See the module's text."""

    __slots__ = (
        "_call_id", "_cseq", "_digest", "_due", "_ending", "_events", "_everywhere", "_expires", "_failures",
        "_in_flight", "_jitter", "_may_be_bound", "_raises", "_sent_at", "_token", "_windows", "binding",
        "failure", "state", "until",
    )  # fmt: skip

    def __init__(
        self,
        binding: Binding,
        *,
        digest: DigestClient | None,
        token: Callable[[], str],
        jitter: Callable[[], float],
        windows: Callable[[float], Sequence[Window]] = no_windows,
    ) -> None:
        """``jitter`` draws evenly from 0 to 1; ``windows`` gives the publish windows as seen from a time."""
        self.binding = binding
        self.state = RegistrationState.UNREGISTERED
        self.until: float | None = None
        """When the binding ends at the registrar, as last granted; None when there is none."""
        self.failure: Failure | None = None
        """What went wrong last; None once it works again."""
        self._digest = digest
        self._token = token
        self._jitter = jitter
        self._windows = windows
        self._call_id = token()
        self._cseq = 0
        self._expires = binding.expires_seconds
        self._due: float | None = None
        self._in_flight = self._ending = self._everywhere = self._may_be_bound = False
        self._failures = self._raises = 0
        self._sent_at = 0.0
        self._events: deque[RegistrationEvent] = deque()

    def start(self, now: float) -> None:
        """Register at ``now``, which may lie ahead; also after a refusal, once its cause is mended."""
        if self._in_flight or (self.state, Input.START) not in STEPS:
            return
        self._step(Input.START)
        self._due = now

    def stop(self, now: float, *, everywhere: bool = False) -> None:
        """Remove our contacts (RFC 3261 section 10.2.2), or with ``everywhere`` all of the address-of-record.

        What is under way is awaited first. Where nothing can be bound, nothing is sent.
        """
        self._everywhere |= everywhere
        if self.state is RegistrationState.UNREGISTERING:
            return
        self._ending = True
        if not self._in_flight:
            self._end(now)

    def next_due(self) -> float | None:
        """When `request` is to be called; None while an answer is awaited or nothing is to be done."""
        return None if self._in_flight else self._due

    def is_urgent(self, now: float) -> bool:
        """Whether what is due belongs in the top lane: a publish window is open, and it cannot wait."""
        return is_inside(now, self._windows(now))

    def request(self, now: float) -> Request:
        """The next REGISTER, under way from now on. Raises MisuseError when none is due."""
        if self._in_flight or self._due is None:
            raise MisuseError("No REGISTER is due.", remedy="Ask next_due first.")
        self._step(Input.SEND)
        self._in_flight = True
        self._due = None
        self._sent_at = now
        self._cseq += 1
        removing = self.state is RegistrationState.UNREGISTERING
        request = register_query(
            self.binding.aor,
            registrar=self.binding.registrar,
            token=self._token,
            call_id=self._call_id,
            cseq=self._cseq,
        )
        contacts = ["*"] if removing and self._everywhere else [f"<{uri}>" for uri in self.binding.contacts]
        for contact in contacts:
            request.headers.add("Contact", contact)
        request.headers.add("Expires", f"{0 if removing else self._expires:d}")
        if self._digest is not None:
            self._digest.authorize(request)
        return request

    def answered(
        self, request: Request, response: Response | None, now: float, *, throttled: bool = False
    ) -> Verdict:
        """Take the final answer to ``request`` as it left, None when none came, and return what it means.

        ``throttled`` is the driver's word that a refusal came of the trunk's rate: then it is a failure.
        """
        if not self._in_flight:
            raise MisuseError("An answer came to a REGISTER that is not under way.")
        self._in_flight = False
        verdict, proof = self._judge(request, response)
        if verdict is Verdict.REFUSED and throttled:
            verdict = Verdict.FAILED
        # Silence may hide a binding.
        self._may_be_bound = self._may_be_bound or verdict is Verdict.ACCEPTED or response is None
        if verdict is Verdict.TOO_BRIEF:
            verdict = self._raise_expires(response, now)
        if verdict is Verdict.CHALLENGED:
            self._due = now
        elif verdict is Verdict.ACCEPTED:
            self._accept(response, now, proof)
        elif verdict is Verdict.FAILED:
            self._fail(failure_of(response), now, retry_after_seconds(response))
        elif verdict in (Verdict.REFUSED, Verdict.CREDENTIALS_REFUSED):
            self._refuse(failure_of(response))
        if self._ending and self.state is not RegistrationState.UNREGISTERED:
            self._end(now)
        return verdict

    def next_event(self) -> RegistrationEvent | None:
        """The next event, oldest first; None when there is none."""
        return self._events.popleft() if self._events else None

    def _judge(self, request: Request, response: Response | None) -> tuple[Verdict, ServerProof]:
        verdict, proof = verdict_on(response), ServerProof.ABSENT
        if response is None or self._digest is None:
            return verdict, proof
        if verdict is Verdict.ACCEPTED:
            proof = self._digest.accepted(response, request)
        elif verdict is Verdict.CREDENTIALS_REFUSED:
            outcome = self._digest.challenged(response, request)
            verdict = Verdict.CHALLENGED if outcome is ChallengeOutcome.RETRY else verdict
        return verdict, proof

    def _raise_expires(self, response: Response | None, now: float) -> Verdict:
        """Follow a 423 (RFC 3261 section 10.2.8), if it asks for more than we did."""
        minimum = minimum_expires(response)
        self._raises += 1
        removing = self.state is RegistrationState.UNREGISTERING
        if removing or minimum is None or minimum <= self._expires or self._raises > MOST_RAISES:
            return Verdict.REFUSED
        self._expires = minimum
        self._due = now
        return Verdict.TOO_BRIEF

    def _accept(self, response: Response | None, now: float, proof: ServerProof) -> None:
        granted = granted_seconds(response, self.binding.contacts, asked=self._expires)
        if not granted and self.state is not RegistrationState.UNREGISTERING:
            self._fail(Failure(status=200, why="The registrar agreed and bound nothing."), now, 0.0)
            return
        self._step(Input.ACCEPTED)
        self._failures = self._raises = 0
        self.failure = None
        if self.state is RegistrationState.UNREGISTERED:
            self._conclude(confirmed=True)
            return
        # The registrar counted from some time before its answer came.
        self.until = self._sent_at + granted
        refresh = plan_refresh(granted, self._sent_at, self._windows(now), self._jitter())
        self._due = max(now, refresh.at)
        self._events.append(Registered(until=self.until, granted_seconds=granted, proof=proof))

    def _fail(self, failure: Failure, now: float, wish: float) -> None:
        self._step(Input.FAILED)
        self._failures += 1
        self.failure = failure
        if self.state is RegistrationState.UNREGISTERED:
            self._conclude(confirmed=False)
            return
        self._due = now + max(wish, backoff_seconds(self._failures, self._jitter()))
        self._events.append(RegistrationFailed(failure=failure, again_at=self._due))

    def _refuse(self, failure: Failure) -> None:
        self._step(Input.REFUSED)
        self.failure = failure
        self._due = None
        if self.state is RegistrationState.UNREGISTERED:
            self._conclude(confirmed=False)
        else:
            self._events.append(RegistrationRefused(failure=failure))

    def _end(self, now: float) -> None:
        if self.state is RegistrationState.UNREGISTERING:
            return
        was_refused = self.state is RegistrationState.REFUSED
        self._step(Input.STOP)
        self._due = now
        nothing_bound = not self._may_be_bound and not self._everywhere
        if was_refused or nothing_bound:  # whoever was refused is not heard on removals either
            self._step(Input.FAILED)
            self._conclude(confirmed=nothing_bound)

    def _conclude(self, *, confirmed: bool) -> None:
        self._due = self.until = None
        self._ending = self._everywhere = self._may_be_bound = False
        self._events.append(Unregistered(confirmed=confirmed))

    def _step(self, given: Input) -> None:
        self.state = STEPS[self.state, given]
