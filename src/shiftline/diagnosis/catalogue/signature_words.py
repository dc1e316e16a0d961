"""Short names for what many signatures have in common."""

from __future__ import annotations

from shiftline.diagnosis.families import Family
from shiftline.diagnosis.probe import Credentials, Load

EVERY = frozenset(Family)
CHAN_SIP = frozenset({Family.CHAN_SIP})
PJSIP = frozenset({Family.PJSIP})
FREESWITCH = frozenset({Family.FREESWITCH})
KAMAILIO = frozenset({Family.KAMAILIO})
OPENSIPS = frozenset({Family.OPENSIPS})
SBC = frozenset({Family.SBC})
OTHER = frozenset({Family.OTHER})
ASTERISK = CHAN_SIP | PJSIP
SERS = KAMAILIO | OPENSIPS
"""Kamailio and OpenSIPS, the heirs of SER."""

LOGGED_IN = (Credentials.FRESH, Credentials.CACHED, Credentials.AGED)
LOADED = (Load.BRISK, Load.RAISED, Load.STORM)
