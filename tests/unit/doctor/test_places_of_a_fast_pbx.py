"""A limit of places that 20 at once do not fill, since they arrive spread and are answered soon."""

from __future__ import annotations

from tests.unit.doctor.trunk import CASE, ask, outcomes, trunk

from shiftline.diagnosis.belief import Belief, believe
from shiftline.diagnosis.evidence import Evidence, Trial
from shiftline.diagnosis.experiment import Permission, Risk
from shiftline.diagnosis.loads_passed import loads_passed
from shiftline.diagnosis.outcome import Outcome
from shiftline.diagnosis.programme import PROGRAMME
from shiftline.lab.virtual import Road
from shiftline.lab.virtual_examination import examine

CAUSE = "throttle.concurrency"
LONG = Road(shortest_seconds=0.0195, longest_seconds=0.0372)
MAY_TRIP = Permission(risk=Risk.MAY_TRIP)
LADDER = ("p8.users.brisk", "p9.users", "p8.register.brisk", "p9.register", "p8.users.raised")


def passed(*names: str) -> Belief:
    return believe(
        Evidence(
            trials=tuple(
                Trial(probe=PROGRAMME[name].probe, outcome=Outcome.OK, experiment=name) for name in names
            )
        )
    )


def test_sixteen_places_are_found_by_forty_at_once() -> None:
    found = examine(trunk(CAUSE, road=LONG, places=16, seed=2), CASE, MAY_TRIP)
    told = outcomes(found)
    assert (told["p9.users"], told["p9.register"]) == (Outcome.OK, Outcome.OK)
    assert told["p9.users.crowd"] not in (Outcome.OK, Outcome.NOT_FOUND)
    assert found.diagnosis().cause == CAUSE


def test_what_twenty_at_once_do_not_fill_is_not_refuted_by_asking_twice() -> None:
    """It is the way that spreads them, whatever they ask; forty refute it."""
    before, twenty, forty = (
        passed(*names).causes[CAUSE] for names in ((), LADDER, (*LADDER, "p9.users.crowd"))
    )
    assert twenty > 0.05 * before
    assert forty < 0.2 * twenty


def test_a_healthy_trunk_is_asked_forty_at_once_and_that_is_said() -> None:
    found = examine(trunk(road=LONG), CASE, MAY_TRIP)
    assert found.diagnosis().cause == "healthy"
    assert {"p9.users.crowd", "p9.register.crowd"} <= set(outcomes(found))
    assert ", nor by 40 at once; one that lets more pass" in loads_passed(found.trials)
    fewer = ask(trunk(), "p0.options", "p2.challenge", "p8.options.brisk", "p9.options")
    assert "nor by 20 at once" in loads_passed(fewer.trials)
