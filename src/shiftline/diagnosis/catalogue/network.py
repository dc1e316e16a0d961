"""Causes on the way: network, names, firewalls and address translation."""

from __future__ import annotations

from shiftline.diagnosis.catalogue.cause import Cause, Remedy, Stage, when
from shiftline.diagnosis.catalogue.lengths import longest, with_a_login
from shiftline.diagnosis.catalogue.lists import ANYWHERE, lists
from shiftline.diagnosis.catalogue.words import (
    EVERY,
    LOGGED_IN,
    OWN_SOURCE,
    SILENT,
    read,
    recalled,
    rfc,
    shows,
    spares_others_too,
    vendor,
)
from shiftline.diagnosis.outcome import Outcome
from shiftline.diagnosis.probe import Path, Shape

_PING = "Check with `ping` and `traceroute`, and on the PBX with `tcpdump -n port 5060`."

CAUSES = (
    Cause(
        id="network.unreachable",
        meaning="Nothing of ours reaches the PBX, or the PBX does not run.",
        seen="Time-outs (408) on everything; the trunk never receives an INVITE; failover does not help.",
        tells="Silence or ICMP to every question, from every source, over every transport.",
        refuted_by="Any SIP answer from this address.",
        remedy=Remedy(
            steps=(
                "Look on the PBX whether the SIP process runs and listens: `ss -lnup | grep 5060`.",
                _PING,
                "Compare address and port of the trunk with what the PBX listens on.",
            )
        ),
        sources=("RFC 3261 section 8.1.3.1",),
        signatures=(
            shows(
                "N1",
                EVERY,
                Stage.PATH,
                (when(),),
                {Outcome.SILENCE: 0.6, Outcome.ICMP: 0.2, Outcome.CONNECTION_REFUSED: 0.2},
                "No SIP answer to anything.",
                rfc("RFC 3261 section 8.1.3.1"),
            ),
        ),
        prior=1.5,
    ),
    Cause(
        id="network.filtered",
        meaning="A firewall on the way drops what comes from our address.",
        seen="Time-outs from one server, while another reaches the same PBX.",
        tells="Silence to every question from our source, an answer from another.",
        refuted_by="An answer to our source, or silence to every source.",
        remedy=Remedy(
            steps=(
                "Look for the drop: `iptables -L -n -v` or the firewall's log for our address.",
                (
                    "Look for a ban of our address as well (`fail2ban-client status asterisk`): the two "
                    "look alike from here."
                ),
                "Allow our address to the PBX's SIP port, in both directions.",
            )
        ),
        sources=("fail2ban and iptables recipes, A14, V24", "FortiGate VoIP profiles, V23"),
        signatures=(
            shows(
                "A14",
                EVERY,
                Stage.PATH,
                OWN_SOURCE,
                {Outcome.SILENCE: 0.85, Outcome.ICMP: 0.15},
                "Packets from our address vanish, or an ICMP message comes back.",
                vendor("iptables recipes, A14, V24"),
            ),
            shows(
                "A14w",
                EVERY,
                Stage.PATH,
                (when(),),
                SILENT,
                "Packets from any of our addresses vanish.",
                vendor("FortiGate V23; iptables recipes, V24"),
                0.5,
            ),
        ),
    ),
    Cause(
        id="network.nat-source",
        meaning="Address translation gives our packets another address than the PBX answers to.",
        seen="Time-outs over UDP although the PBX's log shows our requests and its answers.",
        tells=(
            "Silence with the private address in Via, an answer with the public one or over TCP; or a "
            "refusal by address, with an address in `received` that is not ours."
        ),
        refuted_by="An answer to a request with the private address in Via.",
        remedy=Remedy(
            steps=(
                "Set the trunk's `contact` to the public address, or give it a route without translation.",
                (
                    "On the PBX, answer to the packet's source: `force_rport=yes` (PJSIP), "
                    "`nat=force_rport,comedia` (chan_sip), `force_rport()` (Kamailio), `NDLB-force-rport`"
                    " (FreeSWITCH)."
                ),
            )
        ),
        sources=("RFC 3261 section 18.2.2", "RFC 3581"),
        signatures=(
            shows(
                "R18",
                EVERY,
                Stage.PATH,
                (
                    when(0.0, path=Path.OTHER_TRANSPORT),
                    when(0.0, shape=Shape.OTHER_VIA),
                    when(),
                ),
                SILENT,
                "Answers go to the private address that Via names.",
                rfc("RFC 3261 section 18.2.2"),
            ),
            # The list has our address, and the PBX sees another one (V14).
            *lists("n.", *ANYWHERE, weight=0.5, is_of_all=True),
        ),
        prior=0.7,
    ),
    Cause(
        id="network.alg",
        meaning="A router's SIP helper (ALG) rewrites our messages and breaks them.",
        seen="Registration or calls fail over UDP and work over TCP or TLS, or on another port.",
        tells="UDP to port 5060 is refused or garbled, the other transport is not.",
        refuted_by="The same refusal over TLS.",
        remedy=Remedy(
            steps=(
                "Switch the SIP helper of the router off (SIP ALG, SIP fixup, VoIP helper).",
                "Or use TLS, or a port other than 5060: it leaves those alone.",
            )
        ),
        sources=("known in the field, V26",),
        signatures=(
            *spares_others_too(
                shows(
                    "V26a",
                    EVERY,
                    Stage.PATH,
                    (when(path=Path.USUAL),),
                    {Outcome.BAD_REQUEST: 0.6, Outcome.FORBIDDEN: 0.2, Outcome.SILENCE: 0.2},
                    "Rewritten headers are refused.",
                    recalled("known in the field, V26"),
                ),
            ),
            *spares_others_too(
                shows(
                    "V26b",
                    EVERY,
                    Stage.CHALLENGE,
                    (when(path=Path.USUAL, credentials=LOGGED_IN),),
                    {Outcome.CHALLENGE_AGAIN: 0.65, Outcome.FORBIDDEN_AFTER_CHALLENGE: 0.35},
                    "A rewritten request URI or realm spoils every digest.",
                    recalled("known in the field, V26"),
                ),
            ),
        ),
        prior=0.6,
    ),
    Cause(
        id="network.fragmentation",
        meaning="Large messages are split on the way, and the pieces are lost.",
        seen="Short requests work, long ones (many headers, long identities) time out over UDP.",
        tells="Silence above some 1,300 bytes over UDP, an answer to the same over TCP.",
        refuted_by="An answer to a large message over UDP.",
        remedy=Remedy(
            steps=(
                "Use TCP or TLS for the trunk; RFC 3261 section 18.1.1 demands it above 1,300 bytes.",
                "Let the firewall pass fragments, or lower what the messages carry.",
            )
        ),
        sources=("RFC 3261 section 18.1.1",),
        signatures=(
            shows(
                "R18.1.1",
                EVERY,
                Stage.PATH,
                (when(0.97, shape=Shape.LARGE, path=Path.USUAL),),
                SILENT,
                "A message that does not fit into one packet is lost.",
                rfc("RFC 3261 section 18.1.1"),
            ),
            *(
                shows(
                    f"R18.1.1{end}",
                    EVERY,
                    Stage.PATH,
                    acts,
                    SILENT,
                    "A way that takes short packets only: the credentials make the longer requests too long.",
                    rfc("RFC 3261 section 18.1.1; RFC 791: 576 bytes are all that must pass"),
                    weight=0.1,
                )
                for end, acts in (("c", with_a_login((Path.USUAL,))), *longest((Path.USUAL,)))
            ),
        ),
        prior=0.6,
    ),
    Cause(
        id="dns.failure",
        meaning="The name of the PBX does not resolve.",
        seen="Nothing is sent; the log speaks of a name.",
        tells="No address is found, so no question leaves.",
        refuted_by="An address for the name, at the machine that sends.",
        remedy=Remedy(
            steps=(
                (
                    "Ask by hand, on the machine that sends: `dig NAPTR name`, `dig SRV _sip._udp.name`, "
                    "`dig A name`."
                ),
                "Give the trunk an address instead of a name until the records are right.",
            )
        ),
        sources=("RFC 3263",),
        signatures=(
            shows(
                "R3263",
                EVERY,
                Stage.NAME,
                (when(),),
                {Outcome.DNS_FAILURE: 1.0},
                "The resolver finds nothing.",
                rfc("RFC 3263"),
            ),
        ),
    ),
)


def _tls(
    identity: str, outcome: Outcome, meaning: str, seen: str, tells: str, steps: tuple[str, ...]
) -> Cause:
    return Cause(
        id=identity,
        meaning=meaning,
        seen=seen,
        tells=tells,
        refuted_by="A handshake that completes with this server.",
        remedy=Remedy(steps=steps),
        sources=("RFC 3261 section 26.3", "RFC 5922"),
        signatures=(
            shows(
                identity,
                EVERY,
                Stage.TLS,
                (when(0.0, path=Path.OTHER_TRANSPORT), when()),
                {outcome: 1.0},
                "The handshake ends before any SIP is spoken.",
                read("the TLS library's own word"),
            ),
        ),
        prior=0.5,
    )


TLS_CAUSES = (
    _tls(
        "tls.untrusted",
        Outcome.TLS_UNTRUSTED,
        "The PBX's certificate was issued by somebody we do not trust.",
        "TLS trunks fail after a new certificate bundle; 503 during the handshake.",
        "The handshake fails over the issuer, often because an intermediate certificate is missing.",
        (
            "Look at what is sent: `openssl s_client -connect host:5061 -showcerts`.",
            "Have the PBX send its intermediate certificates, or name the issuer in the trunk's `tls_ca`.",
        ),
    ),
    _tls(
        "tls.name",
        Outcome.TLS_NAME,
        "The PBX's certificate is for another name than the one we connect to.",
        "TLS works by address in other programs, and not by the trunk's name.",
        "The names in the certificate do not include the trunk's.",
        (
            "Compare: `openssl s_client -connect host:5061 | openssl x509 -noout -ext subjectAltName`.",
            "Use a name of the certificate for the trunk, or have the certificate issued anew.",
        ),
    ),
    _tls(
        "tls.version",
        Outcome.TLS_VERSION,
        "PBX and Shiftline have no TLS version or cipher in common.",
        "Old PBXs fail after an update on the other side.",
        "The handshake ends with an alert about version or ciphers.",
        (
            "Find the newest version it can do: `openssl s_client -connect host:5061 -tls1_2`.",
            "Update the PBX; versions before TLS 1.2 are not safe to allow.",
        ),
    ),
    _tls(
        "tls.expired",
        Outcome.TLS_EXPIRED,
        "The PBX's certificate has expired, or is not valid yet.",
        "Everything worked until a day, and since then nothing.",
        "The certificate's dates do not include now.",
        (
            "Look: `openssl s_client -connect host:5061 | openssl x509 -noout -dates`.",
            "Renew it on the PBX; check this machine's clock as well.",
        ),
    ),
    _tls(
        "tls.client-certificate",
        Outcome.TLS_CLIENT_CERTIFICATE,
        "The PBX wants a certificate of ours, or does not accept the one we have.",
        "403 or a broken handshake right after certificates were exchanged.",
        "The handshake ends when it is our turn to show a certificate.",
        (
            "Ask the operator which issuer and which name the PBX expects.",
            "Set the trunk's `tls_certificate` and `tls_key`; look for the peer's mapping by subject name.",
        ),
    ),
)
"""A refused certificate is told by our own side, so nothing needs to be inferred."""
