"""The kinds of PBX whose habits are known apart. Which one answers is inferred, never demanded."""

from __future__ import annotations

from enum import StrEnum


class Family(StrEnum):
    """A kind of SIP server by how it refuses."""

    CHAN_SIP = "chan_sip"
    """Asterisk's old channel driver, until version 20."""
    PJSIP = "pjsip"
    """Asterisk with res_pjsip."""
    FREESWITCH = "freeswitch"
    KAMAILIO = "kamailio"
    OPENSIPS = "opensips"
    SBC = "sbc"
    """Oracle-like session border controllers, carriers and clouds."""
    OTHER = "other"
    """None of these, or hidden behind something."""
