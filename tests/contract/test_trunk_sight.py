"""A whole worker on a throttled PBX, and what its operator is shown, against what the PBX has counted."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families
from sqlalchemy.ext.asyncio import AsyncEngine
from tests.contract.floor import Floor, lay_floor, pbx_of, until, working

from shiftline.connector.records import TrunkSample
from shiftline.lab.org.server import serve
from shiftline.lab.pbx.faults import Faults, Throttle
from shiftline.store.read_model import ReadModel
from shiftline.store.trunk_view import TrunkView, view_of
from shiftline.web.status import status_app

LIMIT = 12
TRADES = 20
OUR_HOST = "127.0.0.2"


@pytest.fixture
def floor(tmp_path: Path, database_url: str, engine: AsyncEngine, monkeypatch: pytest.MonkeyPatch) -> Floor:
    """The usual parts."""
    for name in ("SHIFTLINE_TRUNK_PASSWORD", "SHIFTLINE_WFM_SECRET"):
        monkeypatch.setenv(name, "secret")
    return lay_floor(tmp_path, database_url, ReadModel(engine), trades=TRADES, agents=60)


async def seen(floor: Floor) -> tuple[TrunkView, list[TrunkSample]]:
    """What is known about the trunk, and its series."""
    (row,) = await floor.books.trunks()
    series = await floor.books.trunk_samples(floor.scenario.settings.published_at)
    return view_of(row, floor.clock()), series.get(row.key, [])


async def test_what_is_shown_is_what_the_pbx_has_counted(floor: Floor) -> None:
    """Sent and refused, in the view, in the series and in the metrics; refusals have their class."""

    async def complete() -> list[tuple[TrunkView, list[TrunkSample]]]:
        rows = await floor.books.trades()
        if len(rows) < TRADES or not all(row.state in ("settled", "referred") for row in rows):
            return []
        view, samples = await seen(floor)
        counted = sum(sample.sent for sample in samples)
        return [(view, samples)] if view.in_flight == 0 and counted == view.sent else []

    app = status_app(floor.books, floor.clock)
    async with (
        serve(floor.practice) as org,
        pbx_of(floor, faults=Faults(throttle=Throttle(limit=LIMIT))) as pbx,
        working(floor.config(org=org, pbx=pbx.address), floor.clock),
    ):
        ((view, samples),) = await until(complete, seconds=60.0)
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://page") as browser:
            pages = {
                path: (await browser.get(path)).text
                for path in ("/", "/trunks/pbx", "/metrics", "/api/trunks")
            }
        statuses = Counter(record.status for record in pbx.log_records() if record.source == OUR_HOST)
    assert view.sent == statuses.total()
    assert view.refused == sum(sample.refused for sample in samples) == statuses[403] > 0
    assert {refusal.status for refusal in view.refusals} == {403}
    assert {refusal.kind for refusal in view.refusals} == {"throttle"}
    assert sum(refusal.count for refusal in view.refusals) == statuses[403]
    assert {lane.name: lane.waiting for lane in view.lanes} == dict.fromkeys(
        ("registration", "decision", "prefetch", "probe"), 0
    )
    assert view.owner
    assert f"{statuses.total()} sent, " in pages["/trunks/pbx"]
    assert pages["/"].count("<svg") == 2
    assert json.loads(pages["/api/trunks"])["trunks"][0]["sent"] == statuses.total()
    told = {
        one.name: one
        for family in text_string_to_metric_families(pages["/metrics"])
        for one in family.samples
    }
    assert told["shiftline_trunk_requests_sent_total"].value == statuses.total()
    assert told["shiftline_trunk_requests_refused_total"].value == statuses[403]
    assert told["shiftline_trunk_worker_silent"].value == 0
