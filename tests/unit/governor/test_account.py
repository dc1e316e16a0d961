"""How often an account may be refused, and when it is asked again."""

from __future__ import annotations

import json

import pytest
from tests.unit.governor.journeys import LEARNING, REFUSED, answer, ask_until_check, changed_at, drive, trunk

from shiftline.governor.account import LOCK_SECONDS, MEMORY_SECONDS, TRIALS, Account
from shiftline.governor.account_book import AccountBook, BookPage
from shiftline.governor.controller import Answer, Permission, Send
from shiftline.governor.governor import Governor
from shiftline.governor.policy import GovernorPolicy
from shiftline.governor.refusals import RefusalClass
from shiftline.governor.simulation.journey import Reply
from shiftline.governor.state import Mode

UPTIME = 1e6  # seconds; a machine's clock does not begin with us


def bound(strikes: int = 0) -> Account:
    """An account that is refused where a canary is not, after so many trials."""
    account = Account(accepted=True)
    account.bind()
    for _ in range(strikes):
        account.strike(UPTIME)
    return account


class TestStrikes:
    """What pacing does not explain is counted."""

    def test_two_are_enough(self) -> None:
        """One may be an accident."""
        account = Account()
        account.strike(UPTIME)
        assert not account.is_spent
        account.strike(UPTIME + 1)
        assert account.is_spent

    def test_one_of_long_ago_is_forgotten(self) -> None:
        """A quarter of an hour and a second later it counts no more."""
        account = Account()
        account.strike(UPTIME)
        account.strike(UPTIME + MEMORY_SECONDS + 1)
        assert account.strikes == 1

    def test_one_of_an_earlier_life_counts_from_the_beginning_of_this_one(self) -> None:
        """However long the machine has been up."""
        account = Account(strikes=1, struck_at=UPTIME)
        account.strike(UPTIME + 1)
        assert account.is_spent

    def test_a_pass_forgives_them(self) -> None:
        """And shows that the password is right."""
        account = Account(strikes=1)
        account.passed(UPTIME)
        assert (account.strikes, account.accepted) == (0, True)


class TestTrials:
    """When a check may ask whether the account is let through again."""

    def test_the_first_two_outlast_the_usual_windows(self) -> None:
        """Two seconds, and ten, after the first refusal."""
        assert bound().next_trial(UPTIME, UPTIME) == UPTIME + TRIALS[0] > UPTIME + 2
        assert bound(strikes=1).next_trial(UPTIME, UPTIME + 2.1) == UPTIME + TRIALS[1] > UPTIME + 10

    def test_none_is_due_in_the_past(self) -> None:
        """A refusal that took long to come back has used up its wait."""
        assert bound().next_trial(UPTIME, UPTIME + 60) == UPTIME + 60

    def test_the_second_never_follows_the_first_at_once(self) -> None:
        """After a quarter of an hour of waiting, both would be due; two failures in a row tell no more."""
        late = UPTIME + LOCK_SECONDS
        trial = bound(strikes=1).next_trial(UPTIME, late)
        assert trial is not None
        assert trial > late + 1.0

    def test_then_it_is_called_a_lock(self) -> None:
        """Refused at both, the next trial comes after what registrars lock an account for."""
        assert bound(strikes=2).next_trial(UPTIME, UPTIME + 11) == UPTIME + 11 + LOCK_SECONDS

    def test_after_the_second_lock_there_is_none(self) -> None:
        """Somebody has to look at the account."""
        account = bound(strikes=2)
        account.next_trial(UPTIME, UPTIME)
        account.forget(UPTIME + LOCK_SECONDS + 1)
        account.strike(UPTIME + LOCK_SECONDS + 1)
        account.strike(UPTIME + LOCK_SECONDS + 7)
        assert account.next_trial(UPTIME, UPTIME + LOCK_SECONDS + 7) is None

    def test_a_pass_opens_the_locks(self) -> None:
        """Two locks with a pass between them are two throttles."""
        account = bound(strikes=2)
        account.next_trial(UPTIME, UPTIME)
        account.passed(UPTIME)
        account.strike(UPTIME)
        account.strike(UPTIME)
        assert account.next_trial(UPTIME, UPTIME) is not None


class TestBinding:
    """Whether the refusals of the moment concern the account alone."""

    def test_twice_in_a_row_tell(self) -> None:
        """Then a canary need not be asked: it would pass."""
        account = bound()
        account.release(by_canary=False)
        assert not account.is_used_to_it
        account.bind()
        assert account.is_used_to_it

    def test_one_closure_counts_once(self) -> None:
        """However many checks are refused in it."""
        account = bound()
        account.bind()
        assert account.bound_in_a_row == 1

    def test_a_canary_that_told_the_truth_ends_the_row(self) -> None:
        """What is refused now and then for everybody is asked by canaries again."""
        account = bound()
        account.release(by_canary=True)
        assert account.bound_in_a_row == 0


def test_a_restart_after_each_refusal_allows_no_more_on_a_machine_that_is_up_for_days() -> None:
    """Two refused passwords in all, whatever the clock shows at the start."""
    known, now, refused = None, UPTIME, 0
    for _ in range(4):
        governor = Governor(LEARNING, now, known)
        if governor.mode is not Mode.STOPPED:
            now = ask_until_check(governor, now)
            answer(governor, now, now + 0.01, Answer.CREDENTIALS_REFUSED)
            refused += 1
        known, now = json.loads(json.dumps(governor.knowledge())), now + 60.0
    assert refused == 2
    assert (governor.mode, governor.refusal) == (Mode.STOPPED, RefusalClass.CREDENTIALS)


class TestSharing:
    """One account on several trunks of a process."""

    @staticmethod
    def pair(known: dict[str, object] | None = None) -> tuple[Governor, Governor]:
        """Two trunks, one PBX behind both."""
        book = AccountBook()
        first, second = (Governor(LEARNING, UPTIME, known, BookPage(book, name)) for name in ("a", "b"))
        return first, second

    def test_a_wrong_password_is_tried_twice_on_both_together(self) -> None:
        """Once on each, and both stop."""
        governors = self.pair()
        for governor in governors:
            answer(governor, UPTIME, UPTIME + 0.01, Answer.CREDENTIALS_REFUSED)
        for governor in governors:
            assert governor.permission(UPTIME + 60).send is Send.CANARY
            canary = governor.sent(UPTIME + 60, Send.CANARY, credentials=False)
            governor.answered(canary, UPTIME + 60.01, Answer.CHALLENGED)
            assert governor.permission(UPTIME + 70).send is Send.NOTHING
        assert [(one.mode, one.refusal) for one in governors] == [
            (Mode.STOPPED, RefusalClass.CREDENTIALS)
        ] * 2

    def test_a_lock_that_one_met_is_waited_for_by_the_other(self) -> None:
        """It asks nothing for a quarter of an hour, though its own logins were never refused."""
        first, second = self.pair({"accepted": True, "proven": True})
        first.account.strike(UPTIME + 5.0, 2)
        permission = second.permission(UPTIME + 10.0)
        assert permission == Permission(Send.NOTHING, UPTIME + 5.0 + LOCK_SECONDS)
        assert (second.mode, second.refusal) == (Mode.PROVING, RefusalClass.USER_BOUND)
        assert second.permission(UPTIME + 6.0 + LOCK_SECONDS).send is Send.CHECK

    def test_a_pass_on_this_trunk_outweighs_what_others_met_before(self) -> None:
        """The account is fine here: the other address refuses it for reasons of its own."""
        first, second = self.pair({"accepted": True, "proven": True})
        first.account.strike(UPTIME, 2)
        second.account.passed(UPTIME + 1.0)
        assert second.permission(UPTIME + 2.0).send is Send.CHECK
        assert first.account.is_spent

    def test_whoever_is_made_anew_begins_with_what_is_kept_of_it_alone(self) -> None:
        """A re-armed trunk's strikes are forgotten by the others as well."""
        book = AccountBook()
        Account.recall({"strikes": 2}, UPTIME, BookPage(book, "a"))
        Account.recall({}, UPTIME, BookPage(book, "a"))
        other = Account.recall({}, UPTIME, BookPage(book, "b"))
        assert not other.is_spent_by_others(UPTIME)


@pytest.mark.parametrize("rate", [30, 300, 400, 3000])
def test_a_steady_rate_is_not_busier_however_fast(rate: int) -> None:
    """All of a minute is counted: where some were forgotten, every rate above 333/s seemed to have risen."""
    account = Account(accepted=True)
    for number in range(90 * rate):
        account.left(number / rate)
    assert not account.is_busier(90.0)
    for number in range(11 * rate):
        account.left(90.0 + number / rate / 1.5)
    assert account.is_busier(97.3)


def test_a_late_pass_of_what_left_before_a_refusal_clears_nothing() -> None:
    account = Account()
    account.strike(10.0)
    account.passed(10.2, left_at=9.9)
    assert account.strikes == 1
    assert account.accepted
    account.passed(12.2, left_at=12.0)
    assert account.strikes == 0


@pytest.mark.parametrize(
    ("away", "told"), [(Reply(Answer.SILENT, 4.0, is_lost=True), False), (REFUSED, True)]
)
def test_a_refusal_that_was_over_tells_that_another_may_be_and_a_silence_does_not(
    away: Reply, *, told: bool
) -> None:
    """Decision 0020 grants a question more for the former only."""
    healthy = trunk("window:1000/1s")
    world = changed_at(20.0, healthy, changed_at(21.5, lambda _now, _credentials: away, healthy))
    governor, journey = drive(world, until=40.0, policy=GovernorPolicy(max_rate=50.0))
    assert journey.passed_between(35.0, 40.0) > 10
    assert governor.account.has_reopened(40.0) is told
