"""Logins that fail over the digest: realm, nonce, count, algorithm, URI."""

from __future__ import annotations

from shiftline.diagnosis.catalogue.cause import Cause, Remedy, Stage, when
from shiftline.diagnosis.catalogue.logins import as_refused_login
from shiftline.diagnosis.catalogue.words import (
    EVERY,
    FOREIGN,
    LOGGED_IN,
    SERS,
    USED_NONCE,
    measured,
    read,
    recalled,
    rfc,
    shows,
)
from shiftline.diagnosis.families import Family
from shiftline.diagnosis.outcome import Outcome
from shiftline.diagnosis.probe import Account, Credentials, Load, Shape

_ANY_LOGIN = (when(credentials=LOGGED_IN),)
# The digest repeats the Request-URI (RFC 3261 section 22.4), which another domain changes as well.
_USUAL_URI = (
    when(0.0, shape=(Shape.OTHER_DIGEST_URI, Shape.OTHER_DOMAIN)),
    when(0.5, shape=Shape.GUESSED_DOMAIN),
    when(credentials=LOGGED_IN),
)

CAUSES = (
    Cause(
        id="credentials.realm",
        meaning="The PBX challenges for another realm than the one the password was stored for.",
        seen="401 or 407 in a loop although the password is right; every account of the trunk alike.",
        tells="The challenge's realm differs from the configured one, and no account passes.",
        refuted_by="A challenge for exactly the configured realm.",
        remedy=Remedy(
            steps=(
                "Compare the realm in the challenge with the one on the PBX's side of the account.",
                "Where passwords are stored as HA1, compute them anew for this realm.",
            ),
            by_family={
                Family.PJSIP: ("`realm` of the auth section, `default_realm` of [global].",),
                Family.FREESWITCH: ("`challenge-realm` of the profile: auto_to, auto_from or a name.",),
                Family.KAMAILIO: ("The first argument of `auth_challenge()`; `calculate_ha1` of auth_db.",),
            },
        ),
        sources=("RFC 7616 section 3.3", "users' reports"),
        signatures=(
            *as_refused_login("realm", _ANY_LOGIN, "Challenged, then refused, whichever account."),
            *as_refused_login(
                "realm1",
                (when(account=Account.OWN),),
                "The same for an account that was stored for another realm.",
            ),
        ),
        prior=0.8,
    ),
    Cause(
        id="credentials.stale-nonce",
        meaning="The PBX's nonces live shorter than the client uses them; it does not always say `stale`.",
        seen="Now and then a second 401, or a 403, although the password is right; a new login works.",
        tells="Fresh logins pass, later requests with the same nonce are challenged anew or refused.",
        refuted_by="A request with a nonce of half a minute that is accepted.",
        remedy=Remedy(
            steps=(
                (
                    "A second 401 with a new nonce after an old one is no refusal: answer it once. "
                    "Shiftline does."
                ),
                "Lengthen the nonces' life on the PBX beyond the longest pause in a burst.",
            ),
            by_family={
                Family.KAMAILIO: (
                    '`modparam("auth", "nonce_expire", 300)`, and pass the stale flag to `auth_challenge()`.',
                ),
                Family.PJSIP: ("`nonce_lifetime` of the auth section, 32 s by default.",),
                Family.FREESWITCH: ("`nonce-ttl` of the profile, 60 s by default.",),
            },
        ),
        sources=("nonce lifetimes read in the sources; Kamailio 5.6.3 measured: K8, F6",),
        signatures=(
            shows(
                "K8",
                EVERY,
                Stage.CHALLENGE,
                (
                    when(0.97, credentials=Credentials.AGED),
                    # No life is so short that what is sent at once comes too late.
                    when(0.04, credentials=Credentials.CACHED, load=Load.SINGLE),
                ),
                {Outcome.CHALLENGE_STALE: 0.95, Outcome.CHALLENGE_AGAIN: 0.05},
                "401 with a new nonce to credentials with an old one, often without stale=true.",
                measured("Kamailio 5.6.3, K8"),
            ),
            shows(
                "K8f",
                EVERY,
                Stage.CHALLENGE,
                (when(0.9, credentials=LOGGED_IN, load=Load.SINGLE),),
                {Outcome.CHALLENGE_STALE: 0.7, Outcome.CHALLENGE_AGAIN: 0.3},
                "Even the answer to a fresh challenge comes too late.",
                measured("Kamailio 5.6.3 with a nonce life of seconds, K8"),
                weight=0.3,
            ),
            shows(
                "K8r",
                SERS | FOREIGN,
                Stage.CHALLENGE,
                (when(0.97, credentials=Credentials.AGED),),
                {Outcome.FORBIDDEN_AFTER_CHALLENGE: 1.0},
                "403 to an old nonce: a script that answers alike to whatever the auth module does not take.",
                recalled("Kamailio and OpenSIPS auth: an old nonce is one more return code below zero"),
                weight=0.6,
            ),
        ),
        prior=0.8,
    ),
    Cause(
        id="credentials.nonce-count",
        meaning="The PBX wants each nonce only once, or a nonce count that always rises.",
        seen="The first login works, the next with the same nonce does not; 407 in a loop.",
        tells="Logins on a fresh challenge pass, a second request on the same nonce never does.",
        refuted_by="A second request on the same nonce that is accepted.",
        remedy=Remedy(
            steps=(
                "Let the client count up with every request (RFC 7616 section 3.4), also across connections.",
                "Or let it forget nonces after one use, and budget two requests for each check.",
            ),
            by_family={Family.KAMAILIO: ("`nonce_count` and `one_time_nonce` of the auth module.",)},
        ),
        sources=("RFC 7616 section 3.4", "Kamailio auth README: nonce_count, one_time_nonce"),
        signatures=(
            shows(
                "R7616",
                EVERY,
                Stage.CHALLENGE,
                (when(0.95, credentials=USED_NONCE),),
                {
                    Outcome.CHALLENGE_STALE: 0.7,
                    Outcome.CHALLENGE_AGAIN: 0.1,
                    Outcome.FORBIDDEN_AFTER_CHALLENGE: 0.1,
                    Outcome.BAD_REQUEST: 0.1,
                },
                "Refused on the second use of a nonce.",
                rfc("RFC 7616 section 3.4"),
            ),
            shows(
                "R7616m",
                EVERY,
                Stage.CHALLENGE,
                (when(0.9, credentials=Credentials.CACHED), when(0.8, credentials=Credentials.AGED)),
                {Outcome.CHALLENGE_STALE: 0.85, Outcome.CHALLENGE_AGAIN: 0.15},
                "Refused after a few uses of a nonce.",
                read("Kamailio auth README: a nonce may have a number of uses"),
                weight=0.4,
            ),
        ),
        prior=0.5,
    ),
    Cause(
        id="credentials.algorithm",
        meaning="Client and PBX have no digest algorithm or quality of protection in common.",
        seen="401 only for one client, after an update to SHA-256 or auth-int.",
        tells="The challenge offers only what the client cannot do, or no account passes with what it chose.",
        refuted_by="A login that is accepted with an algorithm of the challenge.",
        remedy=Remedy(
            steps=(
                "Offer MD5 beside SHA-256, the preferred one first (RFC 8760 section 2.3).",
                "Update the client that cannot do SHA-256.",
            ),
            by_family={
                Family.PJSIP: ("`supported_algorithms_uas` of the auth section (22 and later).",),
                Family.KAMAILIO: ('`modparam("auth", "algorithm", "MD5")`.',),
            },
        ),
        sources=("RFC 8760", "users' reports"),
        signatures=(
            shows(
                "R8760a",
                EVERY,
                Stage.CHALLENGE,
                (when(credentials=LOGGED_IN),),
                {Outcome.CHALLENGE: 0.7, Outcome.CHALLENGE_AGAIN: 0.2, Outcome.BAD_REQUEST: 0.1},
                "A challenge that cannot be answered.",
                rfc("RFC 8760"),
            ),
            *as_refused_login("algorithm", _ANY_LOGIN, "The digest is refused, whichever account."),
        ),
        prior=0.6,
    ),
    Cause(
        id="credentials.digest-uri",
        meaning=(
            "The PBX checks that the digest was made for the request's URI, and something changed that."
        ),
        seen="401 in a loop behind a proxy or a B2BUA that rewrites the request.",
        tells="The login passes when the digest is made over the other form of the address.",
        refuted_by="A refusal with both forms.",
        remedy=Remedy(
            steps=(
                (
                    "Make the digest over the URI as the PBX receives it: by name, if the trunk is "
                    "reached by name."
                ),
                "Or have the PBX not compare the two.",
            ),
            by_family={Family.KAMAILIO: ('`modparam("auth", "auth_checks_register", 0)` and its kin.',)},
        ),
        sources=("RFC 7616 section 3.4.6", "Kamailio auth README: auth_checks"),
        signatures=(
            *as_refused_login(
                "uri",
                _USUAL_URI,
                "Refused unless the digest is made over the other form.",
            ),
            shows(
                "R7616u",
                EVERY,
                Stage.CHALLENGE,
                _USUAL_URI,
                {Outcome.BAD_REQUEST: 1.0},
                "400, as RFC 7616 demands.",
                rfc("RFC 7616 section 3.4.6"),
                weight=0.6,
            ),
        ),
        prior=0.5,
    ),
)
