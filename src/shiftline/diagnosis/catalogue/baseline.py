"""How a trunk without a fault answers, by family. Every cause is a departure from this."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from types import MappingProxyType

from shiftline.diagnosis.families import Family
from shiftline.diagnosis.outcome import Outcome
from shiftline.diagnosis.probe import Account, Aim, Credentials, Method, Probe, Shape

Distribution = Mapping[Outcome, float]

_LOGGED_IN = (Credentials.FRESH, Credentials.CACHED, Credentials.AGED)
_ASKED_FOR_LOGIN = MappingProxyType({Outcome.CHALLENGE: 0.97, Outcome.OK: 0.02, Outcome.NO_METHOD: 0.01})
_ACCEPTED = MappingProxyType({Outcome.OK: 0.99, Outcome.CHALLENGE_STALE: 0.01})

_OK: Distribution = {Outcome.OK: 0.96, Outcome.NOT_FOUND: 0.03, Outcome.NO_METHOD: 0.01}
_ASKS: Distribution = {Outcome.CHALLENGE: 0.97, Outcome.OK: 0.03}
_KNOWS_NOBODY: Distribution = {Outcome.NOT_FOUND: 0.95, Outcome.NO_METHOD: 0.03, Outcome.OK: 0.02}
_CHALLENGES: Distribution = {Outcome.CHALLENGE_AGAIN: 0.97, Outcome.FORBIDDEN_AFTER_CHALLENGE: 0.03}
_FORBIDS: Distribution = {Outcome.FORBIDDEN_AFTER_CHALLENGE: 0.97, Outcome.CHALLENGE_AGAIN: 0.03}
_EITHER: Distribution = {
    Outcome.FORBIDDEN_AFTER_CHALLENGE: 0.4,
    Outcome.CHALLENGE_AGAIN: 0.3,
    Outcome.NOT_FOUND: 0.2,
    Outcome.FORBIDDEN: 0.1,
}


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Home:
    """One habit of a family: the same PBX answers the same question the same way every time."""

    family: Family
    share: float
    """How usual it is within the family."""
    ping: Distribution
    """OPTIONS to the server itself, without credentials."""
    wrong: Distribution
    """A wrong password."""
    unknown: Distribution
    """A user who does not exist."""
    asks: float
    """How surely OPTIONS of an account are challenged. Else they never meet what stands behind the login."""
    answers_first: bool
    """Whether OPTIONS to the server itself are answered before lists and rules are looked at (K19)."""


def _home(
    family: Family,
    share: float,
    ping: Distribution,
    wrong: Distribution,
    unknown: Distribution | None = None,
    *,
    answers_first: bool = False,
) -> Home:
    asks = 0.97 if ping is _ASKS else 0.0 if answers_first else _ASKS_FOR_USERS[family]
    return Home(
        family=family,
        share=share,
        ping=ping,
        wrong=wrong,
        unknown=unknown or wrong,
        asks=asks,
        answers_first=answers_first,
    )


_ASKS_FOR_USERS: Mapping[Family, float] = {
    Family.PJSIP: 0.3,
    Family.CHAN_SIP: 0.15,
    Family.FREESWITCH: 0.1,
    # Stock: 407 if From is local (K20).
    Family.KAMAILIO: 0.4,
    Family.OPENSIPS: 0.4,
    Family.SBC: 0.25,
    Family.OTHER: 0.25,
}
"""The same where OPTIONS to the server itself are answered without a login."""


HOMES: tuple[Home, ...] = (
    # Stock Kamailio answers OPTIONS to itself before any login (K19); its auth module, like that of
    # OpenSIPS, challenges wrong credentials for ever (K7, O5).
    _home(Family.KAMAILIO, 0.5, _OK, _CHALLENGES, answers_first=True),
    _home(Family.KAMAILIO, 0.4, _OK, _CHALLENGES),
    _home(Family.KAMAILIO, 0.1, _ASKS, _CHALLENGES),
    _home(Family.OPENSIPS, 0.4, _OK, _CHALLENGES, answers_first=True),
    _home(Family.OPENSIPS, 0.5, _OK, _CHALLENGES),
    _home(Family.OPENSIPS, 0.1, _ASKS, _CHALLENGES),
    # FreeSWITCH answers 403 to whatever login it does not like (F5).
    _home(Family.FREESWITCH, 0.6, _OK, _FORBIDS, answers_first=True),
    _home(Family.FREESWITCH, 0.35, _OK, _FORBIDS),
    _home(Family.FREESWITCH, 0.05, _ASKS, _FORBIDS),
    # PJSIP asks for a login unless allow_unauthenticated_options is set; 404 for what is no extension (A11).
    # It challenges wrong and unknown logins for ever (A1, A3).
    _home(Family.PJSIP, 0.45, _ASKS, _CHALLENGES),
    _home(Family.PJSIP, 0.4, _OK, _CHALLENGES),
    _home(Family.PJSIP, 0.15, _KNOWS_NOBODY, _CHALLENGES),
    # chan_sip answers 403 to a wrong password (C1) and challenges unknown peers for ever (C2).
    _home(Family.CHAN_SIP, 0.6, _OK, _FORBIDS, _CHALLENGES),
    _home(Family.CHAN_SIP, 0.25, _KNOWS_NOBODY, _FORBIDS, _CHALLENGES),
    _home(Family.CHAN_SIP, 0.15, _ASKS, _FORBIDS, _CHALLENGES),
    _home(Family.SBC, 0.2, _OK, _FORBIDS, _EITHER, answers_first=True),
    _home(Family.SBC, 0.35, _OK, _FORBIDS, _EITHER),
    _home(Family.SBC, 0.3, _OK, _CHALLENGES, _EITHER),
    _home(Family.SBC, 0.1, _ASKS, _FORBIDS, _EITHER),
    _home(Family.SBC, 0.05, _ASKS, _CHALLENGES, _EITHER),
    _home(Family.OTHER, 0.35, _OK, _FORBIDS, _EITHER),
    _home(Family.OTHER, 0.35, _OK, _CHALLENGES, _EITHER),
    _home(Family.OTHER, 0.15, _ASKS, _FORBIDS, _EITHER),
    _home(Family.OTHER, 0.15, _ASKS, _CHALLENGES, _EITHER),
)


def _blend(pick: Callable[[Home], Distribution]) -> dict[Family, Distribution]:
    found: dict[Family, dict[Outcome, float]] = {family: {} for family in Family}
    for home in HOMES:
        for outcome, part in pick(home).items():
            row = found[home.family]
            row[outcome] = row.get(outcome, 0.0) + home.share * part
    return {family: MappingProxyType(row) for family, row in found.items()}


REFUSED_LOGIN: Mapping[Family, Distribution] = _blend(lambda home: home.wrong)
"""What a family answers to a wrong password, over all its habits."""
UNKNOWN_LOGIN: Mapping[Family, Distribution] = _blend(lambda home: home.unknown)
"""The same for a user who does not exist."""

_BY_METHOD: Mapping[Method, Distribution] = {
    Method.REGISTER: _ACCEPTED,
    Method.REGISTER_CONTACT: _ACCEPTED,
    Method.OPTIONS: {Outcome.OK: 0.9, Outcome.NOT_FOUND: 0.08, Outcome.NO_METHOD: 0.02},
    # A package that the PBX does not have is a cause of its own; a trunk may do without any.
    Method.SUBSCRIBE: {
        Outcome.OK: 0.888,
        Outcome.BAD_EVENT: 0.002,
        Outcome.NOT_FOUND: 0.06,
        Outcome.NO_METHOD: 0.03,
        Outcome.UNAVAILABLE_NOW: 0.02,
    },
    Method.INVITE: {
        Outcome.OK: 0.5,
        Outcome.UNAVAILABLE_NOW: 0.18,
        Outcome.BUSY: 0.12,
        Outcome.NOT_FOUND: 0.1,
        Outcome.NOT_ACCEPTABLE: 0.1,
    },
    Method.OTHER: {Outcome.OK: 0.8, Outcome.NO_METHOD: 0.2},
}

_MOSTLY_THERE: Distribution = {Outcome.OK: 0.93, Outcome.BUSY: 0.04, Outcome.NOT_FOUND: 0.03}
_ABOUT_USERS: Mapping[Aim, Distribution] = {
    Aim.PRESENT: _MOSTLY_THERE,
    Aim.ANOTHER: _MOSTLY_THERE,
    # A 200 about somebody who is absent would be no health, but `method.blind`.
    # Calls to him may go to a mailbox, or to another phone (RFC 3261 section 21.3); some scripts say 403 of
    # whoever is not registered.
    Aim.ABSENT: {
        Outcome.UNAVAILABLE_NOW: 0.48,
        Outcome.NOT_FOUND: 0.43,
        Outcome.TIMEOUT: 0.05,
        Outcome.REDIRECTED: 0.02,
        Outcome.FORBIDDEN_AFTER_CHALLENGE: 0.02,
    },
    Aim.INVENTED: {Outcome.NOT_FOUND: 0.85, Outcome.UNAVAILABLE_NOW: 0.15},
}
"""OPTIONS about a user: its answer is what an INVITE would get (RFC 3261 section 11.2)."""

_CACHED: Distribution = {Outcome.OK: 0.995, Outcome.CHALLENGE_STALE: 0.005}
_RENAMING = (Shape.OTHER_CALLER, Shape.ALL_CHANGED)
_RENAMED: Distribution = {Outcome.OK: 0.75, Outcome.NOT_FOUND: 0.25}
"""A login may have no address-of-record of its own name."""
_AGED: Distribution = {Outcome.OK: 0.998, Outcome.CHALLENGE_STALE: 0.002}
"""Nonces live 30 s in OpenSIPS, 32 in PJSIP, 60 in FreeSWITCH and 300 in Kamailio: 8 s are no age."""


def healthy(home: Home, probe: Probe) -> Distribution:
    """How likely each outcome is without a fault; probabilities sum to one."""
    if probe.account is Account.NOBODY:
        return home.ping
    if probe.aim in (Aim.USER, Aim.OTHER_USER):
        return _CACHED  # what it is at rest is known
    if probe.credentials is Credentials.UNASKED:
        return _unchallenged(home)
    if probe.credentials is Credentials.NONE:
        return _options_of(home, probe.aim) if probe.method is Method.OPTIONS else _ASKED_FOR_LOGIN
    if probe.account is Account.NONEXISTENT:
        return home.unknown
    if probe.credentials is Credentials.WRONG:
        return home.wrong
    if probe.shape is Shape.OTHER_DIGEST_URI:
        return _strict_or_not(home)
    return _logged_in(probe)


@lru_cache(maxsize=64)
def _strict_or_not(home: Home) -> Distribution:
    """A server may check the digest's URI, as RFC 7616 section 3.4.6 demands, or not."""
    found = {outcome: 0.3 * part for outcome, part in home.wrong.items()}
    return MappingProxyType({**found, Outcome.OK: 0.6, Outcome.BAD_REQUEST: 0.1})


def _logged_in(probe: Probe) -> Distribution:
    """A question with right credentials, which all homes answer alike."""
    if probe.method is Method.OPTIONS and probe.aim is not Aim.SERVER:
        return _ABOUT_USERS[probe.aim]
    if probe.method is Method.REGISTER and probe.shape in _RENAMING and Shape.OTHER_CALLER in probe.changes:
        return _RENAMED
    nonces = {Credentials.AGED: _AGED, Credentials.CACHED: _CACHED}
    if probe.method in (Method.REGISTER, Method.OPTIONS) and probe.credentials in nonces:
        return nonces[probe.credentials]
    return _BY_METHOD[probe.method]


@lru_cache(maxsize=64)
def _options_of(home: Home, aim: Aim) -> Distribution:
    """OPTIONS without credentials; about users they may be challenged where those to itself are not (K20)."""
    asks = home.asks if aim is Aim.SERVER else max(home.asks, _ASKS_FOR_USERS[home.family])
    rest = {outcome: part for outcome, part in home.ping.items() if outcome is not Outcome.CHALLENGE}
    total = sum(rest.values())
    found = {outcome: (1.0 - asks) * part / total for outcome, part in rest.items()}
    return MappingProxyType({**found, Outcome.CHALLENGE: asks})


@lru_cache(maxsize=64)
def _unchallenged(home: Home) -> Distribution:
    """OPTIONS to the server where no challenge comes: whether one does is another question, asked before."""
    rest = {outcome: part for outcome, part in home.ping.items() if outcome is not Outcome.CHALLENGE}
    total = sum(rest.values())
    return MappingProxyType({outcome: part / total for outcome, part in rest.items()})


def carries_login(probe: Probe) -> bool:
    """Whether it gets past the challenge of a healthy server: known account, right password."""
    return probe.credentials in _LOGGED_IN and probe.account in (Account.OWN, Account.OTHER)
