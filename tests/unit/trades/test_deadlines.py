"""When a decision still helps."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from shiftline.trades.deadlines import DeadlinePolicy, Deadlines, deadlines_of
from shiftline.trades.model import Shift, Trade

CHICAGO = ZoneInfo("America/Chicago")
NOW = datetime(2026, 11, 23, 15, tzinfo=UTC)
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)


def shift(starts_at: datetime) -> Shift:
    return Shift(external_id="s", starts_at=starts_at, ends_at=starts_at + 8 * HOUR)


def trade(*, initiating: datetime, receiving: datetime | None, expires: datetime) -> Trade:
    return Trade(
        external_id="t",
        version=1,
        management_unit="mu",
        week_date=date(2026, 11, 23),
        initiating_agent="a",
        receiving_agent="b",
        initiating_shift=shift(initiating),
        receiving_shift=None if receiving is None else shift(receiving),
        matched_at=NOW - HOUR,
        expires_at=expires,
    )


def test_the_wfm_expiration_ends_it_when_it_comes_first() -> None:
    """The deadline is the expiration, and the supervisor has the whole lead time before it."""
    offered = trade(initiating=NOW + 3 * DAY, receiving=NOW + 2 * DAY, expires=NOW + DAY)
    found = deadlines_of(offered, NOW, DeadlinePolicy())
    assert found == Deadlines(deadline=NOW + DAY, refer_by=NOW + DAY - 2 * HOUR)


def test_the_first_shift_less_its_notice_ends_it_when_that_comes_first() -> None:
    """Whichever of the two shifts starts first counts, less the unit's minimum notice."""
    policy = DeadlinePolicy(minimum_notice=6 * HOUR)
    for first, second in ((2 * DAY, 3 * DAY), (3 * DAY, 2 * DAY)):
        offered = trade(initiating=NOW + first, receiving=NOW + second, expires=NOW + 9 * DAY)
        assert deadlines_of(offered, NOW, policy).deadline == NOW + 2 * DAY - 6 * HOUR


def test_a_one_sided_trade_has_one_shift_to_wait_for() -> None:
    """A given-away shift is as urgent as its own start."""
    offered = trade(initiating=NOW + DAY, receiving=None, expires=NOW + 9 * DAY)
    assert deadlines_of(offered, NOW, DeadlinePolicy()).deadline == NOW + DAY


def test_the_supervisor_gets_at_most_half_of_what_is_left() -> None:
    """With an hour left, checking has half of it."""
    offered = trade(initiating=NOW + HOUR, receiving=None, expires=NOW + DAY)
    assert deadlines_of(offered, NOW, DeadlinePolicy()).refer_by == NOW + HOUR / 2


def test_an_odd_microsecond_goes_to_the_checks() -> None:
    """Half of three microseconds is one: rounding never takes more than half."""
    offered = trade(initiating=NOW + timedelta(microseconds=3), receiving=None, expires=NOW + DAY)
    assert deadlines_of(offered, NOW, DeadlinePolicy()).refer_by == NOW + timedelta(microseconds=2)


def test_an_expired_trade_is_referred_at_its_deadline() -> None:
    """Nothing is left to share: both moments are the one that passed."""
    offered = trade(initiating=NOW + DAY, receiving=None, expires=NOW - HOUR)
    found = deadlines_of(offered, NOW, DeadlinePolicy())
    assert found == Deadlines(deadline=NOW - HOUR, refer_by=NOW - HOUR)


def test_a_trade_without_the_minimum_notice_has_expired() -> None:
    """A shift that starts within the notice is too late although the WFM has not expired the trade."""
    offered = trade(initiating=NOW + HOUR, receiving=None, expires=NOW + DAY)
    found = deadlines_of(offered, NOW, DeadlinePolicy(minimum_notice=2 * HOUR))
    assert found.deadline == found.refer_by == NOW - HOUR


def test_a_dst_change_before_the_shift_moves_no_deadline() -> None:
    """24 hours of notice are 24 real hours, though 09:00 the day before is 23 hours away in spring."""
    start = datetime(2026, 3, 8, 9, tzinfo=CHICAGO).astimezone(UTC)
    offered = trade(initiating=start, receiving=None, expires=start + DAY)
    found = deadlines_of(offered, start - 9 * DAY, DeadlinePolicy(minimum_notice=DAY))
    assert start - found.deadline == DAY
    assert found.deadline.astimezone(CHICAGO).hour == 8
