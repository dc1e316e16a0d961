"""One heap, one live entry per transaction."""

from __future__ import annotations

from shiftline.sip.timer_queue import TimerQueue
from shiftline.sip.transactions import CLIENT, State, Transaction


def waiting(key: str, due: float) -> Transaction:
    transaction = Transaction(key=key, table=CLIENT, state=State.TRYING, destination=("h", 1))
    transaction.ends_at = due
    return transaction


def test_the_earliest_comes_first() -> None:
    """Transactions come up in the order of their timers, and none before its time."""
    queue = TimerQueue()
    for key, due in (("b", 2.0), ("a", 1.0), ("c", 2.0)):
        queue.arm(waiting(key, due))
    assert queue.next_due() == 1.0
    assert queue.pop_due(0.9) is None
    popped = [queue.pop_due(2.0) for _ in range(4)]
    assert [transaction.key if transaction else None for transaction in popped] == ["a", "b", "c", None]
    assert queue.next_due() is None


def test_an_earlier_timer_replaces_the_entry() -> None:
    """A transaction moved forward comes up once, at the new time."""
    queue = TimerQueue()
    transaction = waiting("a", 5.0)
    queue.arm(transaction)
    transaction.retransmits_at = 1.0
    queue.arm(transaction)
    assert queue.next_due() == 1.0
    assert queue.pop_due(1.0) is transaction
    assert queue.next_due() is None


def test_a_later_timer_waits_for_the_old_entry() -> None:
    """A transaction moved back comes up early once; armed again, it waits for its time."""
    queue = TimerQueue()
    transaction = waiting("a", 1.0)
    queue.arm(transaction)
    transaction.ends_at = 9.0
    queue.arm(transaction)
    assert queue.pop_due(1.0) is transaction
    queue.arm(transaction)
    assert queue.next_due() == 9.0


def test_ended_transactions_are_forgotten() -> None:
    """Nobody is woken for what is over."""
    queue = TimerQueue()
    transaction = waiting("a", 1.0)
    queue.arm(transaction)
    transaction.state = State.TERMINATED
    assert queue.next_due() is None
    assert queue.pop_due(2.0) is None
