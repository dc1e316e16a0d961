"""A PBX that refuses checks and lets canaries pass, on a trunk without an account."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest

from shiftline.governor.controller import Answer, Send
from shiftline.governor.governor import Governor
from shiftline.governor.policy import GovernorPolicy
from shiftline.governor.refusals import RefusalClass
from shiftline.governor.state import Mode

DAY = 86_400.0
TOOK = 0.04
DECLARED = GovernorPolicy(max_rate=5.0)
LEARNING = GovernorPolicy(learn=True, max_rate=0)


def at_trunk(
    policy: GovernorPolicy,
    *,
    turned_at: float,
    open_again_at: float = 2 * DAY,
    status: int = 403,
    until: float | None = None,
    known: Mapping[str, Any] | None = None,
) -> tuple[Governor, list[tuple[float, Send]]]:
    """Ask all day while it refuses checks from that moment on; return what left."""
    governor, now = Governor(policy, 0.0, known), 0.0
    left: list[tuple[float, Send]] = []
    until = until or min(DAY, open_again_at + 60.0)
    while now < until and not governor.has_stopped:
        permission = governor.permission(now)
        if permission.send is Send.NOTHING:
            now = max(permission.again_at or DAY, now + 0.001)
            continue
        is_refused = turned_at <= now < open_again_at and permission.send is Send.CHECK
        left.append((now, permission.send))
        ticket = governor.sent(now, permission.send, credentials=False)
        now += TOOK
        if is_refused:
            governor.answered(ticket, now, Answer.REFUSED, status=status)
        else:
            governor.answered(ticket, now, Answer.PASSED, status=200)
    return governor, left


def kept(governor: Governor, *, at: float) -> dict[str, Any]:
    """What a worker saves at that moment, read ten seconds later."""
    saved: dict[str, Any] = json.loads(json.dumps(governor.knowledge() | governor.told(at)))
    return saved | {"age_seconds": 10.0}


@pytest.mark.parametrize("policy", [DECLARED, GovernorPolicy(max_rate=0.001), LEARNING], ids=str)
def test_from_the_first_it_stops(policy: GovernorPolicy) -> None:
    """It asked for ever, 205 times a day."""
    governor, left = at_trunk(policy, turned_at=0.0)
    assert governor.has_stopped
    assert governor.refusal is RefusalClass.POLICY
    assert len(left) < 10


@pytest.mark.parametrize(
    "policy",
    [
        GovernorPolicy(max_rate=5.0),
        GovernorPolicy(max_rate=50.0),
        GovernorPolicy(learn=True, max_rate=5.0),
        GovernorPolicy(learn=True, max_rate=50.0),
        LEARNING,
    ],
    ids=str,
)
@pytest.mark.parametrize("turned_at", [0.3, 3.0, 20.0])
def test_one_that_begins_later_stops_after_the_longest_ban(policy: GovernorPolicy, turned_at: float) -> None:
    """Fewer than ten after the first was seen; it was 208, and then 13 where more is tried."""
    governor, left = at_trunk(policy, turned_at=turned_at)
    assert governor.has_stopped
    assert governor.refusal is RefusalClass.POLICY
    first_seen = next(at for at, _ in left if at >= turned_at) + TOOK
    assert sum(at > first_seen for at, _ in left) < 10
    assert left[-1][0] > 900.0


def test_a_canary_that_passed_is_asked_again_once_only() -> None:
    """Before the two waits that tell a counter from a policy: whether the path is open still."""
    _, left = at_trunk(LEARNING, turned_at=3.0)
    first = next(index for index, (at, _) in enumerate(left) if at >= 3.0)
    assert [kind for _, kind in left[first:]] == [
        Send.CHECK,
        *(Send.CANARY, Send.CHECK, Send.CHECK, Send.CHECK, Send.CHECK, Send.CHECK),
        *(Send.CANARY, Send.CHECK, Send.CHECK),
    ]


@pytest.mark.parametrize("seconds", [1.0, 2.0, 5.0, 10.0, 300.0, 900.0])
def test_a_counter_that_no_canary_meets_is_waited_for(seconds: float) -> None:
    """It is shut for a while, and that is no policy: checks pass again, and go on."""
    governor, left = at_trunk(
        LEARNING, turned_at=3.0, open_again_at=3.0 + seconds, until=60.0 if seconds < 60.0 else 2000.0
    )
    assert not governor.has_stopped
    assert governor.mode in (Mode.HOLDING, Mode.PROVING)
    assert sum(at > 3.0 + seconds for at, _ in left) > 20


def test_it_is_said_what_the_long_wait_is_for() -> None:
    governor, left = at_trunk(LEARNING, turned_at=3.0, open_again_at=900.0, until=890.0)
    assert governor.mode is Mode.PROVING
    assert not governor.is_quiet
    said = governor.waiting_for(left[-1][0] + 1.0)
    assert said == "one check in 901 s: a canary passed, checks did not"


@pytest.mark.parametrize("policy", [DECLARED, LEARNING], ids=str)
@pytest.mark.parametrize("restarts", [1, 20])
def test_a_restart_goes_on_with_the_last_wait(policy: GovernorPolicy, restarts: int) -> None:
    """It began anew each time: six requests or more, and never the last of them."""
    governor, left = at_trunk(policy, turned_at=3.0, until=300.0)
    known = kept(governor, at=left[-1][0])
    for _ in range(restarts):
        governor, left = at_trunk(policy, turned_at=0.0, known=known, until=10.0)
        assert not left
        known = kept(governor, at=10.0)  # ten seconds of work, and ten until the next begins
    assert known["check_in"] == pytest.approx(901.5 - 20.0 * restarts, abs=1.0)
    stopped, left = at_trunk(policy, turned_at=0.0, known=known)
    assert stopped.has_stopped
    assert stopped.refusal is RefusalClass.POLICY
    assert [kind for _, kind in left] == [Send.CHECK]
    assert left[0][0] == pytest.approx(known["check_in"] - 10.0)
    assert stopped.knowledge()["check_in"] is None
    goes_on, left = at_trunk(policy, turned_at=DAY, known=known, until=1000.0)
    assert not goes_on.has_stopped
    assert goes_on.knowledge()["check_in"] is None
    assert len(left) > 100


def test_one_that_ends_before_goes_on() -> None:
    governor, left = at_trunk(DECLARED, turned_at=20.0, open_again_at=800.0)
    assert not governor.has_stopped
    governor, left = at_trunk(DECLARED, turned_at=20.0, open_again_at=30.0)
    assert sum(at > 30.0 for at, _ in left) > 100


def test_what_says_that_it_passes_is_asked_on() -> None:
    governor, left = at_trunk(DECLARED, turned_at=0.0, status=503)
    assert not governor.has_stopped
    assert len(left) < 250


@pytest.mark.parametrize("wish", [{"status": 503}, {"status": 403, "retry_after": 5.0}], ids=str)
def test_nor_is_it_stopped_where_nothing_was_ever_accepted(wish: dict[str, float]) -> None:
    """Three canaries that were refused meant a policy, whatever they said."""
    governor, now = Governor(DECLARED, 0.0), 0.0
    while now < 3600.0:
        permission = governor.permission(now)
        if permission.send is Send.NOTHING:
            assert permission.again_at is not None
            now = max(permission.again_at, now + 0.001)
            continue
        ticket = governor.sent(now, permission.send, credentials=False)
        now += TOOK
        governor.answered(ticket, now, Answer.REFUSED, **wish)  # type: ignore[arg-type]
    assert not governor.has_stopped
