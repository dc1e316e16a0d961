"""What the registrar refuses once the login is done."""

from __future__ import annotations

from shiftline.diagnosis.catalogue.cause import Cause, Remedy, Stage, when
from shiftline.diagnosis.catalogue.words import (
    CHAN_SIP,
    ELSEWHERE,
    EVERY,
    FORBIDDEN_LOGIN,
    FREESWITCH,
    OTHER,
    PJSIP,
    SBC,
    SERS,
    measured,
    read,
    recalled,
    rfc,
    shows,
    vendor,
)
from shiftline.diagnosis.families import Family
from shiftline.diagnosis.outcome import Outcome
from shiftline.diagnosis.probe import Account, Method, Shape

_BINDS = (when(account=Account.OWN, method=Method.REGISTER_CONTACT),)
_BINDS_OR_ASKS = (*_BINDS, when(0.3, account=Account.OWN, method=Method.REGISTER))
# The address-of-record is that of To: under another name it is another one.
_BY_NAME = (
    when(0.2, shape=Shape.OTHER_CALLER),
    when(account=Account.OWN, method=(Method.REGISTER, Method.REGISTER_CONTACT)),
)

CAUSES = (
    Cause(
        id="registrar.max-contacts",
        meaning="The account has as many contacts as the PBX allows it.",
        seen="403 or 503 to REGISTER when agents log in, while calls and questions of the same account pass.",
        tells=(
            "Only a REGISTER with a Contact is refused, after a right login, until another binding expires."
        ),
        refuted_by="A refused REGISTER of an account without any binding.",
        remedy=Remedy(
            steps=(
                "List the bindings of the account and remove the dead ones, or wait until they expire.",
                "Allow one more contact, or let a new one replace the oldest.",
                "Remove bindings at an orderly end (Shiftline does), and ask for short expiries.",
            ),
            by_family={
                Family.PJSIP: (
                    (
                        "`asterisk -rx 'pjsip show aor NAME'`: max_contacts; `remove_existing=yes` "
                        "replaces the oldest."
                    ),
                ),
                Family.KAMAILIO: ('`kamctl ul show NAME`; `modparam("registrar", "max_contacts", N)`.',),
                Family.FREESWITCH: (
                    "`fs_cli -x 'sofia status profile internal reg'`; `max-registrations-per-extension`.",
                ),
            },
        ),
        sources=("PJSIP A6, A7; Kamailio K17; OpenSIPS O4; FreeSWITCH F5; Oracle V4",),
        signatures=(
            shows(
                "A7",
                PJSIP,
                Stage.REGISTRAR,
                _BINDS,
                FORBIDDEN_LOGIN,
                "403 to REGISTER, while other methods pass.",
                read("Asterisk res_pjsip_registrar, A6, A7"),
            ),
            shows(
                "K17",
                SERS,
                Stage.REGISTRAR,
                _BINDS,
                {Outcome.UNAVAILABLE: 0.65, Outcome.UNAVAILABLE_RETRY_AFTER: 0.35},
                "503 with P-Registrar-Error: Too many registered contacts.",
                measured("Kamailio 5.6.3, K17; OpenSIPS, O4"),
            ),
            shows(
                "F5m",
                FREESWITCH,
                Stage.REGISTRAR,
                _BINDS_OR_ASKS,
                FORBIDDEN_LOGIN,
                "403 after the challenge, as for a wrong password.",
                read("FreeSWITCH mod_sofia, F5"),
            ),
            shows(
                "V4",
                SBC,
                Stage.REGISTRAR,
                _BINDS,
                {
                    Outcome.FORBIDDEN_AFTER_CHALLENGE: 0.85,
                    Outcome.UNAVAILABLE: 0.1,
                    Outcome.FORBIDDEN_RETRY_AFTER: 0.05,
                },
                "403 by default.",
                vendor("Oracle USM, V4"),
            ),
            shows(
                "F5n",
                EVERY,
                Stage.REGISTRAR,
                (when(method=Method.REGISTER_CONTACT),),
                {Outcome.FORBIDDEN_AFTER_CHALLENGE: 0.7, Outcome.UNAVAILABLE: 0.3},
                "The same for every account that is full, where the limit is the profile's.",
                read("FreeSWITCH mod_sofia, F5; Kamailio registrar, K17"),
                0.4,
            ),
            shows(
                "X4",
                CHAN_SIP | OTHER,
                Stage.REGISTRAR,
                _BINDS,
                {Outcome.FORBIDDEN_AFTER_CHALLENGE: 0.7, Outcome.UNAVAILABLE: 0.3},
                "403 or 503 to REGISTER only.",
                recalled("known in the field"),
            ),
        ),
        prior=1.5,
    ),
    Cause(
        id="registrar.no-aor",
        meaning="The account may log in, but the PBX has no address-of-record to bind for it.",
        seen="403 or 404 to REGISTER of one account, while its calls pass.",
        tells="REGISTER is refused after a right login, with and without Contact; other methods pass.",
        refuted_by="A binding of this account.",
        remedy=Remedy(
            steps=("Give the account an address-of-record on the PBX, of exactly the name in To.",),
            by_family={
                Family.PJSIP: (
                    "`asterisk -rx 'pjsip show endpoint NAME'`: `aors=` must name a section of type aor.",
                ),
            },
        ),
        sources=("PJSIP A5, A8",),
        signatures=(
            shows(
                "A5",
                PJSIP,
                Stage.REGISTRAR,
                _BY_NAME,
                {Outcome.FORBIDDEN_AFTER_CHALLENGE: 0.5, Outcome.NOT_FOUND: 0.5},
                "403 (no aors) or 404 (AOR not found).",
                read("Asterisk res_pjsip_registrar, A5, A8"),
            ),
            shows(
                "F7a",
                FREESWITCH,
                Stage.RULE,
                # Phones register with another profile.
                (ELSEWHERE, when(method=(Method.REGISTER, Method.REGISTER_CONTACT))),
                {Outcome.FORBIDDEN: 1.0},
                "403 to every REGISTER: the profile keeps no registrations.",
                read("FreeSWITCH mod_sofia, F7"),
                0.6,
            ),
            shows(
                "A8",
                EVERY - PJSIP,
                Stage.REGISTRAR,
                _BY_NAME,
                {Outcome.NOT_FOUND: 0.6, Outcome.FORBIDDEN_AFTER_CHALLENGE: 0.4},
                "404 or 403 to REGISTER.",
                recalled("as PJSIP A5, A8; others known in the field"),
            ),
        ),
        prior=0.8,
    ),
    Cause(
        id="registrar.shared-aor",
        meaning="Two systems or agents bind the same address-of-record in turn and push each other out.",
        seen="Registrations flap after a swap or a migration: registered, gone, registered.",
        tells="The contacts of one user change hosts again and again; the count is at its maximum.",
        refuted_by="Contacts that all belong to one device.",
        remedy=Remedy(
            steps=(
                "List the contacts of the address and find the second device by its address and User-Agent.",
                "Give each device an account of its own, or allow more contacts.",
            ),
            by_family={
                Family.PJSIP: ("`asterisk -rx 'pjsip show contacts'`.",),
                Family.KAMAILIO: ("`kamctl ul show NAME`.",),
            },
        ),
        sources=("users' reports",),
        prior=0.08,
    ),
    Cause(
        id="registrar.interval-too-brief",
        meaning="We ask for a registration that is shorter than the PBX allows.",
        seen="423 Interval Too Brief, and a trunk that never becomes registered.",
        tells="423 with Min-Expires to every REGISTER with a Contact.",
        refuted_by="A REGISTER with a longer expiry that gets the same answer.",
        remedy=Remedy(
            steps=(
                (
                    "Ask for at least what Min-Expires says (RFC 3261 section 10.2.8). Shiftline does so "
                    "by itself."
                ),
                "Or lower the PBX's minimum.",
            ),
            by_family={
                Family.PJSIP: ("`minimum_expiration` of the aor.",),
                Family.CHAN_SIP: ("`minexpiry` in sip.conf.",),
                Family.KAMAILIO: ('`modparam("registrar", "min_expires", 60)`.',),
            },
        ),
        sources=("RFC 3261 section 10.3 step 7",),
        signatures=(
            shows(
                "R10.3",
                EVERY,
                Stage.REGISTRAR,
                (
                    when(0.5, method=Method.REGISTER_CONTACT, shape=Shape.FOREIGN),
                    when(method=Method.REGISTER_CONTACT),
                ),
                {Outcome.TOO_BRIEF: 1.0},
                "423 with Min-Expires.",
                rfc("RFC 3261 section 10.3"),
            ),
        ),
        prior=0.5,
    ),
)
