"""Each row of the knowledge base, as a record would show it: the cause must be in what is reported."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import pytest
from tests.unit.diagnosis.records import OURS, Answer, Fault, Pbx, Window
from tests.unit.diagnosis.scene import day

from shiftline.diagnosis.belief import believe
from shiftline.diagnosis.conclude import conclude
from shiftline.diagnosis.exchange import Exchange
from shiftline.diagnosis.experiment import Permission
from shiftline.diagnosis.finding import Diagnosis
from shiftline.diagnosis.observe import observe

KAMAILIO = "kamailio (5.6.3 (x86_64/linux))"
OPENSIPS = "OpenSIPS (3.4.2 (x86_64/linux))"
ASTERISK = "Asterisk PBX 16.28.0"
PJSIP = "Asterisk PBX 20.6.0"
FREESWITCH = "FreeSWITCH-mod_sofia/1.10.9"
CARRIER = "Oracle SBC"


def _is(request: Exchange, **wanted: str) -> bool:
    return all(getattr(request, name) == value for name, value in wanted.items())


def before_login(answer: Answer, **wanted: str) -> Fault:
    """Answers matching requests whether or not they carry credentials."""
    return lambda request: answer if _is(request, **wanted) else None


def after_login(answer: Answer, login: str = "", **wanted: str) -> Fault:
    """Answers matching requests that carry credentials, of one login if named."""

    def judge(request: Exchange) -> Answer | None:
        carried = request.carried
        if carried is None or (login and carried.username != login) or not _is(request, **wanted):
            return None
        return answer

    return judge


def asks(fault: Fault) -> Fault:
    """Only for what is no REGISTER."""
    return lambda request: None if request.method == "REGISTER" else fault(request)


def binds(fault: Fault) -> Fault:
    """Only for a REGISTER with a Contact."""
    return lambda request: fault(request) if request.method == "REGISTER" and request.contact_host else None


class Banned:
    """Pike: after so many requests of a source within two seconds it is not heard for a time."""

    def __init__(self, limit: int, seconds: float) -> None:
        self._limit, self._seconds = limit, seconds
        self._recent: dict[str, list[float]] = {}
        self._until: dict[str, float] = {}

    def __call__(self, request: Exchange) -> Answer | None:
        if request.at < self._until.get(request.source, 0.0):
            return Answer(None)
        recent = [at for at in self._recent.get(request.source, []) if request.at - at < 2.0]
        self._recent[request.source] = [*recent, request.at]
        if len(recent) >= self._limit:
            self._until[request.source] = request.at + self._seconds
            return Answer(None)
        return None


class AllTogether(Window):
    """A window that counts everybody's requests of one method."""

    def __init__(self, limit: int, method: str, answer: Answer) -> None:
        super().__init__(limit)
        self._method, self._answer = method, answer

    def __call__(self, request: Exchange) -> Answer | None:
        if request.method != self._method:
            return None
        second = int(request.at)
        count = self._counts[self._method, second] = self._counts.get((self._method, second), 0) + 1
        return self._answer if count > self._limit else None


@dataclass(frozen=True)
class Row:
    """A row, what it does, and what must be found."""

    name: str
    server: str
    fault: Callable[[], Fault]
    cause: str
    burst: int = 0
    also: frozenset[str] = field(default_factory=frozenset)


FORBIDDEN = Answer(403, "Forbidden")
AGAIN = Answer(401, "Unauthorized")
SILENT = Answer(None)


def _row(name: str, server: str, fault: Fault, cause: str) -> Row:
    return Row(name, server, lambda: fault, cause)


ROWS = (
    Row("K1", KAMAILIO, lambda: Banned(16, 300.0), "ban.source", burst=300),
    Row("K2", KAMAILIO, lambda: Window(30, 2.0), "throttle.source", burst=300),
    Row("K4", KAMAILIO, lambda: Window(50, 1.0), "throttle.source", burst=300),
    Row(
        "K3",
        KAMAILIO,
        lambda: AllTogether(40, "OPTIONS", Answer(503, "Limiting", hints={"retry-after": "5"})),
        "throttle.method",
        burst=300,
    ),
    Row("V19", CARRIER, lambda: Window(50, 1.0, "Forbidden D24"), "throttle.source", burst=300),
    _row("K5", KAMAILIO, after_login(Answer(403, "Try later"), "trunk"), "ban.user"),
    _row("K7", KAMAILIO, after_login(AGAIN, "trunk"), "credentials.wrong-password"),
    _row("K9", KAMAILIO, before_login(Answer(403, "Not relaying"), from_host="pbx.example"), "policy.domain"),
    _row("K12", KAMAILIO, before_login(FORBIDDEN, source=OURS), "acl.source"),
    _row("K13", KAMAILIO, before_login(SILENT, user_agent="connector/1"), "policy.user-agent"),
    _row(
        "K15",
        KAMAILIO,
        before_login(Answer(400, "Invalid From Header"), user_agent="connector/1"),
        "message.malformed",
    ),
    _row(
        "K17",
        KAMAILIO,
        binds(
            after_login(
                Answer(
                    503, "Service Unavailable", hints={"p-registrar-error": "Too many registered contacts"}
                ),
                "trunk",
            )
        ),
        "registrar.max-contacts",
    ),
    _row(
        "O3", OPENSIPS, before_login(Answer(403, "Relay Forbidden"), from_host="pbx.example"), "policy.domain"
    ),
    _row("O5", OPENSIPS, after_login(AGAIN, "trunk"), "credentials.wrong-password"),
    _row("A2", PJSIP, after_login(AGAIN, source=OURS), "acl.source"),
    _row("A3", PJSIP, after_login(AGAIN, "trunk"), "credentials.wrong-password"),
    _row("A4", PJSIP, before_login(FORBIDDEN, source=OURS), "acl.source"),
    _row("A5", PJSIP, after_login(FORBIDDEN, "trunk", method="REGISTER"), "registrar.no-aor"),
    _row("A7", PJSIP, binds(after_login(FORBIDDEN, "trunk")), "registrar.max-contacts"),
    _row("A8", PJSIP, after_login(Answer(404, "Not Found"), "trunk", method="REGISTER"), "registrar.no-aor"),
    _row("C1", ASTERISK, after_login(FORBIDDEN, "trunk"), "credentials.wrong-password"),
    _row("C2", ASTERISK, after_login(AGAIN, source=OURS), "acl.source"),
    _row("C6", ASTERISK, after_login(Answer(403, "Forbidden (policy)"), method="SUBSCRIBE"), "policy.method"),
    _row("F1", FREESWITCH, before_login(FORBIDDEN, source=OURS, method="REGISTER"), "acl.source"),
    _row("F5", FREESWITCH, after_login(FORBIDDEN, "trunk"), "credentials.wrong-password"),
    _row("F7", FREESWITCH, before_login(FORBIDDEN, method="REGISTER"), "policy.method"),
    _row("F11", FREESWITCH, before_login(Answer(503, "System Paused")), "capacity.maintenance"),
    _row("489", KAMAILIO, before_login(Answer(489, "Bad Event"), method="SUBSCRIBE"), "policy.event-package"),
    _row("423", PJSIP, binds(after_login(Answer(423, "Interval Too Brief"))), "registrar.interval-too-brief"),
    _row("V1", CARRIER, before_login(FORBIDDEN, source=OURS), "acl.source"),
    _row("V4", CARRIER, binds(after_login(FORBIDDEN, "trunk")), "registrar.max-contacts"),
    _row(
        "V8",
        "Cisco-CUCM12.5",
        before_login(
            Answer(
                503, "Service Unavailable", hints={"warning": '399 cucm "Unable to find a device handler"'}
            ),
            source=OURS,
        ),
        "policy.no-trunk-match",
    ),
    _row(
        "V13",
        "RTC/6.0",
        after_login(Answer(403, "Forbidden", hints={"ms-diagnostics": '1013;reason="time skew"'})),
        "clock.skew",
    ),
    _row(
        "V18",
        CARRIER,
        asks(after_login(Answer(403, "Caller not verified"))),
        "policy.caller-identity",
    ),
    _row(
        "V27",
        KAMAILIO,
        asks(before_login(Answer(403, "Forbidden - You must register first"))),
        "policy.unregistered-source",
    ),
    _row("dead", "", before_login(SILENT), "network.unreachable"),
    _row("filtered", KAMAILIO, before_login(SILENT, source=OURS), "network.filtered"),
)


def diagnosed(exchanges: list[Exchange]) -> Diagnosis:
    """What the doctor says of a record, without asking anything."""
    beliefs = [believe(evidence, is_recorded=True) for evidence in observe(exchanges)]
    return conclude(beliefs, Permission(), is_recorded=True)


def reported(diagnosis: Diagnosis) -> set[str]:
    """Every cause that is named, alone or in a class."""
    return {
        cause for finding in diagnosis.findings for cause in (finding.cause, *finding.indistinguishable_from)
    }


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_the_cause_is_reported(row: Row) -> None:
    """The cause is named or among those that look alike, and nothing else is named with confidence."""
    diagnosis = diagnosed(day(Pbx(row.fault(), server=row.server), burst=row.burst))
    assert row.cause in reported(diagnosis)
    if diagnosis.confidence >= 0.9 and diagnosis.cause is not None:
        assert diagnosis.cause == row.cause


def some_are_absent(request: Exchange) -> Answer | None:
    """Some agents are not at their phones, and a PBX that knows says so."""
    return Answer(480, "Temporarily Unavailable") if asks_about(request, "3") else None


def asks_about(request: Exchange, ending: str) -> bool:
    """Whether it is OPTIONS about an agent whose name ends so."""
    return request.method == "OPTIONS" and request.user.endswith(ending)


def test_a_healthy_day_is_called_healthy() -> None:
    """Nothing is wrong, and nothing is suspected."""
    diagnosis = diagnosed(day(Pbx(some_are_absent), burst=300))
    assert diagnosis.cause == "healthy"


def test_options_that_find_everybody_there_may_be_blind() -> None:
    """Three hundred agents are never all at their phones: who says so answers for the box."""
    assert "method.blind" in reported(diagnosed(day(Pbx(), burst=300)))


def test_health_is_not_certain_of_what_was_not_tried() -> None:
    """A quiet record says nothing of bursts, so the doctor is less sure of health."""
    quiet, busy = diagnosed(day(Pbx(some_are_absent))), diagnosed(day(Pbx(some_are_absent), burst=300))
    assert quiet.confidence < busy.confidence
