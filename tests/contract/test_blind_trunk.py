"""A whole worker on a PBX that answers OPTIONS for itself, whoever is asked about."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncEngine
from tests.contract.floor import Floor, lay_floor, lines, pbx_of, working

from shiftline.lab.org.server import serve
from shiftline.lab.pbx.faults import Faults
from shiftline.store.read_model import ReadModel
from shiftline.store.schema import audit_entry, evidence

BLIND = Faults(blind_methods=frozenset({"options"}))


@pytest.fixture
def floor(tmp_path: Path, database_url: str, engine: AsyncEngine, monkeypatch: pytest.MonkeyPatch) -> Floor:
    """The usual parts."""
    for name in ("SHIFTLINE_TRUNK_PASSWORD", "SHIFTLINE_WFM_SECRET"):
        monkeypatch.setenv(name, "secret")
    return lay_floor(tmp_path, database_url, ReadModel(engine))


async def test_nothing_is_approved_on_a_blind_method(floor: Floor, engine: AsyncEngine) -> None:
    """Every trade goes to a person, with the cause; nothing in the books says that anybody is available."""
    async with (
        serve(floor.practice) as org,
        pbx_of(floor, faults=BLIND) as pbx,
        working(floor.config(org=org, pbx=pbx.address), floor.clock) as log,
    ):
        rows = await floor.until_all(lambda row: row.state in ("settled", "referred"))
    assert {row.verdict for row in rows} == {"refer"}
    assert all(any("unverifiable:method.blind" in reason for reason in row.reasons) for row in rows)
    async with engine.connect() as connection:
        kinds = set(await connection.scalars(select(evidence.c.kind)))
    assert kinds == {"Unverifiable"}
    assert [line["cause"] for line in lines(log, "trunk in trouble")] == ["method.blind"]


async def test_auto_tells_the_truth_where_options_is_blind(floor: Floor) -> None:
    """A REGISTER query reads the bindings of the same PBX: available or busy, or no phone."""
    async with serve(floor.practice) as org, pbx_of(floor, faults=BLIND) as pbx:
        config = floor.config(org=org, pbx=pbx.address)
        text = config.read_text(encoding="utf-8").replace("learn = true", 'learn = true\nmethod = "auto"')
        config.write_text(text, encoding="utf-8")
        async with working(config, floor.clock):
            await floor.until_as_truth_has_it()
    (trunk,) = await floor.books.trunks()
    assert trunk.governor["qualification"]["method"] == "registration"
    assert trunk.governor["qualification"]["methods"]["options"]["state"] == "blind"


async def test_the_bypass_is_a_setting_with_a_trail(floor: Floor, engine: AsyncEngine) -> None:
    """It approves what the PBX says; the audit trail, the log and the trunk show that it does."""
    async with serve(floor.practice) as org, pbx_of(floor, faults=BLIND) as pbx:
        config = floor.config(org=org, pbx=pbx.address)
        text = config.read_text(encoding="utf-8")
        config.write_text(text.replace("[policy]", "[policy]\ntrust_unqualified = true"), encoding="utf-8")
        async with working(config, floor.clock) as log:
            rows = await floor.until_all(lambda row: row.state in ("settled", "referred"))
    assert "approve" in {row.verdict for row in rows}
    assert lines(log, "unqualified evidence is trusted")
    async with engine.connect() as connection:
        kinds = list(await connection.scalars(select(audit_entry.c.kind)))
    assert kinds.count("trunk.trusts-unqualified") == 1
    (trunk,) = await floor.books.trunks()
    assert trunk.governor["qualification"]["trust_unqualified"] is True
