"""Log lines of Asterisk by the names that the log readers give them, and what each speaks for."""

from __future__ import annotations

from shiftline.diagnosis.catalogue.marks import FAIR, VERBATIM, WEAK, row
from shiftline.diagnosis.families import Family

_CHAN_SIP = {Family.CHAN_SIP: FAIR}
_PJSIP = {Family.PJSIP: FAIR}
_C8 = "Asterisk chan_sip, C8"

ROWS = (
    row(
        "asterisk.wrong-password",
        "a log line that says the password was wrong",
        _C8,
        {
            "credentials.wrong-password": VERBATIM,
            "credentials.rotated": FAIR,
            "credentials.shared-lockout": WEAK,
        },
        _CHAN_SIP,
    ),
    row(
        "asterisk.no-peer",
        "a log line that says no peer of this name is known",
        _C8,
        {"credentials.unknown-user": VERBATIM, "policy.no-trunk-match": FAIR},
        _CHAN_SIP,
    ),
    row(
        "asterisk.acl",
        "a log line that says the device's address is not on its list",
        _C8,
        {"acl.source": VERBATIM, "acl.partial": VERBATIM, "network.nat-source": WEAK},
        _CHAN_SIP,
    ),
    row(
        "asterisk.not-local-domain",
        "a log line that says the domain is not a local one",
        _C8,
        {"policy.domain": VERBATIM},
        _CHAN_SIP,
    ),
    row(
        "asterisk.not-supposed-to-register",
        "a log line that says this peer is not supposed to register",
        _C8,
        {"policy.account-disabled": VERBATIM, "policy.method": WEAK},
        _CHAN_SIP,
    ),
    row(
        "asterisk.auth-mismatch",
        "a log line that says user name and login name differ",
        _C8,
        {"credentials.identity-mismatch": VERBATIM},
        _CHAN_SIP,
    ),
    row(
        "asterisk.transport-type",
        "a log line that says the device may not use this transport",
        _C8,
        {"policy.transport": VERBATIM},
        _CHAN_SIP,
    ),
    row(
        "asterisk.no-endpoint",
        "a log line that says no endpoint matches",
        "Asterisk PJSIP, A1",
        {"credentials.unknown-user": VERBATIM, "policy.no-trunk-match": VERBATIM},
        _PJSIP,
    ),
    row(
        "asterisk.endpoint-acl",
        "a log line that says the endpoint's access list was not matched",
        "Asterisk PJSIP, A2",
        {"acl.source": VERBATIM, "acl.partial": VERBATIM},
        _PJSIP,
    ),
    row(
        "asterisk.contact-acl",
        "a log line that says the list for contacts was not matched",
        "Asterisk PJSIP, A2",
        {"acl.contact": VERBATIM},
        _PJSIP,
    ),
    row(
        "asterisk.global-acl",
        "a log line that says the message did not pass the access list test",
        "Asterisk PJSIP, A4",
        {"acl.source": VERBATIM, "acl.partial": VERBATIM, "acl.contact": FAIR},
        _PJSIP,
    ),
    row(
        "asterisk.failed-to-authenticate",
        "a log line that says the login failed",
        "Asterisk PJSIP, A3",
        {"credentials.wrong-password": VERBATIM, "credentials.rotated": FAIR, "credentials.realm": WEAK},
        _PJSIP,
    ),
    row(
        "asterisk.no-aors",
        "a log line that says the endpoint has no address-of-record",
        "Asterisk PJSIP, A5",
        {"registrar.no-aor": VERBATIM},
        _PJSIP,
    ),
    row(
        "asterisk.no-max-contacts",
        "a log line that says no contacts are allowed (max_contacts)",
        "Asterisk PJSIP, A6",
        {"registrar.max-contacts": VERBATIM},
        _PJSIP,
    ),
    row(
        "asterisk.max-contacts",
        "a log line that says there would be too many contacts",
        "Asterisk PJSIP, A7",
        {"registrar.max-contacts": VERBATIM, "registrar.shared-aor": WEAK},
        _PJSIP,
    ),
    row(
        "asterisk.aor-not-found",
        "a log line that says the address-of-record was not found",
        "Asterisk PJSIP, A8",
        {"registrar.no-aor": VERBATIM},
        _PJSIP,
    ),
    row(
        "asterisk.contact-invalid",
        "a log line that says the contacts were not valid",
        "Asterisk PJSIP, A9",
        {"message.malformed": VERBATIM},
        _PJSIP,
    ),
    row(
        "asterisk.overload",
        "a log line that says requests are refused because of overload",
        "Asterisk PJSIP, A10",
        {"capacity.overload": VERBATIM},
        _PJSIP,
    ),
    row(
        "asterisk.forbidden-fatal",
        "a log line of an Asterisk client that gave up after a 403",
        "Asterisk PJSIP as client, A15",
        {},
        {},
    ),
)
