"""The phones behind the lab's Kamailio: `python -m shiftline.lab.phones`.

One endpoint registers a contact for every agent who is available or busy, as a gateway does for its
extensions, and then answers what Kamailio relays to them.
"""

from __future__ import annotations

import asyncio
import secrets
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from random import Random

from shiftline.errors import UnavailableError
from shiftline.lab.authorized import send_authorized
from shiftline.lab.pbx.agents import ANSWERS, Truth
from shiftline.lab.process import WrittenSecret, run_child, say_ready
from shiftline.net.endpoint import SipEndpoint
from shiftline.sip.digest import DigestAccount, DigestClient
from shiftline.sip.events import RequestReceived
from shiftline.sip.message import response_to
from shiftline.sip.requests import register
from shiftline.sip.uri import SipUri

_REGISTRATIONS_IN_FLIGHT = 64
_EXPIRES_SECONDS = 7200


@dataclass(frozen=True, slots=True, kw_only=True)
class PhonesConfig:
    """Which phones to play, and where to register them; ``agents`` holds registered agents only."""

    host: str
    registrar: tuple[str, int]
    account: str
    password: WrittenSecret
    agents: Mapping[str, Truth]
    answer_seconds: tuple[float, float] = (0.020, 0.060)
    seed: int = 1


class Phones:
    """Answers for all phones of one endpoint."""

    def __init__(self, config: PhonesConfig) -> None:
        self._config = config
        self._random = Random(config.seed)
        account = DigestAccount(username=config.account, password=config.password)
        self._digest = DigestClient(account, token=_token)

    def on_request(self, endpoint: SipEndpoint, event: RequestReceived) -> None:
        """Answer after the time a phone takes; ACKs need nothing."""
        if event.key is None or event.request.method == "ACK":
            return
        response = response_to(event.request, self._status(event), to_tag=_token())
        if event.request.method == "INVITE" and response.status == 200:
            response.headers.add("Contact", f"<{event.request.uri}>")
        delay = self._random.uniform(*self._config.answer_seconds)
        asyncio.get_running_loop().call_later(delay, endpoint.respond, event.key, response)

    def _status(self, event: RequestReceived) -> int:
        if event.request.method == "BYE":
            return 200
        return ANSWERS[self._config.agents.get(event.request.uri.user or "", Truth.UNKNOWN)]

    async def register_all(self, endpoint: SipEndpoint) -> None:
        """Register every phone. Raises UnavailableError when the registrar does not take one."""
        agents = iter(self._config.agents)
        # The first one alone: its challenge brings the nonce that the others use.
        for agent in agents:
            await self._register(endpoint, agent)
            break
        async with asyncio.TaskGroup() as group:
            for _ in range(_REGISTRATIONS_IN_FLIGHT):
                group.create_task(self._register_each(endpoint, agents))

    async def _register_each(self, endpoint: SipEndpoint, agents: Iterator[str]) -> None:
        for agent in agents:
            await self._register(endpoint, agent)

    async def _register(self, endpoint: SipEndpoint, agent: str) -> None:
        host, port = self._config.registrar
        request = register(
            SipUri(scheme="sip", user=agent, host=host, port=port),
            SipUri(scheme="sip", user=agent, host=endpoint.local[0], port=endpoint.local[1]),
            SipUri(scheme="sip", user=None, host=host, port=port),
            _EXPIRES_SECONDS,
            _token,
        )
        exchange = await send_authorized(endpoint, self._digest, request, self._config.registrar)
        status = exchange.response.status if exchange.response else "nothing"
        if status != 200:
            raise UnavailableError(f"The registrar answered {status} to the REGISTER for {agent}.")


def _token() -> str:
    return secrets.token_hex(8)


async def serve(config: PhonesConfig, told_to_end: asyncio.Event) -> None:
    """Register all phones, say so, and answer for them until told to end."""
    phones = Phones(config)
    async with await SipEndpoint.open(local_host=config.host, on_request=phones.on_request) as endpoint:
        await phones.register_all(endpoint)
        say_ready(f"{endpoint.local[0]}:{endpoint.local[1]}")
        await told_to_end.wait()


if __name__ == "__main__":
    sys.exit(run_child(PhonesConfig, serve))
