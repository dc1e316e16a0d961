"""A request with digest credentials, as the lab's own clients (phones, campaign) send it."""

from __future__ import annotations

from shiftline.net.endpoint import Exchange, SipEndpoint
from shiftline.sip.digest import ChallengeOutcome, DigestClient
from shiftline.sip.message import Request
from shiftline.sip.requests import next_attempt


async def send_authorized(
    endpoint: SipEndpoint, digest: DigestClient, request: Request, destination: tuple[str, int]
) -> Exchange:
    """Send ``request`` with the best credentials there are, and again while a challenge can be met."""
    digest.authorize(request)
    exchange = await endpoint.request(request, destination)
    while exchange.response is not None and exchange.response.status in (401, 407):
        if digest.challenged(exchange.response, exchange.request) is not ChallengeOutcome.RETRY:
            break
        request = next_attempt(request)
        digest.authorize(request)
        exchange = await endpoint.request(request, destination)
    return exchange
