"""Every controller on the virtual road: nothing is lost, doubled, or sent above a declared rate."""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shiftline.governor.controller import Answer, Send
from shiftline.governor.controllers.registry import CONTROLLERS, controller_named
from shiftline.governor.controllers.start import Start
from shiftline.governor.limiters.spec import parse_limiter
from shiftline.governor.policy import GovernorPolicy
from shiftline.governor.simulation.engine import ANSWER_TIMEOUT, Sender, behind, travel_together
from shiftline.governor.simulation.journey import Journey, Reply

THROTTLES = (
    "window:30/1s",
    "window:30/1s,status=silent",
    "bucket:20/s,burst=5",
    "retry-after:40/2s,seconds=1",
    "concurrency:3",
    "cpu:25/s",
    "oc-loss:30/s",
    "shared:40/1s,others=10/s",
)


def journey(
    name: str, throttle: str, seed: int, checks: int, policy: GovernorPolicy
) -> tuple[Journey, Sender]:
    draw = Random(seed).random
    limiter = parse_limiter(throttle).build(draw(), random=draw)
    controller = controller_named(name, Start(policy=policy, draw=draw))
    sender = Sender(controller, behind(limiter, lambda: 0.02 + 0.04 * draw()), checks)
    travel_together([sender], until=3600.0, most=20_000)
    return sender.journey, sender


@pytest.mark.parametrize("name", CONTROLLERS)
@settings(max_examples=12, deadline=None)
@given(throttle=st.sampled_from(THROTTLES), seed=st.integers(0, 999), checks=st.integers(1, 60))
def test_each_check_is_answered_once(name: str, throttle: str, seed: int, checks: int) -> None:
    """What did not pass is sent again until it passes; what passed is never sent again."""
    road, sender = journey(name, throttle, seed, checks, GovernorPolicy(learn=True, max_rate=0.0))
    sent = [request for request in road.requests if request.kind is Send.CHECK]
    passed = [request for request in sent if request.reply.answer is Answer.PASSED]
    assert sender.checks == 0
    assert len(passed) == checks
    assert road.ended_at >= max(request.at for request in sent)


@pytest.mark.parametrize("name", CONTROLLERS)
@settings(max_examples=8, deadline=None)
@given(throttle=st.sampled_from(THROTTLES), seed=st.integers(0, 999))
def test_the_seed_tells_the_journey(name: str, throttle: str, seed: int) -> None:
    """The same random numbers give the same requests at the same moments."""
    policy = GovernorPolicy(learn=True, max_rate=0.0)
    roads = [journey(name, throttle, seed, 40, policy)[0] for _ in range(2)]
    first, again = ([(one.at, one.kind, one.reply.answer) for one in road.requests] for road in roads)
    assert first == again


@pytest.mark.parametrize("name", CONTROLLERS)
@settings(max_examples=8, deadline=None)
@given(throttle=st.sampled_from(THROTTLES), seed=st.integers(0, 999), declared=st.integers(1, 50))
def test_a_declared_rate_is_never_exceeded(name: str, throttle: str, seed: int, declared: int) -> None:
    """Not in any second, whoever sends: at most so many first requests as were declared, in any window."""
    road, _ = journey(name, throttle, seed, 80, GovernorPolicy(learn=False, max_rate=float(declared)))
    moments = [request.at for request in road.requests]
    for first, beyond in zip(moments, moments[declared:], strict=False):
        assert beyond - first >= 1.0


def test_what_is_dropped_is_repeated_like_sip_over_udp() -> None:
    """Timer E: again after 0.5, 1.5 and 3.5 seconds, then given up (RFC 3261 section 17.1.2.2)."""
    arrivals: list[float] = []

    def dropping(now: float, credentials: bool) -> Reply:
        arrivals.append(now)
        return Reply(Answer.SILENT, ANSWER_TIMEOUT, is_lost=True)

    controller = controller_named("static", Start(policy=GovernorPolicy(max_rate=0.1)))
    sender = Sender(controller, dropping, 1.0)
    travel_together([sender], until=4.5)
    assert arrivals == pytest.approx([0.0, 0.5, 1.5, 3.5])
    assert sender.checks == 1.0
    assert sender.journey.ended_at == pytest.approx(ANSWER_TIMEOUT)
