"""Limits of a rate that count every request, whatever it asks and for whom: of one address, or of all."""

from __future__ import annotations

from shiftline.diagnosis.catalogue.cause import Acts, Signature, Stage
from shiftline.diagnosis.catalogue.rates import in_any_status
from shiftline.diagnosis.catalogue.words import (
    ASTERISK,
    FOREIGN,
    FREESWITCH,
    KAMAILIO,
    OPENSIPS,
    SILENT,
    measured,
    read,
    shows,
    vendor,
)
from shiftline.diagnosis.outcome import Outcome

_IN_FRONT = in_any_status(
    {
        Outcome.FORBIDDEN: 0.5,
        Outcome.FORBIDDEN_RETRY_AFTER: 0.06,
        Outcome.UNAVAILABLE: 0.17,
        Outcome.UNAVAILABLE_RETRY_AFTER: 0.12,
        Outcome.SILENCE: 0.15,
    }
)
"""What limits in front of a PBX answer: carriers do use 403 (V19)."""


def on_every_request(acts: tuple[Acts, ...], end: str = "") -> tuple[Signature, ...]:
    """The same on each kind of PBX, whomever it counts; ``end`` tells the rows of two causes apart."""
    return (
        shows(
            f"K4{end}",
            KAMAILIO,
            Stage.RATE,
            acts,
            in_any_status(
                {Outcome.FORBIDDEN: 0.5, Outcome.UNAVAILABLE: 0.3, Outcome.UNAVAILABLE_RETRY_AFTER: 0.2}
            ),
            "Within each window the first N pass; the rest gets 403, 503 or what is set, before login.",
            measured("Kamailio 5.6.3 pipelimit, K4"),
        ),
        shows(
            f"O2{end}",
            OPENSIPS,
            Stage.RATE,
            acts,
            in_any_status({Outcome.UNAVAILABLE: 0.7, Outcome.FORBIDDEN: 0.3}),
            "503 Server Unavailable from ratelimit.",
            read("OpenSIPS ratelimit README, O2"),
        ),
        shows(
            f"V19{end}",
            FOREIGN | ASTERISK | FREESWITCH,
            Stage.RATE,
            acts,
            _IN_FRONT,
            "A limit in front of the PBX, or a carrier's.",
            vendor("Telnyx D24, V19; FortiGate V23; V24"),
        ),
        shows(
            f"V24{end}",
            ASTERISK | FREESWITCH,
            Stage.RATE,
            acts,
            SILENT,
            "A firewall in front drops what comes above a rate.",
            vendor("iptables hashlimit recipes, V24"),
            weight=0.5,
        ),
    )
