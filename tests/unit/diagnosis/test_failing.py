"""A PBX that takes logins, and has no answer to questions about users."""

from __future__ import annotations

from tests.unit.diagnosis.records import BEGIN, Answer, Pbx
from tests.unit.diagnosis.test_rows import diagnosed, reported

from shiftline.diagnosis.exchange import Exchange


def no_destination(request: Exchange) -> Answer | None:
    """As Kamailio's dispatcher answers where it has none left: behind the login, about users only."""
    is_about_a_user = request.method == "OPTIONS" and request.carried is not None and request.user
    return Answer(503, "No destination available", 0.003) if is_about_a_user else None


def test_503_about_every_user_alone_is_a_service_that_fails() -> None:
    """Bindings are still answered, so it is neither overload nor one server of several."""
    pbx = Pbx(no_destination)
    found: list[Exchange] = []
    for number in range(40):
        at = BEGIN + 7.0 * number
        found += pbx.ask(at, user=f"agent{number}")
        found += pbx.ask(at + 2.0, method="REGISTER", user="trunk")
        found += pbx.ask(at + 4.0, user="")
    assert reported(diagnosed(found)) == {"method.failing"}
