"""``/metrics``, as Prometheus reads it."""

from __future__ import annotations

from datetime import timedelta

import pytest
from prometheus_client.metrics_core import Metric
from prometheus_client.openmetrics.parser import text_string_to_metric_families as read_openmetrics
from prometheus_client.parser import text_string_to_metric_families
from tests.unit.web.books import KEY, KNOWLEDGE, NOW, PROOF, Books, client, sample, trunk

OPENMETRICS = {"Accept": "application/openmetrics-text; version=1.0.0"}
FULL = trunk(governor=dict(KNOWLEDGE))


async def scraped(books: Books) -> dict[str, Metric]:
    async with client(books) as browser:
        answer = await browser.get("/metrics")
    assert answer.status_code == 200
    assert answer.headers["Content-Type"].startswith("text/plain; version=0.0.4")
    return {family.name: family for family in text_string_to_metric_families(answer.text)}


def values(family: Metric) -> dict[tuple[str, ...], float]:
    """By the values of its labels, in the order of their names."""
    return {tuple(one.labels[name] for name in sorted(one.labels)): one.value for one in family.samples}


async def test_trades_and_checks_are_told() -> None:
    """By state and by outcome."""
    found = await scraped(Books())
    assert values(found["shiftline_trades"])["open",] == 3
    assert values(found["shiftline_settled_trades"]) == {("approved",): 6, ("denied",): 1}
    assert values(found["shiftline_checks_due"]) == {(): 4}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("rate_requests_per_second", 24.5),
        ("limit_requests_per_second", 25.0),
        ("confidence_ratio", 0.93),
        ("learned_age_seconds", 41.0),
        ("in_flight_requests", 2),
        ("waiting_requests", 17),
        ("in_trouble", 0),
        ("disarmed", 0),
        ("method_qualified", 1),
        ("trusts_unqualified", 0),
        ("saved_age_seconds", 1.0),
        ("worker_silent", 0),
        ("requests_sent", 900),
        ("requests_passed", 880),
        ("requests_refused", 9),
    ],
)
async def test_a_governors_state_is_told(name: str, value: float) -> None:
    """One sample a trunk, in base units."""
    found = await scraped(Books(FULL))
    assert values(found[f"shiftline_trunk_{name}"]) == {("pbx",): value}


async def test_modes_and_classes_are_sets_of_words() -> None:
    """Exactly one is 1, so that a rule can ask for it by name."""
    found = await scraped(Books(FULL))
    for name, word in (("mode", "listening"), ("refusal", "throttle")):
        told = values(found[f"shiftline_trunk_{name}"])
        assert sum(told.values()) == 1
        assert told[(word, "pbx")] == 1
        assert len(told) > 4


async def test_recent_refusals_are_counted_by_class() -> None:
    """Over the last five minutes, and only those."""
    books = Books(
        FULL,
        samples={
            KEY: [
                sample(301, refused=50, refusal="policy"),
                sample(200, refused=3, refusal="undecided"),
                sample(190, refused=4, refusal="ban"),
                sample(20, refused=2, refusal="throttle"),
            ]
        },
    )
    found = await scraped(books)
    assert values(found["shiftline_trunk_refused_recently"]) == {("ban", "pbx"): 7, ("throttle", "pbx"): 2}


async def test_lanes_are_told() -> None:
    """What waits, how long the oldest has waited, what has left."""
    found = await scraped(Books(FULL))
    assert values(found["shiftline_lane_waiting_requests"])["decision", "pbx"] == 17
    assert values(found["shiftline_lane_oldest_seconds"]) == {
        ("decision", "pbx"): 4.25,
        ("later", "pbx"): 0.5,
    }
    assert values(found["shiftline_lane_requests_sent"])["decision", "pbx"] == 890


async def test_what_is_not_known_has_no_sample() -> None:
    """No 0 stands for a figure that a worker never saved."""
    found = await scraped(Books(trunk(governor={})))
    for name in ("rate_requests_per_second", "confidence_ratio", "requests_sent", "method_qualified", "mode"):
        assert found[f"shiftline_trunk_{name}"].samples == []
    assert values(found["shiftline_trunk_worker_silent"]) == {("pbx",): 0}


async def test_a_trunk_is_told_once() -> None:
    """Of several source addresses and accounts, the record that was saved last."""
    older = trunk(source="192.0.2.6", saved_at=NOW - timedelta(days=2), governor={"rate": 1.0})
    found = await scraped(Books(older, FULL, older, trunk(trunk="north")))
    assert values(found["shiftline_trunk_rate_requests_per_second"]) == {("north",): 47.25, ("pbx",): 24.5}


async def test_labels_name_no_account_and_no_address() -> None:
    """Trunk, lane, class, mode, state and outcome; what a trunk is called is escaped."""
    name = 'no"rth\nline\\'
    found = await scraped(Books(trunk(trunk=name, governor=dict(KNOWLEDGE))))
    labels = {label for family in found.values() for one in family.samples for label in one.labels}
    assert labels == {"trunk", "lane", "class", "mode", "state", "outcome"}
    said = {value for family in found.values() for one in family.samples for value in one.labels.values()}
    assert name in said
    assert not {"192.0.2.7", "<shiftline>"} & said


async def test_it_speaks_openmetrics_to_those_who_ask() -> None:
    """Prometheus does; the same families come out."""
    async with client(Books(FULL, trunk(trunk="north", governor={"qualification": PROOF}))) as browser:
        answer = await browser.get("/metrics", headers=OPENMETRICS)
    assert answer.headers["Content-Type"].startswith("application/openmetrics-text")
    names = {family.name for family in read_openmetrics(answer.text)}  # type: ignore[no-untyped-call]
    assert "shiftline_trunk_requests_sent" in names
    assert "shiftline_lane_oldest_seconds" in names


async def test_every_metric_has_a_name_of_ours_and_says_what_it_is() -> None:
    """Prefix, words, and a unit where it measures something."""
    found = await scraped(Books(FULL))
    assert all(name.startswith("shiftline_") for name in found)
    assert all(family.documentation.endswith(".") for family in found.values())
