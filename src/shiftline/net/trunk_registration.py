"""A trunk's own registration: kept by whoever owns the trunk, within the trunk's budget, in its top lane."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from itertools import count
from typing import Any

import structlog

from shiftline.clock import Clock
from shiftline.connector.reading import REFUSALS
from shiftline.governor.controller import Answer, Send
from shiftline.governor.governor import Governor
from shiftline.net.asking import feedback_of, retry_after, status_of
from shiftline.net.endpoint import SipEndpoint
from shiftline.net.registrar import Registrar
from shiftline.net.trunk import TrunkDriver
from shiftline.net.waiting import REFUSALS_OF_ONE
from shiftline.sip.digest import ServerProof
from shiftline.sip.events import RequestReceived
from shiftline.sip.message import Response, response_to
from shiftline.sip.register_answer import Verdict
from shiftline.sip.registration import (
    Registered,
    Registration,
    RegistrationEvent,
    RegistrationFailed,
    RegistrationRefused,
)
from shiftline.sip.registration_table import RegistrationState
from shiftline.sip.targets import Target

RELEASE_SECONDS = 1.5
"""So long may the removal of the binding hold up the end of a worker."""
LAPSED = "lapsed"
"""The state shown of a binding that ran out before its refresh could leave."""
_ANSWERED_METHODS = "OPTIONS"

log = structlog.get_logger("shiftline.registration")


class TrunkGate:
    """Lets a REGISTER leave when the trunk's governor would let a check leave, and counts it as one."""

    def __init__(self, trunk: TrunkDriver) -> None:
        self._trunk = trunk
        self._loop = asyncio.get_running_loop()
        self._governor: Governor | None = None
        self._tickets: dict[int, tuple[Governor, int, bool]] = {}
        self._numbers = count(1)
        self._refusals = 0
        self._is_accepted = False

    def forget(self) -> None:
        """Whatever made the trunk ours anew may have changed the password."""
        self._is_accepted = False

    def admit(self, leave: Callable[[], None], *, urgent: bool) -> None:
        """In the trunk's top lane, and what is urgent before the rest of it."""

        def errand(governor: Governor, _now: float) -> bool:
            self._governor, before = governor, len(self._tickets)
            leave()
            return len(self._tickets) > before

        self._trunk.run_errand(errand, first=urgent)

    def sent(self, *, credentials: bool) -> int:
        """Take it out of the budget of the governor that let it leave."""
        assert self._governor is not None  # noqa: S101 - `sent` is called within `leave`
        number = next(self._numbers)
        ticket = self._governor.sent(self._loop.time(), Send.CHECK, credentials=credentials)
        self._tickets[number] = (self._governor, ticket, credentials)
        return number

    def blames_rate(self, response: Response | None) -> bool:
        """A trunk that lets other requests pass is asked three times before a refusal is its decision."""
        if response is None or response.status not in REFUSALS - {401, 407}:
            return False
        self._refusals += 1
        return self._trunk.has_passed and self._refusals < REFUSALS_OF_ONE

    def answered(self, ticket: int, response: Response | None, verdict: Verdict) -> None:
        """Tell the governor, as of a check's answer, and let the trunk go on."""
        governor, its_ticket, carried = self._tickets.pop(ticket)
        answer = _answer_of(response, verdict)
        if answer is Answer.CHALLENGED and carried and not self._is_accepted:
            answer = Answer.CREDENTIALS_REFUSED  # asked again although it carried a password
        self._is_accepted |= carried and answer is Answer.PASSED
        if answer is Answer.PASSED:
            self._refusals = 0
        governor.answered(
            its_ticket,
            self._loop.time(),
            answer,
            retry_after(response),
            status=status_of(response),
            feedback=feedback_of(response),
        )
        self._trunk.go_on()


def _answer_of(response: Response | None, verdict: Verdict) -> Answer:
    if response is None:
        return Answer.SILENT
    if verdict is Verdict.CHALLENGED:
        return Answer.CHALLENGED
    if verdict is Verdict.CREDENTIALS_REFUSED:
        return Answer.CREDENTIALS_REFUSED
    return Answer.REFUSED if response.status in REFUSALS else Answer.PASSED


class TrunkRegistration:
    """The registration of one trunk's account, and what an operator sees of it."""

    def __init__(
        self,
        registration: Registration,
        *,
        endpoint: SipEndpoint,
        trunk: TrunkDriver,
        targets: Sequence[Target],
        clock: Clock,
        name: str,
        answer_timeout_seconds: float,
    ) -> None:
        """``clock`` dates what is shown; ``name`` is the trunk's, for the log."""
        self._registration = registration
        self._targets = targets
        self._clock = clock
        self._log = log.bind(trunk=name)
        self._loop = asyncio.get_running_loop()
        self._added = False
        self._works = False
        self._last_failure: dict[str, Any] | None = None
        self._gate = TrunkGate(trunk)
        self._registrar = Registrar(
            endpoint,
            gate=self._gate,
            on_event=self._heard,
            answer_timeout_seconds=answer_timeout_seconds,
        )

    def take_over(self) -> None:
        """Register anew now that the trunk is ours: another owner may have bound its own address.

        What was refused stays so: a lease that comes and goes must not lock an account.
        """
        self._gate.forget()
        if self._registration.state is RegistrationState.REFUSED:
            return
        if self._added:
            self._registrar.start(self._registration)
        else:
            self._added = True
            self._registrar.add(self._registration, self._targets)

    async def release(self) -> None:
        """Remove the binding, if the registrar answers soon; call it while the trunk is still ours."""
        if self._added and not await self._registrar.release(RELEASE_SECONDS):
            self._log.warning("binding not removed; it runs out by itself")

    async def aclose(self) -> None:
        """Stop; nothing is sent any more."""
        await self._registrar.aclose()

    def status(self) -> dict[str, Any]:
        """State, end of the binding and the last failure, as plain JSON values."""
        until, state = self._registration.until, str(self._registration.state)
        if until is not None and until <= self._loop.time():
            # A refresh may have been held back: by another owner, or by a trunk that was stopped.
            until, state = None, LAPSED if state == RegistrationState.REGISTERED else state
        return {
            "state": state,
            "registered_until": None if until is None else self._civil(until).isoformat(),
            "last_failure": self._last_failure,
        }

    def _civil(self, moment: float) -> datetime:
        return self._clock() + timedelta(seconds=moment - self._loop.time())

    def _heard(self, _: Registration, event: RegistrationEvent) -> None:
        if isinstance(event, Registered):
            if not self._works:
                self._log.info("registered", until=self._civil(event.until).isoformat(timespec="seconds"))
            self._works = True
            if event.proof is ServerProof.WRONG:
                self._note(200, "The registrar claims to know our password and does not.")
        elif isinstance(event, RegistrationFailed | RegistrationRefused):
            self._works = False
            self._note(event.failure.status, event.failure.why)
            if isinstance(event, RegistrationFailed):
                rest = round(event.again_at - self._loop.time())
                self._log.warning("registration failed", why=event.failure.why, again_in_seconds=rest)
            else:
                self._log.error("registration refused", why=f"{event.failure.why} It is not tried again.")

    def _note(self, status: int | None, why: str) -> None:
        self._last_failure = {"at": self._clock().isoformat(), "status": status, "why": why}


def answer_pbx(endpoint: SipEndpoint, event: RequestReceived) -> None:
    """Answer what the PBX sends to our contact: a keep-alive OPTIONS is well, and nobody can be called."""
    if event.key is None:
        return
    method = event.request.method
    status = 200 if method == "OPTIONS" else 480 if method == "INVITE" else 405
    response = response_to(event.request, status, to_tag=secrets.token_hex(8))
    response.headers.add("Allow", _ANSWERED_METHODS)
    endpoint.respond(event.key, response)
