"""The second bank: parameters that a seed draws, and two senders on one trunk."""

from __future__ import annotations

from random import Random

import pytest

from shiftline.governor.controllers.registry import OURS
from shiftline.governor.limiters.spec import parse_limiter
from shiftline.governor.simulation.bank import Group, case
from shiftline.governor.simulation.drawn_bank import KINDS, drawn_bank
from shiftline.governor.simulation.trial import attempt_together


@pytest.mark.parametrize("seed", range(30))
def test_every_drawn_trunk_is_one_that_can_be_built(seed: int) -> None:
    """Whatever is drawn: its text is read again as the same, its rates and times are within bounds."""
    bank = drawn_bank(Random(seed).random)
    assert set(bank) == set(KINDS)
    for one in bank.values():
        assert parse_limiter(str(one.throttle)) == one.throttle
        one.build(Random(seed).random)
        assert 0.5 <= one.ideal_rate() <= 850.0
        assert 0.001 <= one.answer_seconds <= 0.15
        assert 0.001 <= one.refused_seconds <= 0.04
        assert all(120.0 <= at <= 400.0 for at in one.changes)


def test_the_drawn_bank_has_every_group_and_another_trunk_for_each_seed() -> None:
    """No group is judged by the development bank alone."""
    first, again, other = (drawn_bank(Random(seed).random) for seed in (1, 1, 2))
    assert {one.group for one in first.values()} == set(Group)
    assert first == again
    assert all(first[kind] != other[kind] for kind in KINDS)


def test_two_senders_never_get_more_than_the_trunk_has() -> None:
    """What both got is within the limit, and the index within its bounds."""
    both = attempt_together(OURS, case("window:20/1s"), Random(1).random, horizon=120.0)
    assert 0.0 < both.efficiency <= 1.0
    assert 0.5 <= both.fairness <= 1.0
    assert 0.0 <= both.refused_share <= 1.0
