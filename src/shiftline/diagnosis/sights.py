"""What a status may mean: the ways in which it is met, each with the causes it makes likely.

"Why do I get 403?" has no answer; "why 403 after the login, at any rate" has a short one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from shiftline.diagnosis.belief import UNKNOWN, believe
from shiftline.diagnosis.evidence import Evidence, Mark, Trial
from shiftline.diagnosis.hypotheses import HEALTHY
from shiftline.diagnosis.outcome import Outcome
from shiftline.diagnosis.probe import Account, Credentials, Load, Method, Probe, Shape, Source

_PING = Probe(method=Method.OPTIONS, account=Account.NOBODY)
_OPTIONS = Probe(method=Method.OPTIONS, credentials=Credentials.FRESH)
_QUERY = Probe(method=Method.REGISTER)
_LOGIN = Probe(method=Method.REGISTER, credentials=Credentials.FRESH)
_BIND = Probe(method=Method.REGISTER_CONTACT, credentials=Credentials.FRESH)
_SUBSCRIBE = Probe(method=Method.SUBSCRIBE, credentials=Credentials.FRESH)
_FAST = Probe(method=Method.OPTIONS, account=Account.NOBODY, load=Load.RAISED)
_AFTER = Probe(method=Method.OPTIONS, account=Account.NOBODY, load=Load.AFTER_PAUSE)
_ELSEWHERE = Probe(method=Method.OPTIONS, account=Account.NOBODY, source=Source.OTHER)
_OTHERS = Probe(method=Method.REGISTER, credentials=Credentials.FRESH, account=Account.OTHER)

_FINE = ((_PING, Outcome.OK), (_QUERY, Outcome.CHALLENGE), (_LOGIN, Outcome.OK))

_WORTH_NAMING = 0.08
"""A share of the likeliest cause below which a cause is not named."""

Seen = tuple[tuple[Probe, Outcome], ...]


@dataclass(frozen=True, slots=True)
class Sight:
    """One way in which a status is met."""

    words: str
    """After "when": "single requests pass and many a second do not"."""
    seen: Seen
    marks: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Status:
    """A status, or silence, and what to do about it in the first five minutes."""

    name: str
    meaning: str
    sights: tuple[Sight, ...]
    first_steps: tuple[str, ...]


def likely_causes(sight: Sight, most: int = 5) -> tuple[tuple[str, float], ...]:
    """The likeliest causes of what is seen, with their probabilities, whatever the PBX."""
    evidence = Evidence(
        trials=tuple(Trial(probe=probe, outcome=outcome) for probe, outcome in sight.seen),
        marks=tuple(Mark(kind=kind) for kind in sight.marks),
    )
    ranked = sorted(believe(evidence).causes.items(), key=lambda item: (-item[1], item[0]))
    likely = [pair for pair in ranked if pair[0] not in (HEALTHY, UNKNOWN)]
    return tuple(pair for pair in likely[:most] if pair[1] >= _WORTH_NAMING * likely[0][1])


_READ = "Have `shiftline doctor read` look at a capture of a good and a bad hour: it needs no permission."
_RUN = "Run `shiftline doctor run`: by default it asks a handful of harmless questions, one at a time."
_QUIET_HOUR = "In a quiet hour add `--allow may-trip`, so that it may look for the rate."

_STATUSES = (
    Status(
        "403",
        "Understood and refused: not to be repeated, says RFC 3261. PBXs use it for much, rates included.",
        (
            Sight("every request is refused before any challenge", ((_QUERY, Outcome.FORBIDDEN),)),
            Sight(
                "a challenge comes, and the answer to it is refused at any rate",
                ((_QUERY, Outcome.CHALLENGE), (_LOGIN, Outcome.FORBIDDEN_AFTER_CHALLENGE)),
            ),
            Sight("single requests pass and many a second do not", (*_FINE, (_FAST, Outcome.FORBIDDEN))),
            Sight(
                "it goes on after the burst, for minutes",
                (*_FINE, (_FAST, Outcome.FORBIDDEN), (_AFTER, Outcome.FORBIDDEN)),
            ),
            Sight("OPTIONS is refused where REGISTER passes", (*_FINE[1:], (_OPTIONS, Outcome.FORBIDDEN))),
            Sight(
                "only a REGISTER with a Contact is refused",
                (*_FINE, (_BIND, Outcome.FORBIDDEN_AFTER_CHALLENGE)),
            ),
            Sight(
                "one account is refused where another passes",
                (
                    (_QUERY, Outcome.CHALLENGE),
                    (_LOGIN, Outcome.FORBIDDEN_AFTER_CHALLENGE),
                    (_OTHERS, Outcome.OK),
                ),
            ),
            Sight("it is an HTTP 403 of the WFM or the ticket desk", (), ("genesys.http-permission",)),
        ),
        (
            "Is it SIP or HTTP? An API's 403 is a missing permission, and no matter of the trunk.",
            "Was there a 401 or 407 before it? Without one, the password has not even been looked at.",
            "Does one request alone pass? Then it is the rate, whatever the phrase says.",
            "Do not send it again and again: two refused logins in 15 minutes are enough for any account.",
            _READ,
            _RUN,
            _QUIET_HOUR,
        ),
    ),
    Status(
        "401",
        "Asks for credentials, and comes once for nearly every request. It is a fault only if it never ends.",
        (
            Sight(
                "it comes again and again although credentials were given",
                ((_QUERY, Outcome.CHALLENGE), (_LOGIN, Outcome.CHALLENGE_AGAIN)),
            ),
            Sight(
                "it does so for one account, and another passes",
                ((_QUERY, Outcome.CHALLENGE), (_LOGIN, Outcome.CHALLENGE_AGAIN), (_OTHERS, Outcome.OK)),
            ),
            Sight(
                "it comes now and then, with a new nonce, and the next try passes",
                (
                    *_FINE,
                    (
                        Probe(method=Method.REGISTER, credentials=Credentials.CACHED),
                        Outcome.CHALLENGE_STALE,
                    ),
                ),
            ),
            Sight("nobody ever answers it", (), ("traffic.challenge-unanswered",)),
        ),
        (
            "A second 401 with a new nonce after an old one is no refusal: answer it once.",
            "Endless 401 need not be the password: PJSIP and chan_sip answer so to addresses not listed.",
            "Compare the realm of the challenge with the account's, and the algorithms with the client's.",
            "The PBX's log names the reason in one line: `shiftline doctor read /var/log/asterisk/full`.",
            _RUN,
        ),
    ),
    Status(
        "408",
        "No final answer in time; most often made by our own side, when nothing came back.",
        (
            Sight("nothing is answered at all", ((_PING, Outcome.SILENCE), (_QUERY, Outcome.SILENCE))),
            Sight(
                "nothing is answered to us, but to another source",
                ((_PING, Outcome.SILENCE), (_ELSEWHERE, Outcome.OK)),
            ),
            Sight(
                "single requests are answered and many a second are not", (*_FINE, (_FAST, Outcome.SILENCE))
            ),
            Sight(
                "nothing is answered for minutes after a burst",
                (*_FINE, (_FAST, Outcome.SILENCE), (_AFTER, Outcome.SILENCE)),
            ),
            Sight("answers come, but later than the client waits", (), ("traffic.resent-early",)),
        ),
        (
            "Look on the PBX whether the request arrives: `tcpdump -n host OUR-ADDRESS and port 5060`.",
            "If it arrives and an answer leaves, the way back is broken: Via, NAT, firewall.",
            "If it came after a burst, stop sending: many bans are prolonged by every packet.",
            "Try from a second address: `shiftline doctor run --source IP --source IP2`.",
            _READ,
        ),
    ),
    Status(
        "503",
        "Cannot do it now. With Retry-After: send nothing else for so long (RFC 3261 section 21.5.4).",
        (
            Sight(
                "single requests of every kind get it",
                ((_PING, Outcome.UNAVAILABLE), (_LOGIN, Outcome.UNAVAILABLE)),
            ),
            Sight("single requests pass and many a second do not", (*_FINE, (_FAST, Outcome.UNAVAILABLE))),
            Sight("the same, with a Retry-After", (*_FINE, (_FAST, Outcome.UNAVAILABLE_RETRY_AFTER))),
            Sight("only a REGISTER with a Contact gets it", (*_FINE, (_BIND, Outcome.UNAVAILABLE))),
            Sight(
                "answers grow later before it comes",
                (*_FINE, (_FAST, Outcome.UNAVAILABLE)),
                ("traffic.latency-grows",),
            ),
        ),
        (
            "Honour Retry-After, and use the trunk's second address meanwhile.",
            "Read its phrase and headers: Reason, Warning and P-Registrar-Error often name the cause.",
            "Do answers grow later with the load? Then it is the machine; if they do not, it is a limit.",
            _READ,
            _RUN,
            _QUIET_HOUR,
        ),
    ),
    Status(
        "489",
        "The event package of a SUBSCRIBE is not known here (RFC 6665 section 4.2.1).",
        (Sight("a subscription gets it", (*_FINE, (_SUBSCRIBE, Outcome.BAD_EVENT))),),
        ("Its Allow-Events header lists what the PBX has.", _RUN),
    ),
    Status(
        "405",
        "The method is known and not allowed here (405), or not known at all (501).",
        (Sight("OPTIONS gets it and REGISTER passes", (*_FINE[1:], (_OPTIONS, Outcome.NO_METHOD))),),
        (
            "Its Allow header lists what may be sent.",
            "Ask by another method: `shiftline check --method registration`.",
        ),
    ),
    Status(
        "404",
        "No such user or domain here. It speaks of the user asked about, unless a REGISTER gets it.",
        (Sight("a login gets it", ((_QUERY, Outcome.CHALLENGE), (_LOGIN, Outcome.NOT_FOUND))),),
        ("Compare user and domain with the PBX's list, letter by letter.", _RUN),
    ),
    Status(
        "423",
        "The registration that was asked for is too short (RFC 3261 section 21.4.17).",
        (Sight("a REGISTER with a Contact gets it", (*_FINE, (_BIND, Outcome.TOO_BRIEF))),),
        ("Ask for at least what Min-Expires says.",),
    ),
    Status(
        "400",
        "The message itself is disliked, or could not be read.",
        (Sight("every request gets it", ((_PING, Outcome.BAD_REQUEST), (_QUERY, Outcome.BAD_REQUEST))),),
        ("Its reason phrase names the header; compare with the message as sent (`--trace`).", _RUN),
    ),
    Status(
        "413",
        "The message is larger than the server takes.",
        (
            Sight(
                "large messages get it",
                (*_FINE, (Probe(method=Method.REGISTER, shape=Shape.LARGE), Outcome.TOO_LARGE)),
            ),
        ),
        ("Send less, or over TCP; find the size by `shiftline doctor run`.",),
    ),
)
_ALIASES = MappingProxyType(
    {"407": "401", "silence": "408", "timeout": "408", "no-answer": "408", "500": "503", "501": "405"}
)

STATUSES: Mapping[str, Status] = MappingProxyType({status.name: status for status in _STATUSES})
"""What can be explained, by name."""


def status_named(word: str) -> Status | None:
    """The status of that number or name; 407 is 401's, silence is 408's page."""
    return STATUSES.get(_ALIASES.get(word, word))


def words_known() -> tuple[str, ...]:
    """Every number and name that `status_named` knows."""
    return (*STATUSES, *_ALIASES)
