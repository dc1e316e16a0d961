"""How a trunk without a fault answers, by family. Every cause is a departure from this."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from shiftline.diagnosis.families import Family
from shiftline.diagnosis.outcome import Outcome
from shiftline.diagnosis.probe import Account, Aim, Credentials, Method, Probe

Distribution = Mapping[Outcome, float]

_LOGGED_IN = (Credentials.FRESH, Credentials.CACHED, Credentials.AGED)
_ASKED_FOR_LOGIN = MappingProxyType({Outcome.CHALLENGE: 0.97, Outcome.OK: 0.02, Outcome.NO_METHOD: 0.01})
_ACCEPTED = MappingProxyType({Outcome.OK: 0.99, Outcome.CHALLENGE_STALE: 0.01})

PING: Mapping[Family, Distribution] = {
    # Stock Kamailio answers OPTIONS to itself before any login (K19); FreeSWITCH and most SBCs as well.
    Family.KAMAILIO: {Outcome.OK: 0.93, Outcome.NOT_FOUND: 0.04, Outcome.NO_METHOD: 0.03},
    Family.OPENSIPS: {Outcome.OK: 0.85, Outcome.NOT_FOUND: 0.1, Outcome.NO_METHOD: 0.05},
    Family.FREESWITCH: {Outcome.OK: 0.96, Outcome.CHALLENGE: 0.04},
    # PJSIP asks for a login unless allow_unauthenticated_options is set (A11); 404 for what is no extension.
    Family.PJSIP: {Outcome.CHALLENGE: 0.45, Outcome.OK: 0.4, Outcome.NOT_FOUND: 0.15},
    Family.CHAN_SIP: {Outcome.OK: 0.6, Outcome.NOT_FOUND: 0.25, Outcome.CHALLENGE: 0.15},
    Family.SBC: {Outcome.OK: 0.88, Outcome.CHALLENGE: 0.05, Outcome.NO_METHOD: 0.05, Outcome.NOT_FOUND: 0.02},
    Family.OTHER: {
        Outcome.OK: 0.7,
        Outcome.CHALLENGE: 0.18,
        Outcome.NOT_FOUND: 0.08,
        Outcome.NO_METHOD: 0.04,
    },
}
"""OPTIONS to the server itself, without credentials."""

REFUSED_LOGIN: Mapping[Family, Distribution] = {
    # Kamailio's and OpenSIPS' auth modules challenge for ever (K7, O5); PJSIP too (A3).
    Family.KAMAILIO: {Outcome.CHALLENGE_AGAIN: 0.93, Outcome.FORBIDDEN_AFTER_CHALLENGE: 0.07},
    Family.OPENSIPS: {Outcome.CHALLENGE_AGAIN: 0.93, Outcome.FORBIDDEN_AFTER_CHALLENGE: 0.07},
    Family.PJSIP: {Outcome.CHALLENGE_AGAIN: 0.98, Outcome.FORBIDDEN_AFTER_CHALLENGE: 0.02},
    # chan_sip and FreeSWITCH answer 403 to wrong credentials (C1, F5).
    Family.CHAN_SIP: {Outcome.FORBIDDEN_AFTER_CHALLENGE: 0.93, Outcome.CHALLENGE_AGAIN: 0.07},
    Family.FREESWITCH: {Outcome.FORBIDDEN_AFTER_CHALLENGE: 0.97, Outcome.CHALLENGE_AGAIN: 0.03},
    Family.SBC: {Outcome.FORBIDDEN_AFTER_CHALLENGE: 0.65, Outcome.CHALLENGE_AGAIN: 0.35},
    Family.OTHER: {Outcome.FORBIDDEN_AFTER_CHALLENGE: 0.5, Outcome.CHALLENGE_AGAIN: 0.5},
}
"""A wrong password."""

UNKNOWN_LOGIN: Mapping[Family, Distribution] = {
    **REFUSED_LOGIN,
    # With alwaysauthreject, the default, chan_sip challenges unknown peers for ever (C2), else 404 (C3).
    Family.CHAN_SIP: {
        Outcome.CHALLENGE_AGAIN: 0.8,
        Outcome.NOT_FOUND: 0.12,
        Outcome.FORBIDDEN_AFTER_CHALLENGE: 0.08,
    },
    Family.SBC: {
        Outcome.FORBIDDEN_AFTER_CHALLENGE: 0.45,
        Outcome.CHALLENGE_AGAIN: 0.25,
        Outcome.NOT_FOUND: 0.2,
        Outcome.FORBIDDEN: 0.1,
    },
    Family.OTHER: {
        Outcome.FORBIDDEN_AFTER_CHALLENGE: 0.35,
        Outcome.CHALLENGE_AGAIN: 0.4,
        Outcome.NOT_FOUND: 0.2,
        Outcome.FORBIDDEN: 0.05,
    },
}
"""A user who does not exist."""

_BY_METHOD: Mapping[Method, Distribution] = {
    Method.REGISTER: _ACCEPTED,
    Method.REGISTER_CONTACT: _ACCEPTED,
    Method.OPTIONS: {Outcome.OK: 0.9, Outcome.NOT_FOUND: 0.08, Outcome.NO_METHOD: 0.02},
    # A package that the PBX does not have is a cause of its own; a trunk may do without any.
    Method.SUBSCRIBE: {
        Outcome.OK: 0.84,
        Outcome.BAD_EVENT: 0.05,
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

_ABOUT_USERS: Mapping[Aim, Distribution] = {
    Aim.PRESENT: {Outcome.OK: 0.93, Outcome.BUSY: 0.04, Outcome.NOT_FOUND: 0.03},
    Aim.ABSENT: {
        Outcome.UNAVAILABLE_NOW: 0.5,
        Outcome.NOT_FOUND: 0.45,
        Outcome.OK: 0.02,
        Outcome.TIMEOUT: 0.03,
    },
}
"""OPTIONS about a user: its answer is what an INVITE would get (RFC 3261 section 11.2)."""

_CACHED: Distribution = {Outcome.OK: 0.9, Outcome.CHALLENGE_STALE: 0.1}
_AGED: Distribution = {Outcome.OK: 0.45, Outcome.CHALLENGE_STALE: 0.55}
"""Nonces live 30 s in OpenSIPS, 32 in PJSIP, 60 in FreeSWITCH and 300 in Kamailio."""


def healthy(family: Family, probe: Probe) -> Distribution:
    """How likely each outcome is without a fault; probabilities sum to one."""
    if probe.account is Account.NOBODY:
        return PING[family]
    if probe.credentials is Credentials.NONE:
        return PING[family] if probe.method is Method.OPTIONS else _ASKED_FOR_LOGIN
    if probe.account is Account.NONEXISTENT:
        return UNKNOWN_LOGIN[family]
    if probe.credentials is Credentials.WRONG:
        return REFUSED_LOGIN[family]
    if probe.method is Method.OPTIONS and probe.aim is not Aim.SERVER:
        return _ABOUT_USERS[probe.aim]
    if probe.method in (Method.REGISTER, Method.OPTIONS) and probe.credentials is Credentials.AGED:
        return _AGED
    if probe.method in (Method.REGISTER, Method.OPTIONS) and probe.credentials is Credentials.CACHED:
        return _CACHED
    return _BY_METHOD[probe.method]


def carries_login(probe: Probe) -> bool:
    """Whether it gets past the challenge of a healthy server: known account, right password."""
    return probe.credentials in _LOGGED_IN and probe.account in (Account.OWN, Account.OTHER)
