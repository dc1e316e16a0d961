"""A PBX that wants to be spoken to over another transport."""

from __future__ import annotations

from shiftline.diagnosis.catalogue.cause import Cause, Remedy, Stage, when
from shiftline.diagnosis.catalogue.words import (
    CHAN_SIP,
    ELSEWHERE,
    EVERY,
    FORBIDDEN,
    FORBIDDEN_LOGIN,
    read,
    recalled,
    rfc,
    shows,
    spares_others_too,
)
from shiftline.diagnosis.families import Family
from shiftline.diagnosis.outcome import Outcome
from shiftline.diagnosis.probe import Path

CAUSES = (
    Cause(
        id="policy.transport",
        meaning="The PBX does not take our messages over this transport: it wants UDP, TCP or TLS instead.",
        seen="403 to everything, or nobody listens, until the trunk is moved to another transport.",
        tells="The same question is refused over one transport and passes over another.",
        refuted_by="A request over this transport that was accepted.",
        remedy=Remedy(
            steps=(
                "Set the trunk's `transport` to the one that passes.",
                "Or have the PBX allow ours for the trunk.",
            ),
            by_family={
                Family.KAMAILIO: (
                    "Look for `proto` and `$proto` in kamailio.cfg, and for its `listen` lines.",
                ),
                Family.CHAN_SIP: (
                    (
                        "`transport=udp,tcp,tls` of the peer; the log says `Device not configured to use "
                        "this transport type`."
                    ),
                ),
            },
        ),
        sources=("RFC 3261 sections 18.1 and 26.3; chan_sip C4, C8",),
        signatures=(
            *spares_others_too(
                shows(
                    "R26.3",
                    EVERY,
                    Stage.RULE,
                    (when(path=Path.USUAL),),
                    FORBIDDEN,
                    "403 to whatever comes over this transport.",
                    recalled(
                        "scripts that ask for the transport; RFC 3261 section 26.3 lets policy demand TLS"
                    ),
                ),
            ),
            shows(
                "C4t",
                CHAN_SIP,
                Stage.ACCOUNT_RULE,
                (ELSEWHERE, when(path=Path.USUAL)),
                FORBIDDEN_LOGIN,
                "403 after the login: the peer is not configured for this transport.",
                read("Asterisk chan_sip, C4, C8"),
                weight=0.4,  # few set it for one peer
            ),
            shows(
                "R18.1",
                EVERY,
                Stage.PATH,
                (when(path=Path.USUAL),),
                {Outcome.ICMP: 0.5, Outcome.CONNECTION_REFUSED: 0.5},
                "Nobody listens for this transport.",
                rfc("RFC 3261 section 18.1.1: whoever tries TCP has to be ready for a port that is closed"),
                weight=0.1,  # a port that nobody listens on is far more often that of a PBX that is down
            ),
        ),
        prior=0.6,
    ),
)
