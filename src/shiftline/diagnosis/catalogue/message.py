"""Messages that the PBX does not like, and methods that tell nothing."""

from __future__ import annotations

from shiftline.diagnosis.catalogue.cause import Cause, Remedy, Stage, when
from shiftline.diagnosis.catalogue.lengths import longest, with_a_login
from shiftline.diagnosis.catalogue.wanted_headers import WANTED_BY_SOME_METHODS
from shiftline.diagnosis.catalogue.words import (
    ASTERISK,
    EVERY,
    FORBIDDEN,
    FOREIGN,
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
from shiftline.diagnosis.probe import Account, Aim, Method, Shape

_BY_METHOD = (
    ("OPTIONS", (Method.OPTIONS,)),
    ("REGISTER", (Method.REGISTER, Method.REGISTER_CONTACT)),
    ("Expires", (Method.SUBSCRIBE, Method.REGISTER_CONTACT)),
)
"""Whose header it is: some are sent with one method only."""
_TOO_LARGE = {Outcome.FORBIDDEN: 0.6, Outcome.TOO_LARGE: 0.35, Outcome.BAD_REQUEST: 0.05}
_TOO_LARGE_ELSEWHERE = {Outcome.TOO_LARGE: 0.6, Outcome.FORBIDDEN: 0.25, Outcome.BAD_REQUEST: 0.15}

CAUSES = (
    Cause(
        id="message.malformed",
        meaning="Something in our messages breaks the standard, or the PBX's reading of it.",
        seen="400 with an exact reason, or no answer at all, to every request of one kind.",
        tells="The shortest message passes where the usual one does not, from every source.",
        refuted_by="The same answer to the shortest message.",
        remedy=Remedy(
            steps=(
                "Read the reason phrase: the sanity checks name the header.",
                "Look at the message as sent: `--trace`; change header by header until it passes.",
            ),
            by_family={
                Family.KAMAILIO: (
                    (
                        "A missing colon, From, To, Call-ID, CSeq or Via is dropped without an answer; "
                        "the log has an ERROR of the parser."
                    ),
                ),
                Family.FREESWITCH: ("`fs_cli -x 'sofia global siptrace on'`.",),
            },
        ),
        sources=("Kamailio K15, K16, K18, measured; PJSIP A9; FreeSWITCH F12",),
        signatures=(
            shows(
                "K15",
                EVERY,
                Stage.PARSER,
                (when(0.0, shape=Shape.MINIMAL), when()),
                {Outcome.BAD_REQUEST: 0.85, Outcome.SILENCE: 0.15},
                "400 with a reason, or nothing.",
                measured("Kamailio 5.6.3 sanity, K15, K16"),
            ),
            shows(
                "V5m",
                FOREIGN,
                Stage.PARSER,
                (when(0.0, shape=Shape.MINIMAL), when()),
                FORBIDDEN,
                "403: border controllers let their code be chosen.",
                vendor("AudioCodes Mediant manuals, V5"),
                weight=0.4,
            ),
            shows(
                "A9",
                EVERY,
                Stage.REGISTRAR,
                (when(0.0, shape=Shape.MINIMAL), when(method=Method.REGISTER_CONTACT)),
                {Outcome.BAD_REQUEST: 1.0},
                "400 to the Contact of a REGISTER.",
                read("Asterisk res_pjsip_registrar, A9; Kamailio K18"),
                weight=0.4,
            ),
            *(
                shows(
                    f"F12.{method}",
                    EVERY,
                    Stage.PARSER,
                    (when(0.0, shape=Shape.MINIMAL), when(method=methods)),
                    {Outcome.BAD_REQUEST: 0.9, Outcome.SILENCE: 0.1},
                    f"400 to {method} only.",
                    read("FreeSWITCH mod_sofia, F12; Kamailio K15"),
                    weight=0.3,
                )
                for method, methods in _BY_METHOD
            ),
            *(
                shows(
                    f"V5m.{method}",
                    FOREIGN,
                    Stage.PARSER,
                    (when(0.0, shape=Shape.MINIMAL), when(method=methods)),
                    FORBIDDEN,
                    f"403 to {method} only: a header that goes with it is disliked.",
                    vendor("AudioCodes Mediant manuals, V5"),
                    weight=0.12,
                )
                for method, methods in _BY_METHOD
            ),
        ),
        prior=1.2,
    ),
    Cause(
        id="message.too-large",
        meaning="Our messages are larger than the PBX accepts.",
        seen="403 `Message too large` or 413 when many headers or a long body come together.",
        tells="Refused, not lost, above a size.",
        refuted_by="A larger message that was accepted.",
        remedy=Remedy(
            steps=(
                "Take headers and bodies away that nobody reads, or shorten them.",
                "Have the PBX's limit raised.",
            ),
            by_family={Family.KAMAILIO: ("`msg:len >= max_len` in route[REQINIT]; the sanity of `$ml`.",)},
        ),
        sources=("newer Kamailio stock configuration, K11; RFC 3261 section 21.4.11; AudioCodes V5",),
        signatures=(
            shows(
                "K11c",
                SERS,
                Stage.PARSER,
                with_a_login(),
                _TOO_LARGE,
                "The credentials make it too large.",
                read("Kamailio stock configuration, K11"),
                weight=0.4,
            ),
            *(
                shows(
                    f"K11{end}",
                    SERS,
                    Stage.PARSER,
                    acts,
                    _TOO_LARGE,
                    "The credentials make the longer requests too large.",
                    read("Kamailio stock configuration, K11"),
                    weight=0.15,
                )
                for end, acts in longest()
            ),
            shows(
                "K11",
                SERS,
                Stage.PARSER,
                (when(shape=Shape.LARGE),),
                _TOO_LARGE,
                "403 Message too large.",
                read("Kamailio stock configuration, K11"),
            ),
            shows(
                "R21.4.11c",
                EVERY - SERS,
                Stage.PARSER,
                with_a_login(),
                _TOO_LARGE_ELSEWHERE,
                "The credentials make it too large.",
                rfc("RFC 3261 section 21.4.11"),
                weight=0.4,
            ),
            *(
                shows(
                    f"R21.4.11{end}",
                    EVERY - SERS,
                    Stage.PARSER,
                    acts,
                    _TOO_LARGE_ELSEWHERE,
                    "The credentials make the longer requests too large.",
                    rfc("RFC 3261 section 21.4.11"),
                    weight=0.15,
                )
                for end, acts in longest()
            ),
            shows(
                "R21.4.11",
                EVERY - SERS,
                Stage.PARSER,
                (when(shape=Shape.LARGE),),
                _TOO_LARGE_ELSEWHERE,
                "413, 403 or 400 above a size.",
                rfc("RFC 3261 section 21.4.11"),
            ),
        ),
        prior=0.7,
    ),
    Cause(
        id="message.missing-metadata",
        meaning="The PBX wants a header or an attribute that our requests do not carry.",
        seen=(
            'Checks from one system are refused, those of another with the same account are not; "the '
            'export lacks the custom attributes" (includeCustomAttributes).'
        ),
        tells="The same request passes with the headers that production adds, at the same rate.",
        refuted_by="A refused request that carried them, or an accepted one that did not.",
        remedy=Remedy(
            steps=(
                "Find the header by comparing an accepted with a refused request, and ask the operator.",
                (
                    "For agent attributes, have the export carry them (includeCustomAttributes). An "
                    "attribute that is missing from an export cannot make a PBX refuse only above a rate."
                ),
            )
        ),
        sources=("users' reports; header rules of border controllers, known in the field",),
        signatures=(
            shows(
                "M1",
                EVERY,
                Stage.RULE,
                (when(0.0, shape=Shape.WITH_METADATA), when(account=(Account.OWN, Account.OTHER))),
                {Outcome.FORBIDDEN: 0.7, Outcome.BAD_REQUEST: 0.3},
                "Refused before the login, where somebody is named.",
                recalled("known in the field"),
            ),
            shows(
                "M1a",
                EVERY,
                Stage.RULE,
                (when(0.0, shape=Shape.WITH_METADATA), when()),
                {Outcome.FORBIDDEN: 0.7, Outcome.BAD_REQUEST: 0.3},
                "Refused before the login, whomever it asks about.",
                recalled("known in the field"),
            ),
            shows(
                "M2",
                EVERY,
                Stage.ACCOUNT_RULE,
                (when(0.0, shape=Shape.WITH_METADATA), when()),
                {Outcome.FORBIDDEN_AFTER_CHALLENGE: 0.7, Outcome.BAD_REQUEST: 0.3},
                "Refused after the login.",
                recalled("known in the field"),
                weight=0.7,
            ),
            *WANTED_BY_SOME_METHODS,
        ),
        prior=0.8,
    ),
    Cause(
        id="method.blind",
        meaning="The answer to this method does not depend on the agent, so it proves nothing.",
        seen='Every agent is "available", also those on holiday; trades are approved that should not be.',
        tells=(
            "The absent control gets the same 200 as the present one, and so does a user who was invented."
        ),
        refuted_by="Different answers about the two controls.",
        remedy=Remedy(
            steps=(
                (
                    "Make sure that the absent control is absent: if a phone is registered as that user, its "
                    "200 is right, and the method proves what it should. Name another user, and ask again."
                ),
                (
                    "Use a method that tells the two controls apart: `--method registration`, `presence` "
                    "or `dialog`."
                ),
                "Name a present and an absent control for the trunk; Shiftline qualifies methods with them.",
            ),
            by_family={
                Family.KAMAILIO: (
                    "Stock Kamailio answers OPTIONS itself with 200 Keepalive; ask the registrar.",
                ),
                Family.SBC: ("CUCM, Session Manager and most border controllers answer OPTIONS themselves.",),
            },
        ),
        sources=("Kamailio K19; RFC 3261 section 11.2",),
        signatures=(
            shows(
                "K19",
                EVERY,
                Stage.SERVICE,
                (when(method=Method.OPTIONS, aim=(Aim.ABSENT, Aim.INVENTED)),),
                {Outcome.OK: 1.0},
                "200 about a user who is absent.",
                read("Kamailio stock configuration, K19"),
            ),
            shows(
                "A11b",
                ASTERISK,
                Stage.SERVICE,
                (when(method=Method.OPTIONS, aim=Aim.ABSENT),),
                {Outcome.OK: 1.0},
                "200 about every extension, whether or not a phone is there; 404 about what is none.",
                read("Asterisk res_pjsip, A11"),
                weight=2.0,
            ),
        ),
        prior=1.0,
    ),
)
