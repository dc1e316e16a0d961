"""What leaves and what leaves again, together, never exceed the declared rate."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from shiftline.governor.controller import Answer, Send
from shiftline.governor.governor import Governor
from shiftline.governor.policy import GovernorPolicy

STEPS = st.lists(
    st.tuples(st.floats(0.0, 0.3), st.sampled_from(("ask", "repeat", "pass"))), min_size=40, max_size=300
)


@settings(max_examples=60, deadline=None)
@given(steps=STEPS, declared=st.integers(1, 30))
def test_no_second_holds_more_than_was_declared(steps: list[tuple[float, str]], declared: int) -> None:
    """Whatever the order in which both ask, however late, and whatever is answered meanwhile."""
    now = 1000.0
    governor = Governor(GovernorPolicy(learn=False, max_rate=float(declared)), now)
    flights = [governor.sent(now, Send.CHECK, credentials=False)]
    left = [now]
    for pause, step in steps:
        now += pause
        again_at = governor.repeat_at(now)
        if step == "pass" and flights:
            governor.answered(flights.pop(0), now, Answer.PASSED)
        elif step == "repeat" and again_at is not None and again_at <= now:
            governor.repeated(now)
            left.append(now)
        elif step == "ask" and (send := governor.permission(now).send) is not Send.NOTHING:
            flights.append(governor.sent(now, send, credentials=False))
            left.append(now)
    for first, beyond in zip(left, left[declared:], strict=False):
        assert beyond - first >= 1.0


def test_nothing_is_sent_again_while_it_would_reach_a_limiter_that_is_shut() -> None:
    """After a refusal only a canary leaves."""
    governor = Governor(GovernorPolicy(learn=False, max_rate=10.0), 0.0)
    governor.answered(governor.sent(0.0, Send.CHECK, credentials=False), 0.1, Answer.PASSED)
    assert governor.repeat_at(1.0) is not None
    governor.answered(governor.sent(1.0, Send.CHECK, credentials=False), 1.1, Answer.REFUSED)
    assert governor.repeat_at(1.2) is None
