"""A PBX that answers 500 to a share of everything, at rest as under load; and what only looks like it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from random import Random

import pytest
from tests.unit.doctor.trunk import ask, trunk

from shiftline.diagnosis.by_turns import FAILING_BY_TURNS, FAILING_IN_LOADS, TOLD_APART
from shiftline.diagnosis.evidence import Trial
from shiftline.diagnosis.exchange import Exchange
from shiftline.diagnosis.outcome import Outcome
from shiftline.diagnosis.probe import Load, Probe
from shiftline.doctor.examination.failures import as_failures, failures_mark
from shiftline.lab.pbx.bank import build
from shiftline.lab.pbx.bank.words import Stage, at, everywhere, say

BARE, LOAD, BESIDE = "p2.challenge", "p8.register.raised", "p8.during.source"
BY_CHANCE = {"method.failing", "network.uneven-nodes"}
Fails = Callable[[int], bool]


def by_lot(share: float, seed: int = 1) -> Fails:
    random = Random(seed)
    return lambda _: random.random() < share


def never(_: int) -> bool:
    return False


def asked(
    name: str, since: float, every: float, many: int, fails: Fails, reason: str = "Oops"
) -> list[Exchange]:
    fates = [fails(number) for number in range(many)]
    return [
        Exchange(
            at=since + every * number,
            source="127.0.0.2",
            method="REGISTER",
            user="shiftline",
            probe=name,
            status=500 if failed else 401,
            reason=reason if failed else "Unauthorized",
            answered_after=0.002,
        )
        for number, failed in enumerate(fates)
    ]


def kind(*exchanges: list[Exchange]) -> str:
    mark = failures_mark([one for part in exchanges for one in part])
    return "" if mark is None else mark.kind


SINGLE = asked(BARE, 0.0, 2.0, 40, by_lot(0.1))
SERVED = asked(BARE, 0.0, 2.0, 40, never)
LOADED = asked(LOAD, 100.0, 0.02, 150, by_lot(0.08, 2)) + asked(BESIDE, 120.0, 0.02, 100, by_lot(0.08, 3))
OFTEN = asked(LOAD, 100.0, 0.02, 150, by_lot(0.4, 2))
SELDOM = asked(LOAD, 100.0, 0.02, 150, lambda number: number in (5, 20, 61, 62, 104, 130))


def test_what_fails_as_often_at_rest_as_in_loads_fails_by_chance() -> None:
    assert kind(SINGLE, LOADED) == FAILING_BY_TURNS


def test_what_fails_in_loads_alone_does_not() -> None:
    """An overload refuses the more, the faster it is asked."""
    assert kind(SERVED, OFTEN) == ""


def test_where_either_may_be_it_a_question_at_rest_is_asked_again_and_then_left_open() -> None:
    assert kind(SERVED[:10], SELDOM) == TOLD_APART
    assert kind(SERVED[:15], SELDOM) == FAILING_IN_LOADS


def test_what_a_limit_explains_is_no_chance() -> None:
    """Twenty in each second, on one beat with the clock: what it refuses comes by turns as well."""
    limited = asked(LOAD, 100.0, 0.02, 150, lambda number: number % 50 >= 46)
    slow = asked(BARE, 104.0, 0.05, 80, lambda number: number % 20 >= 18)
    assert kind(slow, limited) == ""


def test_what_one_question_always_gets_is_its_answer() -> None:
    always = [replace(one, user="agent0001") for one in asked(BARE, 90.0, 2.0, 4, lambda _: True)]
    assert kind(SERVED[:15], always, SELDOM) != FAILING_BY_TURNS


def test_other_words_at_rest_are_another_failure() -> None:
    other = asked(BARE, 0.0, 2.0, 40, by_lot(0.1), reason="Server Internal Error")
    assert kind(other, LOADED) != FAILING_BY_TURNS


@pytest.mark.parametrize(
    ("heard", "outcome"), [("500 Oops", Outcome.SERVER_ERROR), ("480 Busy", Outcome.LIMITED)]
)
def test_a_failure_that_loads_brought_is_no_word_of_a_limit(heard: str, outcome: Outcome) -> None:
    told = Trial(probe=Probe(load=Load.RAISED), outcome=Outcome.LIMITED, heard=heard)
    assert [one.outcome for one in as_failures([told])] == [outcome]


RUN = (
    "p0.options", "p2.challenge", "p3.credentials", "p6.absent", "p6.present", "p7.subscribe", "p10.large",
    "p8.register.raised", "p8.pause.login", "p8.users.raised", "p8.during.user.source", "p1.transport",
    "p1.source", "p2.source", "p10.minimal", "p10.other-agent", "p5.source",
)  # fmt: skip


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_run_that_fails_by_chance_does_not_accuse_the_load(
    seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The lab's server of twelve that refuses says 500 here."""
    pool = build.require_fault("network.uneven-nodes")
    failing = replace(pool, shown=everywhere(at(Stage.BAN, say(500, "Server error occurred"))))
    monkeypatch.setattr(build, "_ALL", (failing,))
    pbx = trunk("network.uneven-nodes", nodes=8, chosen="by lot", seed=seed)
    diagnosis = ask(pbx, *RUN).diagnosis()
    named = {diagnosis.findings[0].cause, *diagnosis.findings[0].indistinguishable_from}
    assert named & BY_CHANCE
    assert not [one for one in diagnosis.findings if one.confidence >= 0.9 and not {one.cause} & BY_CHANCE]
