"""What was kept is believed only where it makes sense."""

from __future__ import annotations

from math import inf, nan
from typing import Any

import pytest
from tests.unit.governor.journeys import LEARNING, answer, ask_until_check

from shiftline.governor.account import TRIALS
from shiftline.governor.controller import Answer, Send
from shiftline.governor.governor import Governor
from shiftline.governor.known import is_set, mappings, number, whole
from shiftline.governor.listening import LONGEST_BAN
from shiftline.governor.state import Mode

GOOD: dict[str, Any] = {
    "learned": True,
    "rate": 40.0,
    "window_seconds": 1.0,
    "places": None,
    "price_seconds": 0.5,
    "met": 3,
    "guessed": False,
    "check_in": None,
    "login_in": None,
    "strikes": 0,
    "proven": True,
    "learned_ago": 60.0,
    "age_seconds": 5.0,
    "refusals": [{"ago": 3.0, "class": "throttle", "status": 403, "rate": 50.0, "count": 2}],
}
JUNK: list[Any] = [
    None,
    "",
    "x",
    "3",
    [],
    {},
    True,
    -1,
    -1e300,
    nan,
    inf,
    -inf,
    10**400,
    [None],
    [{"ago": "x"}],
]


@pytest.mark.parametrize("junk", [None, "3", True, [3], {}, nan, inf, -inf, 10**400, -1])
def test_only_a_number_is_a_number(junk: object) -> None:
    """Neither a text that looks like one, nor a truth, nor what is beyond all measure."""
    assert number({"rate": junk}, "rate") is None
    assert whole({"rate": junk}, "rate") is None


def test_numbers_and_counts_are_read() -> None:
    """JSON knows one kind of number only."""
    known = {"rate": 3, "met": 3.0, "share": 0.5}
    assert (number(known, "rate"), whole(known, "met")) == (3.0, 3)
    assert whole(known, "share") is None
    assert number(known, "rate", least=4) is None
    assert number(known, "missing") is None


def test_only_true_is_set() -> None:
    """A text is not."""
    assert is_set({"a": True}, "a")
    assert not any(is_set({"a": junk}, "a") for junk in ("true", 1, None, [1]))


def test_only_mappings_of_a_list_are_listed() -> None:
    """The others are skipped."""
    assert list(mappings({"a": [1, {"b": 2}, None]}, "a")) == [{"b": 2}]
    assert not list(mappings({"a": "text"}, "a"))


@pytest.mark.parametrize("name", GOOD)
@pytest.mark.parametrize("junk", JUNK, ids=lambda junk: repr(junk)[:12])
def test_one_senseless_value_stops_no_worker(name: str, junk: object) -> None:
    """It is as if it had not been kept, and the first check leaves."""
    governor = Governor(LEARNING, 0.0, GOOD | {name: junk})
    now = ask_until_check(governor, 0.0)
    answer(governor, now, now + 0.04, Answer.PASSED)
    governor.permission(now + 1.0)
    assert governor.rate in (40.0, LEARNING.initial_rate)
    assert 0.0 <= governor.knowledge()["confidence"] <= 1.0
    assert governor.told(now + 1.0)["sent"] == 1


@pytest.mark.parametrize(("name", "longest"), [("check_in", LONGEST_BAN), ("login_in", TRIALS[-1])])
@pytest.mark.parametrize("age", [0.0, -5.0, nan])
def test_a_mangled_wait_silences_nobody_for_good(name: str, longest: float, age: float) -> None:
    """It is no longer than the longest that it may have been."""
    governor = Governor(LEARNING, 0.0, GOOD | {name: 1e12, "age_seconds": age})
    assert governor.permission(0.0).again_at == longest
    assert governor.permission(longest).send is Send.CHECK


@pytest.mark.parametrize("missing", GOOD)
def test_what_was_not_kept_is_not_missed(missing: str) -> None:
    """An older version kept less."""
    governor = Governor(LEARNING, 0.0, {name: value for name, value in GOOD.items() if name != missing})
    assert governor.rate == (40.0 if missing not in ("rate", "learned") else LEARNING.initial_rate)


def test_a_record_that_holds_a_mark_only_is_a_cold_start() -> None:
    """A trunk that was disarmed and re-armed before anything was kept has no rate, and no strikes."""
    governor = Governor(LEARNING, 0.0, {"strikes": 0, "proven": False, "age_seconds": 60.0})
    assert governor.rate == LEARNING.initial_rate
    assert governor.mode is Mode.PROVING
