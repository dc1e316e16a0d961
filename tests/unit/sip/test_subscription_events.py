"""When a new subscription makes sense after the end of one."""

from __future__ import annotations

import pytest

from shiftline.sip.subscription_events import (
    LATER_SECONDS,
    SOON_SECONDS,
    End,
    Ended,
    resubscribe_after_seconds,
)
from shiftline.sip.values import SubscriptionState


@pytest.mark.parametrize(
    ("reason", "wish", "after"),
    [
        ("deactivated", None, SOON_SECONDS),
        ("timeout", 900, SOON_SECONDS),
        ("probation", None, LATER_SECONDS),
        ("probation", 900, 900),
        ("probation", 0, LATER_SECONDS),
        ("giveup", 900, 900),
        ("rejected", 900, None),
        ("noresource", None, None),
        ("invariant", None, None),
        (None, None, LATER_SECONDS),
        ("of-our-own", 120, 120),
    ],
)
def test_the_notifiers_reason_says_when(reason: str | None, wish: int | None, after: float | None) -> None:
    """RFC 6665 section 4.1.3: at once, after a while, or never; retry-after is honoured where it counts."""
    said = {"reason": reason, "retry-after": None if wish is None else str(wish)}
    given = tuple((name, text) for name, text in said.items() if text is not None)
    state = SubscriptionState(value="terminated", parameters=given)
    assert resubscribe_after_seconds(Ended(why=End.CLOSED_BY_NOTIFIER, state=state)) == after


@pytest.mark.parametrize(
    ("status", "after"),
    [
        (481, SOON_SECONDS),
        (480, LATER_SECONDS),
        (503, LATER_SECONDS),
        (403, None),
        (404, None),
        (489, None),
        (501, None),
    ],
)
def test_a_refusal_says_whether(status: int, after: float | None) -> None:
    """What no repetition changes is not repeated."""
    assert resubscribe_after_seconds(Ended(why=End.REFUSED, status=status)) == after


def test_silence_is_asked_again_and_what_is_complete_is_not() -> None:
    """The PBX may come back; what we ended ourselves is over."""
    for why in (End.UNANSWERED, End.NO_NOTIFY, End.EXPIRED):
        assert resubscribe_after_seconds(Ended(why=why)) == LATER_SECONDS
    assert resubscribe_after_seconds(Ended(why=End.COMPLETE)) is None
