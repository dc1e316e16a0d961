"""What answers mean, per family: a table against the table, so that a row is changed on purpose only."""

from __future__ import annotations

import pytest

from shiftline.connector.families import BLIND, FAMILIES, GENERIC, INDEX, ROWS, WITHOUT_BINDING
from shiftline.connector.reading import read_answer, row_of
from shiftline.trades.model import EvidenceKind

GENERIC_KINDS = {
    200: "Available", 202: "Available",
    486: "Busy", 600: "Busy",
    480: "NotRegistered",
    404: "UnknownUser", 410: "UnknownUser", 604: "UnknownUser",
    401: "credentials.wrong-password", 407: "credentials.wrong-password",
    302: "message.malformed", 400: "message.malformed", 403: "policy.account-disabled", 405: "policy.method",
    406: "message.malformed", 408: "network.unreachable", 413: "message.too-large",
    420: "message.malformed", 481: "message.malformed", 489: "policy.event-package",
    500: "capacity.overload", 501: "policy.method", 502: "capacity.overload", 503: "capacity.overload",
    504: "network.unreachable", 603: "policy.caller-identity", 606: "message.malformed",
}  # fmt: skip
"""To OPTIONS: the kind, or the cause of Unverifiable."""
REGISTRATION_KINDS = GENERIC_KINDS | {
    401: "credentials.identity-mismatch",
    407: "credentials.identity-mismatch",
    403: "credentials.identity-mismatch",
}
DIFFERENCES: dict[tuple[str, str], dict[int, str]] = {
    ("kamailio", "options"): {404: "NotRegistered", 403: "policy.domain"},
    ("asterisk-pjsip", "options"): {200: BLIND, 202: BLIND, 503: "capacity.maintenance", 403: "acl.source"},
    ("asterisk-pjsip", "registration"): {403: "registrar.no-aor"},
    ("chan_sip", "options"): {480: "throttle.concurrency"},
    ("chan_sip", "registration"): {403: "credentials.wrong-password"},
    ("freeswitch", "options"): {403: "acl.source"},
    ("cucm", "options"): {200: BLIND, 202: BLIND, 503: "policy.no-trunk-match"},
    ("cucm", "registration"): {503: "policy.no-trunk-match"},
    ("sbc", "options"): {200: BLIND, 202: BLIND, 403: "acl.source", 503: "throttle.method"},
    ("sbc", "registration"): {403: "acl.source", 503: "throttle.method"},
}


def said(method: str, status: int, family: str, *, bound: bool = True) -> str:
    reading = read_answer(method, status, has_binding=bound, family=family)
    assert (reading.cause is not None) == (reading.kind is EvidenceKind.UNVERIFIABLE)
    return reading.cause or str(reading.kind)


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("method", ["options", "registration"])
def test_every_family_reads_every_status(family: str, method: str) -> None:
    """The generic meaning, but for what a family is known to mean by it."""
    expected = (REGISTRATION_KINDS if method == "registration" else GENERIC_KINDS) | DIFFERENCES.get(
        (family, method), {}
    )
    assert {status: said(method, status, family) for status in expected} == expected


@pytest.mark.parametrize("family", FAMILIES)
def test_no_binding_is_no_phone(family: str) -> None:
    """A 200 to a REGISTER query without Contact (RFC 3261 section 10.2.3); OPTIONS has none anyway."""
    assert said("registration", 200, family, bound=False) == "NotRegistered"
    assert said("options", 200, family, bound=False) == said("options", 200, family)


def test_an_answer_of_no_class_is_not_understood() -> None:
    """RFC 3261 ends at 699: anything else is nobody's word about an agent."""
    assert {said("options", status, GENERIC) for status in (700, 999)} == {"message.malformed"}


@pytest.mark.parametrize("family", FAMILIES)
def test_nothing_is_left_without_a_row(family: str) -> None:
    """Whatever final status a PBX invents, there is a reading of it."""
    for status in range(200, 700):
        for method in ("options", "registration", "presence"):
            row_of(method, status, has_binding=True, family=family)


def test_each_row_stands_once() -> None:
    """Two rows for one answer would hide each other."""
    assert len(INDEX) == len(ROWS)
    assert all(row.source and row.meaning for row in ROWS)
    assert (GENERIC, "registration", WITHOUT_BINDING) in INDEX
