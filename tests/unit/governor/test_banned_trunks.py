"""Trunks that ban whoever is too fast: met cold, and with a rate that is known or declared."""

from __future__ import annotations

from collections.abc import Mapping
from random import Random
from typing import Any

import pytest
from tests.unit.governor.journeys import LEARNING, drive

from shiftline.governor.controller import Answer, Send
from shiftline.governor.governor import Governor
from shiftline.governor.limiters.spec import parse_limiter
from shiftline.governor.policy import GovernorPolicy
from shiftline.governor.simulation.engine import behind
from shiftline.governor.simulation.journey import Journey
from shiftline.governor.simulation.measure import bans_within

TEN_MINUTES = 600.0
BANS = ["pike:30/2s,ban=300s", "pike:30/2s,ban=90s", "escalating:50/1s,ban=300s", "escalating:20/1s,ban=90s"]
KNOWN: dict[str, Any] = {
    "learned": True, "rate": 12.0, "price_seconds": 300.0, "met": 1, "proven": True
}  # fmt: skip


def banned(
    limiter: str,
    *,
    seed: int = 1,
    until: float = TEN_MINUTES,
    policy: GovernorPolicy = LEARNING,
    known: Mapping[str, Any] | None = None,
) -> tuple[int, Governor, Journey]:
    """How often it banned us, and the journey."""
    random = Random(seed)
    built = parse_limiter(limiter).build(random.random(), random=random.random)
    world = behind(built, lambda: random.uniform(0.02, 0.06))
    governor, journey = drive(world, until=until, policy=policy, known=known)
    return sum(one.bans for one in bans_within(built)), governor, journey


@pytest.mark.parametrize("limiter", BANS)
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_met_cold_it_bans_once(limiter: str, seed: int) -> None:
    """Once in ten minutes, and it is known to be a ban; checks pass again afterwards."""
    bans, governor, journey = banned(limiter, seed=seed, until=TEN_MINUTES)
    assert bans == 1
    assert governor.knowledge()["model"] == "ban"
    last = max(one.at for one in journey.requests if one.reply.answer is not Answer.PASSED)
    assert any(at > last for at in journey.passed())


def test_not_once_more_in_two_hours() -> None:
    """What was banned is not tried again in a day."""
    bans, _, journey = banned("pike:30/2s,ban=300s", until=7200.0)
    assert bans == 1
    assert journey.passed_between(3600.0, 7200.0) >= 1000


@pytest.mark.parametrize("limiter", BANS)
def test_while_it_is_inferred_nothing_but_canaries_leaves(limiter: str) -> None:
    """From the moment the silence begins until a canary has passed, ever fewer of them."""
    _, _, journey = banned(limiter)
    turned_down = [one for one in journey.requests if one.reply.answer in (Answer.REFUSED, Answer.SILENT)]
    canaries = [one.at for one in turned_down if one.kind is Send.CANARY]
    during = journey.between(canaries[0], canaries[-1])
    assert all(one.kind is Send.CANARY for one in during)
    assert not any(one.credentials for one in during)
    assert len(during) <= 16
    assert sum(at > 60.0 for at in canaries) <= 9


@pytest.mark.parametrize("limiter", BANS)
@pytest.mark.parametrize(
    ("policy", "known"),
    [
        (GovernorPolicy(max_rate=12.0), None),
        (GovernorPolicy(learn=True, max_rate=12.0), None),
        (LEARNING, KNOWN),
    ],
    ids=["declared", "declared-and-learning", "known"],
)
def test_with_a_rate_below_it_it_never_bans(
    limiter: str, policy: GovernorPolicy, known: Mapping[str, Any] | None
) -> None:
    """And the rate is used."""
    bans, _, journey = banned(limiter, policy=policy, known=known)
    assert bans == 0
    assert not journey.answered(Answer.REFUSED)
    assert len(journey.passed()) >= 0.95 * TEN_MINUTES * 12.0


@pytest.mark.parametrize("limiter", ["escalating:50/1s,ban=10s,growth=1", "escalating:50/1s,ban=8s,growth=1"])
def test_a_ban_as_short_as_a_window_is_met_twice(limiter: str) -> None:
    """The first looks like the rest of a window of 10 s; no window explains both, and more is not tried."""
    bans, governor, journey = banned(limiter)
    assert bans <= 2
    assert governor.rate <= 50.0
    assert len(journey.passed()) >= 0.3 * TEN_MINUTES * 50


@pytest.mark.parametrize("ban_seconds", [20, 60, 300])
def test_a_ban_by_silence_that_every_request_prolongs_ends(ban_seconds: int) -> None:
    """As iptables' recent --update bans: whoever asks each half a minute is never let in again."""
    limiter = f"escalating:50/1s,ban={ban_seconds}s,growth=1,prolonged=yes,status=silent"
    bans, _, journey = banned(limiter, until=1000.0)
    silent = [one.at for one in journey.requests if one.reply.answer is Answer.SILENT]
    assert bans == 1
    assert max(silent) <= 120.0
    assert any(at > max(silent) for at in journey.passed())


@pytest.mark.parametrize("limiter", ["escalating:50/1s,ban=60s,growth=1,prolonged=yes"])
@pytest.mark.parametrize("clock_seconds", [0.0, 1.0])
def test_a_minute_of_silence_outlasts_a_ban_of_a_minute(limiter: str, clock_seconds: float) -> None:
    """Also where it ends with the tick of a clock, up to a second late."""
    random = Random(1)
    built = parse_limiter(limiter).build(random.random(), random=random.random)
    world = behind(built, lambda: random.uniform(0.02, 0.06))
    world(0.0, False)  # that address is known from now on
    (ban,) = bans_within(built)
    ban.clock_seconds = clock_seconds
    _, journey = drive(world, until=TEN_MINUTES)
    assert ban.bans == 1
    assert max(one.at for one in journey.answered(Answer.REFUSED)) <= 28.0
