"""Answers that never come, and that nobody tells of, stall no governor."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from shiftline.governor.controller import Answer, Permission, Send
from shiftline.governor.governor import Governor
from shiftline.governor.policy import LOST_SECONDS, GovernorPolicy

POLICIES = st.sampled_from(
    [
        GovernorPolicy(learn=True, max_rate=0),
        GovernorPolicy(learn=True, max_rate=30.0, headroom=0.2),
        GovernorPolicy(max_rate=5.0),
        GovernorPolicy(max_rate=0.3),
    ]
)
PLACES: dict[str, Any] = {"rate": 50.0, "learned": True, "places": 5, "met": 1, "proven": True}
ANSWERS = st.none() | st.sampled_from([Answer.PASSED, Answer.PASSED, Answer.CHALLENGED, Answer.REFUSED])
"""None: nobody ever tells of it."""
LONGEST_REST = 1000.0  # seconds: the longest ban, and what an account rests


class Driver:
    """Sends what it may and does what it is told; it never tells of a time-out."""

    def __init__(self, governor: Governor) -> None:
        self.governor = governor
        self.now = 0.0

    def wait_to_send(self) -> Permission:
        """Ask whenever told to; return what may leave, or NOTHING from one that has stopped."""
        since = self.now
        for _ in range(2000):
            permission = self.governor.permission(self.now)
            if permission.send is not Send.NOTHING or self.governor.has_stopped:
                return permission
            again_at = permission.again_at or permission.at_latest
            assert again_at is not None
            assert again_at > self.now
            self.now = again_at
            assert self.now <= since + LOST_SECONDS + 2 * LONGEST_REST
        raise AssertionError("it never sends again")

    def send(self, permission: Permission, answer: Answer | None) -> None:
        """Let one leave; its answer comes 40 ms later, or is never told."""
        if permission.send is Send.CANARY_AGAIN:
            self.governor.repeated(self.now)
            return
        is_check = permission.send is Send.CHECK
        ticket = self.governor.sent(self.now, permission.send, credentials=is_check)
        if answer is not None:
            self.now += 0.04
            self.governor.answered(ticket, self.now, answer, status=403)


@settings(max_examples=150, deadline=None)
@given(
    policy=POLICIES,
    known=st.sampled_from([None, PLACES]),
    answers=st.lists(ANSWERS, min_size=1, max_size=60),
)
def test_whoever_forgets_requests_is_never_stalled(
    policy: GovernorPolicy, known: dict[str, Any] | None, answers: list[Answer | None]
) -> None:
    """There is always a moment to ask again, and then something leaves, unless it has stopped."""
    driver = Driver(Governor(policy, 0.0, known))
    for answer in answers:
        permission = driver.wait_to_send()
        if permission.send is Send.NOTHING:
            return
        driver.send(permission, answer)
    driver.wait_to_send()


def test_five_lost_in_five_places_give_them_back() -> None:
    """They are lost after a minute; a canary asks, and checks leave again."""
    driver = Driver(Governor(GovernorPolicy(learn=True, max_rate=0), 0.0, PLACES))
    driver.send(driver.wait_to_send(), Answer.PASSED)
    for _ in range(5):
        driver.send(driver.wait_to_send(), None)
    passed = 0
    while driver.now < 300.0:
        permission = driver.wait_to_send()
        passed += permission.send is Send.CHECK
        driver.send(permission, Answer.CHALLENGED if permission.send is Send.CANARY else Answer.PASSED)
    assert passed > 200


def test_one_lost_does_not_end_the_search() -> None:
    """While a request is overdue nothing grows; once it is given up the rate grows as before."""
    known = {"rate": 20.0, "learned": True, "met": 1, "price_seconds": 0.2, "proven": True}
    driver = Driver(Governor(GovernorPolicy(learn=True, max_rate=26.0), 0.0, known))
    driver.send(driver.wait_to_send(), Answer.PASSED)
    driver.send(driver.wait_to_send(), None)
    while driver.now < LOST_SECONDS + 60.0:
        permission = driver.wait_to_send()
        driver.governor.answered(
            driver.governor.sent(driver.now, permission.send, credentials=True), driver.now, Answer.PASSED
        )
    assert driver.governor.rate > 25.0


def test_a_canary_that_nobody_tells_of_is_followed_by_another() -> None:
    """After a refusal: its own patience comes on top."""
    governor = Governor(GovernorPolicy(max_rate=50.0), 0.0)
    driver = Driver(governor)
    driver.send(driver.wait_to_send(), Answer.PASSED)
    driver.send(driver.wait_to_send(), Answer.REFUSED)
    assert driver.wait_to_send().send is Send.CANARY
    driver.send(Permission(Send.CANARY), None)
    left = driver.now
    assert driver.wait_to_send().send is Send.CANARY
    assert LOST_SECONDS <= driver.now - left <= LOST_SECONDS + governor.canary_lasts + 2.0
