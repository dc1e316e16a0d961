"""Civil time, boot time, and the lab's moved clock."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from shiftline import clock
from shiftline.errors import ConfigurationError

PUBLISH = datetime(2026, 11, 23, 9, tzinfo=ZoneInfo("America/Chicago"))


@pytest.fixture
def boot(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """A boot-time clock that the test sets by its only element."""
    now = [1234.5]
    monkeypatch.setattr(clock, "boot_time", lambda: now[0])
    return now


def test_the_moved_clock_shows_its_start_at_its_anchor(boot: list[float]) -> None:
    """Nine o'clock in Chicago is when the boot-time clock stands at the anchor, as an aware UTC time."""
    now = clock.moved_clock(PUBLISH, 1234.5)()
    assert now == PUBLISH
    assert now.tzinfo is UTC


def test_the_moved_clock_goes_with_the_boot_time(boot: list[float]) -> None:
    """Ninety real seconds are ninety seconds; before the anchor it shows earlier times."""
    moved = clock.moved_clock(PUBLISH, 1234.5)
    boot[0] += 90
    assert moved() - PUBLISH == timedelta(seconds=90)
    boot[0] -= 100
    assert moved() - PUBLISH == timedelta(seconds=-10)


def test_a_moved_clock_passes_through_a_clock_change(boot: list[float]) -> None:
    """An hour after 01:30 on the night of the spring change it is 03:30 on Chicago's wall."""
    start = datetime(2026, 3, 8, 1, 30, tzinfo=PUBLISH.tzinfo)
    moved = clock.moved_clock(start, boot[0])
    boot[0] += 3600
    assert moved().astimezone(PUBLISH.tzinfo).time().isoformat() == "03:30:00"


@pytest.mark.parametrize("anchor", [1234.5, 0.1 + 0.2, 86400.000001, 1e7])
def test_the_setting_gives_other_processes_the_same_clock(
    boot: list[float], monkeypatch: pytest.MonkeyPatch, anchor: float
) -> None:
    """Through the environment the moved clock arrives to the microsecond."""
    monkeypatch.setenv(clock.VARIABLE, clock.clock_setting(PUBLISH, anchor))
    assert clock.clock_from_environment()() == clock.moved_clock(PUBLISH, anchor)()


@pytest.mark.parametrize("value", [None, ""])
def test_without_the_variable_time_is_the_systems(monkeypatch: pytest.MonkeyPatch, value: str | None) -> None:
    """Unset or empty: nobody asked for another time."""
    monkeypatch.delenv(clock.VARIABLE, raising=False)
    if value is not None:
        monkeypatch.setenv(clock.VARIABLE, value)
    assert clock.clock_from_environment() is clock.wall_clock


@pytest.mark.parametrize(
    "text",
    [
        "tomorrow",
        "2026-11-23T09:00:00-06:00",
        "2026-11-23T09:00:00-06:00@",
        "2026-11-23T09:00:00-06:00@soon",
        "@1234.5",
        "2026-11-23T09:00:00@1234.5",
        "2026-11-23T09:00:00-06:00@nan",
        "2026-11-23T09:00:00-06:00@inf",
    ],
)
def test_a_setting_that_cannot_be_read_is_refused_with_the_remedy(
    monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    """Also a start without an offset: it would mean another moment on each machine."""
    monkeypatch.setenv(clock.VARIABLE, text)
    with pytest.raises(ConfigurationError) as caught:
        clock.clock_from_environment()
    assert text in str(caught.value)
    assert caught.value.remedy
    assert caught.value.exit_code == 2


def test_the_wall_clock_is_aware_and_in_utc() -> None:
    """Everybody converts from UTC, nobody guesses."""
    now = clock.wall_clock()
    assert now.tzinfo is UTC
    assert now.timestamp() == pytest.approx(time.time(), abs=60)


def test_boot_time_counts_suspended_time_too() -> None:
    """It is Linux's boot-time clock and never goes back."""
    before = time.clock_gettime(time.CLOCK_BOOTTIME)
    assert before <= clock.boot_time() <= clock.boot_time()
