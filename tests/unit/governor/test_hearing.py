"""Whether a trunk is silent, slow, or queueing."""

from __future__ import annotations

import pytest

from shiftline.governor.hearing import LATE_ONES, Hearing

USUAL = 0.04


def heard(answers: int = 20, every: float = 0.1, took: float = USUAL) -> Hearing:
    """One that has heard so many answers, the last at second ``answers * every``."""
    hearing = Hearing()
    for step in range(1, answers + 1):
        hearing.sent(step * every - took)
        hearing.heard()
        hearing.passed(step * every - took, step * every)
    return hearing


def late(hearing: Hearing, took: list[float], *, since: float, every: float = 0.1) -> float:
    """Hear answers that took so long, one after the other; return when the last came."""
    now = since
    for seconds in took:
        now += every
        hearing.passed(now - seconds, now)
    return now


class TestCopies:
    """Whose an answer is that comes after a copy does not show by itself."""

    @staticmethod
    def after_copies(answer: float, times: int = 60) -> Hearing:
        """Every first datagram is lost, and copies leave as soon as T1 allows."""
        hearing = Hearing()
        for number in range(1, times + 1):
            copied_at = number + hearing.t1
            hearing.heard(to_copy=True)
            hearing.passed(float(number), copied_at + answer, copied_at)
        return hearing

    def test_waiting_for_longer_does_not_feed_itself(self) -> None:
        """T1 does not grow to its bound where each answer comes right after its copy."""
        assert self.after_copies(0.02).t1 < 1.0

    def test_a_trunk_that_became_slow_gets_no_copies_for_long(self) -> None:
        """Its answers took 0.04 s and take 0.8 s: those after a copy are the first datagram's."""
        hearing = heard()
        for number in range(3, 30):
            copied_at = number + hearing.t1
            is_copied = hearing.t1 < 0.8
            hearing.heard(to_copy=is_copied)
            hearing.passed(float(number), number + 0.8, copied_at if is_copied else None)
        assert hearing.t1 > 0.8

    def test_silence_begins_when_copies_go_unheard(self) -> None:
        """Until then nothing could have come."""
        hearing = self.after_copies(0.02)
        for _ in range(2):
            hearing.sent(100.0)
        assert not hearing.has_fallen_silent(hearing.t1 + 0.4)
        assert hearing.has_fallen_silent(3.0 * hearing.usual_seconds)


class TestSilence:
    """Time-outs would tell it seconds later."""

    def test_two_unheard_for_almost_half_a_second(self) -> None:
        """Not sooner, and not with one: datagrams are lost. Then the first is about to be sent again."""
        hearing = heard()
        hearing.sent(2.1)
        assert not hearing.has_fallen_silent(5.0)
        hearing = heard()
        for at in (2.1, 2.2):
            hearing.sent(at)
        assert not hearing.has_fallen_silent(0.4)
        assert hearing.has_fallen_silent(0.1)

    def test_nothing_more_is_sent_while_it_is_in_doubt(self) -> None:
        """An answer is overdue, and of all that left since none has come either."""
        hearing = heard()
        for at in (2.1, 2.2):
            hearing.sent(at)
        hearing.has_fallen_silent(0.1)
        assert not hearing.awaits_an_answer
        hearing.has_fallen_silent(0.1)
        assert hearing.awaits_an_answer
        hearing.heard()
        assert not hearing.awaits_an_answer

    def test_one_that_is_overdue_holds_nothing_up(self) -> None:
        """A lone datagram was lost, most likely."""
        hearing = heard()
        hearing.sent(2.1)
        hearing.has_fallen_silent(5.0)
        assert not hearing.awaits_an_answer

    def test_a_slow_trunk_is_given_longer(self) -> None:
        """Three times what its answers usually take."""
        hearing = heard(took=1.0, every=1.0)
        for step in range(3):
            hearing.sent(21.0 + step / 10)
        assert not hearing.has_fallen_silent(2.9)
        assert hearing.has_fallen_silent(0.2)

    def test_anything_heard_ends_it(self) -> None:
        """A refusal is an answer, too."""
        hearing = heard()
        for at in (2.1, 2.2, 2.3):
            hearing.sent(at)
        hearing.has_fallen_silent(0.4)
        hearing.heard()
        for at in (3.1, 3.2, 3.3):
            hearing.sent(at)
        assert not hearing.has_fallen_silent(0.4)
        assert hearing.silent_since == 3.1

    def test_a_canary_is_waited_for_a_second_at_least(self) -> None:
        """And for three times the usual answer."""
        assert heard().canary_patience == 1.0
        assert heard(took=1.0, every=1.0).canary_patience == pytest.approx(3.0)


class TestLateness:
    """An answer half a second late waited, or its request was sent again."""

    def test_a_lone_late_answer_is_none(self) -> None:
        """A phone may be slow."""
        hearing = heard()
        now = late(hearing, [1.0], since=2.0)
        assert not hearing.is_queueing(1.0, now)
        assert not hearing.were_dropped

    def test_late_without_a_break_is_a_queue(self) -> None:
        """Half a second of it, and the last no less late than the first."""
        hearing = heard()
        now = late(hearing, [0.6, 0.62, 0.64, 0.66, 0.68, 0.7, 0.72], since=2.0)
        assert hearing.is_queueing(0.72, now)

    def test_one_in_time_breaks_it(self) -> None:
        """A queue lets nobody overtake."""
        hearing = heard()
        now = late(hearing, [0.6, 0.62, 0.64, 0.66, USUAL, 0.7, 0.72], since=2.0)
        assert not hearing.is_queueing(0.72, now)

    @pytest.mark.parametrize("pause", [0.6, 1.0, 2.0])
    def test_a_pause_is_no_queue(self, pause: float) -> None:
        """All that came in it is answered at its end: each less late than the one before."""
        hearing = heard()
        sent = [2.0 + step * pause / 50 for step in range(50)]
        for step, at in enumerate(sent):
            now = 2.0 + pause + step / 1000
            hearing.passed(at, now)
            assert not hearing.is_queueing(now - at, now)
        assert not hearing.were_dropped

    def test_late_and_overtaken_was_dropped_and_sent_again(self) -> None:
        """Four of the last ten, with later ones answered before them."""
        hearing = heard()
        for step in range(LATE_ONES):
            assert not hearing.were_dropped
            at = 3.0 + step
            hearing.passed(at, at + USUAL)
            hearing.passed(at - 0.3, at + 0.2 + USUAL)  # sent again half a second after it was dropped
        assert hearing.were_dropped

    def test_what_comes_all_at_once_was_not_dropped(self) -> None:
        """At the end of a pause answers come in any order: the last question may be answered first."""
        hearing = heard()
        for step in range(20):
            hearing.passed(3.0 - step / 20, 3.0 + step / 1000)
        assert not hearing.were_dropped

    def test_an_answer_that_is_slow_for_this_trunk_only_is_late(self) -> None:
        """Where a second is usual, a second and a half is no queue."""
        slow = heard(took=1.0, every=1.0)
        assert not slow.is_late(1.5)
        assert slow.is_late(3.1)
        assert heard().is_late(0.5)

    def test_nothing_is_late_before_anything_came(self) -> None:
        """The first answer of a life may take its time."""
        assert not Hearing().is_late(3.0)

    def test_what_is_slow_for_good_becomes_usual(self) -> None:
        """Slowing down three times did not help: it is not our rate."""
        hearing = heard()
        assert hearing.conclude(2.0, 10.0, pause=0.0)
        assert hearing.conclude(2.0, 12.0, pause=0.0)
        assert hearing.conclude(2.0, 14.0, pause=0.0)
        assert not hearing.conclude(2.0, 16.0, pause=0.0)
        assert not hearing.is_late(2.0)

    def test_what_helps_goes_on(self) -> None:
        """Each time less late: slowing down is right."""
        hearing = heard()
        for now, took in ((10.0, 3.0), (12.0, 2.0), (14.0, 1.2), (16.0, 0.7), (18.0, 0.5)):
            assert hearing.conclude(took, now, pause=0.0)

    @pytest.mark.parametrize("hours", [1, 18, 24 * 7, 24 * 366])
    def test_after_an_idle_week_the_first_answer_is_heard(self, hours: int) -> None:
        """However long nothing was asked, what is usual stays finite, and is measured anew."""
        hearing = heard()
        later = hours * 3600.0
        hearing.passed(later, later + 0.1)
        assert USUAL <= hearing.usual_seconds < 0.1
        assert not hearing.is_late(0.3)


class TestThroughput:
    """Answers per second, of the last second."""

    def test_it_is_what_came(self) -> None:
        """Fifty a second for two seconds."""
        assert heard(answers=100, every=0.02).throughput(2.0) == pytest.approx(50, rel=0.05)

    def test_too_short_a_time_tells_nothing(self) -> None:
        """A fifth of a second is noise; right after a conclusion it is measured anew."""
        assert heard(answers=10, every=0.02).throughput(0.2) is None
        hearing = heard(answers=100, every=0.02)
        hearing.conclude(1.0, 2.0, pause=0.3)
        assert hearing.throughput(2.4) is None

    def test_a_pause_of_ours_is_not_counted(self) -> None:
        """While the queue empties nothing is sent, and that is not what the PBX can do."""
        hearing = heard(answers=100, every=0.02)
        hearing.conclude(1.0, 2.0, pause=1.0)
        for step in range(1, 51):
            hearing.passed(3.0 + step * 0.02 - USUAL, 3.0 + step * 0.02)
        assert hearing.throughput(4.0) == pytest.approx(50, rel=0.05)
