"""credentials.*: the account is not what its user believes (facts: K5, K7, K8, A3, C1, C2, F5, F6)."""

from __future__ import annotations

from dataclasses import replace

from shiftline.errors import SipSyntaxError
from shiftline.lab.pbx.bank.draw import Draw, Entry
from shiftline.lab.pbx.bank.words import (
    CHALLENGE,
    FORBIDDEN,
    Stage,
    Visit,
    as_unknown_user,
    as_wrong_password,
    at,
    everywhere,
    is_stranger,
    is_trunk,
    say,
)
from shiftline.sip.uri import SipUri


def _wrong(draw: Draw) -> None:
    draw.refuse(is_trunk)


def _identity(draw: Draw) -> None:
    line = draw.pick("identity", "line4711", "trunk01", "+13125550100")

    def strikes(visit: Visit) -> bool:
        named = visit.user if visit.method == "REGISTER" else visit.from_user
        return is_trunk(visit) and named != line

    draw.refuse(strikes)


def _realm(draw: Draw) -> None:
    """Passwords are stored with the realm in them, whosever they are (RFC 7616 section 3.4.2)."""
    draw.settings.realm = draw.pick("realm", "asterisk", "sip.example.com", "pbx.old.example")
    draw.refuse(lambda visit: visit.account is not None and is_stranger(visit))


def _stale(draw: Draw) -> None:
    draw.settings.nonce_seconds = draw.between("nonce_seconds", 0.5, 3.0)


def _count(draw: Draw) -> None:
    draw.settings.nonce_uses = draw.pick("nonce_uses", 1, 2)


def _algorithm(draw: Draw) -> None:
    draw.settings.announced_algorithm = draw.pick("algorithm", "AKAv1-MD5", "SHA3-256", "HMAC-MD5")


def _digest_uri(draw: Draw) -> None:
    """The PBX compares the digest's uri with the Request-URI as it knows it: its own domain."""
    domain = draw.settings.realm
    draw.tell("domain", domain)

    def strikes(visit: Visit) -> bool:
        if visit.account is None or not is_stranger(visit):
            return False
        try:
            return SipUri.parse(visit.digest.get("uri", "")).host != domain
        except SipSyntaxError:
            return True

    draw.refuse(strikes)


_NEW_NONCE = everywhere(
    at(Stage.DIGEST, replace(CHALLENGE, words="a challenge, though the nonce was good a moment ago"))
)
_ODD_ALGORITHM = everywhere(at(Stage.DIGEST, replace(CHALLENGE, words="a challenge that nobody can answer")))

CREDENTIALS = (
    Entry(
        id="credentials.wrong-password",
        does="the password of the account shiftline is another one here",
        make=_wrong,
        shown={**as_wrong_password(), "practice": (at(Stage.DIGEST, FORBIDDEN),)},
    ),
    Entry(
        id="credentials.rotated",
        does="the password of the account shiftline was changed on the PBX only",
        make=_wrong,
        shown=as_wrong_password(),
    ),
    Entry(
        id="credentials.unknown-user",
        does="there is no account shiftline",
        make=_wrong,
        shown=as_unknown_user(),
    ),
    Entry(
        id="credentials.identity-mismatch",
        does="the account shiftline may speak for another name only (From, or To of a REGISTER)",
        make=_identity,
        shown={
            **as_wrong_password(),
            "kamailio": (
                at(Stage.DIGEST, CHALLENGE),
                at(Stage.ACCOUNT, say(403, "Authentication and To-Header mismatch", "Fake Identity")),  # K21
            ),
        },
    ),
    Entry(
        id="credentials.realm",
        does="challenges with another realm than the one its passwords were stored for",
        make=_realm,
        shown=as_wrong_password(),
    ),
    Entry(
        id="credentials.stale-nonce",
        does="a nonce lives for a second or two",
        make=_stale,
        shown=_NEW_NONCE,
    ),
    Entry(
        id="credentials.nonce-count",
        does="a nonce is taken once or twice, whatever its count says",
        make=_count,
        shown=_NEW_NONCE,
    ),
    Entry(
        id="credentials.algorithm",
        does="asks for a digest algorithm that nobody has",
        make=_algorithm,
        shown=_ODD_ALGORITHM,
    ),
    Entry(
        id="credentials.digest-uri",
        does="takes a digest only over its own domain, not over its address",
        make=_digest_uri,
        shown=as_wrong_password(),
    ),
)
