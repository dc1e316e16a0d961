"""What a trunk's governor begins with when its worker starts."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from shiftline.bootstrap.trunk import _governor, about
from shiftline.config.trunk import TrunkSettings
from shiftline.connector.records import TrunkRecord
from shiftline.governor.governor import Governor
from shiftline.governor.refusals import RefusalClass
from shiftline.governor.state import Mode

NOW = datetime(2026, 11, 23, 6, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)
FRIDAY = TrunkSettings(address="sip:pbx.example.com", domain="example.com", learn=True, max_rate=0)
LEARNED: dict[str, Any] = {
    "learned": True,
    "rate": 40.0,
    "window_seconds": 1.0,
    "price_seconds": 0.5,
    "met": 3,
    "proven": True,
    "strikes": 1,
    "learned_ago": 60.0,
    "about": about(FRIDAY),
}


async def started(trunk: TrunkSettings, governor: dict[str, Any] | None, age: timedelta = HOUR) -> Governor:
    """The governor of a trunk of which that was saved so long ago (None: nothing)."""
    record = None
    if governor is not None:
        record = TrunkRecord(governor=governor, disarmed_cause=None, disarmed_at=None, saved_at=NOW - age)
    return _governor(trunk, record, lambda: NOW)


async def test_what_was_saved_is_believed() -> None:
    """The rate and its window, older by what has passed since. A lone strike is forgotten within the hour."""
    known = (await started(FRIDAY, LEARNED)).knowledge()
    assert (known["rate"], known["limit"], known["met"], known["strikes"]) == (40.0, 40, 3, 0)
    assert (await started(FRIDAY, LEARNED, timedelta(minutes=10))).knowledge()["strikes"] == 1
    assert known["learned_ago"] == pytest.approx(3660.0, abs=1.0)


@pytest.mark.parametrize(
    "change",
    [{"address": "sip:other.example.com"}, {"domain": "other.example.com"}],
    ids=["address", "domain"],
)
async def test_another_pbx_has_other_limits(change: dict[str, str]) -> None:
    """Nothing that was learned counts; but it may know the same account, so the strike does."""
    governor = await started(FRIDAY.model_copy(update=change), LEARNED, timedelta(minutes=10))
    known = governor.knowledge()
    assert not known["learned"]
    assert governor.rate == governor.policy.initial_rate
    assert (known["window_seconds"], known["met"], known["proven"]) == (None, 0, False)
    assert known["strikes"] == 1


@pytest.mark.parametrize(
    "change", [{"max_rate": 30.0}, {"learn": False, "max_rate": 30.0}, {"headroom": 0.1}]
)
async def test_another_declaration_begins_anew(change: dict[str, object]) -> None:
    """Whoever declares another rate wants it: nothing else raises a rate that was lowered without reason."""
    governor = await started(FRIDAY.model_copy(update=change), LEARNED)
    assert not governor.knowledge()["learned"]


@pytest.mark.parametrize("change", [{"max_rate": 30.0}, {"headroom": 0.1}])
async def test_another_declaration_lets_a_lock_of_the_account_be_waited_out(
    change: dict[str, object],
) -> None:
    """Its password had been accepted: it is not called wrong because somebody changed the rate."""
    locked = {**LEARNED, "strikes": 2, "struck_ago": 5.0, "accepted": True, "locks": 1}
    governor = await started(FRIDAY.model_copy(update=change), locked, timedelta(minutes=1))
    assert governor.mode is Mode.PROVING
    assert governor.refusal is RefusalClass.USER_BOUND
    known = governor.knowledge()
    assert (known["accepted"], known["locks"], known["strikes"]) == (True, 1, 2)
    assert known["struck_ago"] == pytest.approx(65.0, abs=1.0)


async def test_another_pbx_has_never_accepted_the_account() -> None:
    """Two refusals of it stop the trunk there as well."""
    locked = {**LEARNED, "strikes": 2, "struck_ago": 5.0, "accepted": True, "locks": 1}
    there = FRIDAY.model_copy(update={"address": "sip:other.example.com"})
    governor = await started(there, locked, timedelta(minutes=1))
    assert (governor.mode, governor.refusal) == (Mode.STOPPED, RefusalClass.CREDENTIALS)


async def test_another_declaration_keeps_no_strike_of_long_ago() -> None:
    """It is as old as it is."""
    governor = await started(FRIDAY.model_copy(update={"max_rate": 30.0}), LEARNED, HOUR)
    assert governor.knowledge()["strikes"] == 0


async def test_what_an_older_version_saved_is_about_this_trunk() -> None:
    """It did not say which PBX it was about."""
    governor = await started(FRIDAY, {name: value for name, value in LEARNED.items() if name != "about"})
    assert governor.rate == 40.0


@pytest.mark.parametrize("saved", [None, {}, {"strikes": 0, "proven": False}])
async def test_a_trunk_of_which_nothing_is_known_begins_cold(saved: dict[str, Any] | None) -> None:
    """Never saved; disarmed before anything was; and re-armed after that."""
    governor = await started(FRIDAY, saved)
    assert governor.mode is Mode.PROVING
    assert governor.rate == governor.policy.initial_rate


async def test_a_record_from_ahead_of_the_clock_is_of_now() -> None:
    """A clock that was set back makes nothing younger than it is."""
    governor = await started(FRIDAY, LEARNED, -HOUR)
    assert governor.knowledge()["learned_ago"] == pytest.approx(60.0, abs=1.0)
