"""throttle.*: refusals that depend on how much comes (facts: K2 to K5, V2, V15, V17, V19, V21, V23, V24)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from shiftline.governor.limiters.model import Arrival, Fate
from shiftline.governor.limiters.spec import parse_limiter
from shiftline.lab.pbx.bank.draw import Draw, Entry
from shiftline.lab.pbx.bank.words import FORBIDDEN, Stage, Strikes, Visit, at, everywhere, say
from shiftline.lab.pbx.refusal import SILENCE

_FEWEST, _MOST = 5.0, 60.0
"""Requests per second that pass, at least and at most."""
STANDINGS = ("ahead of the keepalive", "behind the keepalive", "behind the keepalive, REGISTER exempt")
"""What a limit counts: all, all but OPTIONS to the PBX itself, or neither that nor REGISTER."""
_SCRIPTED = ("practice", "kamailio", "sbc")
"""Where a limit is part of the routing, and not a firewall in front."""
_LIMITING = say(503, "Limiting", headers=(("Retry-After", "5"),))  # K3
_UNAVAILABLE = say(503, "Server Unavailable", "Service Unavailable")  # K4
_RATE = say(403, "Forbidden", "Forbidden D24", "Rate limit exceeded D24")  # V19
_MANY = say(403, "Registration limit exceeded", headers=(("Retry-After", "1800"),))  # V21
OTHER_STATUSES = (429, 429, 480, 480, 486, 486, 500, 488, 404, 603)
"""What else limiters are told to say: the status is a setting, or a line of a script (K4), and no two
operators agree. The first are the commoner ones."""
TOO_MANY = 429
_AS_DELIVERED = 3 * len(OTHER_STATUSES)
"""Three of four leave it as it came."""


def _in_a_status_of_its_own(draw: Draw) -> None:
    """Whatever it says, unless that is silence. Drawn last, so that all else stays as it was."""
    refusal = draw.showing.refusal
    if refusal.status is None:
        return
    status = draw.pick("status", *(_AS_DELIVERED * (refusal.status,)), *OTHER_STATUSES)
    if status != refusal.status:
        phrases = ("Too Many Requests",) if status == TOO_MANY else ()
        draw.showing = replace(draw.showing, refusal=replace(refusal, status=status, phrases=phrases))


def _of_source(visit: Visit) -> str:
    return visit.source


def limiter_of(draw: Draw, text: str, counted: Callable[[Visit], str] = _of_source) -> Strikes:
    """A limiter of the governor's bank, as what a step asks; the words of a refusal are the family's.

    ``counted`` is what it takes for the source of a request.
    """
    limiter = parse_limiter(text).build(draw.random.random(), random=draw.random.random)
    draw.tell("limiter", text)

    def strikes(visit: Visit) -> bool:
        arrival = Arrival(
            at=visit.elapsed,
            source=counted(visit),
            account=visit.account,
            service_seconds=visit.service_seconds,
        )
        return limiter.judge(arrival).fate is not Fate.PASS

    return strikes


def _rate(draw: Draw, key: str, counted: Callable[[Visit], str] = _of_source) -> Strikes:
    """A limit per second, counted in windows or as a bucket."""
    seconds = draw.pick("window_seconds", 1, 2, 5, 10)
    limit = round(draw.between("limit", _FEWEST, _MOST, digits=0))
    if draw.wishes.limit is not None:
        limit, seconds = draw.wishes.limit, 1
    draw.truth.update(limit=limit, window_seconds=seconds)
    form = draw.pick("form", "window", "window", "sliding", "bucket")
    if form == "bucket":
        return limiter_of(draw, f"bucket:{limit}/s,burst={max(2, limit * seconds // 2)},key={key}", counted)
    return limiter_of(draw, f"{form}:{limit * seconds}/{seconds}s,key={key}", counted)


def _standing(draw: Draw, refuses: Strikes) -> Strikes:
    """Ahead of the keepalive, behind it, or behind it with REGISTER exempt (K4, K19)."""
    if draw.personality.name not in _SCRIPTED:
        return refuses
    stands = draw.aside("stands", *STANDINGS)
    if stands == STANDINGS[0]:
        return refuses

    def strikes(visit: Visit) -> bool:
        is_keepalive = visit.method == "OPTIONS" and visit.request.uri.user is None
        is_exempt = visit.method == "REGISTER" and stands == STANDINGS[-1]
        return not (is_keepalive or is_exempt) and refuses(visit)

    return strikes


def _source(draw: Draw) -> None:
    refuses = _standing(draw, _rate(draw, "source"))
    _in_a_status_of_its_own(draw)
    draw.refuse(refuses)


def _shared(draw: Draw) -> None:
    refuses = _rate(draw, "all")
    _in_a_status_of_its_own(draw)
    draw.refuse(refuses)


def _user(draw: Draw) -> None:
    passes = _rate(draw, "user")
    _in_a_status_of_its_own(draw)
    draw.refuse(_standing(draw, lambda visit: visit.account is not None and passes(visit)))


def _method(draw: Draw) -> None:
    method = draw.pick("method", "OPTIONS", "REGISTER")
    refuses = _rate(draw, "all")
    _only(draw, method, _standing(draw, refuses) if method == "OPTIONS" else refuses)


def _callee(draw: Draw) -> None:
    """Counted by the user of the Request-URI (K4, O2): what names none there, as REGISTER, is not counted."""
    draw.tell("counted_by", "the user of the Request-URI, in place of the source")
    refuses = _rate(draw, "source", lambda visit: visit.request.uri.user or "")
    _in_a_status_of_its_own(draw)
    draw.refuse(lambda visit: bool(visit.request.uri.user) and refuses(visit))


def _registration(draw: Draw) -> None:
    _only(draw, "REGISTER", _rate(draw, "all"))


def _only(draw: Draw, method: str, refuses: Callable[[Visit], bool]) -> None:
    _in_a_status_of_its_own(draw)
    draw.refuse(lambda visit: visit.method == method and refuses(visit))


def _concurrency(draw: Draw) -> None:
    places = draw.pick("places", 3, 5, 8, 12)
    refuses = limiter_of(draw, f"concurrency:{places},key=source")
    _in_a_status_of_its_own(draw)
    draw.refuse(refuses)


THROTTLES = (
    Entry(
        id="throttle.source",
        does="so many requests a second pass per source address (--limit; else the seed says how many)",
        make=_source,
        shown={
            **everywhere(at(Stage.RATE, SILENCE)),  # A14, V24: a firewall in front of PJSIP and FreeSWITCH
            "practice": (at(Stage.RATE, FORBIDDEN),),
            "chan_sip": (at(Stage.RATE, FORBIDDEN), at(Stage.RATE, SILENCE)),
            "kamailio": (at(Stage.RATE, FORBIDDEN), at(Stage.RATE, _UNAVAILABLE), at(Stage.RATE, SILENCE)),
            "sbc": (at(Stage.RATE, _RATE), at(Stage.RATE, say(503)), at(Stage.RATE, SILENCE)),
        },
    ),
    Entry(
        id="throttle.shared",
        does="so many requests a second pass in all, whoever sends them",
        make=_shared,
        shown={
            "practice": (at(Stage.RATE, FORBIDDEN),),
            "kamailio": (at(Stage.RATE, FORBIDDEN), at(Stage.RATE, _UNAVAILABLE)),
            "sbc": (at(Stage.RATE, _RATE), at(Stage.RATE, say(503))),
        },
    ),
    Entry(
        id="throttle.user",
        does="so many requests a second pass per account",
        make=_user,
        shown={
            "practice": (at(Stage.USER, FORBIDDEN),),
            "kamailio": (at(Stage.USER, say(403, "Try later")), at(Stage.USER, _UNAVAILABLE)),
            "sbc": (at(Stage.USER, _RATE),),
        },
    ),
    Entry(
        id="throttle.method",
        does="so many requests a second of one method pass, whoever sends them",
        make=_method,
        shown={
            **everywhere(at(Stage.RATE, SILENCE)),  # V23: a firewall in front
            "practice": (at(Stage.RATE, say(503)),),
            "kamailio": (at(Stage.RATE, _LIMITING),),
            "sbc": (at(Stage.RATE, say(503)),),  # V2
        },
    ),
    Entry(
        id="throttle.callee",
        does="so many requests a second pass about each user, whoever asks",
        make=_callee,
        shown={
            "practice": (at(Stage.RATE, FORBIDDEN),),
            "kamailio": (at(Stage.RATE, FORBIDDEN), at(Stage.RATE, _UNAVAILABLE)),  # K4, O2
            "sbc": (at(Stage.RATE, FORBIDDEN), at(Stage.RATE, say(503))),
        },
    ),
    Entry(
        id="throttle.concurrency",
        does="so many requests of one source are handled at a time",
        make=_concurrency,
        shown={
            "practice": (at(Stage.USER, say(503)),),
            "kamailio": (at(Stage.RATE, _UNAVAILABLE),),
            "sbc": (
                at(Stage.RATE, say(403, "Forbidden D1", "Forbidden D3")),
                at(Stage.RATE, say(503)),
            ),  # V19
        },
    ),
    Entry(
        id="throttle.registration-rate",
        does="so many REGISTERs a second pass, whoever sends them",
        make=_registration,
        shown={
            "practice": (at(Stage.RATE, FORBIDDEN),),
            "kamailio": (at(Stage.RATE, _LIMITING),),
            "sbc": (at(Stage.RATE, _MANY), at(Stage.RATE, say(503)), at(Stage.RATE, FORBIDDEN)),  # V15, V17
        },
    ),
)
