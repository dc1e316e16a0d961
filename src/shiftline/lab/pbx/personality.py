"""What makes a family of PBXs recognizable, as data (facts: sip-403-signatures 2.3, 3.1 to 3.6)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from random import Random

from shiftline.lab.pbx.refusal import CHALLENGE, Refusal, say
from shiftline.lab.pbx.visit import Stage

_BASE64 = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"

NonceShape = Callable[[Random, float], str]
"""A new nonce from a source of randomness and the time (seconds)."""


def hex_nonce(digits: int) -> NonceShape:
    """So many hexadecimal digits."""
    return lambda random, now: f"{random.getrandbits(4 * digits):0{digits}x}"  # noqa: ARG005 - tells no time


def stamped_nonce(random: Random, now: float) -> str:
    """PJSIP's: seconds, a slash, an MD5 over them, the source address and the realm."""
    return f"{1_700_000_000 + now:.0f}/{random.getrandbits(128):032x}"


def uuid_nonce(random: Random, now: float) -> str:  # noqa: ARG001 - tells no time
    """FreeSWITCH's: a random UUID."""
    digits = f"{random.getrandbits(128):032x}"
    return "-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]))


def base64_nonce(random: Random, now: float) -> str:  # noqa: ARG001 - encoded in the real one
    """Kamailio's: expiry and MD5 in its own base 64."""
    return "".join(random.choice(_BASE64) for _ in range(32))


_PLAIN_NONCE = hex_nonce(16)
_OK = say(200)


@dataclass(frozen=True, slots=True, kw_only=True)
class Personality:
    """One family's manners while nothing is wrong. Seconds are shortest and longest, drawn evenly between."""

    name: str
    title: str
    order: tuple[Stage, ...]
    """The order in which it judges."""
    servers: tuple[str, ...] = ("",)
    """What it calls itself, one of them by the seed; empty: it does not say."""
    server_header: str = "Server"
    challenge_statuses: tuple[int, int] = (401, 401)
    """To REGISTER, and to everything else."""
    nonce: NonceShape = _PLAIN_NONCE
    nonce_seconds: float = 300.0
    nonce_is_of_source: bool = False
    """A nonce given to one address is none for another."""
    says_stale: bool = True
    offers_qop: bool = True
    has_opaque: bool = False
    compares_uri: bool = False
    """It says 400 to a digest over another URI than the Request-URI; the others only find it wrong."""
    wrong_password: Refusal = CHALLENGE
    unknown_user: Refusal = CHALLENGE
    keepalive: Refusal | None = _OK
    """To OPTIONS for the box itself before any authentication; None: it is challenged like anything else."""
    unregistered_status: int = 480
    """Of a call or an OPTIONS to a known agent without a phone."""
    draws_times: bool = True
    """Whether its times come from the seed; else from the configuration."""
    answer_seconds: tuple[float, float] = (0.004, 0.060)
    """Bounds of the times of an answer that reached authentication."""
    refusal_seconds: tuple[float, float] = (0.0002, 0.003)
    """Bounds of the times of an answer that did not: no database is asked (facts: 3.7)."""

    def challenge_status(self, method: str) -> int:
        """The status of a challenge to a request of that method."""
        register, others = self.challenge_statuses
        return register if method == "REGISTER" else others


def drawn_span(random: Random, bounds: tuple[float, float]) -> tuple[float, float]:
    """The shortest and longest time of one PBX of that family: within the bounds, and never just one time."""
    low, high = bounds
    shortest = low * (high / low) ** (0.6 * random.random())
    return shortest, min(high, shortest * random.uniform(1.5, 4.0))
