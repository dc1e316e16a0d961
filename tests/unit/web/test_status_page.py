"""The status page and its API over what the books say."""

from __future__ import annotations

import asyncio
import re
from dataclasses import replace
from datetime import timedelta
from typing import Any, cast

import httpx
import pytest
from tests.unit.web.books import KEY, KNOWLEDGE, NOW, PROOF, Books, client, sample, trunk

from shiftline.errors import UnavailableError
from shiftline.store.read_model import ReadModel
from shiftline.web.server import address_of, listening, serving
from shiftline.web.status import status_app


async def test_the_api_tells_trades_checks_and_trunks() -> None:
    """All keys, as the reference has them."""
    async with client(Books(trunk())) as browser:
        answer = await browser.get("/api/status")
    assert answer.status_code == 200
    assert answer.json() == {
        "at": "2026-11-23T15:00:00+00:00",
        "trades": {"open": 3, "delivering": 2, "referred": 1, "settled": 7},
        "outcomes": {"approved": 6, "denied": 1},
        "checks_due": 4,
        "trunks": [
            {
                "trunk": "pbx",
                "source": "192.0.2.7",
                "auth_user": "<shiftline>",
                "mode": "holding",
                "rate": 47.25,
                "refusal": "throttle",
                "trouble": None,
                "registration": None,
                "method": "options",
                "qualification": "qualified",
                "trusts_unqualified": False,
                "disarmed_cause": None,
                "saved_seconds_ago": 1.0,
                "worker_is_silent": False,
            }
        ],
    }


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({}, "Working"),
        ({"governor": {"mode": "listening", "trouble": "network.unreachable"}}, "network.unreachable"),
        (
            {
                "governor": {
                    "registration": {"state": "registered", "registered_until": "2026-11-23T15:50:00"}
                }
            },
            "registered until 2026-11-23 15:50:00 UTC",
        ),
        (
            {
                "governor": {
                    "registration": {
                        "state": "refused",
                        "registered_until": None,
                        "last_failure": {"status": 403, "why": "The registrar forbids it."},
                    }
                }
            },
            "Not registered: refused. The registrar forbids it.",
        ),
        (
            {"governor": KNOWLEDGE},
            "24.5 requests/s, limit 50 in 2 s, fixed-window, 93 % sure, refusal throttle",
        ),
        ({"governor": {"model": "ban"}}, "requests/s, ban, refusal unknown"),
        ({"governor": {}, "disarmed_cause": "acl.source"}, "shiftline trunk rearm pbx"),
        ({"saved_at": NOW - timedelta(seconds=61)}, "No worker has looked after it for 61 s"),
    ],
)
async def test_the_page_says_how_a_trunk_is(changes: dict[str, Any], word: str) -> None:
    """In words; what comes from the configuration is escaped."""
    async with client(Books(trunk(**changes))) as browser:
        answer = await browser.get("/")
    assert answer.status_code == 200
    assert word in answer.text
    assert "&lt;shiftline&gt;" in answer.text
    assert "<shiftline>" not in answer.text


async def test_the_page_refreshes_itself_and_runs_nothing() -> None:
    """No script, nothing from elsewhere, nothing kept: a phone may lie open on it all day."""
    async with client(Books()) as browser:
        answer = await browser.get("/")
    assert '<meta http-equiv="refresh" content="5">' in answer.text
    assert "width=device-width" in answer.text
    assert "no worker has run" in answer.text
    assert "<script" not in answer.text
    assert answer.headers["Content-Security-Policy"].startswith("default-src 'none'")
    assert answer.headers["Cache-Control"] == "no-store"


async def test_health_follows_the_database() -> None:
    """200 when the books can be read, 503 when not; where the database lives is nobody's business."""
    async with client(Books()) as browser:
        answer = await browser.get("/healthz")
        assert (answer.status_code, answer.text) == (200, "ok\n")
    async with client(Books(away=True)) as browser:
        for path in (
            "/healthz",
            "/api/status",
            "/api/trunks",
            "/api/trunks/pbx",
            "/trunks/pbx",
            "/metrics",
            "/",
        ):
            answer = await browser.get(path)
            assert answer.status_code == 503
            assert "The database does not answer." in answer.text
            assert "somebody" not in answer.text


async def test_it_is_served_on_a_socket_and_ends_with_its_block() -> None:
    """Port 0 takes a free one; afterwards nobody listens there."""
    app = status_app(cast("ReadModel", Books()), lambda: NOW)
    with listening("127.0.0.1", 0) as listener:
        address = address_of(listener)
        async with serving(app, listener), httpx.AsyncClient(base_url=address) as browser:
            assert (await browser.get("/healthz")).text == "ok\n"
            with pytest.raises(UnavailableError, match="cannot listen"), listening(*listener.getsockname()):
                pass
    async with httpx.AsyncClient() as browser:
        with pytest.raises(httpx.ConnectError):
            await browser.get(address)


async def test_an_error_beside_it_comes_out_as_it_was() -> None:
    """The page ends, and the fault is still the fault."""
    app = status_app(cast("ReadModel", Books()), lambda: NOW)

    async def fail_beside_it() -> None:
        with listening("127.0.0.1", 0) as listener:
            async with serving(app, listener):
                await asyncio.sleep(0)
                raise LookupError

    with pytest.raises(LookupError):
        await fail_beside_it()


def test_an_ipv6_address_is_written_in_brackets() -> None:
    """As browsers want it."""
    with listening("::1", 0) as listener:
        assert address_of(listener).startswith("http://[::1]:")


async def test_a_bypass_of_the_proof_is_a_mark_on_the_page() -> None:
    """Whoever looks at the page sees that the PBX is taken at its word."""
    trusting = {"mode": "holding", "rate": 5.0, "qualification": PROOF | {"trust_unqualified": True}}
    async with client(Books(trunk(governor=trusting))) as browser:
        page = (await browser.get("/")).text
        without = (await browser.get("/api/status")).json()
    assert "policy.trust_unqualified: agents count as available without proof." in page
    assert without["trunks"][0]["trusts_unqualified"] is True


async def test_the_page_has_a_chart_for_each_trunk() -> None:
    """One that fits a wide page and one that fits a phone, each with the figures for a screen reader."""
    rows = (trunk(), trunk(trunk="north", auth_user="x"), trunk(trunk="old"))
    north = replace(KEY, trunk="north", user="x")
    books = Books(*rows, samples={KEY: [sample(5)], north: [sample(5, sent=7), sample(0, sent=8)]})
    async with client(books) as browser:
        page = (await browser.get("/")).text
    assert page.count("<svg") == 4
    assert page.count('class="chart narrow"') == 2
    assert page.count("In the last 15 minutes 15 requests were sent, 0 refused.") == 2
    assert "Nothing was noted in the last 15 minutes." in page
    assert "/trunks/north" in page
    ids = re.findall(r' id="([^"]+)"', page)
    assert len(ids) == len(set(ids))


async def test_many_trunks_are_listed_without_charts() -> None:
    """A hundred charts every five seconds would be no overview; each trunk's own page has one."""
    rows = [trunk(trunk=f"t{number}") for number in range(21)]
    books = Books(*rows, samples={replace(KEY, trunk=row.trunk): [sample(5)] for row in rows})
    async with client(books) as browser:
        many = (await browser.get("/")).text
        one = (await browser.get("/trunks/t20")).text
    assert many.count('href="/trunks/t') == 21
    assert "<svg" not in many
    assert "Nothing was noted" not in many
    assert one.count("<svg") == 2
