"""A trunk driver for tests: all that it needs, and only what a test is about to be said."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

from tests.support import tokens

from shiftline.connector.qualifier import QualificationPolicy, Qualifier
from shiftline.governor.governor import Governor
from shiftline.governor.policy import GovernorPolicy
from shiftline.net.endpoint import SipEndpoint
from shiftline.net.trunk import TrunkDriver
from shiftline.net.trunk_address import TrunkAddress
from shiftline.sip.targets import Target
from shiftline.sip.uri import SipUri

NOW = datetime(2026, 11, 23, 15, 0, tzinfo=UTC)
DOMAIN = SipUri(host="lab")
IDENTITY = SipUri(user="shiftline", host="lab")


def a_qualifier() -> Qualifier:
    """One that takes the PBX at its word: for tests that are about other things."""
    return Qualifier(QualificationPolicy(methods=("options",), trust_unqualified=True), NOW)


def a_governor() -> Governor:
    """One that is fast from the beginning."""
    return Governor(GovernorPolicy(learn=False, max_rate=100.0), asyncio.get_running_loop().time())


@asynccontextmanager
async def trunk_driver(
    ours: SipEndpoint, *targets: Target, timeout_seconds: float = 1.0, **changes: Any
) -> AsyncIterator[TrunkDriver]:
    """A driver from ``ours`` to the targets; ``changes`` are other arguments than the usual ones."""
    usual = {
        "digest": None,
        "governor": a_governor(),
        "qualifier": a_qualifier(),
        "clock": lambda: NOW,
        "token": tokens(),
        "may_send": lambda: True,
    }
    address = TrunkAddress(
        targets=targets, domain=DOMAIN, identity=IDENTITY, answer_timeout_seconds=timeout_seconds
    )
    driver = TrunkDriver(endpoint=ours, address=address, **(usual | changes))
    try:
        yield driver
    finally:
        await driver.aclose()
