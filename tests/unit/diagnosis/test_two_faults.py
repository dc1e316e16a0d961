"""Two faults in one record are both found, each with its own part of the traffic."""

from __future__ import annotations

from tests.unit.diagnosis.records import OURS, Answer, Fault, Pbx, Window, publish_day

from shiftline.diagnosis.belief import believe
from shiftline.diagnosis.conclude import conclude
from shiftline.diagnosis.exchange import Exchange
from shiftline.diagnosis.experiment import Permission
from shiftline.diagnosis.finding import Diagnosis
from shiftline.diagnosis.observe import observe

FORBIDDEN = Answer(403, "Forbidden", 0.002)


def read(*faults: Fault) -> Diagnosis:
    """What a record of the publish day says under these faults."""
    beliefs = [believe(one) for one in observe(publish_day(Pbx(*faults)))]
    return conclude(beliefs, Permission(), is_recorded=True)


def named(diagnosis: Diagnosis) -> list[frozenset[str]]:
    """All causes that each finding names, the gravest finding first."""
    return [frozenset({one.cause, *one.indistinguishable_from}) for one in diagnosis.findings]


def wrong_password(request: Exchange) -> Answer | None:
    """Of one phone: challenged for ever, as Kamailio does (K7)."""
    is_it = request.carried is not None and request.carried.username == "phone7"
    return Answer(401, "Unauthorized", 0.003) if is_it else None


def not_listed(request: Exchange) -> Answer | None:
    """Our address is on no list (K12)."""
    return FORBIDDEN if request.source == OURS else None


def no_room(request: Exchange) -> Answer | None:
    """One phone has too many bindings (K17)."""
    is_it = request.carried is not None and request.carried.username == "phone7"
    hints = {"p-registrar-error": "Too many registered contacts"}
    return Answer(503, "Service Unavailable", 0.003, hints) if is_it else None


def too_large_for_an_agent(request: Exchange) -> Answer | None:
    """Every login is refused, and in the same words a few requests without one, as a limit of size does."""
    is_long = request.carried is not None or request.user.endswith(("17", "77"))
    return FORBIDDEN if request.source == OURS and is_long else None


def test_one_refusal_in_the_same_words_is_one_finding() -> None:
    """Whether or not a request had shown its login."""
    assert len(read(too_large_for_an_agent).findings) == 1


def test_a_throttle_does_not_hide_a_wrong_password() -> None:
    """The throttle refuses the burst, the password one phone at any rate."""
    throttle, password = named(read(Window(50), wrong_password))
    assert "throttle.source" in throttle
    assert "credentials.wrong-password" in password
    assert not throttle & password


def test_a_list_of_addresses_does_not_hide_a_full_registrar() -> None:
    """The list refuses one source before any login, the registrar one phone after it."""
    addresses, registrar = named(read(not_listed, no_room))
    assert "acl.source" in addresses
    assert registrar == {"registrar.max-contacts"}


def test_one_fault_is_reported_once() -> None:
    """What one fault does to several methods and accounts is one finding."""
    assert len(read(Window(50)).findings) == 1
    assert len(read(not_listed).findings) == 1
