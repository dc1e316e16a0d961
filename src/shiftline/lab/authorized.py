"""A request with digest credentials, as the lab's own clients (phones, campaign) send it."""

from __future__ import annotations

from shiftline.net.endpoint import SipEndpoint
from shiftline.net.exchange import Exchange
from shiftline.sip.digest import ChallengeOutcome, DigestClient
from shiftline.sip.message import Request
from shiftline.sip.requests import next_attempt
from shiftline.sip.transport import Transport


async def send_authorized(
    endpoint: SipEndpoint,
    digest: DigestClient,
    request: Request,
    destination: tuple[str, int],
    *,
    transport: Transport = Transport.UDP,
    server_name: str = "",
) -> Exchange:
    """Send ``request`` with the best credentials there are, and again while a challenge can be met."""
    while True:
        digest.authorize(request)
        exchange = await endpoint.request(request, destination, transport=transport, server_name=server_name)
        if exchange.response is None or exchange.response.status not in (401, 407):
            return exchange
        if digest.challenged(exchange.response, exchange.request) is not ChallengeOutcome.RETRY:
            return exchange
        request = next_attempt(request)
