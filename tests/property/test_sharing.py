"""Sharing trunks among workers, on a played register: each soon has its share, and no trunk waits."""

from __future__ import annotations

from math import ceil

from hypothesis import given
from hypothesis import strategies as st

from shiftline.connector.records import Holdings
from shiftline.connector.sharing import (
    BETWEEN_SECONDS,
    LOOK_SECONDS,
    PATIENCE_SECONDS,
    SETTLED_SECONDS,
    Sharing,
)


class Floor:
    """Workers and leases in virtual time; whoever may take a lease does, in the order of the workers."""

    def __init__(self, trunks: int) -> None:
        self.now = 0.0
        self.leases = [f"trunk:{number}" for number in range(trunks)]
        self.held: dict[str, str] = {}
        self.workers: dict[str, Sharing] = {}
        self.busy: set[str] = set()
        self.unable: dict[str, set[str]] = {}
        self.handovers = 0

    def start(self, owner: str) -> None:
        self.workers[owner] = Sharing(owner=owner, leases=self.leases)

    def bury(self, owner: str) -> None:
        """It died a while ago."""
        del self.workers[owner]
        self.held = {name: holder for name, holder in self.held.items() if holder != owner}

    def play(self, seconds: float) -> None:
        until = self.now + seconds
        while self.now < until:
            self.now += LOOK_SECONDS
            for owner, sharing in self.workers.items():
                sharing.look(Holdings(workers=frozenset(self.workers), held=dict(self.held)), self.now)
                for name in self.leases:
                    able = name not in self.unable.get(owner, ())
                    if able and sharing.may_take(name) and name not in self.held:
                        self.held[name] = owner
                surplus = sharing.to_hand_over(self.now, lambda name: name not in self.busy)
                if surplus is not None:
                    sharing.handed_over(surplus, self.now)
                    del self.held[surplus]
                    self.handovers += 1

    def counts(self) -> list[int]:
        return sorted([*self.held.values()].count(owner) for owner in self.workers)


@given(trunks=st.integers(1, 30), workers=st.integers(1, 5))
def test_each_has_its_share_in_the_end(trunks: int, workers: int) -> None:
    """Whoever came first gives up what is too much, one by one, and then nothing moves any more."""
    floor = Floor(trunks)
    for number in range(workers):
        floor.start(f"worker {number}")
        floor.play(1.0)
    floor.play(SETTLED_SECONDS + trunks * (BETWEEN_SECONDS + 2 * LOOK_SECONDS) + 2.0)
    assert sorted(floor.held) == sorted(floor.leases)
    assert max(floor.counts()) <= ceil(trunks / workers)
    moved = floor.handovers
    floor.play(60.0)
    assert floor.handovers == moved


@given(trunks=st.integers(1, 30), workers=st.integers(2, 5), dying=st.integers(1, 4))
def test_what_the_dead_held_is_taken_at_once(trunks: int, workers: int, dying: int) -> None:
    """The shares of those who live cover all trunks, so that nobody need be patient."""
    floor = Floor(trunks)
    for number in range(workers):
        floor.start(f"worker {number}")
    floor.play(60.0)
    for number in range(min(dying, workers - 1)):
        floor.bury(f"worker {number}")
    floor.play(LOOK_SECONDS)
    assert sorted(floor.held) == sorted(floor.leases)


@given(trunks=st.integers(1, 12), unable=st.sets(st.integers(0, 11)))
def test_a_trunk_that_one_cannot_open_is_anothers(trunks: int, unable: set[int]) -> None:
    """Above its share, after a moment of patience; what is given back is not offered again and again."""
    floor = Floor(trunks)
    floor.unable["new"] = {f"trunk:{number}" for number in unable}
    floor.start("new")
    floor.start("old")
    floor.play(PATIENCE_SECONDS + 2 * LOOK_SECONDS)
    assert sorted(floor.held) == sorted(floor.leases)
    floor.play(120.0)
    assert sorted(floor.held) == sorted(floor.leases)
    assert floor.handovers <= trunks


@given(trunks=st.integers(2, 12))
def test_a_busy_trunk_stays_where_it_is(trunks: int) -> None:
    """A burst ends where it began; the newcomer has to wait."""
    floor = Floor(trunks)
    floor.start("old")
    floor.play(1.0)
    floor.busy = {*floor.leases}
    floor.start("new")
    floor.play(60.0)
    assert floor.counts() == [0, trunks]
    floor.busy = set()
    floor.play(SETTLED_SECONDS + trunks * (BETWEEN_SECONDS + 2 * LOOK_SECONDS))
    assert max(floor.counts()) == ceil(trunks / 2)


def test_workers_that_come_and_go_move_nothing() -> None:
    """Somebody that restarts every few seconds must not have trunks thrown about."""
    floor = Floor(8)
    floor.start("old")
    floor.play(1.0)
    for _ in range(10):
        floor.start("flapping")
        floor.play(SETTLED_SECONDS - 1.0)
        floor.bury("flapping")
        floor.play(SETTLED_SECONDS - 1.0)
    assert (floor.handovers, floor.counts()) == (0, [8])


def test_a_lease_that_is_no_trunks_counts_as_none() -> None:
    """The WFM's is looked at as well, and takes nobody's room."""
    one = Sharing(owner="one", leases=["trunk:a", "trunk:b"])
    workers = frozenset({"one", "two"})
    one.look(Holdings(workers=workers, held={"wfm:org": "one", "trunk:b": "two"}), 10.0)
    assert one.may_take("trunk:a")
    one.look(Holdings(workers=workers, held={"wfm:org": "one", "trunk:a": "one"}), 20.0)
    one.look(Holdings(workers=workers, held={"wfm:org": "one", "trunk:a": "one"}), 30.0)
    assert one.to_hand_over(30.0, lambda _: True) is None
