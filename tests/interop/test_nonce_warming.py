"""A real Kamailio whose nonces run out: with a warm one the burst is not challenged again."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from pathlib import Path

import pytest
from tests.interop.test_digest import kamailio_that_demands
from tests.support import token
from tests.unit.net.bench import NOW, trunk_driver

from shiftline.connector.qualifier import QualificationPolicy, Qualifier
from shiftline.connector.records import DueCheck
from shiftline.governor.governor import Governor
from shiftline.governor.policy import GovernorPolicy
from shiftline.net import nonce_warming
from shiftline.net.endpoint import SipEndpoint
from shiftline.net.nonce_warming import NonceWarmer
from shiftline.net.trunk import TrunkDriver
from shiftline.net.trunk_address import TrunkAddress
from shiftline.secrets import Secret
from shiftline.sip.digest import DigestAccount, DigestClient
from shiftline.sip.targets import Target
from shiftline.sip.uri import SipUri
from shiftline.trades.model import Evidence, EvidenceKind

pytestmark = pytest.mark.interop

NONCE_SECONDS = 2
OPENS_IN = 4.5
BURST = 30


async def check(driver: TrunkDriver, host: str, *agents: str) -> set[EvidenceKind]:
    """Ask about them; what kinds of evidence came."""
    needed_by = NOW + timedelta(hours=1)
    driver.submit([DueCheck(id=0, agent=a, address=f"sip:{a}@{host}", needed_by=needed_by) for a in agents])
    found: list[Evidence] = []
    while len(found) < len(agents):
        found += await driver.gathered(1.0)
    return {one.kind for one in found}


@pytest.mark.parametrize("warms", [True, False])
async def test_a_warm_nonce_outlives_the_opening(
    tmp_path: Path, kamailio: str, connector: SipEndpoint, monkeypatch: pytest.MonkeyPatch, warms: bool
) -> None:
    """After a rest longer than a nonce lives: N checks cost N requests, and more without the warming."""
    monkeypatch.setattr(nonce_warming, "WARM_SECONDS", 0.5)
    monkeypatch.setattr(nonce_warming, "REST_SECONDS", 0.5)
    loop = asyncio.get_running_loop()
    async with kamailio_that_demands(
        kamailio, tmp_path, connector, algorithm="MD5", nonce_seconds=NONCE_SECONDS
    ) as server:
        host = f"{server[0]}:{server[1]}"
        address = TrunkAddress(
            targets=(Target.over_udp(server),),
            domain=SipUri(host=server[0], port=server[1]),
            identity=SipUri(user="shiftline", host=server[0], port=server[1]),
            answer_timeout_seconds=1.0,
        )
        governor = Governor(GovernorPolicy(max_rate=500.0), loop.time())
        policy = QualificationPolicy(methods=("registration",), trust_unqualified=True)
        account = DigestAccount(username="shiftline", password=Secret("secret"))
        async with trunk_driver(
            connector,
            *address.targets,
            governor=governor,
            qualifier=Qualifier(policy, NOW),
            digest=DigestClient(account, token=token),
        ) as driver:
            opens = loop.time() + OPENS_IN
            warmer = NonceWarmer(
                endpoint=connector,
                trunk=driver,
                address=address,
                token=token,
                windows=lambda _: [(opens, opens + 60.0)] if warms else [],
            )
            await check(driver, host, "ada")
            await asyncio.sleep(opens - loop.time() + 0.05)
            before = driver.asked
            assert await check(driver, host, *(f"agent{n}" for n in range(BURST))) == {
                EvidenceKind.NOT_REGISTERED
            }
            asked, strikes = driver.asked - before, governor.knowledge()["strikes"]
            await warmer.aclose()
    assert (asked == BURST) is warms
    assert strikes == 0
