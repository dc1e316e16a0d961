"""Whether the number of requests at a time is what is limited."""

from __future__ import annotations

from shiftline.governor.places import EPISODES, MEMORY, PASSES_AT_THE_EDGE, Places


def taught(
    limit: int, *, episodes: int = EPISODES, passes: int = PASSES_AT_THE_EDGE, beyond: int = 0
) -> Places:
    """One that saw passes just below the limit, some beyond it, and refusals at it."""
    places = Places()
    for _ in range(passes):
        places.passed(limit - 1)
    for _ in range(beyond):
        places.passed(limit)
    for _ in range(episodes):
        places.refused(limit)
    return places


def test_three_refusals_at_the_same_number_tell() -> None:
    """Two may be chance."""
    assert taught(5).limit == 5
    assert taught(5, episodes=EPISODES - 1).limit is None


def test_it_must_have_been_used_nearly_full() -> None:
    """Where hardly anything passed just below it, nothing is known of that number."""
    assert taught(5, passes=PASSES_AT_THE_EDGE - 1).limit is None


def test_what_passed_beyond_contradicts() -> None:
    """A limiter of rates refuses at the same numbers at which others pass."""
    assert taught(5, passes=20, beyond=2).limit is None
    assert taught(5, passes=40, beyond=2).limit == 5


def test_one_at_a_time_is_what_a_slow_rate_looks_like() -> None:
    """It is not called a place."""
    assert taught(1).limit is None


def test_the_lowest_of_the_three_is_believed() -> None:
    """Answers overtake each other: some refusals find one more in flight."""
    places = taught(5, episodes=2)
    places.refused(6)
    assert places.limit == 5


def test_refused_below_it_there_is_no_such_limit() -> None:
    """What was learned is forgotten, and begins anew."""
    places = taught(5)
    places.refused(3)
    assert places.limit is None
    places.refused(5)
    assert places.limit is None


def test_a_try_that_passes_keeps_the_place() -> None:
    """There is one more by now."""
    places = taught(5)
    places.try_one_more()
    places.passed(5)
    assert places.limit == 6


def test_a_try_that_is_refused_gives_it_back() -> None:
    """And is not taken for a contradiction."""
    places = taught(5)
    places.try_one_more()
    places.refused(5)
    assert places.limit == 5


def test_nothing_is_tried_where_nothing_is_known() -> None:
    """A trunk without such a limit has no place to try."""
    places = Places()
    places.try_one_more()
    assert places.limit is None


def test_old_passes_count_less_and_less() -> None:
    """What passed yesterday beyond today's limit does not hide it for ever."""
    places = Places()
    for _ in range(30):
        places.passed(8)
    for _ in range(6 * MEMORY):
        places.passed(4)
    for _ in range(EPISODES):
        places.refused(5)
    assert places.limit == 5
