"""A subscription under loss, doubling and any order: one end, no exception, nothing left behind."""

from __future__ import annotations

from itertools import count, product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shiftline.sip.headers import Headers
from shiftline.sip.message import Request, response_to
from shiftline.sip.subscription import Subscription, SubscriptionPlan
from shiftline.sip.subscription_events import End, Ended, Notified, SubscriptionEvent
from shiftline.sip.subscription_states import PHASES, Given, Phase
from shiftline.sip.uri import SipUri
from shiftline.sip.values import EventType

AGENT = SipUri(user="agent0001", host="pbx.lab")
STATES = ["active;expires=30", "active", "pending", "terminated;reason=timeout", "terminated", "curious"]
EVENTS = ["presence", "presence", "presence", "dialog", ""]

notifies = st.tuples(
    st.just("notify"),
    st.sampled_from(STATES),
    st.integers(1, 6),
    st.sampled_from(EVENTS),
    st.sampled_from("AAB"),
)
answers = st.tuples(st.just("answer"), st.sampled_from([200, 202, 204, 403, 404, 423, 481, 489, 503, None]))
moves = notifies | answers | st.tuples(st.just("leave")) | st.tuples(st.just("wait"), st.floats(0, 50))


def a_subscription(expires_seconds: int) -> Subscription:
    numbers = count(1)
    plan = SubscriptionPlan(
        target=AGENT,
        from_uri=AGENT,
        contact=AGENT,
        event=EventType(package="presence"),
        expires_seconds=expires_seconds,
    )
    return Subscription(plan, token=lambda: f"token{next(numbers)}")


def a_notify(state: str, number: int, event: str, tag: str) -> Request:
    rows = [
        ("From", f"<{AGENT}>;tag={tag}"),
        ("To", f"<{AGENT}>;tag=token2"),
        ("Call-ID", "token1"),
        ("CSeq", f"{number} NOTIFY"),
        ("Event", event),
        ("Subscription-State", state),
    ]
    return Request("NOTIFY", AGENT, Headers(rows))


class Driver:
    """Plays the driver over any script of what the wire brings."""

    def __init__(self, expires_seconds: int) -> None:
        self.subscription = a_subscription(expires_seconds)
        self.now = 0.0
        self.unanswered: list[Request] = []
        self.events: list[SubscriptionEvent] = []
        self.subscription.start(self.now)
        self.settle()
        self.last = self.unanswered[0]

    def settle(self) -> None:
        self.unanswered += self.subscription.requests_to_send()
        while event := self.subscription.next_event():
            self.events.append(event)

    def play(self, move: tuple[object, ...]) -> None:
        match move:
            case ("notify", str(state), int(number), str(event), str(tag)):
                was_over = self.subscription.phase is Phase.TERMINATED
                status = self.subscription.notified(a_notify(state, number, event, tag), self.now)
                assert status in (200, 400, 481, 489, 500)
                assert not was_over or status == 481
            case ("answer", int(status)):
                self.answer(status)
            case ("answer", _):
                self.answer(None)
            case ("leave",):
                self.subscription.leave(self.now)
            case ("wait", float(seconds)):
                self.wait(seconds)
        self.settle()

    def answer(self, status: int | None) -> None:
        """Answer the oldest request; when none waits, the last one a second time."""
        request = self.unanswered.pop(0) if self.unanswered else self.last
        self.last = request
        response = response_to(request, status, to_tag="A") if status else None
        if response is not None:
            response.headers.add("Expires", "60")
            response.headers.add("Min-Expires", "90")
        self.subscription.answered(request, response, self.now)

    def wait(self, seconds: float) -> None:
        """Fire timers as they come; a transaction of the driver's gives up after 64*T1 at most."""
        end = self.now + seconds
        while (due := self.subscription.next_timer()) is not None and due <= end:
            self.now = max(self.now, due)
            self.subscription.handle_timer(self.now)
            self.settle()
        self.now = end


@given(st.sampled_from([0, 60, 3600]), st.lists(moves, max_size=25))
def test_every_subscription_ends_once(expires_seconds: int, script: list[tuple[object, ...]]) -> None:
    """Whatever comes, and then nothing any more: one end, at the end, and no timer left."""
    driver = Driver(expires_seconds)
    for move in script:
        driver.play(move)
    for _ in range(200):
        while driver.unanswered:
            driver.answer(None)
            driver.settle()
        driver.wait(1000.0)
        if driver.subscription.phase is Phase.TERMINATED:
            break
    driver.settle()
    assert driver.subscription.phase is Phase.TERMINATED
    assert [isinstance(event, Ended) for event in driver.events] == [False] * (len(driver.events) - 1) + [
        True
    ]
    assert driver.subscription.next_timer() is None
    driver.unanswered.clear()
    driver.subscription.handle_timer(driver.now)
    driver.subscription.leave(driver.now)
    driver.settle()
    assert not driver.unanswered


@given(
    st.permutations(["answer", "notify", "answer", "notify"]),
    st.sets(st.sampled_from(["answer", "notify"]), max_size=1),
)
def test_a_fetch_has_one_outcome(arrivals: list[str], lost: set[str]) -> None:
    """200 and NOTIFY doubled and in any order, or one of them lost: the NOTIFY decides."""
    driver = Driver(0)
    for arrival in arrivals:
        if arrival not in lost:
            move = (
                ("answer", 200)
                if arrival == "answer"
                else ("notify", "terminated;reason=timeout", 1, "presence", "A")
            )
            driver.play(move)
    driver.wait(100.0)
    driver.settle()
    (ended,) = [event for event in driver.events if isinstance(event, Ended)]
    told = [event for event in driver.events if isinstance(event, Notified)]
    assert (ended.why, len(told)) == ((End.NO_NOTIFY, 0) if "notify" in lost else (End.COMPLETE, 1))


@pytest.mark.parametrize(("phase", "given_input"), list(product(Phase, Given)))
def test_every_phase_meets_every_input(phase: Phase, given_input: Given) -> None:
    """What is over stays over, and nothing goes back to before the first NOTIFY."""
    follows = PHASES.get((phase, given_input), phase)
    if phase is Phase.TERMINATED:
        assert follows is Phase.TERMINATED
    if phase not in (Phase.INIT, Phase.NOTIFY_WAIT):
        assert follows not in (Phase.INIT, Phase.NOTIFY_WAIT)
