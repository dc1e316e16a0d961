"""What loads show that no limit of a rate, or of places, could bring about; and what a limit explains."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest

from shiftline.diagnosis.belief import believe, worth_of_marks
from shiftline.diagnosis.catalogue.mark_tables import MARKS
from shiftline.diagnosis.evidence import Evidence, Mark, Trial
from shiftline.diagnosis.exchange import Exchange
from shiftline.diagnosis.families import Family
from shiftline.diagnosis.outcome import Outcome
from shiftline.diagnosis.programme import PROGRAMME
from shiftline.doctor.examination.load_habits import faster_passed, refused_alone
from shiftline.doctor.examination.noticing import notice_habits

OK, SILENCE = Outcome.OK, Outcome.SILENCE
Answers = Callable[[int], int | None]
"""The status of the request with that number; None for silence."""


def sent(
    name: str, at: float, rate: float, count: int, answers: Answers, *, at_once: int = 1, source: str = "a"
) -> list[Exchange]:
    """OPTIONS at a rate, each answered after 20 ms."""
    found = []
    for number in range(count):
        status = answers(number)
        found.append(
            Exchange(
                at=at + (number // at_once) * at_once / rate,
                source=source,
                method="OPTIONS",
                status=status,
                answered_after=None if status is None else 0.02,
                probe=name,
            )
        )
    return found


def trial(name: str, outcome: Outcome = SILENCE) -> Trial:
    """That a load ended so."""
    return Trial(probe=PROGRAMME[name].probe, outcome=outcome, experiment=name)


def every(share: int) -> Answers:
    """One in so many is lost, at any rate."""
    return lambda number: None if number % share == 0 else 200


def first(limit: int, status: int | None) -> Answers:
    """The first pass, the rest is refused."""
    return lambda number: 200 if number < limit else status


RAISED = "p8.options.raised"
RUNG = sent(RAISED, 100.0, 50.0, 70, every(4))
DURING = "p8.during.register"


@pytest.mark.parametrize("begins", [40.0, 150.0])
def test_a_load_that_passes_faster_than_one_that_was_refused_knows_no_rate(begins: float) -> None:
    """Whichever came first: silence of one in four at 50 a second, and at 200 no more of it."""
    kept_up = sent(DURING, begins, 200.0, 1100, every(4), at_once=20)
    mark = faster_passed([trial(RAISED)], [*RUNG, *kept_up])
    assert mark is not None
    assert mark.kind == "traffic.faster-passed"
    assert "1,100" in mark.text
    assert "825" in mark.text


@pytest.mark.parametrize(
    ("kept_up", "outcome"),
    [
        (sent(DURING, 150.0, 125.0, 1100, lambda n: 200 if n % 125 < 40 else None), SILENCE),  # 40 a second
        (
            sent(DURING, 150.0, 125.0, 1100, every(2)),
            SILENCE,
        ),  # half of it is lost: a limit of 60 may do that
        (sent(DURING, 150.0, 50.0, 1100, every(4)), SILENCE),  # no faster than what was refused
        (sent(DURING, 150.0, 200.0, 60, every(4)), SILENCE),  # too short: a window may have let them pass
        (sent(DURING, 150.0, 200.0, 1100, every(4), source="b"), SILENCE),  # another address
        (sent(DURING, 150.0, 200.0, 1100, every(4)), OK),  # its silence did not come again
        ([], SILENCE),
    ],
)
def test_what_a_limit_explains_is_not_told(kept_up: Sequence[Exchange], outcome: Outcome) -> None:
    assert faster_passed([trial(RAISED, outcome)], [*RUNG, *kept_up]) is None


def test_twenty_at_once_are_no_rate() -> None:
    """They may be too many at a time, and pass one after the other."""
    rung = sent("p9.options", 100.0, 200.0, 20, first(3, None), at_once=20)
    kept_up = sent(DURING, 150.0, 200.0, 1100, every(100))
    assert faster_passed([trial("p9.options")], [*rung, *kept_up]) is None


def test_a_limit_of_places_refuses_nobody_who_is_alone() -> None:
    """Of 20 every 100 ms, answered within 20, 14 pass in 2 s: all the rest is refused with none under way."""
    window = sent("p9.options", 100.0, 200.0, 120, first(14, 503), at_once=20)
    mark = refused_alone(window)
    assert mark is not None
    assert (mark.kind, mark.count, mark.text) == ("traffic.refused-alone", 100, "100 of 106")
    others = sent("p8.during.source", 100.15, 20.0, 8, first(8, None), source="b")
    assert refused_alone([*window, *others]) is not None, "places for all are free where others pass"


@pytest.mark.parametrize(
    "load",
    [
        sent("p9.options", 100.0, 200.0, 120, lambda n: 200 if n % 20 < 3 else 503, at_once=20),  # 3 places
        sent("p9.options", 100.0, 200.0, 120, first(14, None), at_once=20),  # what is silent may hold a place
        sent(RAISED, 100.0, 50.0, 23, first(20, 503)),  # three: too few to tell
        sent(RAISED, 100.0, 50.0, 150, first(150, 503)),
    ],
)
def test_refusals_that_places_explain_are_not_told(load: Sequence[Exchange]) -> None:
    assert refused_alone(load) is None


def test_a_load_does_not_hide_how_many_questions_were_answered_on_repeat_only() -> None:
    """Four of ten questions, and a thousand requests of a load, which are sent once whatever happens."""
    questions = [
        Exchange(at=float(n), source="a", method="OPTIONS", status=200, copies=2 if n < 4 else 1, probe="p0")
        for n in range(10)
    ]
    load = sent(DURING, 100.0, 200.0, 1000, every(4))
    for exchanges in (questions, [*questions, *load]):
        marks = {one.kind: one for one in notice_habits((), exchanges, "", frozenset())}
        assert marks["traffic.answered-on-repeat"].text == "4 of 10"
    beside = [one for one in load if one.status is not None][:10]
    assert not [
        one for one in notice_habits((), beside, "", frozenset()) if one.kind == "traffic.answered-on-repeat"
    ]


def test_the_marks_speak_against_what_they_contradict() -> None:
    """The one against limits of a rate and for overload, the other against places."""
    for cause in ("throttle.source", "throttle.user", "throttle.method", "throttle.registration-rate"):
        assert (
            MARKS["traffic.faster-passed"].causes[cause]
            < 1.0
            < MARKS["traffic.faster-passed"].causes["capacity.overload"]
        )
        alone = (
            worth_of_marks(("traffic.refused-alone",), (one,), Family.SBC)
            for one in (cause, "throttle.concurrency")
        )
        assert next(alone) == 0.0 > next(alone)


def test_silence_over_udp_and_503_over_tcp_are_one_overload() -> None:
    """A10: no throttle beside it is needed for the silence."""
    passed = ("p3.credentials", "p7.subscribe", "p7.bind", "p8.register.brisk", "p8.pause")
    silent = (
        "p8.options.brisk",
        "p9.register",
        "p8.register.raised",
        "p8.during.register",
        "p8.during.account",
    )
    refused = ("p1.transport", "p3.transport", "p3.all-changed")
    trials = (
        *(trial(name, Outcome.CHALLENGE) for name in ("p0.options", "p2.challenge")),
        *(trial(name, OK) for name in passed),
        *(trial(name, SILENCE) for name in silent),
        *(trial(name, Outcome.UNAVAILABLE) for name in refused),
    )
    belief = believe(Evidence(trials=trials, marks=(Mark(kind="server.asterisk"),)))
    assert belief.leading.causes == ("capacity.overload",)
