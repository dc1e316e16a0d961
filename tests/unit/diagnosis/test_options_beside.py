"""What passes between refused REGISTERs of the same source is not counted by what refuses them."""

from __future__ import annotations

from typing import Any

from tests.unit.diagnosis.records import BEGIN, Answer, Fault, Pbx, Window
from tests.unit.diagnosis.test_rows import diagnosed, reported

from shiftline.diagnosis.exchange import Exchange
from shiftline.diagnosis.observe import observe
from shiftline.diagnosis.passive.beside import OPTIONS_BESIDE, PASSED_AMID


def of_registers(window: Window) -> Fault:
    """A limit that counts them alone."""

    def fault(request: Exchange) -> Answer | None:
        return window(request) if request.method == "REGISTER" else None

    return fault


def record(fault: Fault) -> list[Exchange]:
    """Quiet, then ten OPTIONS and four REGISTERs a second for ten seconds, and quiet again."""
    pbx = Pbx(fault)
    binds: dict[str, Any] = {"method": "REGISTER", "user": "trunk", "contact": "192.0.2.10"}
    asked: list[tuple[float, dict[str, Any]]] = [
        (BEGIN + 3.0 * number, {"user": f"agent{number}"}) for number in range(20)
    ]
    asked += [(BEGIN + 60.0 + number / 10.0, {"user": f"agent{number}"}) for number in range(100)]
    asked += [(BEGIN + 60.05 + number / 4.0, binds) for number in range(40)]
    asked += [(BEGIN + 90.0 + 3.0 * number, {"user": f"agent{number}"}) for number in range(20)]
    asked.sort(key=lambda pair: pair[0])
    return [one for at, what in asked for one in pbx.ask(at, **what)]


def test_a_limit_of_registers_is_none_of_the_source() -> None:
    exchanges = record(of_registers(Window(5, 10.0, "Service Unavailable", 503)))
    assert reported(diagnosed(exchanges)) <= {"throttle.registration-rate", "throttle.method"}


def test_a_limit_of_the_source_refuses_some_of_both() -> None:
    exchanges = record(Window(60, 10.0))
    assert OPTIONS_BESIDE not in {mark.kind for one in observe(exchanges) for mark in one.marks}
    assert "throttle.source" in reported(diagnosed(exchanges))


def test_what_passes_between_the_refusals_is_no_rule_of_the_hour() -> None:
    """The status is none that a limiter or a rule is known for, and nothing else speaks against the hour."""
    pbx = Pbx(of_registers(Window(40, 4.0, "Busy Here", 486)))
    binds: dict[str, Any] = {"method": "REGISTER", "user": "trunk", "contact": "192.0.2.10"}
    asked: list[tuple[float, dict[str, Any]]] = [(BEGIN + 3.0 * number, binds) for number in range(20)]
    asked += [(BEGIN + 60.0 + number / 40.0, binds) for number in range(1200)]
    asked += [(BEGIN + 100.0 + 3.0 * number, binds) for number in range(20)]
    exchanges = [one for at, what in asked for one in pbx.ask(at, **what)]
    assert PASSED_AMID in {mark.kind for one in observe(exchanges) for mark in one.marks}
    assert "schedule.time-of-day" not in reported(diagnosed(exchanges))


def test_a_rule_of_the_hour_lets_none_of_them_pass() -> None:
    def refuse(request: Exchange) -> Answer | None:
        return Answer(403, "Forbidden") if BEGIN + 60.0 <= request.at < BEGIN + 90.0 else None

    assert PASSED_AMID not in {mark.kind for one in observe(record(refuse)) for mark in one.marks}


def test_one_user_who_is_always_refused_says_nothing_of_the_hour() -> None:
    """The others pass between his refusals, and are refused in the hour alone."""

    def refuse(request: Exchange) -> Answer | None:
        is_refused = request.user == "agent0" or BEGIN + 60.0 <= request.at < BEGIN + 90.0
        return Answer(403, "Forbidden") if request.carried is not None and is_refused else None

    pbx = Pbx(refuse)
    asked = [(BEGIN + 1.6 * number, f"agent{number % 5}") for number in range(120)]
    exchanges = [one for at, user in asked for one in pbx.ask(at, user=user)]
    assert PASSED_AMID not in {mark.kind for one in observe(exchanges) for mark in one.marks}
