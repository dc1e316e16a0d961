"""A question that fails takes no other with it."""

from __future__ import annotations

import asyncio

import pytest
from structlog.testing import capture_logs
from tests.unit.net.login_pbx import Pbx, ask, checks, trunk

from shiftline.connector.records import DueCheck
from shiftline.net.asking import Options
from shiftline.net.trunk import TrunkDriver
from shiftline.trades.model import Evidence, EvidenceKind


@pytest.mark.parametrize("address", ["not a uri", "sip:a@[::1", "", "sip:" + "x" * 70_000 + "@lab"])
async def test_an_address_that_is_none_is_said_to_be_malformed(address: str) -> None:
    """The others are asked about, and the log tells why this one is not."""
    pbx = Pbx(lambda _pbx, _user, carried: 200 if carried else 401, answer_seconds=0.0)
    async with trunk(pbx) as (driver, _):
        poisoned = [*checks("a", "b"), *checks("bad"), *checks("c", "d")]
        poisoned[2] = DueCheck(id=9, agent="bad", address=address, needed_by=poisoned[2].needed_by)
        with capture_logs() as logs:
            driver.submit(poisoned)
            found = await _gathered(driver, 5)
        assert driver.is_idle()
    bad = found.pop("bad")
    assert (bad.kind, bad.cause) == (EvidenceKind.UNVERIFIABLE, "message.malformed")
    assert {one.kind for one in found.values()} == {EvidenceKind.AVAILABLE}
    assert [one["log_level"] for one in logs] == ["error"]


async def test_an_answer_that_cannot_be_read_is_not_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is said to be malformed; the governor has its answer, and the rest is asked about."""
    read = Options.read

    async def fails(self: Options, request: object, response: object, speaker: object) -> object:
        if "bad" in str(getattr(request, "uri", "")):
            raise ValueError("a reader's mistake")
        return await read(self, request, response, speaker)  # type: ignore[arg-type]

    monkeypatch.setattr(Options, "read", fails)
    pbx = Pbx(lambda _pbx, _user, carried: 200 if carried else 401, answer_seconds=0.0)
    async with trunk(pbx) as (driver, governor):
        found = await ask(driver, "a", "bad", "b")
        assert driver.is_idle()
        assert governor.ledger.in_flight == 0
    assert (found["bad"].kind, found["bad"].cause) == (EvidenceKind.UNVERIFIABLE, "message.malformed")
    assert found["b"].kind is EvidenceKind.AVAILABLE


async def _gathered(driver: TrunkDriver, many: int) -> dict[str, Evidence]:
    found: dict[str, Evidence] = {}
    async with asyncio.timeout(20.0):
        while len(found) < many:
            found |= {one.agent: one for one in await driver.gathered(1.0)}
    return found
