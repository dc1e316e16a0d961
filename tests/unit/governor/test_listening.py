"""How long to be silent, and how long the limiter was shut."""

from __future__ import annotations

from itertools import pairwise

import pytest

from shiftline.governor.listening import LONGEST_BAN, STRIKE_SECONDS, USUAL_BANS, Listening
from shiftline.governor.policy import GovernorPolicy

POLICY = GovernorPolicy(learn=True, max_rate=0)
START = 1000.0


def silences(times: int, *, is_ban: bool = False) -> list[float]:
    """The lengths of so many, each canary of which was refused at once."""
    listening, now, lengths = Listening(POLICY, until=START), START, list[float]()
    for _ in range(times):
        listening.extend(now, retry_after=0.0, window_end=None, is_ban=is_ban)
        lengths.append(listening.until - now)
        now = listening.until
    return lengths


class TestSilence:
    """Short at first, and then ever longer."""

    def test_the_first_is_that_of_the_policy(self) -> None:
        """Most windows last a second: 0.15 s finds their end soon."""
        assert silences(1) == [pytest.approx(POLICY.canary_seconds)]

    def test_each_is_longer_than_the_one_before(self) -> None:
        """By a quarter, then doubled, until the longest."""
        lengths = silences(20)
        assert all(later > earlier for earlier, later in pairwise(lengths) if later < POLICY.longest_silence)
        assert all(later <= 2.001 * earlier for earlier, later in pairwise(lengths))
        assert lengths[-1] == pytest.approx(POLICY.longest_silence)

    def test_called_a_ban_it_lasts_as_long_as_the_usual_ones(self) -> None:
        """So that it outlasts one that begins anew with every request, and asks seldom."""
        lengths = silences(30, is_ban=True)
        assert [length for length in lengths if length > POLICY.longest_silence][:3] == [
            pytest.approx(length) for length in USUAL_BANS
        ]
        assert lengths[-1] == pytest.approx(LONGEST_BAN)

    def test_what_refuses_is_asked_less_often_than_what_is_silent(self) -> None:
        """A PBX that is away comes back at any moment; a ban that is asked about begins anew."""
        lengths: dict[bool, float] = {}
        for silently in (False, True):
            listening, now = Listening(POLICY, until=START), START
            for _ in range(12):
                listening.shut(now, silently=silently)
                listening.extend(now, retry_after=0.0, window_end=None, is_ban=False)
                now = listening.until
            lengths[silently] = listening.silence
        assert lengths == {False: LONGEST_BAN, True: POLICY.longest_silence}

    def test_what_refuses_without_a_word_is_asked_nine_times_until_it_is_for_good(self) -> None:
        """Each silence at least twice as long as the one before, the last as long as the longest ban."""
        listening, now, lengths = Listening(POLICY, until=START), START, list[float]()
        while not listening.is_for_good:
            listening.shut(now)
            listening.extend(now, retry_after=0.0, window_end=None, is_ban=False)
            lengths.append(listening.until - now)
            now = listening.until
        assert len(lengths) == 9
        assert all(later >= 1.999 * earlier for earlier, later in pairwise(lengths))

    @pytest.mark.parametrize("silently", [False, True])
    def test_what_was_searched_for_is_asked_seldom_after_the_longest_window(self, silently: bool) -> None:
        """From then on it is a ban, most likely: each silence is as long as the next usual one."""
        listening, now, lengths = Listening(POLICY, until=START), START, list[float]()
        listening.begin(START, is_search=True)
        for _ in range(18):
            listening.shut(now, silently=silently)
            listening.extend(now, retry_after=0.0, window_end=None, is_ban=False)
            lengths.append(listening.until - now)
            now = listening.until
        windows = [length for length in lengths if length < 0.99 * USUAL_BANS[0]]
        assert all(later > earlier for earlier, later in pairwise(windows))
        assert 20.0 < sum(windows) < 40.0
        assert lengths[len(windows) :][:3] == [pytest.approx(length) for length in USUAL_BANS]

    @pytest.mark.parametrize(("status", "retry_after"), [(503, 0.0), (500, 0.0), (429, 0.0), (403, 1.0)])
    def test_what_says_that_it_passes_is_never_for_good(self, status: int, retry_after: float) -> None:
        """Until something has passed: the next closure is another one."""
        listening, now = Listening(POLICY, until=START), START
        for _ in range(30):
            listening.shut(now)
            listening.was_refused_with(status, retry_after)
            listening.extend(now, retry_after=retry_after, window_end=None, is_ban=False)
            now = listening.until
        assert listening.silence == LONGEST_BAN
        assert not listening.is_for_good
        listening.reopened()
        listening.shut(now)
        listening.at_least(LONGEST_BAN)
        assert listening.is_for_good

    def test_a_known_window_is_waited_for(self) -> None:
        """Exactly, and only the first time: then it was not the window."""
        listening = Listening(POLICY, until=START)
        listening.extend(START, retry_after=0.0, window_end=START + 0.7, is_ban=False)
        assert listening.until == START + 0.7
        listening.extend(START + 0.7, retry_after=0.0, window_end=START + 9.0, is_ban=False)
        assert listening.until < START + 1.0

    def test_a_wish_is_stronger(self) -> None:
        """Retry-After counts from now, and nothing shortens it."""
        listening = Listening(POLICY, until=START)
        listening.extend(START, retry_after=60.0, window_end=START + 0.7, is_ban=False)
        listening.extend(START + 1.0, retry_after=5.0, window_end=None, is_ban=False)
        assert listening.until == START + 60.0

    def test_a_pass_ends_the_row(self) -> None:
        """The next refusal is asked about soon again."""
        listening = Listening(POLICY, until=START)
        for _ in range(10):
            listening.extend(listening.until, retry_after=0.0, window_end=None, is_ban=False)
        listening.reopened()
        now = listening.until
        listening.extend(now, retry_after=0.0, window_end=None, is_ban=False)
        assert listening.until == pytest.approx(now + POLICY.canary_seconds)

    def test_a_second_of_silence_is_rest(self) -> None:
        """A refusal after it is not about the last second's rate."""
        listening = Listening(POLICY, until=START)
        listening.at_least(STRIKE_SECONDS / 2)
        assert not listening.is_rest
        listening.extend(START, retry_after=0.0, window_end=None, is_ban=False)
        assert listening.is_rest


class TestClosure:
    """From the first that was refused to the first that passes."""

    def test_it_begins_with_the_first_and_ends_with_the_last(self) -> None:
        """Refusals overtake each other."""
        listening = Listening(POLICY, until=START)
        for at in (START + 0.1, START, START + 0.4):
            listening.shut(at)
        closure = listening.closure(START + 0.6, asked_by_canary=True)
        assert closure is not None
        assert (closure.began_at, closure.shut_until, closure.open_at) == (START, START + 0.4, START + 0.6)
        assert not closure.was_silent

    def test_nothing_refused_nothing_shut(self) -> None:
        """Nor after a check has passed."""
        listening = Listening(POLICY, until=START)
        assert listening.closure(START, asked_by_canary=True) is None
        listening.shut(START)
        listening.reopened()
        assert listening.shut_from is None

    def test_asked_by_a_check_we_came_late_on_purpose(self) -> None:
        """The wait for the next trial is not the limiter's; a wait of many seconds may well be."""
        listening = Listening(POLICY, until=START)
        listening.shut(START)
        soon, late = (listening.closure(START + after, asked_by_canary=False) for after in (5.0, 11.0))
        assert soon is not None
        assert soon.cost_seconds == pytest.approx(1.0)
        assert late is not None
        assert late.cost_seconds == pytest.approx(11.0)

    def test_one_refusal_among_what_was_lost_is_no_silence(self) -> None:
        """Somebody has answered."""
        listening = Listening(POLICY, until=START)
        listening.shut(START, silently=True)
        silent = listening.closure(START + 1.0, asked_by_canary=True)
        listening.shut(START + 0.5)
        answered = listening.closure(START + 1.0, asked_by_canary=True)
        assert silent is not None
        assert silent.was_silent
        assert answered is not None
        assert not answered.was_silent


def test_what_goes_on_three_times_is_one_closure_and_no_more() -> None:
    """The fourth refusal right after something passed begins another."""
    listening = Listening(GovernorPolicy(), until=0.0)
    listening.begin(0.0)
    listening.shut(0.0)
    assert [listening.goes_on(float(at)) for at in (1, 2, 3, 4)] == [True, True, True, False]
