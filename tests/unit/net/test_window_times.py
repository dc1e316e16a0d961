"""Publish windows on the loop's clock, and what keeps clear of them, over both clock changes of Chicago."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, time, timedelta
from itertools import count
from zoneinfo import ZoneInfo

import pytest

from shiftline.net.window_times import windows_seen_from
from shiftline.sip.message import Response
from shiftline.sip.registration import Binding, Registration
from shiftline.sip.uri import SipUri
from shiftline.trades.windows import PublishWindow

CHICAGO = ZoneInfo("America/Chicago")
NOW = datetime(2026, 11, 23, 15, 0, tzinfo=UTC)  # Monday, nine o'clock there
CONTACT = SipUri(user="trunk", host="127.0.0.2")
HOUR = 3600.0


def a_window(weekday: int, opens: time, minutes: float) -> PublishWindow:
    return PublishWindow(weekday=weekday, opens=opens, length=timedelta(minutes=minutes), zone=CHICAGO)


def test_windows_are_seen_on_the_loops_clock() -> None:
    """Open, next, and the one after: Monday nine o'clock in Chicago, an hour long."""
    window = a_window(0, time(9), 60)
    seen = windows_seen_from([window], lambda: NOW + timedelta(minutes=20), lambda: 5000.0)(5000.0)
    week = 168 * HOUR
    assert seen == [(3800.0, 7400.0), (3800.0 + week, 7400.0 + week), (3800.0 + 2 * week, 7400.0 + 2 * week)]


@pytest.mark.parametrize(
    ("before", "hours"),
    [
        (datetime(2026, 3, 2, 15, tzinfo=UTC), 167.0),  # the week in which the clocks go forward
        (datetime(2026, 10, 26, 14, tzinfo=UTC), 169.0),  # and back
    ],
)
def test_a_week_with_a_clock_change_is_an_hour_off(before: datetime, hours: float) -> None:
    """Nine o'clock on the wall is what planners see: on the loop's clock the week is shorter or longer."""
    seen = windows_seen_from([a_window(0, time(9), 60)], lambda: before, lambda: 0.0)(0.0)
    assert [opens for opens, _ in seen][:2] == [0.0, hours * HOUR]


def refreshes(
    windows: Callable[[float], list[tuple[float, float]]], granted: int, jitter: float
) -> list[float]:
    """When a registration is renewed from second 0 to two days later, each REGISTER answered at once."""
    numbers = count(1)
    registration = Registration(
        Binding(aor=CONTACT, registrar=SipUri(host="lab"), contacts=(CONTACT,), expires_seconds=granted),
        digest=None,
        token=lambda: f"t{next(numbers)}",
        jitter=lambda: jitter,
        windows=windows,
    )
    registration.start(0.0)
    sent: list[float] = []
    while (due := registration.next_due()) is not None and due < 48 * HOUR:
        sent.append(due)
        response = Response(200, "OK")
        response.headers.add("Contact", f"<{CONTACT}>;expires={granted}")
        registration.answered(registration.request(due), response, due)
    return sent


@pytest.mark.parametrize(
    "change", [datetime(2026, 3, 8, 8, tzinfo=UTC), datetime(2026, 11, 1, 7, tzinfo=UTC)]
)
@pytest.mark.parametrize("opens", [time(1, 30), time(2, 30), time(23, 45)])
@pytest.mark.parametrize("jitter", [0.0, 0.5, 1.0])
def test_no_refresh_falls_into_a_window_around_a_clock_change(
    change: datetime, opens: time, jitter: float
) -> None:
    """40 minutes on the Sunday of the change, an hour's grant: every REGISTER keeps clear of them."""
    start = change - timedelta(hours=20)
    window = a_window(6, opens, 40)
    now = start

    def seen(moment: float) -> list[tuple[float, float]]:
        nonlocal now
        now = start + timedelta(seconds=moment)
        return windows_seen_from([window], lambda: now, lambda: moment)(moment)

    sent = refreshes(seen, 3600, jitter)
    inside = [moment for moment in sent if window.contains(start + timedelta(seconds=moment))]
    assert len(sent) > 48
    assert inside == []
    assert any(window.contains(start + timedelta(minutes=minute)) for minute in range(48 * 60))
