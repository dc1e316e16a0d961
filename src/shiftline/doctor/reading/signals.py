"""What the network itself says in a capture: ICMP errors about requests, and TLS alerts sent in the clear."""

from __future__ import annotations

from dataclasses import dataclass

from shiftline.doctor.reading.ip import ICMP, ICMP6, UDP
from shiftline.doctor.reading.sighting import Flow, Flows

_UNREACHABLE_4 = {
    0: "network unreachable", 1: "host unreachable", 2: "protocol unreachable", 3: "port unreachable",
    4: "packet too large", 9: "network prohibited", 10: "host prohibited", 13: "prohibited",
}  # fmt: skip
_UNREACHABLE_6 = {0: "no route", 1: "prohibited", 3: "address unreachable", 4: "port unreachable"}
_EXPIRED = "time exceeded on the way"
_ALERT = 0x15
_CERTIFICATE_ALERTS = frozenset({42, 43, 44, 45, 46, 48, 116})
_ALERTS = {
    40: "handshake_failure", 42: "bad_certificate", 43: "unsupported_certificate", 44: "certificate_revoked",
    45: "certificate_expired", 46: "certificate_unknown", 48: "unknown_ca", 70: "protocol_version",
    71: "insufficient_security", 86: "inappropriate_fallback", 112: "unrecognized_name",
    116: "certificate_required",
}  # fmt: skip
_EXPIRED_CERTIFICATE = 45
_KINDS = {70: "tls.version", 71: "tls.version", 86: "tls.version", 112: "tls.name"}


@dataclass(frozen=True, slots=True)
class Bounce:
    """An ICMP error: the request that it quotes, as far as it does, and what became of that."""

    flow: Flow
    data: bytes
    word: str


def bounce_in(protocol: int, message: bytes, flows: Flows) -> Bounce | None:
    """The SIP request in UDP that an ICMP message quotes (RFC 792, RFC 4443); None for any other."""
    if len(message) < 36:
        return None
    kind, code, quoted = message[0], message[1], message[8:]
    if protocol == ICMP and kind in (3, 11):
        start = (quoted[0] & 0x0F) * 4
        is_udp, addresses = quoted[9] == UDP, quoted[12:20]
        word = _UNREACHABLE_4.get(code, "unreachable") if kind == 3 else _EXPIRED
    elif protocol == ICMP6 and kind in (1, 3) and len(quoted) >= 48:
        start = 40
        is_udp, addresses = quoted[6] == UDP, quoted[8:40]
        word = _UNREACHABLE_6.get(code, "unreachable") if kind == 1 else _EXPIRED
    else:
        return None
    ports, data = quoted[start : start + 4], quoted[start + 8 :]
    if not is_udp or not data:
        return None
    return Bounce(flows[addresses + ports], data, word)


def tls_alert_in(payload: bytes, flow: Flow) -> tuple[str, str] | None:
    """Kind of remark and name of a TLS alert in the clear (RFC 8446 section 6).

    The kind is empty for one that has many causes. The end with the lower port is taken for the server:
    what it says of a certificate is said of the client's.
    """
    if len(payload) < 7 or payload[0] != _ALERT or payload[1] != 3 or payload[3:5] != b"\0\2":
        return None
    code = payload[6]
    if code not in _ALERTS:
        return None
    if code in _CERTIFICATE_ALERTS:
        if flow.source_port < flow.target_port:
            return "tls.client-certificate", _ALERTS[code]
        return "tls.expired" if code == _EXPIRED_CERTIFICATE else "tls.untrusted", _ALERTS[code]
    return _KINDS.get(code, ""), _ALERTS[code]
