"""Records of limits so slow that single questions use them up, and of what only looks like that."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import pytest
from tests.unit.diagnosis.records import BEGIN, Answer, Fault, Pbx, Window
from tests.unit.diagnosis.test_rows import diagnosed, reported

from shiftline.diagnosis.exchange import Exchange
from shiftline.diagnosis.observe import observe
from shiftline.diagnosis.probe import Load

FORBIDDEN, BUSY = Answer(403, "Forbidden", 0.0005), Answer(503, "Service Unavailable", 0.0005)
RATES = {
    "throttle.source",
    "throttle.shared",
    "throttle.user",
    "throttle.method",
    "throttle.registration-rate",
}
PHONE = "192.0.2.50"


def asked(
    fault: Fault, *, seconds: float = 1.0, count: int = 80, jitter: float = 0.2, seed: int = 1
) -> list[Exchange]:
    """Single questions of ours, so far apart, with a phone's now and then."""
    chance, pbx = random.Random(seed), Pbx(fault, seed=seed)
    found: list[Exchange] = []
    for number in range(count):
        at = BEGIN + seconds * (number + jitter * chance.random())
        if chance.random() < 0.5:
            found += pbx.ask(at, method="REGISTER", user="trunk")
        else:
            found += pbx.ask(at, user=f"agent{number:04d}")
        if number % 12 == 6:
            phone: dict[str, Any] = {"source": PHONE, "user": "phone", "login": "phone", "agent": "Yealink"}
            found += pbx.ask(at + 0.3, method="REGISTER", **phone)
    return found


def is_paced(exchanges: list[Exchange]) -> bool:
    """Whether anything counts as asked soon after other questions."""
    return any(trial.probe.load is Load.PACED for one in observe(exchanges) for trial in one.trials)


@pytest.mark.parametrize(
    ("limit", "window", "seconds"), [(6, 10.0, 1.0), (6, 10.0, 2.0), (3, 5.0, 0.5), (10, 10.0, 0.6)]
)
def test_a_limit_that_single_questions_use_up_is_found_with_its_window(
    limit: int, window: float, seconds: float
) -> None:
    exchanges = asked(Window(limit, window), seconds=seconds)
    assert is_paced(exchanges)
    diagnosis = diagnosed(exchanges)
    assert diagnosis.findings[0].cause == "throttle.source"
    assert reported(diagnosis) <= RATES
    figures = diagnosis.findings[0].figures
    assert (figures["limit"], figures["window_seconds"]) == (limit, window)


def test_what_it_answers_does_not_make_it_overload() -> None:
    class Busy(Window):
        def __call__(self, request: Exchange) -> Answer | None:
            return BUSY if super().__call__(request) else None

    assert reported(diagnosed(asked(Busy(6, 10.0)))) <= RATES


def test_a_limit_behind_the_login_counts_only_what_carries_one() -> None:
    limited = Window(4, 10.0)

    def behind(request: Exchange) -> Answer | None:
        return limited(request) if request.carried and request.method == "REGISTER" else None

    exchanges = asked(behind, count=120)
    assert is_paced(exchanges)
    assert {"throttle.user", "throttle.registration-rate"} <= reported(diagnosed(exchanges)) <= RATES


def by_chance(share: float, said: Answer) -> Callable[[int], Fault]:
    """Refuses this share, whatever comes."""

    def make(seed: int) -> Fault:
        chance = random.Random(seed)
        return lambda request: said if chance.random() < share else None

    return make


def banned(seed: int) -> Fault:
    """For 30 s in each minute, as one is who is too fast in between."""
    return lambda request: FORBIDDEN if (request.at - BEGIN + seed) % 60.0 > 30.0 else None


def locked(seed: int) -> Fault:
    """An account that somebody else locks for 15 s, again and again."""
    return lambda request: FORBIDDEN if request.carried and (request.at + seed) % 40.0 < 15.0 else None


def always(seed: int) -> Fault:
    """What asks for an agent of a certain kind is refused, at a beat."""
    del seed
    return lambda request: FORBIDDEN if request.method == "REGISTER" else None


@pytest.mark.parametrize("jitter", [0.0, 0.01, 0.3])
@pytest.mark.parametrize("seconds", [0.5, 1.0, 2.0])
@pytest.mark.parametrize(
    "fault",
    [
        by_chance(0.05, FORBIDDEN),
        by_chance(0.1, BUSY),
        by_chance(0.3, FORBIDDEN),
        by_chance(0.5, BUSY),
        banned,
        locked,
        always,
    ],
)
def test_what_no_limit_explains_was_refused_at_rest(
    fault: Callable[[int], Fault], seconds: float, jitter: float
) -> None:
    for seed in range(3):
        exchanges = asked(fault(seed), seconds=seconds, jitter=jitter, seed=seed, count=60)
        assert not is_paced(exchanges)


def test_what_is_refused_at_a_beat_and_always_is_no_limit() -> None:
    """Four in ten seconds would explain it: every fifth question is a REGISTER, and all are refused."""
    pbx = Pbx(always(0))
    exchanges: list[Exchange] = []
    for number in range(120):
        method = "REGISTER" if number % 5 == 4 else "OPTIONS"
        exchanges += pbx.ask(BEGIN + 2.0 * number, method=method, user="agent0001", answers_challenge=False)
    assert not is_paced(exchanges)


def test_a_wrong_password_behind_such_a_limit_is_found_as_well() -> None:
    limited = Window(12, 10.0)

    def both(request: Exchange) -> Answer | None:
        return limited(request) or (
            FORBIDDEN if request.carried and request.carried.username == "desk" else None
        )

    pbx = Pbx(both)
    exchanges: list[Exchange] = []
    for number in range(160):
        login = "desk" if number % 4 == 1 else "trunk"
        exchanges += pbx.ask(BEGIN + number * 0.8, method="REGISTER", user=login, login=login)
    found = reported(diagnosed(exchanges))
    assert "credentials.wrong-password" in found
    assert "throttle.source" in found
