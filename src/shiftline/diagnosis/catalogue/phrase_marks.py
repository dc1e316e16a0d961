"""Reason phrases, and what each speaks for."""

from __future__ import annotations

from shiftline.diagnosis.catalogue.marks import FAIR, STRONG, WEAK, row
from shiftline.diagnosis.catalogue.phrases import said
from shiftline.diagnosis.families import Family

_KAMAILIO = {Family.KAMAILIO: WEAK}
_SERS = {Family.KAMAILIO: WEAK, Family.OPENSIPS: WEAK}
_SBC = {Family.SBC: FAIR}

PHRASES = (
    said(
        "phrase",
        r"too many (registered )?contacts|maximum contacts|contacts? limit",
        row(
            "phrase.contacts",
            "a reason phrase about too many contacts",
            "Oracle USM local responses, V4",
            {"registrar.max-contacts": STRONG},
        ),
    ),
    said(
        "phrase",
        r"^limiting|rate|too many requests|throttl|flood|try (again )?later",
        row(
            "phrase.rate",
            "a reason phrase that speaks of a rate",
            "Kamailio ratelimit, htable; LiveKit: K3, K5, V20",
            {
                "throttle.source": FAIR,
                "throttle.shared": FAIR,
                "throttle.user": FAIR,
                "throttle.method": FAIR,
                "throttle.registration-rate": FAIR,
                "throttle.concurrency": WEAK,
                "ban.user": FAIR,
                "credentials.shared-lockout": FAIR,
                "ban.source": WEAK,
            },
        ),
    ),
    said(
        "phrase",
        r"\b(business|office|opening|working|service) hours\b|\b(after|out of|outside( of)?) hours\b",
        row(
            "phrase.hours",
            "a reason phrase that speaks of hours",
            "RFC 3261 section 7.2: the phrase is what the operator wrote",
            {"schedule.time-of-day": FAIR},
        ),
    ),
    said(
        "phrase",
        r"registration limit",
        row(
            "phrase.registration-limit",
            "a reason phrase about a limit of registrations",
            "a carrier's trace, V21",
            {"throttle.registration-rate": FAIR, "registrar.max-contacts": FAIR},
            _SBC,
        ),
    ),
    said(
        "phrase",
        r"\bD24\b",
        row(
            "phrase.telnyx-rate",
            "Telnyx's code for a rate",
            "Telnyx response codes, V19",
            {"throttle.source": STRONG, "throttle.shared": STRONG, "throttle.user": FAIR},
            _SBC,
        ),
        403,
    ),
    said(
        "phrase",
        r"\bD(1|2|3|22)\b",
        row(
            "phrase.telnyx-concurrency",
            "Telnyx's code for too many channels",
            "Telnyx response codes, V19",
            {"throttle.concurrency": STRONG},
            _SBC,
        ),
        403,
    ),
    said(
        "phrase",
        r"\bD1[0-7]\b",
        row(
            "phrase.telnyx-disabled",
            "Telnyx's code for something disabled",
            "Telnyx response codes, V19",
            {"policy.account-disabled": STRONG},
            _SBC,
        ),
        403,
    ),
    said(
        "phrase",
        r"\bD2[5-9]\b",
        row(
            "phrase.telnyx-login",
            "Telnyx's code for a failed login or connection",
            "Telnyx response codes, V19",
            {"credentials.wrong-password": FAIR, "policy.no-trunk-match": FAIR, "acl.source": FAIR},
            _SBC,
        ),
        403,
    ),
    said(
        "phrase",
        r"maximum calls|no more (calls|channels)|channel limit|session limit",
        row(
            "phrase.max-calls",
            "a reason phrase about too many calls",
            "FreeSWITCH mod_sofia, F9",
            {"throttle.concurrency": FAIR, "capacity.overload": FAIR},
            {Family.FREESWITCH: WEAK},
        ),
    ),
    said(
        "phrase",
        r"system busy|overload|congestion",
        row(
            "phrase.overload",
            "a reason phrase about overload",
            "FreeSWITCH mod_sofia, F10; AudioCodes, V5",
            {"capacity.overload": STRONG},
        ),
    ),
    said(
        "phrase",
        r"system paused|maintenance|shutting down|out of service",
        row(
            "phrase.maintenance",
            "a reason phrase about maintenance",
            "FreeSWITCH mod_sofia, F11",
            {"capacity.maintenance": STRONG, "schedule.time-of-day": STRONG},
        ),
    ),
    said(
        "phrase",
        r"not relaying|relay(ing)? forbidden|register forwarding forbidden|domain not served|invalid domain",
        row(
            "phrase.domain",
            "a reason phrase about the domain",
            "Kamailio and OpenSIPS stock configurations, Avaya: K9, K21, O3, V11, V27",
            {"policy.domain": STRONG},
        ),
    ),
    said(
        "phrase",
        r"^not allowed",
        row(
            "phrase.not-allowed",
            "Kamailio's words for a caller from elsewhere",
            "Kamailio stock configuration, K10",
            {"policy.caller-identity": FAIR, "policy.domain": FAIR},
            _KAMAILIO,
        ),
        403,
    ),
    said(
        "phrase",
        r"\b(use|only) (udp|tcp|tls|sips)\b|unsupported transport"
        r"|\b(udp|tcp|tls|transport)\b.*\b(not (allowed|supported)|required|only|forbidden|refused)\b",
        row(
            "phrase.transport",
            "a reason phrase about the transport",
            "RFC 3261 section 26.3; chan_sip C8",
            {"policy.transport": STRONG},
        ),
    ),
    said(
        "phrase",
        r"header mismatch|fake identity|username mismatch|auth(entication)? (user|name) mismatch",
        row(
            "phrase.identity",
            "a reason phrase about From and login",
            "older Kamailio samples, K21",
            {"credentials.identity-mismatch": STRONG, "policy.caller-identity": WEAK},
            _SERS,
        ),
    ),
    said(
        "phrase",
        r"message too large|r-uri too large|entity too large",
        row(
            "phrase.too-large",
            "a reason phrase about size",
            "newer Kamailio stock configuration, K11",
            {"message.too-large": STRONG},
        ),
    ),
    said(
        "phrase",
        r"\(policy\)",
        row(
            "phrase.policy",
            "chan_sip's words for a subscription that is switched off",
            "Asterisk chan_sip, C6",
            {"policy.method": FAIR, "policy.event-package": FAIR},
            {Family.CHAN_SIP: FAIR},
        ),
        403,
    ),
    said(
        "phrase",
        r"must register first|not registered",
        row(
            "phrase.register-first",
            "a reason phrase that asks for a registration first",
            "Kamailio IMS samples, V27",
            {"policy.unregistered-source": STRONG},
        ),
        403,
    ),
    said(
        "phrase",
        r"stale date",
        row(
            "phrase.stale-date",
            "a reason phrase about an old date",
            "STIR verification, V29",
            {"clock.skew": STRONG},
        ),
        403,
    ),
    said(
        "phrase",
        r"not verified|unverified|caller (id )?not allowed|spoof",
        row(
            "phrase.caller",
            "a reason phrase about the caller's number",
            "Twilio error 32204, V18",
            {"policy.caller-identity": STRONG},
        ),
    ),
    said(
        "phrase",
        r"disabled|suspended|barred|deactivated",
        row(
            "phrase.disabled",
            "a reason phrase about a disabled account",
            "Telnyx, Kamailio IMS samples: V19, V27",
            {"policy.account-disabled": STRONG},
        ),
    ),
    said(
        "phrase",
        r"missing (required |mandatory )?(header|metadata|attribute|agent)",
        row(
            "phrase.metadata",
            "a reason phrase about something that is missing",
            "FreeSWITCH mod_sofia, F12",
            {"message.missing-metadata": FAIR, "message.malformed": FAIR},
        ),
    ),
    said(
        "phrase",
        r"mismatch|mis-match|invalid .*header|illegal|bad request uri|empty user",
        row(
            "phrase.sanity",
            "a reason phrase that names a fault of the message",
            "Kamailio sanity, K15",
            {"message.malformed": STRONG},
            _KAMAILIO,
        ),
        400,
    ),
    said(
        "phrase",
        r"\b(source|client|host|ip)( ip)?[ -]address\b.*\b(not|denied|unknown|forbidden|blocked)\b"
        r"|access control list|(allow|white)[ -]?list|\bacl\b",
        row(
            "phrase.address",
            "a reason phrase about our address",
            "Genesys Cloud console text; Twilio, V18",
            {"acl.source": FAIR, "acl.partial": FAIR, "acl.via-source": WEAK, "policy.no-trunk-match": WEAK},
        ),
        403,
    ),
    said(
        "phrase",
        r"authentication (has )?failed|authentication failure|(invalid|bad|wrong) (password|credentials)",
        row(
            "phrase.login",
            "a reason phrase about a failed login",
            "Genesys Cloud console text; FreeSWITCH, F5",
            {
                "credentials.wrong-password": FAIR,
                "credentials.rotated": WEAK,
                "credentials.unknown-user": WEAK,
                "credentials.realm": WEAK,
                "policy.account-disabled": WEAK,
            },
        ),
    ),
)
