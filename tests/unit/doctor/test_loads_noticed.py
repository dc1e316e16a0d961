"""What a load tells beside its outcome: a first request that was refused, and a slower one that was."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import pytest

from shiftline.diagnosis.evidence import Trial
from shiftline.diagnosis.exchange import Exchange
from shiftline.diagnosis.outcome import Outcome
from shiftline.diagnosis.programme import PROGRAMME
from shiftline.doctor.examination.limits import limits_noticed
from shiftline.doctor.examination.load import LoadRun
from shiftline.doctor.examination.noticing import notice_habits

SILENCE, OK, UNAVAILABLE = Outcome.SILENCE, Outcome.OK, Outcome.UNAVAILABLE


def asked(**outcomes: Outcome) -> list[Trial]:
    """Loads by name, as ``options_storm``."""
    return [
        Trial(probe=PROGRAMME[name].probe, outcome=outcome, experiment=name)
        for name, outcome in ((f"p8.{key.replace('_', '.')}", value) for key, value in outcomes.items())
    ]


def is_noticed(*trials: Trial) -> bool:
    """Whether a load was refused that no limit for all would refuse."""
    marks = notice_habits(trials, (), "trunk", frozenset())
    return any(mark.kind == "traffic.fewer-refused" for mark in marks)


def test_a_slower_load_that_was_refused_speaks_against_a_limit_for_all() -> None:
    """Questions passed at 50 a second and were refused at 200, logins were refused at 10 already."""
    found = asked(options_raised=OK, options_storm=UNAVAILABLE, register_brisk=UNAVAILABLE)
    assert is_noticed(*found)
    assert is_noticed(*reversed(found))


@pytest.mark.parametrize(
    "outcomes",
    [
        {"options_raised": OK, "register_brisk": UNAVAILABLE},  # questions are counted by nobody
        {"options_raised": UNAVAILABLE, "register_raised": UNAVAILABLE},
        {"options_brisk": OK, "options_raised": UNAVAILABLE, "register_raised": UNAVAILABLE},
        {"options_raised": OK, "options_storm": UNAVAILABLE, "register_raised": OK},
    ],
)
def test_loads_that_one_limit_explains_say_nothing_against_it(outcomes: dict[str, Outcome]) -> None:
    assert not is_noticed(*asked(**outcomes))


def refused_load(*first: Outcome) -> LoadRun:
    """A load that was refused, with these answers first."""
    plan = PROGRAMME["p8.options.raised"]
    assert plan.plan is not None
    desk = cast("Any", SimpleNamespace(longest_answer=0.0, requests=0))
    run = LoadRun(desk, plan.probe, plan.id, plan.plan, most=plan.plan.requests)
    answers = (*first, *(OK for _ in range(20)), UNAVAILABLE)
    run.attempts = [cast("Any", SimpleNamespace(outcome=outcome)) for outcome in answers]
    run.outcome = UNAVAILABLE
    return run


@pytest.mark.parametrize(
    ("first", "is_told"),
    [
        ((OK, OK, OK), False),
        ((SILENCE, OK, OK), False),  # one packet may be lost on the way
        ((SILENCE, SILENCE, OK), True),
        ((UNAVAILABLE, OK, OK), True),
        ((OK, OK, OK, SILENCE, SILENCE), False),
    ],
)
def test_one_silent_request_is_no_first_refusal(first: tuple[Outcome, ...], is_told: bool) -> None:
    assert refused_load(*first).is_refused_from_the_first is is_told


def load(name: str, at: float, statuses: list[int | None]) -> list[Exchange]:
    """OPTIONS of one load, each answered after 20 ms."""
    plan = PROGRAMME[name].plan
    assert plan is not None
    return [
        Exchange(
            at=at + (0.0 if plan.at_once > 1 else number / plan.rate),
            source="127.0.0.2",
            method="OPTIONS",
            status=status,
            answered_after=None if status is None else 0.02,
            probe=name,
        )
        for number, status in enumerate(statuses)
    ]


BRISK = load("p8.options.brisk", 0.0, [200] * 12)


@pytest.mark.parametrize(
    ("raised", "at_once", "is_told"),
    [
        ([200] * 30 + [503] * 4, [200] * 20, False),  # 30 in a window
        ([200] * 30 + [None] + [200] * 15 + [503], [200] * 20, False),  # one was lost
        ([200] * 150, [200] * 5 + [503] * 15, True),  # 50 a second pass, and 20 at once do not
        ([200, 503] * 20, [503, 200] * 10, True),  # by turns, whatever the rate
        ([200] * 150, [200] * 15 + [None] * 5, False),  # silence may be the road's
    ],
)
def test_an_order_that_no_limit_explains_is_told(
    raised: list[int | None], at_once: list[int | None], is_told: bool
) -> None:
    exchanges = [*BRISK, *load("p9.options", 20.0, at_once), *load("p8.options.raised", 40.0, raised)]
    ends = (("p8.options.raised", raised), ("p9.options", at_once))
    trials = [
        Trial(
            probe=PROGRAMME[name].probe,
            outcome=UNAVAILABLE if 503 in statuses else SILENCE if statuses[-1] is None else OK,
            experiment=name,
        )
        for name, statuses in ends
    ]
    noticed = [mark.kind for mark in limits_noticed(trials, exchanges)]
    assert ("traffic.outside-limits" in noticed) is is_told
    assert not {"load.limit", "traffic.outside-limits"} <= {*noticed}
