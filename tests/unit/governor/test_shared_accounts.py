"""Several trunks with one account: when it is refused, one login at a time asks, and tells all of them."""

from __future__ import annotations

import json

import pytest
from tests.unit.governor.journeys import MANY, REFUSED, changed_at, trunk

from shiftline.governor.account_book import LONGEST_TRIAL, AccountBook, BookPage
from shiftline.governor.controller import Answer, Send
from shiftline.governor.governor import Governor
from shiftline.governor.policy import GovernorPolicy
from shiftline.governor.simulation.engine import Sender, travel_together
from shiftline.governor.simulation.journey import Reply

QUARTER = 900.0
TURNED_AT = 20.0
DECLARED = GovernorPolicy(max_rate=50.0)


def disabled(now: float, credentials: bool) -> Reply:
    del now
    return Reply(Answer.REFUSED if credentials else Answer.CHALLENGED, REFUSED.seconds, status=403)


@pytest.mark.parametrize("trunks", [2, 3, 8])
def test_two_logins_in_a_quarter_of_an_hour_whatever_the_number(trunks: int) -> None:
    """All waits end at the same moment: they asked in step, three at 30.5 s and six at 930 s."""
    book = AccountBook()
    world = changed_at(TURNED_AT, trunk("window:1000/1s"), disabled)
    senders = [
        Sender(Governor(DECLARED, 0.0, None, BookPage(book, f"t{i}")), world, MANY) for i in range(trunks)
    ]
    travel_together(senders, until=4000.0)
    # What left before the own first refusal was heard was in flight, and cannot be called back.
    logins = sorted(
        one.at for sender in senders for one in sender.journey.requests if one.credentials and one.at > 21.0
    )
    assert logins
    assert max(sum(first <= at < first + QUARTER for at in logins) for first in logins) <= 2


def suspected(book: AccountBook, name: str) -> Governor:
    """A trunk whose next login is to tell of an account that has passed before."""
    governor = Governor(DECLARED, 0.0, {"accepted": True, "age_seconds": 0}, BookPage(book, name))
    governor.account.suspect(0.0)
    return governor


def asking() -> tuple[Governor, Governor, int]:
    """Two such trunks; the first one's login is under way."""
    book = AccountBook()
    one, other = suspected(book, "one"), suspected(book, "other")
    assert one.permission(0.0).send is Send.CHECK
    ticket = one.sent(0.0, Send.CHECK, credentials=True)
    assert other.permission(0.01).send is Send.NOTHING
    assert other.permission(0.01).again_at is not None
    return one, other, ticket


@pytest.mark.parametrize("became", [Answer.PASSED, Answer.SILENT])
def test_the_next_asks_once_it_is_answered(became: Answer) -> None:
    one, other, ticket = asking()
    one.answered(ticket, 0.04, became)
    assert other.permission(0.05).send is Send.CHECK


def test_a_refusal_tells_the_others() -> None:
    one, other, ticket = asking()
    one.answered(ticket, 0.04, Answer.REFUSED, status=403)
    assert other.permission(0.05).again_at == pytest.approx(QUARTER, abs=1.0)


def test_an_answer_that_never_comes_holds_nobody_up_for_long() -> None:
    """Nor a trunk that has stopped meanwhile."""
    _, other, _ = asking()
    assert other.permission(LONGEST_TRIAL - 0.1).send is Send.NOTHING
    assert other.permission(LONGEST_TRIAL + 0.1).send is Send.CHECK


def test_a_trunk_that_begins_anew_asks_nothing_any_more() -> None:
    book = AccountBook()
    one, other = suspected(book, "one"), suspected(book, "other")
    one.sent(0.0, Send.CHECK, credentials=True)
    suspected(book, "one")
    assert other.permission(0.01).send is Send.CHECK


def restarted(*governors: Governor, at: float, **changed: bool) -> list[Governor]:
    """The same trunks in a later life, which begins at 0.0 a second after ``at``."""
    book = AccountBook()
    kept = [json.loads(json.dumps(one.knowledge() | one.told(at))) | changed for one in governors]
    return [
        Governor(DECLARED, 0.0, known | {"age_seconds": 1.0}, BookPage(book, f"t{number}"))
        for number, known in enumerate(kept)
    ]


def test_a_restart_does_not_tell_what_was_kept_from_the_others() -> None:
    """One refusal each, which may be the rate: together they were taken for a lock."""
    book = AccountBook()
    for governor in restarted(suspected(book, "one"), suspected(book, "other"), at=1.0):
        assert governor.permission(0.0).send is Send.CHECK
        assert governor.knowledge()["is_unshared"]


def test_a_restart_tells_what_was_told() -> None:
    one, other, ticket = asking()
    one.answered(ticket, 0.04, Answer.REFUSED, status=403)
    for governor in restarted(one, other, at=1.0):
        assert governor.permission(0.0).again_at == pytest.approx(QUARTER, abs=5.0)


def test_who_is_rearmed_is_not_stopped_by_what_another_trunk_met_before() -> None:
    """Somebody says that it is mended. What another meets from now on counts."""
    book = AccountBook()
    other = Governor(DECLARED, 0.0, None, BookPage(book, "other"))
    other.account.strike(0.0, 2)
    known = {"strikes": 0, "rearmed": True, "age_seconds": 0.5}
    rearmed = Governor(DECLARED, 10.0, known, BookPage(book, "one"))
    assert rearmed.permission(10.0).send is Send.CHECK
    other.account.strike(11.0, 2)
    assert rearmed.permission(12.0).send is Send.NOTHING
    assert rearmed.has_stopped


@pytest.mark.parametrize("age_seconds", [1.0, 3600.0])
def test_a_restart_does_not_forget_that_it_was_rearmed(age_seconds: float) -> None:
    """The other trunk is stopped still; this one has had nothing to ask since, or was re-armed long after."""
    known = {"strikes": 0, "rearmed": True, "age_seconds": age_seconds}
    kept = Governor(DECLARED, 0.0, known).knowledge() | {"age_seconds": 1.0}
    book = AccountBook()
    stopped = {"strikes": 2, "struck_ago": 60.0, "age_seconds": 1.0}
    assert Governor(DECLARED, 0.0, stopped, BookPage(book, "other")).permission(0.0).send is Send.NOTHING
    rearmed = Governor(DECLARED, 0.0, kept, BookPage(book, "one"))
    assert rearmed.permission(0.0).send is Send.CHECK
    rearmed.answered(rearmed.sent(0.0, Send.CHECK, credentials=True), 0.1, Answer.PASSED)
    assert not rearmed.knowledge()["rearmed"]
