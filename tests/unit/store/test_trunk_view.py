"""A trunk as an operator sees it: ages, and what an older worker did not save."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shiftline.governor.refusals import RefusalClass
from shiftline.store.read_model import TrunkRow
from shiftline.store.trunk_view import REFUSALS_IN_WORDS, age_in_words, view_of

NOW = datetime(2026, 11, 23, 15, 0, tzinfo=UTC)
KEYS = (
    "refusals",
    "lanes",
    "learned_ago",
    "confidence",
    "model",
    "mode",
    "rate",
    "waiting_for",
    "sent",
    "failure",
)
NOTHING = dict.fromkeys(KEYS)


def row(governor: dict[str, Any], *, saved_seconds_ago: float = 0.0) -> TrunkRow:
    return TrunkRow(
        trunk="pbx",
        source="192.0.2.7",
        auth_user="shiftline",
        governor=governor,
        disarmed_cause=None,
        disarmed_at=None,
        saved_at=NOW - timedelta(seconds=saved_seconds_ago),
    )


def test_ages_go_on_after_the_save() -> None:
    """A refusal of nine seconds ago, saved an hour ago, is an hour and nine seconds old."""
    saved = {"learned_ago": 1.0, "refusals": [{"ago": 9.0, "class": "ban", "status": 403, "rate": 3.0}]}
    view = view_of(row(saved, saved_seconds_ago=3600), NOW)
    assert view.learned_seconds_ago == 3601.0
    assert (view.refusals[0].seconds_ago, view.refusals[0].at) == (3609.0, NOW - timedelta(seconds=3609))
    assert view.worker_is_silent


def test_a_save_from_ahead_of_the_clock_is_new() -> None:
    """A clock that was set back makes no negative age."""
    view = view_of(row({"learned_ago": 1.0}, saved_seconds_ago=-50), NOW)
    assert (view.saved_seconds_ago, view.learned_seconds_ago, view.worker_is_silent) == (0.0, 1.0, False)


@given(
    st.dictionaries(st.sampled_from(KEYS), st.none()),
    st.lists(st.dictionaries(st.sampled_from(["ago", "class", "status", "rate"]), st.none()), max_size=3),
    st.dictionaries(
        st.sampled_from(["probe", "decision", "new"]),
        st.dictionaries(st.sampled_from(["waiting", "sent", "oldest_seconds"]), st.none()),
    ),
)
def test_whatever_is_missing_is_borne(
    known: dict[str, Any], refusals: list[Any], lanes: dict[str, Any]
) -> None:
    """Keys that are not there or null, down to those of a refusal: the view is whole, and JSON."""
    view = view_of(row(NOTHING | known | {"refusals": refusals, "lanes": lanes}), NOW)
    assert len(view.refusals) == len(refusals)
    assert {lane.name for lane in view.lanes} == set(lanes)
    assert json.dumps(view.as_json())


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0.0, "0 s"),
        (119.0, "119 s"),
        (120.0, "2 min"),
        (7199.0, "120 min"),
        (7200.0, "2 h"),
        (200_000.0, "2 d"),
    ],
)
def test_an_age_has_the_unit_that_tells_most(seconds: float, words: str) -> None:
    """Seconds up to two minutes, minutes up to two hours, hours up to two days."""
    assert age_in_words(seconds) == words


def test_every_class_has_words() -> None:
    """What the governor may call a refusal is explained where it is shown."""
    assert {str(kind) for kind in RefusalClass} - {"none"} <= set(REFUSALS_IN_WORDS)
