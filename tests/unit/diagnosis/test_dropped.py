"""Requests of a burst that were dropped and answered when they were sent again, as RFC 3261 has it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from tests.unit.diagnosis.records import Answer, Pbx, Window, publish_day
from tests.unit.diagnosis.test_rows import diagnosed, reported

from shiftline.diagnosis.exchange import Challenge, Exchange
from shiftline.diagnosis.observe import observe
from shiftline.diagnosis.outcome import Outcome

T1 = 0.5


def record(is_lost: Callable[[Exchange], Answer | None]) -> list[Exchange]:
    """A publish day on which what is lost is answered half a second later, to its second copy."""

    def again(one: Exchange) -> Exchange:
        if one.status != 403:
            return one
        challenge = Challenge(realm="lab", nonce=f"late{one.call_id}")
        return replace(
            one,
            status=401,
            reason="",
            answered_after=T1 + 0.002,
            copies=2,
            copied_after=(T1,),
            challenge=challenge,
        )

    return [again(one) for one in publish_day(Pbx(is_lost))]


def every_third(request: Exchange) -> Answer | None:
    """As a road that loses: at rest as well."""
    return Answer(403) if request.carried is None and int(request.at * 1000) % 3 == 0 else None


def outcomes(exchanges: list[Exchange]) -> set[Outcome]:
    return {trial.outcome for one in observe(exchanges) for trial in one.trials}


def test_a_limit_that_drops_is_found_behind_a_client_that_sends_again() -> None:
    """To the client all is well in the end, and nobody was impatient."""
    exchanges = record(Window(50))
    assert Outcome.SILENCE in outcomes(exchanges)
    found = reported(diagnosed(exchanges))
    assert "throttle.source" in found
    assert not found & {"healthy", "client.retry-too-short"}


def test_what_is_lost_at_rest_as_well_is_the_roads() -> None:
    assert Outcome.SILENCE not in outcomes(record(every_third))
