"""The Genesys client's parts that need no server: translation, chunks, preflight, readers."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shiftline.errors import PeerError
from shiftline.trades.model import TradeState
from shiftline.wfm import wire
from shiftline.wfm.genesys import split_by_bytes
from shiftline.wfm.preflight import examine
from shiftline.wfm.translate import bulk_result, evaluated_trade, pairs_body, profile, state_of, working_hours

SCOPE = {"managementUnitIds": ["mu"], "weekDates": ["2026-11-23"]}


def trade_json(**changes: Any) -> dict[str, Any]:
    """A matched trade as Genesys writes it."""
    return {
        "id": "t1",
        "state": "Matched",
        "expirationDate": "2026-11-23T15:03:00.000Z",
        "initiating": {
            "user": {"id": "alice"},
            "managementUnit": {"id": "mu"},
            "shift": {
                "id": "s1",
                "startDate": "2026-11-25T08:00:00-06:00",
                "endDate": "2026-11-25T16:00:00-06:00",
                "weekDate": "2026-11-23",
            },
        },
        "receiving": {"user": {"id": "bob"}, "shift": None},
        "metadata": {"version": 2, "dateModified": "2026-11-23T15:00:00Z"},
        "aFieldOfNextYear": True,
    } | changes


def evaluated(**changes: Any) -> wire.EvaluatedTrade:
    """The same with a review."""
    review = {
        "violations": [{"type": "ViolationOfNextYear", "params": {}}],
        "adminReviewViolations": [{"type": "InitiatingWeeklyMaxPaidTime"}],
        "unevaluatedRules": ["Rule"],
    }
    content = json.dumps({"trade": trade_json(**changes), "matchReview": review}).encode()
    return wire.read(wire.EvaluatedTrade, content, "a test")


def test_an_evaluated_trade_keeps_every_rule_name_as_it_came() -> None:
    """Times become UTC; names of rules we do not know stay as they are; unknown fields do no harm."""
    found = evaluated_trade(evaluated())
    assert found.trade.initiating_shift.starts_at == datetime(2026, 11, 25, 14, tzinfo=UTC)
    assert found.trade.initiating_shift.starts_at.tzinfo is UTC
    assert found.trade.receiving_shift is None
    assert found.trade.matched_at == datetime(2026, 11, 23, 15, tzinfo=UTC)
    assert found.evaluation.violations == ("ViolationOfNextYear",)
    assert found.evaluation.admin_review == ("InitiatingWeeklyMaxPaidTime",)
    assert found.evaluation.unevaluated == ("Rule",)


def test_a_trade_without_a_review_goes_to_a_person() -> None:
    """A review that is missing is not a review without findings."""
    content = json.dumps({"trade": trade_json()}).encode()
    found = evaluated_trade(wire.read(wire.EvaluatedTrade, content, "a test"))
    assert found.evaluation.unevaluated == ("MatchReviewMissing",)


@pytest.mark.parametrize(
    "changes", [{"receiving": None}, {"receiving": {"user": None}}, {"metadata": {"version": 2}}]
)
def test_a_matched_trade_with_holes_is_the_peers_fault(changes: dict[str, Any]) -> None:
    """The message names the trade."""
    with pytest.raises(PeerError, match="t1"):
        evaluated_trade(evaluated(**changes))


def test_a_time_without_a_zone_is_refused() -> None:
    """A naive time could be anybody's."""
    with pytest.raises(PeerError, match="expirationDate"):
        evaluated(expirationDate="2026-11-23T15:03:00")


@pytest.mark.parametrize("content", [b"", b"<html>", b"[]", b"{", b'{"trade": 1}', b"\xff\xfe"])
def test_garbage_is_a_peer_error(content: bytes) -> None:
    """Whatever the body is, reading it raises PeerError and nothing else."""
    with pytest.raises(PeerError, match="unreadable"):
        wire.read(wire.EvaluatedTrade, content, "a test")


def test_a_bulk_line_keeps_the_wfms_own_words() -> None:
    """Failure reasons and versions pass through; a state of next year is no state we know."""
    line = {"id": "t1", "state": "Postponed", "failureReason": "ReasonOfNextYear", "metadata": {"version": 4}}
    result = bulk_result(wire.read(wire.StateResult, json.dumps(line).encode(), "a test"))
    assert (result.state, result.version, result.failure_reason) == (None, 4, "ReasonOfNextYear")
    bare = bulk_result(wire.read(wire.StateResult, b'{"id": "t2", "state": "Approved"}', "a test"))
    assert (bare.state, bare.version, bare.failure_reason) == (TradeState.APPROVED, None, "")
    assert state_of(None) is None


@pytest.mark.parametrize(
    ("attributes", "address"),
    [
        ({"sip": "sip:agent0001@pbx"}, "sip:agent0001@pbx"),
        ({"sip": "  sip:agent0001@pbx "}, "sip:agent0001@pbx"),
        ({"sip": " "}, None),
        ({"sip": 4711}, None),
        ({"other": "sip:agent0001@pbx"}, None),
        ({}, None),
    ],
)
def test_the_address_is_the_configured_field_of_the_configured_schema(
    attributes: dict[str, Any], address: str | None
) -> None:
    """Another schema's attribute of that name is not it."""
    entries = [
        {"schema": {"id": "elsewhere"}, "attributes": {"sip": "sip:wrong@pbx"}},
        {"schema": {"id": "ours"}, "attributes": attributes},
    ]
    user = wire.read(
        wire.User, json.dumps({"id": "u", "name": "U", "customAttributes": entries}).encode(), "a test"
    )
    assert profile(user, "ours", "sip").address == address


def test_a_published_shift_becomes_working_hours() -> None:
    """Length in minutes from the start."""
    schedule = {"user": {"id": "u"}, "shifts": [{"startDate": "2026-11-23T12:00:00Z", "lengthMinutes": 90}]}
    found = working_hours(wire.read(wire.AgentSchedule, json.dumps(schedule).encode(), "a test"))
    assert [hours.ends_at - hours.starts_at for hours in found] == [timedelta(minutes=90)]


def test_pairs_become_their_product_in_a_steady_order() -> None:
    """The API asks for units and weeks apart."""
    first, second = datetime(2026, 11, 23, tzinfo=UTC).date(), datetime(2026, 11, 30, tzinfo=UTC).date()
    assert pairs_body([("b", second), ("a", first), ("b", first)]) == {
        "managementUnitIds": ["a", "b"],
        "weekDates": ["2026-11-23", "2026-11-30"],
    }


ENTITIES = st.lists(st.text(max_size=30).map(lambda name: {"id": name}), max_size=30)


@given(ENTITIES, st.integers(100, 400))
def test_chunks_stay_below_the_limit_and_lose_nothing(entities: list[dict[str, str]], limit: int) -> None:
    """Measured in bytes of the body as it is sent, whatever the characters; order is kept."""
    chunks = list(split_by_bytes(SCOPE, entities, limit))
    assert [entity for chunk in chunks for entity in chunk] == entities
    for chunk in chunks:
        body = json.dumps({**SCOPE, "entities": chunk}, ensure_ascii=False, separators=(",", ":")).encode()
        assert len(body) < limit or len(chunk) == 1


def unit(**trading: object) -> wire.ManagementUnit:
    """A management unit with these shift-trade settings."""
    entity = {"id": "mu", "name": "Team 1", "settings": {"shiftTrading": trading}}
    return wire.read(wire.ManagementUnit, json.dumps(entity).encode(), "a test")


def test_a_unit_that_asks_a_person_is_fine() -> None:
    """Automatic review off, or on with a rule at AdminReview."""
    assert examine(unit(enabled=True, autoReview=False)) == []
    assert examine(unit(enabled=True, autoReview=True, oneSided="AdminReview")) == []


@pytest.mark.parametrize(
    "trading", [{"enabled": True, "autoReview": True, "oneSided": "Allow"}, {"enabled": False}]
)
def test_a_unit_that_never_asks_is_found(trading: dict[str, object]) -> None:
    """Automatic review without a person, and trading switched off, both keep every trade from us."""
    (finding,) = examine(unit(**trading))
    assert (finding.cause, finding.management_unit) == ("wfm.not-asked", "mu")
    assert "Team 1" in finding.message
    assert finding.remedy
