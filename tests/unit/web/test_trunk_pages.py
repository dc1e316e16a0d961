"""Each trunk by itself: its page and its API."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from tests.unit.web.books import KEY, KNOWLEDGE, NOW, Books, client, sample, trunk

FULL = trunk(governor=dict(KNOWLEDGE), owner="host:17")
SERIES = {
    KEY: [
        sample(20, refused=4, passed=96, refusal="undecided", mode="climbing"),
        sample(15, sent=10, passed=0, refused=10, refusal="throttle", mode="listening"),
        sample(10),
    ]
}


async def test_the_api_lists_all_trunks_with_everything() -> None:
    """Every key, ages counted from now and not from the save."""
    async with client(Books(FULL, trunk(trunk="north"))) as browser:
        told = (await browser.get("/api/trunks")).json()
    assert told["at"] == NOW.isoformat()
    first, second = told["trunks"]
    assert (second["trunk"], second["model"], second["refusals"], second["lanes"]) == ("north", None, [], {})
    assert first == {
        "trunk": "pbx",
        "source": "192.0.2.7",
        "auth_user": "<shiftline>",
        "mode": "listening",
        "rate": 24.5,
        "limit": 50,
        "window_seconds": 2.0,
        "model": "fixed-window",
        "confidence": 0.93,
        "learned_seconds_ago": 41.0,
        "refusal": "throttle",
        "refusals": [
            {
                "at": (NOW - timedelta(seconds=10)).isoformat(),
                "seconds_ago": 10.0,
                "class": "throttle",
                "status": 403,
                "rate": 25.5,
                "count": 4,
            },
            {
                "at": (NOW - timedelta(seconds=601)).isoformat(),
                "seconds_ago": 601.0,
                "class": "ban",
                "status": None,
                "rate": 31.0,
                "count": 1,
            },
        ],
        "shut_since": None,
        "waiting_for": "canary in 2 s: <silent> after a refusal",
        "sent": 900,
        "passed": 880,
        "refused": 9,
        "in_flight": 2,
        "waiting": 17,
        "lanes": {
            "decision": {"waiting": 17, "sent": 890, "oldest_seconds": 4.25},
            "probe": {"waiting": 0, "sent": 2, "oldest_seconds": None},
            "later": {"waiting": 1, "sent": 0, "oldest_seconds": 0.5},
        },
        "trouble": None,
        "failure": None,
        "registration": None,
        "method": "options",
        "qualification": "qualified",
        "trusts_unqualified": False,
        "disarmed_cause": None,
        "disarmed_at": None,
        "saved_at": (NOW - timedelta(seconds=1)).isoformat(),
        "saved_seconds_ago": 1.0,
        "owner": "host:17",
        "worker_is_silent": False,
    }


async def test_the_api_tells_one_trunk_with_its_series() -> None:
    """All records of that name, the newest first, each with its own samples; classed as known now."""
    older = trunk(source="192.0.2.6", saved_at=NOW - timedelta(days=2))
    async with client(Books(older, FULL, trunk(trunk="north"), samples=SERIES)) as browser:
        told = (await browser.get("/api/trunks/pbx")).json()
    assert told["minutes"] == 15
    assert [record["source"] for record in told["records"]] == ["192.0.2.7", "192.0.2.6"]
    first, second = told["records"]
    assert second["samples"] == []
    assert [one["refusal"] for one in first["samples"]] == ["throttle", "throttle", None]
    assert first["samples"][1] == {
        "at": (NOW - timedelta(seconds=15)).isoformat(),
        "seconds": 5.0,
        "rate": 20.0,
        "sent": 10,
        "passed": 0,
        "refused": 10,
        "mode": "listening",
        "refusal": "throttle",
    }


async def test_the_page_shows_what_an_operator_asks() -> None:
    """Rate, limit, kind, confidence, what it waits for, the last refusals in words, lanes; all escaped."""
    async with client(Books(FULL, samples=SERIES)) as browser:
        answer = await browser.get("/trunks/pbx")
    page = " ".join(answer.text.split())
    assert answer.status_code == 200
    for words in (
        "Worker host:17 has it.",
        "24.5<small>requests per second",
        "50<small>in 2 s, fixed-window",
        "refusals: throttle",
        "93 %",
        "confirmed 41 s ago",
        "Waits for: canary in 2 s: &lt;silent&gt; after a refusal",
        "<td>10 s</td><td>14:59:50</td>",
        "4 throttle <small",
        "it depends on the rate",
        "<td>silence</td><td>31.0/s</td>",
        "<td>decision</td><td>17</td><td>4 s</td><td>890</td>",
        "Refused in this time: 14 throttle.",
        "900 sent, 880 passed, 9 refused; 2 under way",
        "In the last 15 minutes 210 requests were sent, 14 refused (14 throttle). The rate is now 24.5",
        "14:59:40, 5 s: 10 sent, 0 passed, 10 refused (throttle); rate 20.0, listening",
    ):
        assert words in page, words
    assert "<shiftline>" not in page
    assert "<silent>" not in page
    assert "<script" not in page
    assert answer.headers["Content-Security-Policy"].startswith("default-src 'none'")


async def test_a_trunk_of_an_older_worker_has_a_page() -> None:
    """What was not saved is not shown, and nothing breaks."""
    async with client(Books(trunk(governor={}))) as browser:
        answer = await browser.get("/trunks/pbx")
    assert answer.status_code == 200
    assert "None that it remembers." in answer.text
    assert "An unknown number of checks wait." in " ".join(answer.text.split())


@pytest.mark.parametrize(
    ("query", "minutes", "bucket"),
    [("", 15, None), ("?minutes=60", 60, 20.0), ("?minutes=1440", 1440, 480.0), ("?minutes=9;--", 15, None)],
)
async def test_longer_times_are_read_in_buckets(query: str, minutes: int, bucket: float | None) -> None:
    """So that no page has thousands of columns; an odd wish gets the shortest time."""
    books = Books(FULL, samples=SERIES)
    async with client(books) as browser:
        told = (await browser.get(f"/api/trunks/pbx{query}")).json()
        assert (await browser.get(f"/trunks/pbx{query}")).status_code == 200
    assert told["minutes"] == minutes
    assert books.asked == [(NOW - timedelta(minutes=minutes), bucket)] * 2


async def test_any_name_of_the_configuration_has_a_page() -> None:
    """A slash, a space, a question mark: the link leads there."""
    name = "north/east? 50%"
    books = Books(trunk(trunk=name), samples={replace(KEY, trunk=name): [sample(5)]})
    async with client(books) as browser:
        overview = (await browser.get("/")).text
        link = overview.split('href="/trunks/')[1].split('"')[0]
        page = await browser.get(f"/trunks/{link}")
    assert page.status_code == 200
    assert f"<h1>Trunk {name}</h1>" in page.text


async def test_a_trunk_that_nobody_knows_is_not_found() -> None:
    """404, in words; its name cannot become an element."""
    async with client(Books(FULL)) as browser:
        page = await browser.get("/trunks/%3Cscript%3E")
        told = await browser.get("/api/trunks/nobody")
    assert (page.status_code, told.status_code) == (404, 404)
    assert "no worker has run with it" in page.text
    assert "<script" not in page.text
    assert "no worker has run with it" in told.json()["error"]
