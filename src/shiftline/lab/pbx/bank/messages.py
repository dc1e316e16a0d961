"""message.*, method.*, policy.transport: what a request holds and comes by, what an answer is worth.

Facts: K11, K15, K16, K19, K22, A11, C4, C8.
"""

from __future__ import annotations

from shiftline.lab.pbx.agents import Truth
from shiftline.lab.pbx.bank.draw import Draw, Entry
from shiftline.lab.pbx.bank.words import FORBIDDEN, Stage, Visit, at, everywhere, is_stranger, say
from shiftline.lab.pbx.refusal import SILENCE
from shiftline.sip.transport import Transport


def _malformed(draw: Draw) -> None:
    """A header that is perfectly good, and that it cannot stand."""
    header = draw.pick("header", "Accept", "User-Agent", "Expires")
    draw.refuse(lambda visit: is_stranger(visit) and header in visit.request.headers)


def _too_large(draw: Draw) -> None:
    most = draw.pick("most_bytes", 480, 560, 640, 800)
    draw.refuse(lambda visit: is_stranger(visit) and visit.size > most)


def _metadata(draw: Draw) -> None:
    header = draw.pick("header", "X-Agent-ID", "X-Genesys-Agent", "X-Queue", "X-Tenant")
    draw.refuse(lambda visit: is_stranger(visit) and header not in visit.request.headers)


def _blind(draw: Draw) -> None:
    knows_extensions = draw.showing.stage is Stage.TARGET
    truth_of = draw.settings.truth_of

    def strikes(visit: Visit) -> bool:
        is_known = truth_of(visit.user) is not Truth.UNKNOWN
        return visit.method == "OPTIONS" and bool(visit.user) and (is_known or not knows_extensions)

    draw.refuse(strikes)


def _failing(draw: Draw) -> None:
    """Whatever is behind it and knows the users fails; what is about the box itself does not need it."""
    draw.refuse(lambda visit: bool(visit.user))


_BAD = say(400, "Bad Request")
_FAILS = at(Stage.TARGET, say(500, "Server Internal Error", "Internal Server Error"), "OPTIONS")
_TRIES = at(Stage.TARGET, say(100, "Trying"), "OPTIONS")
"""Who hands a question on may say so, and then nothing ever comes back (RFC 3261 section 17.2.2)."""
_SORRY = "I'm terribly sorry, server error occurred (1/SL)"  # K22
_BOX = at(Stage.KEEPALIVE, say(200), "OPTIONS")


def _transport(draw: Draw) -> None:
    draw.refuse(lambda visit: is_stranger(visit) and visit.peer.transport is Transport.UDP)


MESSAGES = (
    Entry(
        id="message.malformed",
        does="a header of ours, quite right, is one that it cannot stand",
        make=_malformed,
        shown={
            "practice": (at(Stage.SHAPE, _BAD),),
            "chan_sip": (at(Stage.SHAPE, _BAD),),
            "pjsip": (at(Stage.SHAPE, _BAD), at(Stage.SHAPE, SILENCE)),
            "freeswitch": (at(Stage.SHAPE, _BAD),),
            "kamailio": (
                at(
                    Stage.SHAPE,
                    say(400, "Expires value is illegal", "Content-Length mis-match", "Bad Request"),
                ),
                at(Stage.SHAPE, SILENCE),
            ),  # K15, K16
            "sbc": (
                at(
                    Stage.SHAPE, say(400, headers=(("Reason", 'SIP;cause=400;text="Header Overflow"'),))
                ),  # V5
                at(Stage.SHAPE, FORBIDDEN),
            ),
        },
    ),
    Entry(
        id="message.too-large",
        does="longer messages are refused",
        make=_too_large,
        shown={
            "practice": (at(Stage.SHAPE, say(513)),),
            "kamailio": (at(Stage.SHAPE, say(403, "Message too large")),),  # K11
            "sbc": (at(Stage.SHAPE, say(513)), at(Stage.SHAPE, FORBIDDEN)),
        },
    ),
    Entry(
        id="message.missing-metadata",
        does="whoever does not send a certain X- header is refused",
        make=_metadata,
        shown={
            "practice": (at(Stage.SHAPE, FORBIDDEN),),
            "kamailio": (at(Stage.SHAPE, say(403, "Forbidden", "Missing metadata")),),
            "sbc": (at(Stage.SHAPE, FORBIDDEN), at(Stage.SHAPE, say(403, "Missing mandatory header"))),
        },
    ),
    Entry(
        id="method.blind",
        does="OPTIONS to anybody gets 200 from the box itself",
        make=_blind,
        shown={
            "practice": (_BOX,),
            "chan_sip": (at(Stage.TARGET, say(200), "OPTIONS"),),  # as A11: 200 to every extension
            "pjsip": (at(Stage.TARGET, say(200), "OPTIONS"),),  # A11
            "freeswitch": (_BOX,),
            "kamailio": (at(Stage.KEEPALIVE, say(200, "Keepalive"), "OPTIONS"),),  # K19
            "sbc": (_BOX,),
        },
    ),
    Entry(
        id="method.failing",
        does="every OPTIONS about a user gets 500, or 100 Trying and no more",
        make=_failing,
        shown={
            **everywhere(_FAILS),  # RFC 3261 section 21.5.1
            "practice": (_FAILS, _TRIES),
            "kamailio": (at(Stage.TARGET, say(500, _SORRY), "OPTIONS"), _TRIES),
            "sbc": (_FAILS, _TRIES),
        },
    ),
    Entry(
        id="policy.transport",
        does="the trunk may not use UDP; TCP and TLS are fine",
        make=_transport,
        shown={
            "practice": (at(Stage.METHOD, FORBIDDEN),),
            "chan_sip": (at(Stage.ACCOUNT, FORBIDDEN),),  # C4, C8
            "kamailio": (at(Stage.METHOD, say(403, "Use TCP or TLS", "Forbidden")),),  # RFC 3261 section 26.3
            "sbc": (at(Stage.METHOD, FORBIDDEN),),
        },
    ),
)
