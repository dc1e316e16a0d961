"""The small vocabulary of what can come back, whatever the PBX and whatever its reason phrase.

Two answers are one outcome if no cause of the catalogue makes a difference between them. Reason phrases,
headers and log lines that say more are marks (`evidence.Mark`), not outcomes.
"""

from __future__ import annotations

from enum import StrEnum

from shiftline.diagnosis.exchange import Brief, Exchange, brief


class Outcome(StrEnum):
    """What became of one question. A question is a request with the challenge it may have to answer."""

    __hash__ = str.__hash__  # an Enum's own takes ten times as long, and these are keys of a million rows

    OK = "ok"
    """2xx."""
    CHALLENGE = "challenge"
    """401 or 407 to a request without credentials, and that is where it ended."""
    CHALLENGE_AGAIN = "challenge-again"
    """401 or 407 to a request that answered a fresh challenge."""
    CHALLENGE_STALE = "challenge-stale"
    """401 or 407 to credentials, saying stale=true, or with a new nonce after an old one."""
    FORBIDDEN = "403-unchallenged"
    """403 to a request without credentials."""
    FORBIDDEN_AFTER_CHALLENGE = "403-after-challenge"
    """403 to a request that carried credentials."""
    FORBIDDEN_RETRY_AFTER = "403-retry-after"
    """403 that says when to come back, which RFC 3261 does not foresee (section 20.33)."""
    BAD_REQUEST = "400"
    """400, 414, 415, 416, 420, 421, 494 or 505: the message itself was disliked."""
    NOT_FOUND = "404"
    """404, 410 or 604."""
    NO_METHOD = "405"
    """405 or 501."""
    TIMEOUT = "408"
    TOO_LARGE = "413"
    """413 or 513."""
    TOO_BRIEF = "423"
    REDIRECTED = "3xx"
    """3xx: whoever is asked about is to be looked for elsewhere (RFC 3261 section 21.3)."""
    UNAVAILABLE_NOW = "480"
    BUSY = "486"
    """486 or 600."""
    NOT_ACCEPTABLE = "488"
    """488 or 606."""
    BAD_EVENT = "489"
    SERVER_ERROR = "500"
    """500, 502 or 504."""
    UNAVAILABLE = "503"
    UNAVAILABLE_RETRY_AFTER = "503-retry-after"
    LIMITED = "limited"
    """What a limiter says in a status of its own (facts K4: it is a runtime setting): 429 at any time, or
    another one that says nothing of a limit, and that the same question gets under a load and not at rest."""
    OTHER = "other"
    """Any other final answer, or something came that was none: 100 alone, a number beyond 699, no SIP."""
    SILENCE = "silence"
    """No final answer although the request was repeated."""
    ICMP = "icmp"
    """The network said that nobody listens, or that it may not pass."""
    CONNECTION_REFUSED = "connection-refused"
    """TCP: refused, reset or never established."""
    DNS_FAILURE = "dns-failure"
    """The name of the server resolves to nothing."""
    TLS_UNTRUSTED = "tls-untrusted"
    TLS_NAME = "tls-name"
    TLS_EXPIRED = "tls-expired"
    TLS_VERSION = "tls-version"
    TLS_CLIENT_CERTIFICATE = "tls-client-certificate"
    """The handshake ended because the server wanted a certificate of ours, or another one."""


OUTCOME_BY_STATUS = {
    408: Outcome.TIMEOUT,
    429: Outcome.LIMITED,
    423: Outcome.TOO_BRIEF,
    480: Outcome.UNAVAILABLE_NOW,
    489: Outcome.BAD_EVENT,
    503: Outcome.UNAVAILABLE,
    **dict.fromkeys(range(300, 400), Outcome.REDIRECTED),
    **dict.fromkeys((400, 414, 415, 416, 420, 421, 494, 505), Outcome.BAD_REQUEST),
    **dict.fromkeys((404, 410, 604), Outcome.NOT_FOUND),
    **dict.fromkeys((405, 501), Outcome.NO_METHOD),
    **dict.fromkeys((413, 513), Outcome.TOO_LARGE),
    **dict.fromkeys((486, 600), Outcome.BUSY),
    **dict.fromkeys((488, 606), Outcome.NOT_ACCEPTABLE),
    **dict.fromkeys((500, 502, 504), Outcome.SERVER_ERROR),
}

REFUSED_OTHERWISE = frozenset({402, 406, 433, 603, 607, 608})
"""Refusals that a script or a border controller may be told to send where others send 403 (RFC 3261 sections
21.4.3, 21.4.7 and 21.6.2, RFC 5079, 8197, 8688)."""

CHALLENGES = frozenset({401, 407})
"""Ask for a login (RFC 3261 sections 21.4.2 and 21.4.8)."""
LIMITER_STATUSES = frozenset({403, 429, 503})
"""What a limiter answers with, as far as the status alone can tell (facts K3, K4, V2, V19); silence is the
other way to refuse."""
NO_LIMITERS = CHALLENGES | {408} | LIMITER_STATUSES
"""Statuses whose outcome does not depend on what the same question gets at rest: challenges, what is late,
and refusals."""

REFUSALS = frozenset(Outcome) - {Outcome.OK, Outcome.CHALLENGE, Outcome.CHALLENGE_STALE}
"""What a user would call a failure. A challenge is none: it is answered."""


def outcome_of(exchange: Exchange, *, earlier_nonce: str = "") -> Outcome:
    """What one request with its final answer shows.

    ``earlier_nonce`` is the nonce of the challenge that the request answered, if it was a fresh one: then a
    second challenge means that the credentials were not accepted. Without it, a challenge with a new nonce
    to a request that carried credentials counts as stale (facts of Kamailio: an expired nonce is answered
    with a plain 401).
    """
    return outcome_in(brief(exchange), earlier_nonce=earlier_nonce)


def outcome_in(one: Brief, *, earlier_nonce: str = "") -> Outcome:
    """The same of an exchange in brief."""
    model = one.model
    status = model.status
    if status is None:
        if "heard" in model.hints:  # whoever says anything is there, and his answers arrive
            return Outcome.OTHER
        return Outcome.ICMP if "icmp" in model.hints else Outcome.SILENCE
    if status in (401, 407):
        return _challenged(one, earlier_nonce)
    if status == 403:
        return _forbidden(model)
    if status == 503 and "retry-after" in model.hints:
        return Outcome.UNAVAILABLE_RETRY_AFTER
    if 200 <= status < 300:
        return Outcome.OK
    return OUTCOME_BY_STATUS.get(status, Outcome.OTHER)


def _challenged(one: Brief, earlier_nonce: str) -> Outcome:
    challenge = one.model.challenge
    if one.model.carried is None:
        return Outcome.CHALLENGE
    if challenge is not None and challenge.is_stale:
        return Outcome.CHALLENGE_STALE
    if one.nonce == earlier_nonce:
        return Outcome.CHALLENGE_AGAIN
    is_new = challenge is not None and one.new_nonce != one.nonce
    return Outcome.CHALLENGE_STALE if is_new else Outcome.CHALLENGE_AGAIN


def _forbidden(model: Exchange) -> Outcome:
    if "retry-after" in model.hints:
        return Outcome.FORBIDDEN_RETRY_AFTER
    return Outcome.FORBIDDEN if model.carried is None else Outcome.FORBIDDEN_AFTER_CHALLENGE
