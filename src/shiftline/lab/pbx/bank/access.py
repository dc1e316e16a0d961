"""acl.* and policy.*: refusals that no pacing changes (facts: 3.1 to 3.6)."""

from __future__ import annotations

from shiftline.lab.pbx.agents import Truth
from shiftline.lab.pbx.bank.draw import Draw, Entry
from shiftline.lab.pbx.bank.words import (
    CHALLENGE,
    FORBIDDEN,
    LISTED,
    Stage,
    Visit,
    at,
    everywhere,
    is_stranger,
    is_trunk,
    say,
)
from shiftline.lab.pbx.refusal import SILENCE
from shiftline.sip.values import EventType

_CUCM = '399 cucm "Unable to find a device handler for the request received on port 5060"'
_LYNC = '1012;reason="From URI not authorized to communicate with public networks"'
_CALLS = ("INVITE", "OPTIONS", "SUBSCRIBE")
COVERED = ("one user", "whoever is there")
"""Whom a rule about users is for."""
ACL = {
    "practice": (at(Stage.SOURCE, FORBIDDEN),),
    "chan_sip": (at(Stage.SOURCE, CHALLENGE),),  # C2
    "pjsip": (at(Stage.DIGEST, CHALLENGE), at(Stage.SOURCE, FORBIDDEN)),  # A2, A4
    "freeswitch": (
        at(Stage.SOURCE, FORBIDDEN, "REGISTER", "INVITE"),  # F1, F2
        at(Stage.ACCOUNT, FORBIDDEN),  # F5: the user's auth-acl
    ),
    "kamailio": (at(Stage.SOURCE, FORBIDDEN),),  # K12
    "sbc": (at(Stage.SOURCE, FORBIDDEN), at(Stage.BAN, SILENCE)),  # V1, V12
}


def _source(draw: Draw) -> None:
    draw.tell("listed", sorted(LISTED))
    draw.refuse(lambda visit: visit.source not in LISTED)


def _partial(draw: Draw) -> None:
    """The first address that asks is the one that was forgotten; the peer's others are listed."""
    forgotten: list[str] = []
    draw.tell("missing", "the first address that asks")

    def strikes(visit: Visit) -> bool:
        if not forgotten and visit.source not in LISTED:
            forgotten.append(visit.source)
        return visit.source in forgotten

    draw.refuse(strikes)


def _contact(draw: Draw) -> None:
    domain = draw.pick("allowed_contacts", "10.20.0.", "192.168.7.", "phone.lab")

    def strikes(visit: Visit) -> bool:
        host = visit.contact_host
        return host is not None and not host.startswith(domain) and visit.source not in LISTED

    draw.refuse(strikes)


def _via(draw: Draw) -> None:
    """It looks at the sent-by of the topmost Via in place of the packet's source (V14)."""
    draw.tell("listed", sorted(LISTED))
    draw.refuse(lambda visit: visit.via_host not in LISTED)


def _method(draw: Draw) -> None:
    methods = sorted(draw.showing.methods) or ["OPTIONS", "SUBSCRIBE"]
    method = draw.pick("method", *methods)
    draw.refuse(lambda visit: visit.method == method)


def _domain(draw: Draw) -> None:
    """It serves its own domain; whoever writes its address instead is a stranger."""
    domain = draw.pick("domain", "lab", "pbx.lab.example", "sip.lab.example")

    def strikes(visit: Visit) -> bool:
        return is_stranger(visit) and domain not in (visit.from_host, visit.request.uri.host)

    draw.refuse(strikes)


def _user_agent(draw: Draw) -> None:
    pattern = draw.pick("allowed_agents", "Genesys", "PureCloud", "Campaign", "Polycom")
    draw.refuse(lambda visit: is_stranger(visit) and pattern not in visit.user_agent)


def _event_package(draw: Draw) -> None:
    package = draw.pick("package", "presence", "dialog", "reg")

    def strikes(visit: Visit) -> bool:
        event = visit.request.headers.get("Event") or ""
        return visit.method == "SUBSCRIBE" and EventType.parse(event).package == package

    draw.refuse(strikes)


def _disabled(draw: Draw) -> None:
    draw.refuse(is_trunk)


def _unregistered(draw: Draw) -> None:
    """Only who has registered from there may ask or call."""
    registered: set[str] = set()

    def strikes(visit: Visit) -> bool:
        if visit.method == "REGISTER":
            if visit.digest and visit.contact_host is not None:
                registered.add(visit.source)
            return False
        return is_stranger(visit) and visit.source not in registered

    draw.refuse(strikes)


def _caller(draw: Draw) -> None:
    number = draw.pick("verified", "+13125550100", "13125550199", "support")
    draw.refuse(lambda visit: is_stranger(visit) and visit.method != "REGISTER" and visit.from_user != number)


def _asked_user(draw: Draw) -> None:
    """A rule by who is asked about (K10, K12): the first one who is there, or whoever is."""
    is_one = draw.pick("covers", *COVERED) == COVERED[0]
    covered: list[str] = []
    truth_of = draw.settings.truth_of

    def strikes(visit: Visit) -> bool:
        user = visit.user
        if not user or not is_stranger(visit) or truth_of(user) is not Truth.AVAILABLE:
            return False
        if not covered:
            covered.append(user)
        return user in covered or not is_one

    draw.refuse(strikes)


ACCESS = (
    Entry(
        id="acl.source",
        does=f"a list of source addresses has {' and '.join(sorted(LISTED))} only",
        make=_source,
        shown=ACL,
    ),
    Entry(
        id="acl.partial",
        does="the list of source addresses lacks the first one that asks, of several of the peer's",
        make=_partial,
        shown=ACL,
    ),
    Entry(
        id="acl.contact",
        does="a list of Contact hosts lacks ours",
        make=_contact,
        shown={
            "practice": (at(Stage.SHAPE, FORBIDDEN),),
            "pjsip": (at(Stage.DIGEST, CHALLENGE), at(Stage.SOURCE, FORBIDDEN)),  # A2, A4
            "kamailio": (at(Stage.SOURCE, FORBIDDEN, "REGISTER"),),  # K12 allow_register
            "sbc": (at(Stage.SHAPE, FORBIDDEN), at(Stage.BAN, SILENCE)),  # V12
        },
    ),
    Entry(
        id="acl.via-source",
        does="the list of source addresses is held against the Via, not against the packet",
        make=_via,
        shown={
            "practice": (at(Stage.SOURCE, FORBIDDEN),),
            "sbc": (at(Stage.SOURCE, FORBIDDEN),),  # V14
        },
    ),
    Entry(
        id="policy.method",
        does="one method is not allowed here",
        make=_method,
        shown={
            "practice": (at(Stage.METHOD, say(405, "Method Not Allowed", headers=(("Allow", "REGISTER"),))),),
            "chan_sip": (at(Stage.METHOD, say(403, "Forbidden (policy)"), "SUBSCRIBE"),),  # C6
            "pjsip": (at(Stage.METHOD, say(501, "Not Implemented"), "SUBSCRIBE"),),  # A13
            "freeswitch": (at(Stage.METHOD, FORBIDDEN, "REGISTER"),),  # F7
            "kamailio": (
                at(Stage.METHOD, say(405, "Method Not Allowed", headers=(("Allow", "REGISTER, INVITE"),))),
                at(Stage.METHOD, FORBIDDEN),
            ),
            "sbc": (
                at(Stage.METHOD, FORBIDDEN),
                at(Stage.METHOD, say(405, "Method Not Allowed", headers=(("Allow", "REGISTER, INVITE"),))),
            ),
        },
    ),
    Entry(
        id="policy.domain",
        does="From and Request-URI name no domain of its own",
        make=_domain,
        shown={
            "practice": (at(Stage.PLACE, FORBIDDEN),),
            "chan_sip": (at(Stage.PLACE, CHALLENGE),),  # C2, unknown domain
            "kamailio": (at(Stage.PLACE, say(403, "Not relaying", "Relaying Forbidden")),),  # K9, K21
            "sbc": (
                at(Stage.PLACE, say(403, "Forbidden (Invalid domain in From: header)")),  # V11
                at(Stage.PLACE, say(403, "Forbidden - Domain not served", "Forbidden")),  # V27
            ),
        },
    ),
    Entry(
        id="policy.user-agent",
        does="the User-Agent is not one of those it knows",
        make=_user_agent,
        shown={
            "practice": (at(Stage.SHAPE, FORBIDDEN),),
            "freeswitch": (at(Stage.ACCOUNT, FORBIDDEN),),  # F5
            "kamailio": (at(Stage.SHAPE, SILENCE),),  # K13
            "sbc": (at(Stage.SHAPE, SILENCE), at(Stage.SHAPE, FORBIDDEN)),
        },
    ),
    Entry(
        id="policy.event-package",
        does="one event package is not to be had",
        make=_event_package,
        shown={
            **everywhere(at(Stage.TARGET, say(489, "Bad Event"))),
            "chan_sip": (at(Stage.METHOD, say(403, "Forbidden (policy)"), "SUBSCRIBE"),),  # C6
        },
    ),
    Entry(
        id="policy.account-disabled",
        does="the account shiftline is switched off",
        make=_disabled,
        shown={
            "practice": (at(Stage.ACCOUNT, FORBIDDEN),),
            "chan_sip": (at(Stage.DIGEST, CHALLENGE, "REGISTER"),),  # C2, not supposed to register
            "freeswitch": (at(Stage.ACCOUNT, FORBIDDEN, "REGISTER"),),  # F5, sip-forbid-register
            "kamailio": (at(Stage.ACCOUNT, say(403, "Forbidden", "Forbidden - Barred")),),  # V27
            "sbc": (
                at(Stage.ACCOUNT, say(403, "Forbidden D10", "Account disabled D13", "Forbidden")),
            ),  # V19
        },
    ),
    Entry(
        id="policy.no-trunk-match",
        does="no trunk, peer or endpoint fits the source address",
        make=_source,
        shown={
            "practice": (at(Stage.SOURCE, FORBIDDEN),),
            "chan_sip": (at(Stage.SOURCE, CHALLENGE),),  # C2
            "pjsip": (at(Stage.DIGEST, CHALLENGE),),  # A1
            "kamailio": (at(Stage.SOURCE, say(403, "Not Allowed", "Forbidden")),),  # K10
            "sbc": (
                at(
                    Stage.SOURCE,
                    say(500, headers=(("Reason", 'SIP;cause=500;text="Classification Failure"'),)),
                ),
                at(Stage.SOURCE, say(503, headers=(("Warning", _CUCM),))),  # V5, V8
            ),
        },
    ),
    Entry(
        id="policy.unregistered-source",
        does="only who has registered may ask or call",
        make=_unregistered,
        shown={
            "practice": (at(Stage.ACCOUNT, FORBIDDEN, *_CALLS),),
            "kamailio": (at(Stage.ACCOUNT, say(403, "Forbidden - You must register first"), *_CALLS),),  # V27
            "sbc": (at(Stage.SOURCE, FORBIDDEN, *_CALLS),),  # V1, allow-anonymous = registered
        },
    ),
    Entry(
        id="policy.caller-identity",
        does="the From is no identity that may be used here",
        make=_caller,
        shown={
            "practice": (at(Stage.ACCOUNT, FORBIDDEN, *_CALLS),),
            "kamailio": (at(Stage.ACCOUNT, say(403, "Fake Identity", "Not Allowed"), *_CALLS),),  # K10, K21
            "sbc": (
                at(Stage.ACCOUNT, FORBIDDEN, *_CALLS),  # V18
                at(Stage.ACCOUNT, say(403, headers=(("ms-diagnostics", _LYNC),)), *_CALLS),  # V13
            ),
        },
    ),
    Entry(
        id="policy.asked-user",
        does="nobody but the campaign and the phones may ask about a certain user, or about who is there",
        make=_asked_user,
        shown={
            "practice": (at(Stage.ACCOUNT, FORBIDDEN, *_CALLS),),
            "kamailio": (
                at(Stage.ACCOUNT, say(403, "Not Allowed", "Forbidden"), *_CALLS),  # K10
                at(Stage.PLACE, FORBIDDEN, *_CALLS),  # K12
            ),
            "sbc": (at(Stage.ACCOUNT, FORBIDDEN, *_CALLS),),
        },
    ),
)
