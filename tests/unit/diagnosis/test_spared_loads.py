"""Behind a fault that single questions show no load is put on."""

from __future__ import annotations

import pytest
from tests.unit.diagnosis.loop import examine

from shiftline.diagnosis.experiment import Means, Permission, Risk
from shiftline.diagnosis.outcome import Outcome
from shiftline.diagnosis.probe import Credentials, Load, Method, Probe

SUBSCRIBES = Permission(
    risk=Risk.MAY_TRIP,
    means=frozenset({Means.CREDENTIALS, Means.SECOND_SOURCE, Means.OTHER_TRANSPORT, Means.SUBSCRIPTIONS}),
)


def _served(probe: Probe) -> Outcome:
    """Stock Kamailio: a REGISTER without credentials is challenged, all else is answered."""
    is_challenged = probe.method in (Method.REGISTER, Method.REGISTER_CONTACT)
    return Outcome.CHALLENGE if is_challenged and probe.credentials is Credentials.NONE else Outcome.OK


def _no_subscribe(probe: Probe) -> Outcome:
    return Outcome.FORBIDDEN if probe.method is Method.SUBSCRIBE else _served(probe)


def _throttled(probe: Probe) -> Outcome:
    return Outcome.UNAVAILABLE if probe.load in (Load.RAISED, Load.STORM, Load.DURING) else _served(probe)


def test_no_load_is_put_on_where_the_checks_are_subscriptions_and_refused() -> None:
    """A class of causes shows it, whichever of them it is: a limit would be met by no check."""
    ended = examine(_no_subscribe, SUBSCRIBES, budget=3000)
    assert [one.experiment for one in ended.done if one.experiment.startswith(("p8.", "p9."))] == []
    assert ended.requests < 40


@pytest.mark.parametrize("pbx", [_served, _throttled])
def test_a_load_is_put_on_where_subscriptions_are_served(pbx: object) -> None:
    """A limit is all that is left to look for."""
    ended = examine(pbx, SUBSCRIBES, budget=3000)  # type: ignore[arg-type]
    assert any(one.experiment.startswith("p8.") for one in ended.done)
