"""From one target to the next (RFC 3263 section 4.3)."""

from __future__ import annotations

from collections.abc import Sequence

from shiftline.net.endpoint import SipEndpoint
from shiftline.net.exchange import Exchange
from shiftline.sip.message import Request
from shiftline.sip.targets import Target

PENALTY_SECONDS = 30.0
"""How long a target that failed is passed over."""


def has_failed(exchange: Exchange) -> bool:
    """Whether another target is worth a try: a transport error, no answer in time, or a 503."""
    return exchange.response is None or exchange.response.status == 503


class Route:
    """The targets of one server, best first; remembers which of them failed lately."""

    def __init__(self, targets: Sequence[Target]) -> None:
        self._targets = tuple(targets)
        self._failed_at: dict[Target, float] = {}

    def best(self, now: float) -> Target:
        """The first target that did not fail lately; when all did, the one that failed longest ago."""
        for target in self._targets:
            if now - self._failed_at.get(target, -PENALTY_SECONDS) >= PENALTY_SECONDS:
                return target
        return min(self._targets, key=self._failed_at.__getitem__)

    @property
    def has_one_target(self) -> bool:
        """True if there is nothing to turn to when it fails."""
        return len(self._targets) == 1

    def failed(self, target: Target, now: float) -> None:
        """Pass it over for a while."""
        self._failed_at[target] = now


async def request_to(
    endpoint: SipEndpoint, request: Request, targets: Sequence[Target], *, timeout_seconds: float = 4.0
) -> Exchange:
    """Send a request to the first target that answers with anything but 503.

    Each try is a transaction of its own with ``timeout_seconds``; what all targets failed with is the
    last one's exchange. Raises what `SipEndpoint.request` raises.
    """
    exchange = await send_to(endpoint, request, targets[0], timeout_seconds)
    for target in targets[1:]:
        if not has_failed(exchange):
            break
        exchange = await send_to(endpoint, request, target, timeout_seconds)
    return exchange


async def send_to(
    endpoint: SipEndpoint, request: Request, target: Target, timeout_seconds: float
) -> Exchange:
    """Send a request to this target only; raises what `SipEndpoint.request` raises."""
    return await endpoint.request(
        request,
        target.address,
        transport=target.transport,
        server_name=target.server_name,
        timeout_seconds=timeout_seconds,
    )
