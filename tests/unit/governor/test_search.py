"""What a refusal costs, and when more is tried again."""

from __future__ import annotations

import pytest

from shiftline.governor.search import (
    BACK_OFF,
    BACK_OFF_WHERE_DEAR,
    CHEAPEST,
    DEAREST,
    FASTEST_GROWTH,
    FIRST_PRICE,
    GROWTH,
    GROWTH_DOUBLES,
    KNOWN_PEACE,
    PINNED_PEACE,
    REQUESTS_BETWEEN,
    SLOWER_WHERE_DEAR,
    Closure,
    Search,
)

BEGAN = 100.0


def shut(seconds: float, *, open_after: float | None = None, silently: bool = False) -> Closure:
    """A limiter that was shut for so long, from second 100 on."""
    open_at = BEGAN + (seconds if open_after is None else open_after)
    return Closure(BEGAN, BEGAN + seconds, open_at, was_silent=silently)


def partly_shut(began: float) -> Closure:
    """As RED is: for a second, in which every second request passed."""
    return Closure(began, began + 0.9, began + 1.2, was_partial=True)


def settled(*, rate: float = 50.0, price: float = 0.4, times: int = 1, pinned: bool = False) -> Search:
    """A search that has met the limit so often, each time at that price, the last time at second 100."""
    search = Search()
    for _ in range(times):
        search.settle(rate, shut(price), BEGAN, pinned=pinned)
    return search


def peace_of(search: Search, since: float = BEGAN) -> float:
    """How many seconds nothing more is tried, to a tenth."""
    tenths = next(step for step in range(1, 1_000_000) if search.growth(since + step / 10) > 0)
    return tenths / 10


class TestClosure:
    """From the first refused request to the first that passes again."""

    def test_it_costs_what_did_not_pass(self) -> None:
        """From the first refusal to the first pass, and never less than nothing."""
        assert shut(0.6, open_after=0.8).cost_seconds == pytest.approx(0.8)
        assert Closure(BEGAN, BEGAN, BEGAN - 1.0).cost_seconds == 0.0

    @pytest.mark.parametrize(
        ("seconds", "span"), [(0.0, 1.0), (0.9, 1.0), (1.1, 2.0), (4.0, 5.0), (9.0, 10.0)]
    )
    def test_a_window_is_at_least_as_long(self, seconds: float, span: float) -> None:
        """The shortest usual one that holds it."""
        assert shut(seconds).span_seconds == span

    @pytest.mark.parametrize(("seconds", "span"), [(11.0, 30.0), (31.0, 60.0), (61.0, 60.0), (900.0, 60.0)])
    def test_beyond_the_longest_it_is_half_a_minute_or_a_whole_one(self, seconds: float, span: float) -> None:
        """A ban says nothing of what it counts over."""
        assert shut(seconds).span_seconds == span

    def test_where_we_asked_late_it_is_a_minute(self) -> None:
        """Refused for eleven seconds and not asked again for a quarter of an hour: it may be a ban."""
        assert shut(11.0, open_after=900.0).span_seconds == 60.0

    def test_silence_is_longer_than_the_limiter_was_shut(self) -> None:
        """Our own patience made it so; flood guards count over two seconds."""
        assert shut(0.5, silently=True).span_seconds == 2.0
        assert shut(0.5, silently=True).measured_until == BEGAN

    def test_more_than_a_minute_is_a_ban(self) -> None:
        """No window is so long; its own time is not measured."""
        assert shut(60.1).is_ban
        assert not shut(60.0).is_ban
        assert shut(61.0).measured_until == BEGAN
        assert shut(0.5).measured_until == BEGAN + 0.5


class TestConclude:
    """The rate to hold after one was refused."""

    def test_a_little_less_than_what_passed(self) -> None:
        """Three percent; eight where a refusal costs seconds."""
        assert Search().conclude(80.0, 50.0, shut(0.5), BEGAN) == 50.0 * BACK_OFF
        assert Search().conclude(80.0, 50.0, shut(3.0), BEGAN) == 50.0 * BACK_OFF_WHERE_DEAR == 46.0

    def test_never_more_than_what_was_refused(self) -> None:
        """However much passed in a lucky second."""
        assert Search().conclude(50.0, 80.0, shut(0.5), BEGAN) == 50.0 * BACK_OFF

    def test_not_less_than_what_was_held_in_peace(self) -> None:
        """A try above it was refused: back to it, whatever was measured."""
        search = settled(rate=50.0)
        later = Closure(BEGAN + 60.0, BEGAN + 60.5, BEGAN + 60.5)
        assert search.conclude(55.0, 45.0, later, BEGAN + 60.5) == 50.0
        assert search.proven == 50.0

    def test_a_limit_that_has_come_down_is_followed(self) -> None:
        """Much less passed than was held: that is past."""
        search = settled(rate=50.0)
        later = Closure(BEGAN + 60.0, BEGAN + 60.5, BEGAN + 60.5)
        assert search.conclude(52.0, 20.0, later, BEGAN + 60.5) < 50.0
        assert search.proven == 0.0

    def test_refused_at_what_was_held_it_was_too_much(self) -> None:
        """Soon after the last conclusion nothing is proven any more."""
        search = settled(rate=50.0)
        assert search.conclude(50.0, 40.0, shut(0.5), BEGAN + 1.0) == 40.0 * BACK_OFF

    def test_after_a_ban_only_what_was_measured_counts(self) -> None:
        """Nothing that was held is believed."""
        search = settled(rate=50.0)
        ban = Closure(BEGAN + 60.0, BEGAN + 121.0, BEGAN + 130.0)
        assert search.conclude(55.0, 1.5, ban, BEGAN + 130.0) == 1.5 * BACK_OFF_WHERE_DEAR

    def test_a_queue_is_left_by_what_was_answered(self) -> None:
        """But not by more than half at once: answers may have been few for another reason."""
        assert Search().queued(100.0, 80.0) == 80.0 * BACK_OFF
        assert Search().queued(100.0, 10.0) == 50.0 * BACK_OFF
        assert Search().queued(100.0, 300.0) == 100.0 * BACK_OFF


class TestPeace:
    """How long nothing more is tried."""

    def test_it_is_proportional_to_the_price(self) -> None:
        """Five times what the refusal cost."""
        assert peace_of(settled(price=1.0)) == pytest.approx(FIRST_PRICE * 1.0, abs=0.2)
        assert peace_of(settled(price=8.0)) == pytest.approx(FIRST_PRICE * 8.0, abs=0.2)

    def test_it_doubles_with_each_time(self) -> None:
        """A limit that was met thrice is likely still there."""
        assert peace_of(settled(price=1.0, times=2)) == pytest.approx(10.0, abs=0.2)
        assert peace_of(settled(price=1.0, times=3)) == pytest.approx(20.0, abs=0.2)

    def test_it_ends_at_a_hundred_times_the_price(self) -> None:
        """One percent of the time is what it may cost to find a raised limit."""
        assert peace_of(settled(price=1.0, times=30)) == pytest.approx(DEAREST, abs=0.2)

    def test_however_cheap_it_is_not_tried_all_the_time(self) -> None:
        """At least two hundred requests pass between two tries."""
        search = settled(rate=2.0, price=0.1, times=10)
        assert peace_of(search) == pytest.approx(max(REQUESTS_BETWEEN / 2.0, DEAREST * CHEAPEST), abs=0.2)

    def test_where_the_limit_is_known_exactly_it_is_twenty_seconds_at_least(self) -> None:
        """A try can only tell that it was raised."""
        assert peace_of(settled(price=0.2, pinned=True)) == pytest.approx(PINNED_PEACE, abs=0.2)

    def test_after_a_ban_it_is_hours(self) -> None:
        """A ban of five minutes is not met twice in a day."""
        search = settled(price=300.0)
        assert search.growth(BEGAN + 8 * 3600.0) == 0.0
        assert search.growth(BEGAN + 9 * 3600.0) > 0.0

    def test_what_was_kept_is_tried_late(self) -> None:
        """At its full price from the first time on; a quarter of an hour where that is not known."""
        known, unknown = Search(), Search()
        known.recall(50.0, 1.0, 4, BEGAN)
        unknown.recall(50.0, None, 1, BEGAN)
        assert peace_of(known) == pytest.approx(DEAREST, abs=0.2)
        assert peace_of(unknown) == pytest.approx(KNOWN_PEACE, abs=0.2)
        assert known.met == 4


class TestGrowth:
    """How fast a try grows."""

    def test_it_begins_slowly_and_doubles(self) -> None:
        """The longer nothing is refused, the higher the limit must have been raised."""
        search = settled(price=1.0)
        over = BEGAN + FIRST_PRICE
        assert search.growth(over) == pytest.approx(GROWTH)
        assert search.growth(over + GROWTH_DOUBLES) == pytest.approx(2 * GROWTH)
        assert search.growth(over + 1e9) == FASTEST_GROWTH

    def test_where_a_refusal_is_dear_it_is_slower(self) -> None:
        """It comes at the end of a long window only, when much more has left."""
        search = settled(price=4.0)
        assert search.growth(BEGAN + FIRST_PRICE * 4.0) == pytest.approx(GROWTH * SLOWER_WHERE_DEAR)

    def test_where_some_pass_meanwhile_it_is_slower(self) -> None:
        """RED refuses in the window after the one that was too much."""
        search = Search()
        search.settle(50.0, partly_shut(BEGAN), BEGAN, pinned=False)
        assert search.growth(BEGAN + FIRST_PRICE * 1.2 + 0.001) == pytest.approx(
            GROWTH * SLOWER_WHERE_DEAR, rel=0.01
        )

    def test_a_rate_that_was_never_held_is_a_try(self) -> None:
        """One that was held is none."""
        search = settled(rate=50.0)
        assert search.is_trying(51.0)
        assert not search.is_trying(50.0)


def test_confidence_is_how_close_the_refused_rate_is() -> None:
    """Held at 48 where 60 was refused: four fifths; without a refusal none at all."""
    search = Search()
    assert search.confidence(48.0) == 0.0
    search.conclude(60.0, 50.0, shut(0.5), BEGAN)
    assert search.confidence(48.0) == pytest.approx(0.8)
    assert search.confidence(70.0) == 1.0


class TestLongWindows:
    """Shut for 10 to 60 s: the rest of a long window, or a short ban."""

    def test_what_no_counter_of_ten_seconds_minds_may_be_tried(self) -> None:
        """So many passed in the ten seconds before: whoever bans for more counts over less."""
        search = Search()
        closure = Closure(BEGAN, BEGAN + 15.0, BEGAN + 25.0)
        search.conclude(500.0, 20.0, closure, BEGAN + 25.0, lately=60.0)
        assert search.bearable == pytest.approx(60.0 * BACK_OFF_WHERE_DEAR)

    def test_not_a_second_time(self) -> None:
        """Then it bans, or counts over longer than we know."""
        search = Search()
        for began in (BEGAN, BEGAN + 100.0):
            closure = Closure(began, began + 15.0, began + 25.0)
            search.conclude(50.0, 20.0, closure, began + 25.0, lately=60.0)
            search.settle(20.0, closure, began + 25.0, pinned=False)
        assert search.bearable == 0.0

    @pytest.mark.parametrize(
        "closure",
        [
            Closure(BEGAN, BEGAN + 5.0, BEGAN + 6.0),
            Closure(BEGAN, BEGAN + 70.0, BEGAN + 80.0),
            Closure(BEGAN, BEGAN + 11.0, BEGAN + 900.0),
            Closure(BEGAN, BEGAN + 15.0, BEGAN + 25.0, was_silent=True),
            Closure(BEGAN, BEGAN + 15.0, BEGAN + 25.0, was_told=True),
        ],
        ids=["window", "ban", "asked-late", "silent", "told"],
    )
    def test_of_nothing_else(self, closure: Closure) -> None:
        """A window needs none of it, a ban forbids it."""
        search = Search()
        search.conclude(500.0, 20.0, closure, closure.open_at, lately=60.0)
        assert search.bearable == 0.0


class TestWhereSomePassMeanwhile:
    """RED: it refuses a part of what comes in the window after one that held too much."""

    def search(self) -> Search:
        """One that met it at 130/s in second 100, and holds 90/s."""
        search = Search()
        search.conclude(130.0, 130.0, partly_shut(BEGAN), BEGAN + 1.2)
        search.settle(90.0, partly_shut(BEGAN), BEGAN + 1.2, pinned=False)
        return search

    def test_what_the_window_before_the_last_let_pass_is_held(self) -> None:
        """A rate that grew slowly to 104/s over some seconds is not taken back to where it began."""
        search = self.search()
        at = BEGAN + 12.0
        rate = search.conclude(104.0, 104.0, partly_shut(at), at + 1.2)
        assert 104.0 * 0.93 * BACK_OFF <= rate < 104.0 * BACK_OFF

    def test_steps_down_are_one_meeting(self) -> None:
        """Each is seen a window late: they do not make the next try wait the longer."""
        search = self.search()
        peace = peace_of(search, BEGAN + 1.2)
        at = BEGAN + 3.0
        assert search.conclude(90.0, 90.0, partly_shut(at), at + 1.2) == pytest.approx(90.0 * 0.85)
        search.settle(76.0, partly_shut(at), at + 1.2, pinned=False)
        assert search.met == 1
        assert peace_of(search, at + 1.2) == pytest.approx(peace)

    def test_two_windows_in_peace_prove_nothing(self) -> None:
        """What is refused so soon after may be for the rate that was held."""
        search = self.search()
        at = BEGAN + 3.5
        assert search.conclude(93.0, 93.0, partly_shut(at), at + 0.3) < 0.9 * 90.0
        assert search.proven == 0.0


def test_a_guess_of_an_earlier_life_is_left_as_soon_as_after_a_first_meeting() -> None:
    """It was kept for a hundred times its price, as a rate that was held is."""
    search = Search()
    search.recall(12.0, 5.0, 3, 0.0, is_guess=True)
    assert search.growth(24.9) == 0.0
    assert search.growth(25.1) > 0.0
    search.recall(12.0, 5.0, 3, 0.0)
    assert search.growth(499.0) == 0.0
