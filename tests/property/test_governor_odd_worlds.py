"""Odd clocks, odd answers and odd memories do a governor no harm."""

from __future__ import annotations

import json
from math import ceil, inf, isfinite, nan
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from shiftline.governor.account import LOCK_SECONDS, LOCKS_THAT_STOP, MAX_REFUSED, TRIALS
from shiftline.governor.controller import Answer, Permission, Send
from shiftline.governor.governor import Governor
from shiftline.governor.known import HIGHEST, number, whole
from shiftline.governor.limiters.model import Feedback
from shiftline.governor.listening import LONGEST_BAN
from shiftline.governor.moments import FARTHEST, SET_BACK_SECONDS
from shiftline.governor.policy import GovernorPolicy
from shiftline.governor.state import Mode

SLOWEST = 0.5
POLICIES = st.sampled_from(
    [
        GovernorPolicy(learn=True, max_rate=0),
        GovernorPolicy(learn=True, max_rate=30.0),
        GovernorPolicy(learn=True, max_rate=0, headroom=0.2),
        GovernorPolicy(max_rate=5.0),
        GovernorPolicy(max_rate=0.3),
    ]
)
STEPS = st.sampled_from([0.0, 0.001, 0.02, 0.15, 1.0, 31.0, 1e6]) | st.floats(0.0, 100.0)
ODD_STEPS = st.sampled_from([nan, inf, -inf, 1e18, -1e18, -1.0, -3600.0, -1e7, -1e-9])
ODD_MOMENTS = st.sampled_from([nan, inf, -inf, 1e18, -1e18])
ODD_SECONDS = st.none() | st.sampled_from([nan, inf, -inf, -5.0, 0.0, 3.0, 120.0])
NUMBERS = st.floats(0.0, 1e4) | st.sampled_from([nan, inf, -inf, -1.0, 0.0, 100.0, 101.0, 1e308])
FEEDBACK = st.none() | st.builds(
    Feedback,
    algorithm=st.sampled_from(["rate", "loss", "window", ""]),
    value=NUMBERS,
    validity_seconds=NUMBERS,
    sequence=NUMBERS,
)
LEARNED: dict[str, Any] = {"learned": True, "rate": 20.0, "window_seconds": 1.0, "met": 2, "proven": True}
NAMES = [
    "rate",
    "limit",
    "window_seconds",
    "learned",
    "model",
    "price_seconds",
    "met",
    "guessed",
    "check_in",
    "login_in",
    "places",
    "confidence",
    "learned_ago",
    "age_seconds",
    "mode",
    "refusal",
    "overshoots",
    "strikes",
    "struck_ago",
    "is_unshared",
    "rearmed",
    "accepted",
    "locks",
    "proven",
    "refusals",
    "sent",
    "passed",
    "in_flight",
    "unknown",
]
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["ago", "class", "status", "rate", "count", "x"]), inner, max_size=5
        )
    ),
    max_leaves=6,
)
WAITS = st.none() | st.sampled_from([0.0, 5.0, 901.5, 1e12])
ACCOUNT = st.fixed_dictionaries(
    {
        "strikes": st.integers(0, 3),
        "struck_ago": st.floats(0.0, 2 * LOCK_SECONDS),
        "accepted": st.booleans(),
        "is_unshared": st.booleans(),
        "rearmed": st.booleans(),
        "locks": st.integers(0, 3),
    },
    optional={"check_in": WAITS, "login_in": WAITS},
)
KNOWN = st.dictionaries(st.sampled_from(NAMES), JSON, max_size=8) | ACCOUNT


def is_moment(now: float) -> bool:
    return isfinite(now) and abs(now) < FARTHEST


class OddWorld(RuleBasedStateMachine):
    """The driver does what it is told, and sends nothing else; its clock and the PBX do what they like."""

    @initialize(
        policy=POLICIES, known=st.none() | st.just(LEARNED), now=st.sampled_from([0.0, 1e6]) | ODD_MOMENTS
    )
    def start(self, policy: GovernorPolicy, known: dict[str, Any] | None, now: float) -> None:
        self.policy = policy
        self.governor = Governor(policy, now, known)
        # The latest moment that the governor was told, whose clock begins with the first that is one.
        self.clock = now if is_moment(now) else 1e6
        if now != self.clock:
            self.governor.permission(self.clock)
        self.tickets: dict[int, Send] = {}
        self.answered: list[int] = []
        self.sent: list[float] = []
        self.quiet_until = -inf
        self.rounding = 0.0

    @rule(step=STEPS | ODD_STEPS, credentials=st.booleans(), times=st.integers(1, 12))
    def ask(self, step: float, credentials: bool, times: int) -> None:
        now = self.clock + step
        for _ in range(times):
            permission = self.permission(now)
            if permission.send is Send.NOTHING:
                if permission.again_at is None:
                    return
                now = permission.again_at if 0 <= step < 1e18 else now
                continue
            kind = permission.send
            if kind is Send.CANARY_AGAIN:
                assert Send.CANARY in self.tickets.values()
                self.governor.repeated(now)
                self.sent.append(self.clock)
                self.quiet_until = -inf
                continue
            ticket = self.governor.sent(now, kind, credentials=credentials and kind is Send.CHECK)
            assert ticket not in self.tickets
            self.tickets[ticket] = kind
            self.sent.append(self.clock)
            self.quiet_until = -inf

    def permission(self, now: float) -> Permission:
        self.tick(now)
        permission = self.governor.permission(now)
        self.forget_lost()
        if permission.send is Send.NOTHING:
            is_waiting = permission.again_at is not None and self.governor.is_quiet
            self.quiet_until = permission.again_at or -inf if is_waiting else self.quiet_until
        else:
            self.keeps_its_promises(permission.send)
        return permission

    def forget_lost(self) -> None:
        """What nothing was told of for more than a minute is given up, the oldest first."""
        lost = len(self.tickets) - self.governor.told(self.clock)["in_flight"]
        for ticket in list(self.tickets)[:lost]:
            del self.tickets[ticket]
            self.answered.append(ticket)

    def keeps_its_promises(self, kind: Send) -> None:
        """One more may leave: it is a canary or a check as the mode wants it, and within all caps."""
        assert self.clock >= self.quiet_until - self.rounding
        assert (kind in (Send.CANARY, Send.CANARY_AGAIN)) == (self.governor.mode is Mode.LISTENING)
        ceiling = self.policy.ceiling
        assert self.sent_within(ceil(ceiling) / ceiling) < ceil(ceiling)
        known = self.governor.knowledge()
        if kind is Send.CHECK and known["limit"] is not None:
            assert self.sent_within(known["window_seconds"]) < known["limit"]

    def sent_within(self, seconds: float) -> int:
        return sum(at > self.clock - seconds for at in self.sent)

    @rule(
        data=st.data(),
        step=STEPS | ODD_STEPS,
        answer=st.sampled_from(Answer),
        retry_after=ODD_SECONDS,
        feedback=FEEDBACK,
    )
    def hear(
        self,
        data: st.DataObject,
        step: float,
        answer: Answer,
        retry_after: float | None,
        feedback: Feedback | None,
    ) -> None:
        """An answer to what is under way, once more to what was answered, or to nothing."""
        ticket = data.draw(st.sampled_from([*self.tickets, *self.answered[-3:], -1, 10**9]))
        now = self.clock + step
        before = self.told()
        self.governor.answered(ticket, now, answer, retry_after, status=403, feedback=feedback)
        if ticket not in self.tickets:
            assert self.told() == before
            return
        self.tick(now)
        self.answered.append(ticket)
        del self.tickets[ticket]
        self.quiet_until = -inf

    @rule(step=STEPS, seconds=st.sampled_from([0.002, 0.04, 1.0]), answer=st.sampled_from(Answer))
    def hear_of_all(self, step: float, seconds: float, answer: Answer) -> None:
        """What makes a governor proceed: all is answered alike."""
        if self.tickets:  # else the governor is told nothing, and knows no later moment
            self.tick(self.clock + step + seconds)
        for ticket in list(self.tickets):
            self.governor.answered(ticket, self.clock, answer, status=200)
            del self.tickets[ticket]
        self.quiet_until = -inf

    def tick(self, now: float) -> None:
        """A clock that was set back goes on from there: what was known is as long ago as it was."""
        if not is_moment(now):
            return
        if now < self.clock - SET_BACK_SECONDS:
            back, self.rounding = self.clock - now, 1e-6
            self.sent = [at - back for at in self.sent]
            self.quiet_until -= back
            self.clock = now
        self.clock = max(self.clock, now)

    def told(self) -> dict[str, Any]:
        return self.governor.knowledge() | self.governor.told(self.clock)

    @invariant()
    def the_rate_stays_between_its_bounds(self) -> None:
        ceiling = self.policy.ceiling
        assert min(SLOWEST, ceiling) <= self.governor.rate <= ceiling

    @invariant()
    def one_canary_at_a_time(self) -> None:
        assert sum(kind is Send.CANARY for kind in self.tickets.values()) <= 1

    @invariant()
    def all_that_it_tells_is_json(self) -> None:
        json.dumps(self.told(), allow_nan=False)
        assert isfinite(self.governor.canary_patience)
        assert 0.0 <= self.governor.knowledge()["confidence"] <= 1.0


OddWorld.TestCase.settings = settings(max_examples=120, stateful_step_count=40, deadline=None)
TestOddWorld = OddWorld.TestCase


@settings(max_examples=300, deadline=None)
@given(policy=POLICIES, known=KNOWN, now=st.sampled_from([0.0, 1e6]))
def test_whatever_was_kept_the_worker_goes_on(
    policy: GovernorPolicy, known: dict[str, Any], now: float
) -> None:
    """Its first check leaves at once, or it says when or that it has stopped; what it tells can be kept."""
    governor = Governor(policy, now, known)
    permission = governor.permission(now)
    assert min(SLOWEST, policy.ceiling) <= governor.rate <= policy.ceiling
    kept = governor.knowledge()
    if governor.mode is Mode.STOPPED:
        assert permission == Permission(Send.NOTHING)
    elif permission.again_at is not None:  # for the end of what the life before met, and never for long
        assert now < permission.again_at <= now + LONGEST_BAN
        if kept["strikes"] >= MAX_REFUSED:
            assert permission.again_at <= now + LOCK_SECONDS
            assert kept["accepted"]
            assert kept["locks"] < LOCKS_THAT_STOP
        else:
            assert kept["check_in"] is not None or permission.again_at <= now + TRIALS[-1]
        permission = governor.permission(now := permission.again_at)
        assert permission.send is Send.CHECK
    else:
        assert permission.send is Send.CHECK
    if permission.send is Send.CHECK:
        governor.answered(governor.sent(now, Send.CHECK, credentials=True), now + 0.04, Answer.PASSED)
        governor.permission(now + 1.0)
    kept = json.loads(json.dumps(governor.knowledge() | governor.told(now + 1.0), allow_nan=False))
    assert Governor(policy, now, kept).rate <= policy.ceiling


@settings(max_examples=100, deadline=None)
@given(
    known=st.fixed_dictionaries(
        {
            "learned": st.just(True),
            "rate": st.floats(SLOWEST, 5000.0),
            "window_seconds": st.none() | st.sampled_from([1.0, 2.0, 5.0, 10.0]),
            "price_seconds": st.none() | st.floats(0.0, 1000.0),
            "met": st.integers(1, 500),
            "places": st.none() | st.integers(2, 500),
            "learned_ago": st.floats(0.0, 1e7),
            "age_seconds": st.floats(0.0, 1e7),
        }
    )
)
def test_what_was_saved_is_what_is_read(known: dict[str, Any]) -> None:
    """Rate, window, places, price and count come back; the age has grown by what has passed since."""
    read = Governor(GovernorPolicy(learn=True, max_rate=0), 0.0, known).knowledge()
    assert abs(read["rate"] - known["rate"]) <= 0.001
    for name in ("window_seconds", "places", "met"):
        assert read[name] == known[name]
    assert abs(read["price_seconds"] - (known["price_seconds"] or 0.0)) <= 0.001
    assert abs(read["learned_ago"] - known["learned_ago"] - known["age_seconds"]) <= 0.1


@given(JSON, st.floats(-10.0, 10.0))
def test_a_kept_number_is_a_number_within_its_bounds(value: Any, least: float) -> None:
    """Whatever the database holds: no NaN, nothing negative, no truth, nothing beyond all measure."""
    for read in (number({"x": value}, "x", least=least), whole({"x": value}, "x")):
        assert not isinstance(read, bool)
    kept = number({"x": value}, "x", least=least)
    assert kept is None or least <= kept <= HIGHEST
    count = whole({"x": value}, "x")
    assert count is None or 0 <= count <= HIGHEST
