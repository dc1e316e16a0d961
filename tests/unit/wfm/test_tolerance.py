"""One broken entity is left out and logged; the rest of the answer is used."""

from __future__ import annotations

import json
from typing import Any

import pytest
from structlog.testing import capture_logs

from shiftline.errors import PeerError
from shiftline.wfm import wire


def entry(name: str, **changes: Any) -> dict[str, Any]:
    """A matched trade with an empty review."""
    shift = {
        "id": "s1",
        "startDate": "2026-11-25T08:00:00-06:00",
        "endDate": "2026-11-25T16:00:00-06:00",
        "weekDate": "2026-11-23",
    }
    trade = {
        "id": name,
        "state": "Matched",
        "expirationDate": "2026-11-23T15:03:00.000Z",
        "initiating": {"user": {"id": "alice"}, "managementUnit": {"id": "mu"}, "shift": shift},
        "receiving": {"user": {"id": "bob"}},
        "metadata": {"version": 2},
    }
    return {"trade": trade | changes}


def read(*entries: object) -> list[str]:
    """The ids of the trades that could be read."""
    content = json.dumps({"entities": entries}).encode()
    found = wire.read(wire.EvaluatedTrades, content, "a test")
    return [entity.trade.id for entity in found.entities]


@pytest.mark.parametrize(
    ("changes", "where"),
    [
        ({"metadata": {"version": "two"}}, "trade.metadata.version"),
        ({"metadata": {"version": 2**63}}, "trade.metadata.version"),
        ({"expirationDate": "tomorrow"}, "trade.expirationDate"),
        ({"expirationDate": "9999-12-31T23:59:59-12:00"}, "trade.expirationDate"),
        ({"expirationDate": "0001-01-01T00:00:00+14:00"}, "trade.expirationDate"),
        ({"initiating": None}, "trade.initiating"),
        ({"receiving": {"user": {}}}, "trade.receiving.user.id"),
    ],
)
def test_a_broken_trade_does_not_hide_the_others(changes: dict[str, Any], where: str) -> None:
    """The log names it and what is wrong with it, and shows none of its values."""
    with capture_logs() as log:
        assert read(entry("first"), entry("broken", **changes), entry("last")) == ["first", "last"]
    assert [line["entity"] for line in log] == ["broken"]
    assert log[0]["why"].startswith(f"{where}: ")


@pytest.mark.parametrize("entity", [None, 7, "text", [], {}, {"trade": None}, {"trade": {"id": None}}])
def test_what_is_no_trade_at_all_is_left_out(entity: object) -> None:
    """With or without a name."""
    with capture_logs() as log:
        assert read(entity, entry("good")) == ["good"]
    assert len(log) == 1


@pytest.mark.parametrize("entities", ["null", '"text"', "{}", "7"])
def test_an_answer_without_a_list_stays_unreadable(entities: str) -> None:
    """An empty list would say that all trades are gone."""
    with pytest.raises(PeerError, match="unreadable"):
        wire.read(wire.EvaluatedTrades, f'{{"entities": {entities}}}'.encode(), "a test")


def test_a_broken_directory_entry_does_not_hide_the_others() -> None:
    """Its agent is then one whom the directory does not know."""
    content = b'{"entities": [{"id": "ada", "name": null}, {"id": "ben", "name": "Ben"}]}'
    with capture_logs():
        found = wire.read(wire.Users, content, "a test")
    assert [user.id for user in found.entities] == ["ben"]


def test_a_nul_is_replaced() -> None:
    """PostgreSQL holds none; a backslash that only looks like one stays what it is."""
    assert wire.read(wire.User, rb'{"id": "a", "name": "A\u0000B"}', "a test").name == "A\ufffdB"
    assert wire.read(wire.User, rb'{"id": "a", "name": "A\\u0000"}', "a test").name == r"A\ufffd"


@pytest.mark.parametrize(
    ("model", "field", "good", "broken"),
    [
        (wire.Trades, "entities", entry("good")["trade"], entry("broken", metadata=None)["trade"]),
        (wire.StateResults, "entities", {"id": "good"}, {"id": "broken", "metadata": {"version": "x"}}),
        (
            wire.AgentSchedules,
            "agentSchedules",
            {"user": {"id": "good"}},
            {"user": {"id": "broken"}, "shifts": 7},
        ),
    ],
)
def test_every_list_of_the_wfm_bears_a_broken_entity(
    model: type[wire.Wire], field: str, good: object, broken: object
) -> None:
    """Read back, bulk result, schedules: one of hundreds stops nothing."""
    with capture_logs() as log:
        found = wire.read(model, json.dumps({field: [broken, good]}).encode(), "a test")
    name = "agent_schedules" if field == "agentSchedules" else field
    assert len(getattr(found, name)) == len(log) == 1


@pytest.mark.parametrize("model", [wire.EvaluatedTrades, wire.Trades])
def test_what_cannot_be_read_is_mentioned(model: type[wire.EvaluatedTrades | wire.Trades]) -> None:
    """A trade that is shown is not gone, legible or not."""
    content = {"entities": [7, {"id": "broken"}, {"trade": {"id": "broken as well"}}]}
    with capture_logs():
        found = wire.read(model, json.dumps(content).encode(), "a test")
    assert found.entities == []
    assert found.mentioned == ["without an id", "broken", "broken as well"]
