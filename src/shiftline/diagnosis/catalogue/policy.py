"""Rules of the PBX that no pacing and no password change."""

from __future__ import annotations

from dataclasses import replace

from shiftline.diagnosis.catalogue.cause import Cause, Remedy, Signature, Stage, when
from shiftline.diagnosis.catalogue.words import (
    CHALLENGED_AGAIN,
    CHAN_SIP,
    EVERY,
    FORBIDDEN,
    FORBIDDEN_LOGIN,
    FOREIGN,
    FREESWITCH,
    PJSIP,
    SERS,
    read,
    recalled,
    rfc,
    shows,
)
from shiftline.diagnosis.families import Family
from shiftline.diagnosis.outcome import Outcome
from shiftline.diagnosis.probe import Account, Method, Shape

_ACCOUNTS = (Account.OWN, Account.OTHER, Account.NONEXISTENT)
_REGISTERS = (Method.REGISTER, Method.REGISTER_CONTACT)
# A guess may be as wrong as what was configured.
_GUESSED = when(0.5, shape=Shape.GUESSED_DOMAIN)
# The digest's URI names a domain as well, and some look at that one.
_DOMAIN_OF_LOGIN = (
    when(0.0, shape=Shape.OTHER_DOMAIN),
    _GUESSED,
    when(0.5, account=_ACCOUNTS, shape=Shape.OTHER_DIGEST_URI),
    when(account=_ACCOUNTS),
)
# One that is without two packages is a little likelier to be without the third.
_OF_ONE_PACKAGE = (
    when(0.1, shape=Shape.OTHER_EVENT),
    when(0.2, shape=Shape.THIRD_EVENT),
    when(method=Method.SUBSCRIBE),
)


def _by_agent(
    suffix: str, passing: tuple[Shape, ...], words: str, weight: float = 1.0
) -> tuple[Signature, ...]:
    acts = (when(0.0, shape=passing), when(0.8, shape=Shape.INVENTED_AGENT), when())
    return (
        shows(
            f"K13{suffix}",
            SERS,
            Stage.AGENT,
            acts,
            {Outcome.SILENCE: 0.85, Outcome.FORBIDDEN: 0.15},
            f"Dropped before anything else is looked at. {words}",
            read("Kamailio stock configuration, K13"),
            weight,
        ),
        shows(
            f"F5a{suffix}",
            FREESWITCH,
            Stage.CHALLENGE,
            acts,
            FORBIDDEN_LOGIN,
            f"403 after the challenge, as for a wrong password. {words}",
            read("FreeSWITCH mod_sofia, F5"),
            weight,
        ),
        shows(
            f"K14{suffix}",
            CHAN_SIP | PJSIP | FOREIGN,
            Stage.AGENT,
            acts,
            {Outcome.FORBIDDEN: 0.65, Outcome.SILENCE: 0.35},
            f"Refused or dropped by a box in front. {words}",
            recalled("secfilter samples, K14; others known in the field"),
            weight,
        ),
        # A script may answer OPTIONS to the box itself before it looks at the User-Agent (K19).
        shows(
            f"K13r{suffix}",
            SERS | FOREIGN,
            Stage.RULE,
            acts,
            {Outcome.SILENCE: 0.5, Outcome.FORBIDDEN: 0.5},
            f"Dropped or refused, but for OPTIONS to the box itself. {words}",
            recalled("scripts with the rules of K13 and K14 behind the answer of K19"),
            0.3 * weight,
        ),
    )


def _of_one_peer(*signatures: Signature) -> tuple[Signature, ...]:
    """A rule about domains for everybody, and as that of one peer: then other programs pass with the same."""
    return (
        *signatures,
        *(
            replace(one, id=f"{one.id}.peer", acts=(when(0.0, shape=Shape.FOREIGN), *one.acts), weight=0.5)
            for one in signatures
        ),
    )


CAUSES = (
    Cause(
        id="policy.method",
        meaning="The PBX does not take this method from us, whatever the rate and the login.",
        seen='Calls and registrations work, the availability checks get 403 or 405: "only the verification '
        'calls fail while campaigns work".',
        tells="One method is refused at any rate while another passes with the same login and source.",
        refuted_by="One request with this method that was accepted.",
        remedy=Remedy(
            steps=(
                "Check by a method that it takes: the verdict says which passed (`--method`).",
                (
                    "Have the method allowed for the trunk: OPTIONS, SUBSCRIBE or REGISTER, as the Allow "
                    "header says."
                ),
            ),
            by_family={
                Family.CHAN_SIP: ("`allowsubscribe=yes` in sip.conf, globally and for the peer.",),
                Family.PJSIP: (
                    "`module show like res_pjsip`: SUBSCRIBE needs res_pjsip_pubsub; `allow_subscribe=yes`.",
                ),
                Family.FREESWITCH: (
                    "The profile's `mflags` and `manage-presence`; `disable-transfer` for REFER.",
                ),
                Family.KAMAILIO: ("Look for `is_method` in the script's request route.",),
            },
        ),
        sources=("chan_sip C6; PJSIP A13; FreeSWITCH F7, F8; Kamailio K20; RFC 3261 section 21.4.6",),
        signatures=(
            *(
                shows(
                    f"C6.{method}",
                    EVERY,
                    Stage.RULE,
                    (when(method=method),),
                    {Outcome.FORBIDDEN: 0.5, Outcome.NO_METHOD: 0.5},
                    f"{method} is refused with 403, 405 or 501, before any login.",
                    read("chan_sip C6, FreeSWITCH F7, RFC 3261 section 21.4.6"),
                    weight=weight,
                )
                for method, weight in ((Method.OPTIONS, 1.0), (Method.SUBSCRIBE, 0.7))
            ),
            *(
                shows(
                    f"A13.{method}",
                    EVERY,
                    Stage.ACCOUNT_RULE,
                    (when(method=method),),
                    {Outcome.FORBIDDEN_AFTER_CHALLENGE: 0.6, Outcome.NO_METHOD: 0.4},
                    f"{method} is refused after the login.",
                    read("PJSIP A13, chan_sip C6"),
                    weight=weight,
                )
                for method, weight in ((Method.OPTIONS, 0.5), (Method.SUBSCRIBE, 0.6))
            ),
            shows(
                "F7",
                EVERY,
                Stage.RULE,
                (when(method=_REGISTERS),),
                {Outcome.FORBIDDEN: 0.5, Outcome.NO_METHOD: 0.5},
                "REGISTER is refused with or without a Contact: there is no registrar here.",
                read("FreeSWITCH mod_sofia, F7; Kamailio K21"),
                weight=0.4,
            ),
        ),
        prior=2.0,
    ),
    Cause(
        id="policy.domain",
        meaning="The PBX does not serve the domain in From, To or the request URI.",
        seen="403 `Not relaying`, `Relay Forbidden`, `Forbidden (Invalid domain in From: header)`, or 404 to "
        "whatever is asked.",
        tells="The refusal goes away with the server's own address as domain.",
        refuted_by="The same refusal with a domain that the PBX serves.",
        remedy=Remedy(
            steps=(
                "Use the domain that the PBX serves in the trunk's addresses: often its own address.",
                "Or have the PBX serve ours.",
            ),
            by_family={
                Family.KAMAILIO: ('`alias="our.domain"` in kamailio.cfg, or the domain module\'s table.',),
                Family.CHAN_SIP: ("`domain=our.domain` in sip.conf; the log says `Not a local domain`.",),
                Family.PJSIP: ("`type=domain_alias` in pjsip.conf.",),
                Family.FREESWITCH: (
                    'An alias of the profile (`<alias name="our.domain"/>`) or a domain in the directory.',
                ),
            },
        ),
        sources=(
            "Kamailio K9, K10, K21; OpenSIPS O3; chan_sip C2; Avaya V11; Kamailio IMS V27; RFC 3261 8.2.2.1",
        ),
        signatures=_of_one_peer(
            shows(
                "K9",
                SERS,
                Stage.RULE,
                (when(0.0, shape=Shape.OTHER_DOMAIN), _GUESSED, when(account=_ACCOUNTS)),
                FORBIDDEN,
                "403 Not relaying, or Relay Forbidden.",
                read("Kamailio and OpenSIPS stock configurations, K9, O3"),
            ),
            shows(
                "K9f",
                SERS | FOREIGN,
                Stage.RULE,
                (when(0.0, shape=Shape.OTHER_DOMAIN), _GUESSED, when()),
                FORBIDDEN,
                "403 to whoever writes another domain in From, also where it names no user.",
                recalled("scripts that compare the domain of From, K10, K21"),
                weight=0.3,
            ),
            shows(
                "R404d",
                EVERY,
                Stage.RULE,
                (when(0.0, shape=Shape.OTHER_DOMAIN), _GUESSED, when()),
                {Outcome.NOT_FOUND: 1.0},
                "404 to whoever addresses a domain that it does not handle, whatever he asks.",
                rfc("RFC 3261 sections 8.2.2.1 and 21.4.5"),
                weight=0.2,
            ),
            shows(
                "C2d",
                CHAN_SIP,
                Stage.CHALLENGE,
                _DOMAIN_OF_LOGIN,
                CHALLENGED_AGAIN,
                "A fake 401 for ever: not a local domain.",
                read("Asterisk chan_sip, C2"),
            ),
            shows(
                "A1d",
                PJSIP,
                Stage.CHALLENGE,
                _DOMAIN_OF_LOGIN,
                CHALLENGED_AGAIN,
                "401 for ever: no endpoint matches user and domain.",
                read("Asterisk res_pjsip, A1"),
            ),
            shows(
                "F5d",
                FREESWITCH,
                Stage.CHALLENGE,
                _DOMAIN_OF_LOGIN,
                FORBIDDEN_LOGIN,
                "403 after the challenge: no such user in this domain.",
                read("FreeSWITCH mod_sofia, F5"),
            ),
            shows(
                "V11",
                FOREIGN,
                Stage.RULE,
                (when(0.0, shape=Shape.OTHER_DOMAIN), _GUESSED, when(account=_ACCOUNTS)),
                {Outcome.FORBIDDEN: 0.85, Outcome.NOT_FOUND: 0.15},
                "403 about the domain.",
                recalled("Avaya Session Manager, V11; Telnyx D31, V19"),
            ),
        ),
        prior=1.2,
    ),
    Cause(
        id="policy.user-agent",
        meaning="Our User-Agent is on a list of programs that the PBX does not talk to.",
        seen="Silence or 403 for one program, while a phone with the same account works.",
        tells="Another User-Agent passes from the same source.",
        refuted_by="The same answer under another User-Agent.",
        remedy=Remedy(
            steps=(
                "Have our User-Agent taken off the PBX's list.",
                (
                    "Look for what made the list: words such as friendly, scanner, sipcli are dropped in "
                    "many places."
                ),
            ),
            by_family={
                Family.KAMAILIO: (
                    '`$ua =~ "friendly|scanner|sipcli|sipvicious"` in route[REQINIT] of kamailio.cfg.',
                ),
                Family.FREESWITCH: ("`user-agent-filter` of the profile or the user.",),
            },
        ),
        sources=("Kamailio stock configuration, K13, secfilter K14; FreeSWITCH F5; OpenSIPS samples",),
        signatures=(
            *_by_agent(
                "", (Shape.OTHER_AGENT, Shape.INVENTED_AGENT, Shape.MINIMAL), "A list of what is disliked."
            ),
            *_by_agent(
                "w", (Shape.OTHER_AGENT,), "A list of what is liked: no name is refused as well.", 0.4
            ),
        ),
        prior=0.9,
    ),
    Cause(
        id="policy.event-package",
        meaning="The PBX takes SUBSCRIBE, but not for this event package.",
        seen="489 or 403 to presence subscriptions, while busy lamps (dialog) work.",
        tells="Another package passes with the same login.",
        refuted_by="A subscription to this package that was accepted.",
        remedy=Remedy(
            steps=(
                "Use a package that the PBX has: its Allow-Events header lists them.",
                "Or load its module.",
            ),
            by_family={
                Family.KAMAILIO: (
                    "Package kamailio-presence-modules: presence, presence_xml, presence_dialoginfo.",
                ),
                Family.PJSIP: (
                    "res_pjsip_exten_state and res_pjsip_pidf_body_generator, hints in the dial plan.",
                ),
            },
        ),
        sources=("RFC 6665 section 4.2.1", "chan_sip C6"),
        signatures=(
            shows(
                "R6665",
                EVERY,
                Stage.RULE,
                _OF_ONE_PACKAGE,
                {Outcome.BAD_EVENT: 0.9, Outcome.FORBIDDEN: 0.1},
                "489 Bad Event, before the login or after it.",
                rfc("RFC 6665 section 4.2.1"),
            ),
            shows(
                "C6e",
                EVERY,
                Stage.ACCOUNT_RULE,
                _OF_ONE_PACKAGE,
                {Outcome.BAD_EVENT: 0.6, Outcome.FORBIDDEN_AFTER_CHALLENGE: 0.4},
                "489 or 403 after the login.",
                read("chan_sip C6"),
                weight=0.7,
            ),
        ),
        prior=1.0,
    ),
)
