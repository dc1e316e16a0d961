"""The outbound campaign, the other sender on the trunk: `python -m shiftline.lab.campaign`.

It has its own source address and account and places calls all the time. In the incident its calls
went through while the checks were refused; with a throttle on the whole trunk they are hit as well.
"""

from __future__ import annotations

import asyncio
import json
import secrets
import sys
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from random import Random

from shiftline.lab.authorized import send_authorized
from shiftline.lab.pbx.agents import CAMPAIGN_ACCOUNT
from shiftline.lab.process import WrittenSecret, run_child, say_ready
from shiftline.net.endpoint import SipEndpoint
from shiftline.sip.digest import DigestAccount, DigestClient
from shiftline.sip.message import Request, Response
from shiftline.sip.requests import ack, bye, invite
from shiftline.sip.uri import SipUri
from shiftline.whole_files import write_whole

_LAST_CALLS_SECONDS = 2.0
_JITTER = 0.3
"""Share of the interval between two calls by which one may be early or late."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CampaignConfig:
    """A campaign: ``calls_per_second`` steady calls, each held for ``call_seconds``."""

    pbx: tuple[str, int]
    password: WrittenSecret
    counts_path: Path
    host: str = "127.0.0.3"
    account: str = CAMPAIGN_ACCOUNT
    calls_per_second: float = 3.0
    call_seconds: float = 0.5
    seed: int = 1


class Campaign:
    """Places calls and counts how the PBX took them."""

    def __init__(self, config: CampaignConfig, endpoint: SipEndpoint) -> None:
        self._config = config
        self._endpoint = endpoint
        self._random = Random(config.seed)
        self._digest = DigestClient(
            DigestAccount(username=config.account, password=config.password), token=_token
        )
        self._outcomes: Counter[str] = Counter()

    async def place_calls(self, told_to_end: asyncio.Event) -> None:
        """Call until told to end; calls that are then still unanswered after 2 s are not counted."""
        loop = asyncio.get_running_loop()
        interval = 1 / self._config.calls_per_second
        due = loop.time()
        async with asyncio.TaskGroup() as group:
            calls = set[asyncio.Task[None]]()
            while not told_to_end.is_set():
                call = group.create_task(self._call())
                calls.add(call)
                call.add_done_callback(calls.discard)
                due += interval
                jitter = interval * self._random.uniform(-_JITTER, _JITTER)
                await _wait(told_to_end, due + jitter - loop.time())
            if calls:
                await asyncio.wait(calls, timeout=_LAST_CALLS_SECONDS)
            for call in calls:
                call.cancel()

    def write_counts(self) -> None:
        """Replace the file of counts: ``calls``, ``refused``, and ``outcomes`` by status."""
        calls = self._outcomes.total()
        counts = {"calls": calls, "refused": calls - self._outcomes["200"], "outcomes": dict(self._outcomes)}
        write_whole(self._config.counts_path, json.dumps(counts).encode())

    async def _call(self) -> None:
        host, port = self._config.pbx
        number = f"call{self._random.randrange(10_000):04d}"
        callee = SipUri(scheme="sip", user=number, host=host, port=port)
        caller = SipUri(scheme="sip", user=self._config.account, host=host, port=port)
        contact = SipUri(scheme="sip", user=None, host=self._endpoint.local[0], port=self._endpoint.local[1])
        request = invite(callee, from_uri=caller, contact=contact, token=_token)
        exchange = await send_authorized(self._endpoint, self._digest, request, self._config.pbx)
        response = exchange.response
        self._outcomes[str(response.status) if response else "silence"] += 1
        if response is not None and response.status == 200:
            await self._hold_and_end(exchange.request, response)

    async def _hold_and_end(self, request: Request, response: Response) -> None:
        self._endpoint.send_stateless(ack(request, response), self._config.pbx)
        await asyncio.sleep(self._config.call_seconds)
        await self._endpoint.request(bye(request, response), self._config.pbx)


async def _write_counts_each_second(campaign: Campaign) -> None:
    while True:
        campaign.write_counts()
        await asyncio.sleep(1.0)


async def _wait(event: asyncio.Event, seconds: float) -> None:
    """Until the event is set, at most ``seconds``."""
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await event.wait()


def _token() -> str:
    return secrets.token_hex(8)


async def serve(config: CampaignConfig, told_to_end: asyncio.Event) -> None:
    """Run the campaign until told to end; the counts are written each second and at the end."""
    async with await SipEndpoint.open(local_host=config.host) as endpoint:
        campaign = Campaign(config, endpoint)
        campaign.write_counts()
        say_ready(f"{endpoint.local[0]}:{endpoint.local[1]}")
        async with asyncio.TaskGroup() as group:
            writer = group.create_task(_write_counts_each_second(campaign))
            await campaign.place_calls(told_to_end)
            writer.cancel()
        campaign.write_counts()


if __name__ == "__main__":
    sys.exit(run_child(CampaignConfig, serve))
