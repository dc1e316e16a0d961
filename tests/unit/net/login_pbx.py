"""A PBX that challenges or refuses as a test says, takes its time, and keeps a ledger; a trunk towards it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta

from tests.support import token
from tests.unit.net.bench import NOW, a_governor, a_qualifier, trunk_driver

from shiftline.connector.qualifier import QualificationPolicy, Qualifier
from shiftline.connector.reading import Reading
from shiftline.connector.records import DueCheck
from shiftline.governor.governor import Governor
from shiftline.net.endpoint import SipEndpoint
from shiftline.net.trunk import TrunkDriver
from shiftline.secrets import Secret
from shiftline.sip.digest import DigestAccount, DigestClient
from shiftline.sip.events import RequestReceived
from shiftline.sip.message import Request, response_to
from shiftline.sip.targets import Target
from shiftline.trades.model import Evidence, EvidenceKind

ANSWER_SECONDS = 0.2
CONTROLS = ("sip:here@lab", "sip:gone@lab")


@dataclass(frozen=True, slots=True)
class Asked:
    """One request as the PBX saw it. ``at`` is on the loop's clock; ``user`` is None for a canary."""

    at: float
    user: str | None
    carried: bool
    status: int


class Pbx:
    """Answers what ``answer`` says; a 401 comes with the nonce of the moment."""

    def __init__(
        self,
        answer: Callable[[Pbx, str | None, str | None], int],
        *,
        answer_seconds: float = ANSWER_SECONDS,
        nonces: bool = False,
        stale: bool = True,
    ) -> None:
        """``answer`` is told user and nonce. ``nonces``: each challenge has its own, ``stale``: says so."""
        self._answer = answer
        self._answer_seconds = answer_seconds
        self._nonces = nonces
        self._stale = stale
        self.nonce = "n1"
        self.log: list[Asked] = []

    @property
    def requests(self) -> int:
        """How many have come."""
        return len(self.log)

    @property
    def refused_logins(self) -> int:
        """How many carried a password and were refused."""
        return sum(one.carried and one.status in (401, 403) for one in self.log)

    def take(self, endpoint: SipEndpoint, event: RequestReceived) -> None:
        """Answer one request; 0 is silence."""
        user, carried = event.request.uri.user, _nonce_of(event.request)
        loop = asyncio.get_running_loop()
        if self._nonces:
            self.nonce = f"n{len(self.log) + 2}"
        status = self._answer(self, user, carried)
        self.log.append(Asked(loop.time(), user, carried is not None, status))
        if event.key is None or not status:
            return
        response = response_to(event.request, status, to_tag="pbx")
        if status == 401:
            stale = ", stale=true" if carried and self._stale else ""
            challenge = f'Digest realm="lab", nonce="{self.nonce}", qop="auth"{stale}'
            response.headers.add("WWW-Authenticate", challenge)
        # Answers take their time, so that at speed many requests are under way together.
        loop.call_later(self._answer_seconds, endpoint.respond, event.key, response)


def _nonce_of(request: Request) -> str | None:
    value = request.headers.get("Authorization")
    return None if value is None else value.partition('nonce="')[2].partition('"')[0]


@asynccontextmanager
async def trunk(
    pbx: Pbx, *, controls: tuple[str, str] | None = CONTROLS
) -> AsyncIterator[tuple[TrunkDriver, Governor]]:
    """A trunk with an account; its controls were heard in an earlier life, or there are none."""
    governor = a_governor()
    digest = DigestClient(DigestAccount(username="us", password=Secret("secret")), token=token)
    async with (
        await SipEndpoint.open(local_host="127.0.0.1", on_request=pbx.take) as theirs,
        await SipEndpoint.open(local_host="127.0.0.2") as ours,
        trunk_driver(
            ours,
            Target.over_udp(theirs.local),
            timeout_seconds=1.0,
            digest=digest,
            governor=governor,
            qualifier=a_qualifier() if controls is None else _heard(controls),
        ) as driver,
    ):
        yield driver, governor


def _heard(controls: tuple[str, str]) -> Qualifier:
    qualifier = Qualifier(QualificationPolicy(methods=("options",), controls=controls), NOW)
    for kind in (EvidenceKind.AVAILABLE, EvidenceKind.NOT_REGISTERED):
        question = qualifier.next_control(NOW, needed=True)
        assert question is not None
        qualifier.answered(question, Reading(kind), 200, NOW)
    return qualifier


def checks(*users: str) -> list[DueCheck]:
    """One check for each user, needed one second after the other."""
    return [
        DueCheck(id=n, agent=user, address=f"sip:{user}@lab", needed_by=NOW + timedelta(seconds=n))
        for n, user in enumerate(users)
    ]


async def ask(driver: TrunkDriver, *users: str) -> dict[str, Evidence]:
    """What becomes of a check for each of these users."""
    driver.submit(checks(*users))
    found: dict[str, Evidence] = {}
    while len(found) < len(users):
        found |= {evidence.agent: evidence for evidence in await driver.gathered(1.0)}
    return found
