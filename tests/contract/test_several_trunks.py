"""One worker on several trunks: agents are asked where they are served, and a trunk's trouble is its own."""

from __future__ import annotations

import asyncio
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import trustme
from sqlalchemy.ext.asyncio import AsyncEngine
from structlog.testing import capture_logs
from tests.contract.floor import Floor, lay_floor, lines, pbx_of, until, working

from shiftline.bootstrap import open_worker
from shiftline.config import load_settings
from shiftline.connector.ownership import TTL_SECONDS
from shiftline.connector.sharing import LOOK_SECONDS
from shiftline.lab.org.server import serve
from shiftline.lab.pbx_log import PbxLog
from shiftline.store.read_model import ReadModel

MINE = "agent000"
"""How the users begin whom the trunk with a PBX serves."""


@pytest.fixture
def floor(tmp_path: Path, database_url: str, engine: AsyncEngine, monkeypatch: pytest.MonkeyPatch) -> Floor:
    """Thirty agents; a third of them begins with `MINE`."""
    for name in ("SHIFTLINE_TRUNK_PASSWORD", "SHIFTLINE_WFM_SECRET"):
        monkeypatch.setenv(name, "secret")
    return lay_floor(tmp_path, database_url, ReadModel(engine), expires_after_seconds=(12.0, 14.0))


def with_trunks(config: Path, serves: str, *others: str) -> Path:
    """The floor's configuration, its trunk serving some only, and other trunks beside it."""
    text = config.read_text(encoding="utf-8").replace("[trunk]", f"[[trunk]]\nserves = ['{serves}']", 1)
    config.write_text(text + "\n".join(f"\n[[trunk]]\n{other}" for other in others), encoding="utf-8")
    return config


def agents_of(floor: Floor) -> dict[str, str]:
    """The SIP user of each agent who has an address and a trade, by his id."""
    trades = floor.practice.org.trades()
    concerned = {agent for trade in trades for agent in (trade.initiating_user, trade.receiving_user)}
    addresses = {user.id: user.address for user in floor.scenario.org.users.values() if user.id in concerned}
    return {agent: urlsplit(address).path.split("@")[0] for agent, address in addresses.items() if address}


async def test_whom_no_trunk_serves_is_referred_for_that(floor: Floor) -> None:
    """His trades do not wait for a check that nobody could make; the others' are decided as ever."""
    async with serve(floor.practice) as org, pbx_of(floor) as pbx:
        config = with_trunks(floor.config(org=org, pbx=pbx.address), f"{MINE}*@pbx.example")
        async with working(config, floor.clock) as log:
            rows = await floor.until_all(lambda row: row.verdict is not None)
            unserved = await floor.books.agents_without_trunk()
    users = agents_of(floor)
    foreign = {agent for agent, user in users.items() if not user.startswith(MINE)}
    assert foreign
    assert {agent for agent, _, _ in unserved} == foreign
    for row in rows:
        for side, agent in (("initiating", row.initiating_agent), ("receiving", row.receiving_agent)):
            assert (f"{side}.no-trunk" in row.reasons) == (agent in foreign)
    asked = {record.user for record in PbxLog(pbx.log_path).new_records()}
    assert asked & set(users.values()) == {user for user in users.values() if user.startswith(MINE)}
    assert lines(log, "agents whom no trunk serves")[0]["agents"] == len(foreign)


async def test_a_trunk_that_cannot_be_opened_does_not_stop_the_others(
    floor: Floor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nor does a silent one. What they serve waits, and is referred in time with the trunk's trouble."""
    monkeypatch.setattr("shiftline.connector.worker.OPEN_SECONDS", 0.2)
    silent = "name = 'silent'\naddress = 'sip:127.0.0.1:9'\nserves = ['agent001*@pbx.example']\nlearn = true"
    unknown = "name = 'unknown'\naddress = 'sips:127.0.0.1'\ntls_ca = 'missing.pem'"
    async with serve(floor.practice) as org, pbx_of(floor) as pbx:
        config = with_trunks(floor.config(org=org, pbx=pbx.address), f"{MINE}*@pbx.example", silent, unknown)
        async with working(config, floor.clock) as log:

            async def asked() -> bool:
                served = {user for user in agents_of(floor).values() if user.startswith(MINE)}
                return served <= {record.user for record in pbx.log_records()}

            await until(asked)
            rows = await floor.until_all(lambda row: row.verdict is not None)
    (fault,) = lines(log, "trunk not opened")
    assert fault["trunk"] == "unknown"
    assert "Trunk 'unknown': The file missing.pem cannot be used for TLS" in fault["why"]
    users = agents_of(floor)
    late = [row for row in rows if row.reasons[:1] == ("late.refer-by",)]
    assert late
    for row in late:
        parties = [users.get(agent, "") for agent in (row.initiating_agent, row.receiving_agent)]
        on_silent = any(user.startswith("agent001") for user in parties)
        assert any(reason.startswith("trunk.") for reason in row.reasons) == on_silent
    assert {line["trunk"] for line in lines(log, "trunk taken")} == {"pbx", "silent"}


async def test_a_trunk_is_opened_as_soon_as_it_can_be(
    floor: Floor, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The worker that could not open it need not be started again."""
    monkeypatch.setattr("shiftline.connector.worker.OPEN_SECONDS", 0.1)
    certificate = tmp_path / "later.pem"
    late = f"name = 'late'\naddress = 'sips:127.0.0.1:9'\ntls_ca = '{certificate}'"
    async with serve(floor.practice) as org, pbx_of(floor) as pbx:
        config = with_trunks(floor.config(org=org, pbx=pbx.address), f"{MINE}*@pbx.example", late)
        async with working(config, floor.clock) as log:

            async def told(event: str = "trunk not opened") -> bool:
                return bool(lines(log, event))

            await until(told)
            trustme.CA().cert_pem.write_to_path(str(certificate))
            await until(lambda: told("trunk opened"))

            async def taken() -> bool:
                return any(line["trunk"] == "late" for line in lines(log, "trunk taken"))

            await until(taken)
    assert len(lines(log, "trunk not opened")) == 1


async def test_who_ends_leaves_its_trunks_to_the_others(floor: Floor) -> None:
    """Both are the first worker's, until it ends: then the second has them, without waiting for a lease."""
    other = "name = 'other'\naddress = 'sip:127.0.0.1:9'"
    settings = load_settings(with_trunks(floor.config(org="http://127.0.0.1:9"), f"{MINE}*@x.example", other))
    with capture_logs() as log:

        async def both_taken() -> bool:
            return sorted(line["trunk"] for line in lines(log, "trunk taken")) == ["other", "pbx"]

        async with (
            open_worker(settings, floor.clock) as standby,
            open_worker(settings, floor.clock) as first,
            asyncio.TaskGroup() as group,
        ):
            task = group.create_task(first.run())
            await until(both_taken)
            waiting = group.create_task(standby.run())
            await asyncio.sleep(3 * LOOK_SECONDS)
            assert len(lines(log, "trunk taken")) == 2
            log.clear()
            task.cancel()
            async with asyncio.timeout(TTL_SECONDS - 0.5):
                await until(both_taken)
            waiting.cancel()
