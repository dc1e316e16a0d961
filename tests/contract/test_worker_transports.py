"""The worker's trunk, from the configuration to evidence, on every way to a PBX."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
import trustme
from sqlalchemy.ext.asyncio import AsyncEngine
from tests.contract.floor import lay_floor

from shiftline.bootstrap import open_trunk, plan_trunk
from shiftline.config import load_settings
from shiftline.connector.records import DueCheck
from shiftline.lab.pbx.agents import Truth
from shiftline.lab.pbx.config import PracticePbxConfig
from shiftline.lab.pbx.process import PracticePbxProcess
from shiftline.secrets import Secret
from shiftline.store.leases import PostgresLeases
from shiftline.store.read_model import ReadModel
from shiftline.store.unit_of_work import PostgresStore
from shiftline.trades.model import EvidenceKind

WAYS = {
    "127.0.0.1": ["sip:127.0.0.1:{port};transport=tcp", "sips:localhost:{secure}", "sip:127.0.0.1:{port}"],
    "::1": ["sip:[::1]:{port}", "sip:[::1]:{port};transport=tcp", "sips:[::1]:{secure}"],
}


@pytest.mark.parametrize("host", WAYS)
async def test_a_check_is_answered_on_every_way(
    tmp_path: Path, database_url: str, engine: AsyncEngine, monkeypatch: pytest.MonkeyPatch, host: str
) -> None:
    """UDP, TCP and TLS with an authority of our own, with digest, over IPv4 and IPv6."""
    monkeypatch.setenv("SHIFTLINE_TRUNK_PASSWORD", "secret")
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    certificate = tmp_path / "pbx.pem"
    authority.issue_cert("localhost", host).private_key_and_cert_chain_pem.write_to_path(str(certificate))
    monkeypatch.setenv("SHIFTLINE_TRUNK__TLS_CA", str(tmp_path / "ca.pem"))
    monkeypatch.setenv("SHIFTLINE_TRUNK__SOURCE", host.replace("127.0.0.1", "127.0.0.2"))
    floor = lay_floor(tmp_path, database_url, ReadModel(engine))
    path = floor.config(org="http://127.0.0.1:9")
    pbx = PracticePbxProcess(
        PracticePbxConfig(
            log_path=tmp_path / "pbx.log",
            agents={"agent0001": Truth.AVAILABLE},
            password=Secret("secret"),
            host=host,
            tls_certificate=str(certificate),
        )
    )
    await pbx.start()
    kinds = []
    try:
        for number, way in enumerate(WAYS[host]):
            port = pbx.address[1]
            monkeypatch.setenv("SHIFTLINE_POLICY__TRUST_UNQUALIFIED", "true")
            monkeypatch.setenv("SHIFTLINE_TRUNK__ADDRESS", way.format(port=port, secure=port + 1))
            settings = load_settings(path)
            plan = await plan_trunk(settings, settings.trunks[0])
            store, leases = PostgresStore(engine, wfm="genesys"), PostgresLeases(engine)
            async with open_trunk(plan, store, leases, "worker", floor.clock) as opened:
                assert await opened.ownership.keep()
                needed_by = floor.clock() + timedelta(minutes=5)
                opened.driver.submit(
                    [DueCheck(id=number, agent="a", address="sip:agent0001@lab", needed_by=needed_by)]
                )
                kinds += [evidence.kind for evidence in await opened.driver.gathered(10.0)]
                await opened.ownership.give_up()
    finally:
        await pbx.stop()
    assert kinds == [EvidenceKind.AVAILABLE] * 3
