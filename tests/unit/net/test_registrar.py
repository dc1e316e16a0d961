"""The registrar's driver against a practice PBX on loopback: many registrations, one timer."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from tests.support import tokens, until

from shiftline.net.endpoint import SipEndpoint
from shiftline.net.registrar import MOST_UNDER_WAY, OpenGate, Registrar
from shiftline.secrets import Secret
from shiftline.sip.digest import DigestAccount, DigestClient
from shiftline.sip.digest_server import DigestServer, DigestVerdict
from shiftline.sip.events import RequestReceived
from shiftline.sip.message import Response, response_to
from shiftline.sip.register_answer import Verdict
from shiftline.sip.registration import Binding, Registration, RegistrationEvent, Unregistered
from shiftline.sip.registration_table import RegistrationState
from shiftline.sip.targets import Target
from shiftline.sip.uri import SipUri


@dataclass
class Pbx:
    """Challenges every account once, then grants ``seconds``; counts what came."""

    seconds: int = 3600
    silent: bool = False
    arrived: Counter[str] = field(default_factory=Counter)
    bound: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        self._digest = DigestServer("lab", lambda _: Secret("secret"), token=tokens())

    def answer(self, endpoint: SipEndpoint, event: RequestReceived) -> None:
        contact = event.request.headers.get("Contact") or ""
        self.arrived[contact] += 1
        if self.silent or event.key is None:
            return
        if self._digest.verify(event.request, 0.0) is not DigestVerdict.OK:
            response = response_to(event.request, 401)
            response.headers.add("WWW-Authenticate", self._digest.challenge(0.0))
        else:
            response = response_to(event.request, 200)
            removed = event.request.headers.get("Expires") == "0"
            (self.bound.discard if removed else self.bound.add)(contact)
            response.headers.add("Expires", f"{self.seconds}")
        endpoint.respond(event.key, response)


@asynccontextmanager
async def running(
    pbx: Pbx, gate: OpenGate | None = None, *, timeout_seconds: float = 0.3
) -> AsyncIterator[tuple[Registrar, Callable[[int], Registration], list[RegistrationEvent]]]:
    events: list[RegistrationEvent] = []
    async with (
        await SipEndpoint.open(local_host="127.0.0.1", on_request=pbx.answer) as server,
        await SipEndpoint.open(local_host="127.0.0.2") as ours,
    ):
        registrar = Registrar(
            ours,
            gate=gate,
            on_event=lambda _, event: events.append(event),
            answer_timeout_seconds=timeout_seconds,
        )

        def add(number: int) -> Registration:
            registration = a_registration(f"user{number}")
            registrar.add(registration, [Target.over_udp(server.local)])
            return registration

        try:
            yield registrar, add, events
        finally:
            await registrar.aclose()


def a_registration(user: str) -> Registration:
    token = tokens(f"{user}-")
    binding = Binding(
        aor=SipUri(user=user, host="lab"),
        registrar=SipUri(host="lab"),
        contacts=(SipUri(user=user, host="127.0.0.2"),),
    )
    account = DigestAccount(username=user, password=Secret("secret"))
    return Registration(binding, digest=DigestClient(account, token=token), token=token, jitter=lambda: 0.5)


async def test_many_are_registered_and_released() -> None:
    """Challenge, binding and removal: three requests each, and nothing is left behind."""
    pbx = Pbx()
    async with running(pbx, timeout_seconds=20.0) as (registrar, add, events):
        for number in range(400):
            add(number)
        await until(lambda: registrar.states()[RegistrationState.REGISTERED] == 400)
        assert len(pbx.bound) == 400
        assert await registrar.release(20.0)
        assert registrar.states() == {RegistrationState.UNREGISTERED: 400}
        assert not pbx.bound
        assert set(pbx.arrived.values()) == {3}
        assert sum(isinstance(event, Unregistered) and event.confirmed for event in events) == 400


async def test_a_binding_is_refreshed_with_the_nonce_it_has() -> None:
    """Granted one second, it is renewed within it, again and again."""
    pbx = Pbx(seconds=1)
    async with running(pbx) as (registrar, add, _):
        registration = add(1)
        await until(lambda: registrar.sent >= 4)
        assert registration.state in (RegistrationState.REGISTERED, RegistrationState.REFRESHING)


async def test_a_release_without_answers_ends_in_time() -> None:
    """A silent registrar cannot hold up a worker's end."""
    pbx = Pbx()
    async with running(pbx) as (registrar, add, _):
        add(1)
        await until(lambda: registrar.states()[RegistrationState.REGISTERED] == 1)
        pbx.silent = True
        assert not await registrar.release(0.05)


async def test_what_never_registered_is_released_at_once() -> None:
    """There is no binding to remove."""
    pbx = Pbx(silent=True)
    async with running(pbx) as (registrar, _, _):
        assert await registrar.release(0.05)


class SlowGate(OpenGate):
    """Lets one leave only when it is told to, and keeps the books."""

    def __init__(self) -> None:
        self.waiting: list[Callable[[], None]] = []
        self.verdicts: list[Verdict] = []

    def admit(self, leave: Callable[[], None], *, urgent: bool) -> None:
        self.waiting.append(leave)

    def answered(self, ticket: int, response: Response | None, verdict: Verdict) -> None:
        self.verdicts.append(verdict)


async def test_nothing_leaves_before_the_gate_says_so() -> None:
    """Each request is asked for, the answer to a challenge as well, and its end is told."""
    pbx, gate = Pbx(), SlowGate()
    async with running(pbx, gate) as (registrar, add, _):
        add(1)
        await until(lambda: len(gate.waiting) == 1)
        assert registrar.sent == 0
        gate.waiting.pop()()
        await until(lambda: len(gate.waiting) == 1)
        assert gate.verdicts == [Verdict.CHALLENGED]
        gate.waiting.pop()()
        await until(lambda: len(gate.verdicts) == 2)
        assert gate.verdicts[1] is Verdict.ACCEPTED


async def test_a_start_of_thousands_is_no_burst() -> None:
    """Only so many stand at the gate at once."""
    pbx, gate = Pbx(), SlowGate()
    async with running(pbx, gate) as (_, add, _):
        for number in range(MOST_UNDER_WAY + 50):
            add(number)
        await until(lambda: len(gate.waiting) == MOST_UNDER_WAY)
        await asyncio.sleep(0.05)
        assert len(gate.waiting) == MOST_UNDER_WAY


async def test_a_registration_that_was_stopped_at_the_gate_says_nothing() -> None:
    """It had nothing bound, so there is nothing to send when its turn comes."""
    pbx, gate = Pbx(), SlowGate()
    async with running(pbx, gate) as (registrar, add, _):
        add(1)
        await until(lambda: len(gate.waiting) == 1)
        assert await registrar.release(1.0)
        gate.waiting.pop()()
        assert registrar.sent == 0
