"""Whose turn it is, on small examples that can be read."""

from __future__ import annotations

from shiftline.governor.lanes import Lane, Lanes, served_within


def order(lanes: Lanes[str], count: int) -> list[str]:
    """What the next turns bring."""
    taken = [lanes.take() for _ in range(count)]
    return [entry.item for entry in taken if entry is not None]


def filled(lane: Lane, count: int, lanes: Lanes[str] | None = None) -> Lanes[str]:
    lanes = lanes or Lanes()
    for number in range(count):
        lanes.put(lane, f"{lane[0]}{number}", deadline=number, now=0.0)
    return lanes


def test_a_registration_goes_before_a_burst_of_checks() -> None:
    """It waits for no check that has not left yet."""
    lanes = filled(Lane.DECISION, 5)
    assert order(lanes, 2) == ["d0", "d1"]
    lanes.put(Lane.REGISTRATION, "refresh", deadline=99.0, now=1.0)
    assert order(lanes, 4) == ["refresh", "d2", "d3", "d4"]


def test_checks_wait_for_two_registrations_at_most_every_other_turn() -> None:
    """A trunk with many registrations still checks."""
    lanes = filled(Lane.DECISION, 3, filled(Lane.REGISTRATION, 3))
    assert order(lanes, 6) == ["r0", "d0", "r1", "d1", "r2", "d2"]


def test_what_is_sent_ahead_of_need_takes_what_is_left() -> None:
    """One send in 32 while checks wait, and all of it when none does."""
    lanes = filled(Lane.PREFETCH, 3, filled(Lane.DECISION, 40))
    taken = order(lanes, 43)
    assert [place for place, item in enumerate(taken) if item[0] == "p"] == [31, 41, 42]


def test_a_shut_lane_lets_only_its_leaders_go() -> None:
    """Agents wait for the controls, and the controls for nobody."""
    lanes = filled(Lane.DECISION, 2)
    assert lanes.take({Lane.DECISION}) is None
    lanes.put(Lane.DECISION, "control", deadline=1e9, now=0.0, leads=True)
    taken = lanes.take({Lane.DECISION})
    assert taken is not None
    assert taken.item == "control"
    assert not lanes.is_ready({Lane.DECISION})
    assert order(lanes, 3) == ["d0", "d1"]


def test_what_was_set_aside_goes_last_until_something_passed() -> None:
    """A refused question neither holds up the others nor loses its place."""
    lanes = filled(Lane.DECISION, 4)
    refused = lanes.take()
    assert refused is not None
    lanes.set_aside(refused)
    assert order(lanes, 1) == ["d1"]
    lanes.take_back()
    assert order(lanes, 3) == ["d0", "d2", "d3"]


def test_bounds_are_as_documented() -> None:
    """docs/explanation/lanes.md quotes them."""
    assert [served_within(lane) for lane in Lane] == [4, 5, 35, 35]


def test_a_turn_that_sent_nothing_is_not_counted() -> None:
    """An operator sees what left."""
    lanes = filled(Lane.PROBE, 2)
    taken = lanes.take()
    assert taken is not None
    lanes.not_sent(taken)
    assert lanes.state(7.0)["probe"] == {"waiting": 1, "sent": 0, "oldest_seconds": 7.0}
    assert lanes.state(7.0)["prefetch"] == {"waiting": 0, "sent": 0, "oldest_seconds": None}
