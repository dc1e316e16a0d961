"""Headers by which an answer says who made it and why, and what each speaks for."""

from __future__ import annotations

from shiftline.diagnosis.catalogue.marks import FAIR, STRONG, VERBATIM, WEAK, MarkKind, row
from shiftline.diagnosis.catalogue.phrases import said
from shiftline.diagnosis.families import Family

_SERS = {Family.KAMAILIO: WEAK, Family.OPENSIPS: WEAK}
_SBC = {Family.SBC: FAIR}
NAMES_ITSELF = "server."
"""How kinds of marks begin that say who made an answer."""


def _server(name: str, words: str, *families: Family, says: float = STRONG) -> MarkKind:
    certain = dict.fromkeys(families, says)
    return row(
        f"{NAMES_ITSELF}{name}",
        f"a Server or User-Agent header of an answer that names {words}",
        "the program's default header",
        {},
        certain,
    )


_NAMED = (
    (r"kamailio|\bser\b", _server("kamailio", "Kamailio", Family.KAMAILIO)),
    (r"opensips", _server("opensips", "OpenSIPS", Family.OPENSIPS)),
    (r"freeswitch", _server("freeswitch", "FreeSWITCH", Family.FREESWITCH)),
    (r"asterisk|fpbx", _server("asterisk", "Asterisk", Family.CHAN_SIP, Family.PJSIP)),
    (
        r"oracle|acme ?packet|audiocodes|cisco|avaya|sonus|ribbon|telnyx|twilio|genesys|juniper|fritz",
        _server("sbc", "a session border controller or a carrier", Family.SBC),
    ),
    (
        r"sbc|border",
        _server("own", "a border controller, but no product: anybody may write that", Family.SBC, says=WEAK),
    ),
)
NAMING_HEADERS = ("server", "user-agent")
"""Where an answer says who made it: FreeSWITCH and old Asterisks write User-Agent into answers, too."""

HEADERS = (
    *(said(header, pattern, mark) for header in NAMING_HEADERS for pattern, mark in _NAMED),
    said(
        "p-registrar-error",
        r"too many",
        row(
            "phrase.too-many-contacts",
            "a P-Registrar-Error about too many contacts",
            "Kamailio registrar, K17",
            {"registrar.max-contacts": STRONG},
            _SERS,
        ),
    ),
    said(
        "warning",
        r"unable to find a device handler",
        row(
            "warning.no-device-handler",
            "CUCM's words that no trunk matches the source",
            "Cisco CUCM, recalled, V8",
            {"policy.no-trunk-match": STRONG, "acl.source": WEAK},
            _SBC,
        ),
    ),
    said(
        "warning",
        r"not trusted",
        row(
            "warning.not-trusted",
            "a Warning that the host is not trusted",
            "Avaya Session Manager, V10",
            {"policy.no-trunk-match": FAIR, "acl.source": FAIR},
            _SBC,
        ),
    ),
    said(
        "ms-diagnostics",
        r"^\s*1013\b|time skew",
        row(
            "ms.time-skew",
            "Microsoft's diagnostic for a time skew",
            "MS-OCER, V13",
            {"clock.skew": STRONG},
            _SBC,
        ),
    ),
    said(
        "ms-diagnostics",
        r"^\s*(1001|1002|1012)\b",
        row(
            "ms.from",
            "Microsoft's diagnostic for a From that is not authorised",
            "MS-OCER, V13",
            {"policy.caller-identity": STRONG, "credentials.identity-mismatch": WEAK},
            _SBC,
        ),
    ),
    said(
        "ms-diagnostics",
        r"^\s*1003\b",
        row(
            "ms.user",
            "Microsoft's diagnostic for a missing user",
            "MS-OCER, V13",
            {"credentials.unknown-user": STRONG},
            _SBC,
        ),
    ),
    said(
        "ms-diagnostics",
        r"^\s*13011\b",
        row(
            "ms.overload",
            "Microsoft's diagnostic for overload",
            "MS-OCER, V13",
            {"capacity.overload": STRONG},
            _SBC,
        ),
    ),
    said(
        "reason",
        r"classification failure|registration mode",
        row(
            "reason.classification",
            "AudioCodes' word that nobody matches the source",
            "AudioCodes Mediant, V5",
            {"policy.no-trunk-match": STRONG, "acl.source": FAIR, "acl.partial": FAIR},
            _SBC,
        ),
    ),
    said(
        "reason",
        r"board in overload",
        row(
            "reason.overload",
            "AudioCodes' word for overload",
            "AudioCodes Mediant, V5",
            {"capacity.overload": VERBATIM},
            _SBC,
        ),
    ),
    said(
        "reason",
        r"board is locked",
        row(
            "reason.locked",
            "AudioCodes' word for a locked board",
            "AudioCodes Mediant, V5",
            {"capacity.maintenance": VERBATIM},
            _SBC,
        ),
    ),
    said(
        "reason",
        r"header overflow",
        row(
            "reason.header-overflow",
            "AudioCodes' word for headers that are too long",
            "AudioCodes Mediant, V5",
            {"message.too-large": STRONG},
            _SBC,
        ),
    ),
    said(
        "reason",
        r"q\.?850\D*cause\s*=\s*21\b",
        row(
            "reason.call-rejected",
            "Q.850 cause 21, as Cisco's toll-fraud list gives it",
            "Cisco CUBE, V7",
            {"acl.source": WEAK, "policy.no-trunk-match": WEAK},
            _SBC,
        ),
    ),
)
