"""Pike, bans and locks, arrival by arrival."""

from __future__ import annotations

import pytest

from shiftline.governor.limiters.counters import FixedWindow
from shiftline.governor.limiters.model import Arrival, Fate, Limiter
from shiftline.governor.limiters.pike import Pike, PikeTree, address_bytes
from shiftline.governor.limiters.policers import Ban, Keyed, Policer, by_account
from shiftline.governor.limiters.spec import parse_limiter


def passes(limiter: Limiter, *times: float, account: str | None = None) -> list[bool]:
    return [limiter.judge(Arrival(at=at, account=account)).fate is Fate.PASS for at in times]


def pike(density: int, *, latency_seconds: float = 120.0, source: str = "127.0.0.2") -> Pike:
    return Pike(PikeTree(density, latency_seconds=latency_seconds), address_bytes(source))


def burst(one: Pike, start: float, step: float = 0.001) -> int:
    """How many of a burst pass before the first that does not."""
    passed = 0
    while one.admits(start + passed * step):
        passed += 1
    return passed


@pytest.mark.parametrize(("density", "answered"), [(16, 21), (30, 38)])
def test_a_burst_from_an_unseen_address_passes_the_density_by_some(density: int, answered: int) -> None:
    """The figures that were measured on Kamailio 5.6.3 (facts: K1)."""
    assert burst(pike(density), 0.0) == answered


def test_pike_blocks_from_the_hit_on_that_makes_the_density() -> None:
    """At an address it knows, one less than the density passes in a unit."""
    one = pike(16)
    burst(one, 0.0)
    assert burst(one, 6.0) == 15


def test_pike_blocks_the_unit_after_the_one_that_was_too_much() -> None:
    """And what is blocked is counted: who does not slow down stays blocked."""
    one = pike(16)
    burst(one, 0.0)
    assert [one.admits(2.0 + 0.1 * k) for k in range(16)] == [False] * 16
    assert [one.admits(4.0 + 0.1 * k) for k in range(15)] == [False] * 15
    assert one.admits(6.0)


def test_pike_lets_a_steady_sender_just_below_its_density_pass_for_ever() -> None:
    """15 in every 2 s at a density of 16."""
    one = pike(16)
    assert all(one.admits(0.05 + k * 2.0 / 15) for k in range(3000))


def test_pike_forgets_a_level_of_the_tree_for_each_latency_of_quiet() -> None:
    """After four of them the address is unseen again; until then less is granted beyond the density."""
    grants = []
    for quiet in (3.0, 5.0, 9.0, 13.0, 17.0):
        one = pike(16, latency_seconds=4.0)
        burst(one, 0.0)
        grants.append(burst(one, 0.05 + quiet))
    assert grants == [0, 19, 20, 21, 21]  # the unit right after the burst is blocked


def test_a_neighbour_warms_the_tree() -> None:
    """Its first hit grows the last byte; from an address of elsewhere, all is still to grow."""
    tree = PikeTree(16)
    burst(Pike(tree, address_bytes("127.0.0.2")), 0.0)
    assert burst(Pike(tree, address_bytes("127.0.0.3")), 0.1) == 1 + 15
    assert burst(Pike(tree, address_bytes("10.0.0.3")), 0.2) == 21


def test_a_source_without_address_is_one_of_its_own() -> None:
    """As the simulation names its senders."""
    assert len({address_bytes("shiftline"), address_bytes("another sender"), address_bytes("::1")}) == 3


def test_the_stock_flood_protection_bans_for_its_time_and_is_not_prolonged() -> None:
    """A table of Kamailio's htable expires by whole seconds, and only a new entry begins it anew."""
    limiter = parse_limiter("pike:16/2s,ban=5s").build()
    assert passes(limiter, *(0.001 * k for k in range(30))) == [True] * 21 + [False] * 9
    assert passes(limiter, *(0.1 * k for k in range(1, 60))) == [False] * 59
    assert passes(limiter, 6.0) == [True]


def test_a_ban_that_every_arrival_prolongs_outlasts_whoever_asks() -> None:
    """Only silence ends it (facts: V22)."""
    ban = Ban(counter=FixedWindow(1, 1.0), seconds=10.0, prolonged=True)
    assert passes(ban, 0.0, 0.1, 9.0, 18.0, 27.0) == [True, False, False, False, False]
    assert (ban.bans, ban.prolongations) == (1, 3)
    assert passes(ban, 37.0) == [True]


def test_bans_escalate_up_to_the_longest() -> None:
    """10 s, 20 s, 40 s, and then no longer."""
    ban = Ban(counter=FixedWindow(1, 1.0), seconds=10.0, growth=2.0, longest_seconds=40.0)
    lengths, now = [], 0.0
    for _ in range(5):
        passes(ban, now, now)
        lengths.append(ban.banned_until - now)
        now = ban.banned_until
    assert lengths == [10.0, 20.0, 40.0, 40.0, 40.0]


def test_a_ban_that_grows_without_bound_stays_a_number() -> None:
    """After thousands of bans too."""
    ban = Ban(counter=FixedWindow(0, 1.0), seconds=1e-9, growth=10.0, longest_seconds=5.0)
    now = 0.0
    for _ in range(400):
        passes(ban, now)
        now = ban.banned_until
    assert ban.bans == 400
    assert ban.banned_until - 5.0 <= now


def test_a_locked_user_locks_nobody_else() -> None:
    """Another user of the same source passes, and so does a request without credentials (facts: K5)."""
    limiter = parse_limiter("lockout:2/60s,lock=5s").build()
    assert passes(limiter, 0.0, 0.1, 0.2, account="a") == [True, True, False]
    assert passes(limiter, 0.3, account="b") == [True]
    assert passes(limiter, 0.4, 0.5, 0.6) == [True, True, True]
    assert passes(limiter, 5.9, account="a") == [False]
    assert passes(limiter, 60.0, account="a") == [True]


def test_keys_are_counted_apart() -> None:
    """Each has a limiter of its own."""
    keyed = Keyed(lambda: Policer(FixedWindow(1, 1.0)), by_account)
    assert passes(keyed, 0.0, 0.1, account="a") == [True, False]
    assert passes(keyed, 0.2, account="b") == [True]
