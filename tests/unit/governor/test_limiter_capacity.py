"""Servers that can do no more, that tell so, or that others use too."""

from __future__ import annotations

from itertools import count

from shiftline.governor.limiters.capacity import ConcurrencyCap, CpuBound, FeedbackServer
from shiftline.governor.limiters.circumstances import Shared
from shiftline.governor.limiters.counters import FixedWindow
from shiftline.governor.limiters.model import Arrival, Fate, Feedback
from shiftline.governor.limiters.policers import Policer


def feedback(server: FeedbackServer, at: float) -> Feedback:
    told = server.judge(Arrival(at=at)).feedback
    assert told is not None
    return told


def test_a_place_is_free_once_its_request_is_handled() -> None:
    """A request that is refused takes none."""
    cap = ConcurrencyCap(2)
    fates = [cap.judge(Arrival(at=at, service_seconds=1.0)).fate for at in (0.0, 0.5, 0.9, 1.0, 1.4, 1.5)]
    assert fates == [Fate.PASS, Fate.PASS, Fate.REFUSE, Fate.PASS, Fate.REFUSE, Fate.PASS]


def test_a_processor_slows_before_it_loses_anything() -> None:
    """Each waits for those before it; whoever would wait longer than the queue is dropped."""
    cpu = CpuBound(rate=10.0, queue_seconds=0.25)
    verdicts = [cpu.judge(Arrival(at=0.0)) for _ in range(5)]
    assert [round(verdict.wait_seconds, 3) for verdict in verdicts[:3]] == [0.1, 0.2, 0.3]
    assert [verdict.fate for verdict in verdicts[3:]] == [Fate.DROP, Fate.DROP]
    assert round(cpu.judge(Arrival(at=1.0)).wait_seconds, 3) == 0.1


def test_a_server_with_rate_control_says_its_rate() -> None:
    """In every answer, with a sequence that never falls (RFC 7339 section 4.4, RFC 7415 section 3)."""
    server = FeedbackServer(limiter=Policer(FixedWindow(50)), rate=50.0)
    told = [feedback(server, at) for at in (0.0, 0.0004, 0.2)]
    assert [(one.algorithm, one.value) for one in told] == [("rate", 50)] * 3
    assert [one.sequence for one in told] == [0.0, 0.0, 0.2]


def obedient(rate: float, wish: int, seconds: int) -> list[float]:
    """What a sender with that wish (req/s) is last told each second, which leaves out what it is told."""
    server = FeedbackServer(limiter=Policer(FixedWindow(10_000)), rate=rate, algorithm="loss")
    told, loss, due = [], 0.0, 0.0
    for second in range(seconds):
        for number in range(wish):
            due += 1 - loss / 100
            if due >= 1:
                due -= 1
                loss = feedback(server, second + number / wish).value
        told.append(loss)
    return told


def test_a_server_with_loss_control_asks_for_what_is_too_much_and_no_more() -> None:
    """Half of 100/s is too much for 50/s, however often it is obeyed (RFC 7339 section 5)."""
    assert obedient(50.0, 100, 5) == [0, 50, 50, 50, 50]


def test_loss_control_lets_go_when_the_wish_fits() -> None:
    """Nothing is left out of 40/s."""
    assert obedient(50.0, 40, 3) == [0, 0, 0]


def test_loss_control_bears_a_sender_that_does_not_obey() -> None:
    """It asks for more and more, but never for everything."""
    server = FeedbackServer(limiter=Policer(FixedWindow(50)), rate=50.0, algorithm="loss")
    told = [feedback(server, number / 1000).value for number in range(60_000)]
    assert max(told) == 99
    assert feedback(server, 70.0).value == 0  # seconds of silence


def test_others_take_their_share_of_a_shared_limit() -> None:
    """They are judged in their own time, ours or not, and may be refused because of us."""
    shared = Shared(limiter=Policer(FixedWindow(3)), others=(0.1 + 0.25 * n for n in count()))
    fates = [shared.judge(Arrival(at=at)).fate for at in (0.0, 0.2, 0.3, 0.36, 1.0)]
    assert fates == [Fate.PASS, Fate.PASS, Fate.REFUSE, Fate.REFUSE, Fate.PASS]
    assert shared.others_refused == 3
