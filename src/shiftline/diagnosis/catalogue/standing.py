"""Rules about who asks: the account, the trunk, the binding, the caller."""

from __future__ import annotations

from shiftline.diagnosis.catalogue.cause import Cause, Remedy, Stage, when
from shiftline.diagnosis.catalogue.words import (
    CHALLENGED_AGAIN,
    CHAN_SIP,
    EVERY,
    FORBIDDEN,
    FORBIDDEN_LOGIN,
    FOREIGN,
    FREESWITCH,
    KAMAILIO,
    OPENSIPS,
    OTHER,
    OWN_SOURCE,
    PJSIP,
    SBC,
    SERS,
    anywhere_too,
    read,
    recalled,
    shows,
    thread,
    vendor,
)
from shiftline.diagnosis.families import Family
from shiftline.diagnosis.outcome import Outcome
from shiftline.diagnosis.probe import Account, Method, Shape

_ACCOUNTS = (Account.OWN, Account.OTHER, Account.NONEXISTENT)
_CALLS = (Method.OPTIONS, Method.SUBSCRIBE, Method.INVITE, Method.OTHER)

CAUSES = (
    Cause(
        id="policy.account-disabled",
        meaning="The account exists and its password is right, but it may not do this.",
        seen="403 after a login that worked until somebody switched the account off, or a bill was open.",
        tells="This account is refused after the challenge with right credentials, at any rate, others pass.",
        refuted_by="An accepted request of this account, or a lock that ends by itself.",
        remedy=Remedy(
            steps=(
                "Ask whoever keeps the account whether it is active, paid for, and allowed to register.",
                "Have it switched on, or use another.",
            ),
            by_family={
                Family.CHAN_SIP: ("`Peer is not supposed to register` in the log: set `host=dynamic`.",),
                Family.FREESWITCH: ("The user's `sip-forbid-register` and `enabled`.",),
            },
        ),
        sources=("FreeSWITCH F5 (sip-forbid-register); chan_sip C2, C3; Telnyx D10 to D17, V19",),
        signatures=(
            shows(
                "F5r",
                FREESWITCH,
                Stage.CHALLENGE,
                (when(account=Account.OWN),),
                FORBIDDEN_LOGIN,
                "403 after the challenge, as for a wrong password.",
                read("FreeSWITCH mod_sofia, F5"),
            ),
            shows(
                "C2r",
                CHAN_SIP,
                Stage.CHALLENGE,
                (when(account=Account.OWN),),
                CHALLENGED_AGAIN,
                "A fake 401 for ever: not supposed to register.",
                read("Asterisk chan_sip, C2"),
            ),
            *(
                shows(
                    identity,
                    families,
                    Stage.CHALLENGE,
                    (when(account=Account.OWN, method=(Method.REGISTER, Method.REGISTER_CONTACT)),),
                    answers,
                    words,
                    read(source),
                    weight=0.7,
                )
                for identity, families, answers, words, source in (
                    (
                        "F5s",
                        FREESWITCH,
                        FORBIDDEN_LOGIN,
                        "403 to its REGISTERs after the challenge: sip-forbid-register.",
                        "FreeSWITCH mod_sofia, F5",
                    ),
                    (
                        "C2s",
                        CHAN_SIP,
                        CHALLENGED_AGAIN,
                        "A fake 401 for ever to its REGISTERs: not supposed to register.",
                        "Asterisk chan_sip, C2, C8",
                    ),
                )
            ),
            shows(
                "C3r",
                CHAN_SIP,
                Stage.ACCOUNT_RULE,
                (when(account=Account.OWN),),
                FORBIDDEN_LOGIN,
                "403, with alwaysauthreject=no.",
                read("Asterisk chan_sip, C3"),
                weight=0.4,
            ),
            shows(
                "V19d",
                PJSIP | SERS | FOREIGN,
                Stage.ACCOUNT_RULE,
                (when(account=Account.OWN),),
                FORBIDDEN_LOGIN,
                "403 to right credentials.",
                vendor("Telnyx D10 to D17, V19; Kamailio IMS samples, V27"),
            ),
            shows(
                "V19e",
                FOREIGN,
                Stage.RULE,
                (when(account=Account.OWN),),
                FORBIDDEN,
                "403 before any challenge.",
                vendor("Telnyx D10 to D17, V19"),
                weight=0.4,
            ),
        ),
        prior=1.0,
    ),
    Cause(
        id="policy.no-trunk-match",
        meaning="The PBX finds no trunk that our requests belong to.",
        seen=(
            "503 `Unable to find a device handler`, `Classification Failure`, or 401 for ever on a trunk "
            "that is told apart by its address."
        ),
        tells="Nothing of ours is taken as the trunk's, at any rate; another source that is known passes.",
        refuted_by="A request of this source that the PBX counted for the trunk.",
        remedy=Remedy(
            steps=(
                (
                    "Compare what the PBX tells trunks apart by (source address, port, From, transport) "
                    "with what we send."
                ),
                "Set the trunk on the PBX to our address and port, or send from the one it knows.",
            ),
            by_family={
                Family.PJSIP: (
                    (
                        "`asterisk -rx 'pjsip show identifies'`: add `match=` our address; the log says "
                        "`No matching endpoint found`."
                    ),
                ),
                Family.SBC: ("Look at the session agent or IP group: address, port and realm must be ours.",),
            },
        ),
        sources=("PJSIP A1; AudioCodes V5; CUCM V8; Avaya V10",),
        signatures=anywhere_too(
            shows(
                "A1",
                PJSIP,
                Stage.CHALLENGE,
                OWN_SOURCE,
                CHALLENGED_AGAIN,
                "401 for ever: an artificial endpoint, on purpose.",
                read("Asterisk res_pjsip, A1"),
            ),
            shows(
                "V8",
                SBC,
                Stage.SOURCE_LIST,
                OWN_SOURCE,
                {
                    Outcome.UNAVAILABLE: 0.4,
                    Outcome.SERVER_ERROR: 0.2,
                    Outcome.FORBIDDEN: 0.25,
                    Outcome.NOT_FOUND: 0.15,
                },
                "503, 500, 404 or 403 with a word about it in Warning or Reason.",
                recalled("AudioCodes V5, CUCM V8"),
            ),
            shows(
                "V10",
                SBC,
                Stage.CHALLENGE,
                OWN_SOURCE,
                CHALLENGED_AGAIN,
                "407 to an address that is not trusted.",
                thread("Avaya Session Manager, V10"),
                weight=0.4,
            ),
            shows(
                "X2",
                CHAN_SIP,
                Stage.CHALLENGE,
                OWN_SOURCE,
                CHALLENGED_AGAIN,
                "A fake 401 for ever: no matching peer.",
                read("Asterisk chan_sip, C2"),
            ),
            shows(
                "X3",
                KAMAILIO | OPENSIPS | FREESWITCH | OTHER,
                Stage.SOURCE_LIST,
                OWN_SOURCE,
                {Outcome.FORBIDDEN: 0.6, Outcome.NOT_FOUND: 0.2, Outcome.UNAVAILABLE: 0.2},
                "Refused before any challenge.",
                recalled("known in the field"),
            ),
        ),
        prior=1.0,
    ),
    Cause(
        id="policy.unregistered-source",
        meaning="The PBX answers only to who is registered with it.",
        seen="OPTIONS and calls are refused until the trunk registers: `You must register first`.",
        tells="REGISTER passes; the same OPTIONS is refused before and accepted after a binding.",
        refuted_by="A refusal while our binding stands.",
        remedy=Remedy(
            steps=(
                "Set `register = true` for the trunk; the binding is renewed before each publish window.",
                "Or have the PBX accept the trunk by its address.",
            ),
            by_family={Family.SBC: ("Oracle: `allow-anonymous registered` of the sip-port asks for it.",)},
        ),
        sources=("Oracle SBC allow-anonymous registered, V1; Kamailio IMS samples, V27",),
        signatures=(
            shows(
                "V1r",
                EVERY,
                Stage.RULE,
                (when(0.0, shape=Shape.ONCE_REGISTERED), when(method=_CALLS)),
                FORBIDDEN,
                "403 to anything but REGISTER until a binding stands.",
                vendor("Oracle SBC, V1; Kamailio IMS samples, V27"),
            ),
            shows(
                "V27",
                EVERY,
                Stage.ACCOUNT_RULE,
                (when(0.0, shape=Shape.ONCE_REGISTERED), when(method=_CALLS)),
                FORBIDDEN_LOGIN,
                "403 after the login until a binding stands.",
                read("Kamailio IMS samples, V27"),
                weight=0.5,
            ),
        ),
        prior=0.7,
    ),
    Cause(
        id="policy.caller-identity",
        meaning="The PBX or carrier does not accept the caller that From or P-Asserted-Identity names.",
        seen="403 `Not verified`, error 32204, `Not Allowed` for calls and checks, while registrations pass.",
        tells="REGISTER passes, OPTIONS and calls do not, and they do with the login's own name in From.",
        refuted_by="The same refusal with a caller that is verified.",
        remedy=Remedy(
            steps=(
                "Use a verified number or the login's own name in From.",
                "Have the number verified with the carrier.",
            )
        ),
        sources=("Twilio 32204, V18; Kamailio K10, K21; MS-OCER 1001, V13",),
        signatures=(
            shows(
                "K10",
                EVERY,
                Stage.ACCOUNT_RULE,
                (
                    when(0.0, shape=Shape.OTHER_CALLER),
                    when(method=(Method.OPTIONS, Method.SUBSCRIBE, Method.INVITE)),
                ),
                FORBIDDEN_LOGIN,
                "403 after the login.",
                vendor("Kamailio K10, K21; Twilio V18"),
            ),
            shows(
                "V18",
                EVERY,
                Stage.RULE,
                (
                    when(0.0, shape=Shape.OTHER_CALLER),
                    when(account=_ACCOUNTS, method=(Method.OPTIONS, Method.SUBSCRIBE, Method.INVITE)),
                ),
                FORBIDDEN,
                "403 before any login.",
                vendor("Twilio V18, MS-OCER V13"),
                weight=0.7,
            ),
        ),
        prior=0.8,
    ),
)
