"""What storm will not do, whatever it is told (design section 3, decision 12)."""

from __future__ import annotations

import ipaddress

from shiftline.errors import ConfigurationError
from shiftline.storm.plan import ClosedLoop, Plan

HIGHEST_RATE, PUBLIC_RATE = 100_000.0, 1_000.0
"""Flows per second, on a private network and on a public address."""
MOST_CONCURRENT, PUBLIC_CONCURRENT = 50_000, 1_000
LONGEST_SECONDS = 86_400.0
MOST_FLOWS = 100_000_000
MOST_SOCKETS = 1024
_PRIVATE = tuple(
    ipaddress.ip_network(text)
    for text in (
        "127.0.0.0/8", "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "169.254.0.0/16",
        "::1/128", "fc00::/7", "fe80::/10",
    )
)  # fmt: skip
"""Loopback, RFC 1918, link-local (RFC 3927, RFC 4291), unique local (RFC 4193). Written out: what `ipaddress`
calls private has documentation, benchmark and reserved networks in it, and differs between its versions."""


def require_manners(plan: Plan, may_load: str) -> None:
    """Raise ConfigurationError unless the target may be loaded and the load is within our caps."""
    target = plan.target
    is_private = is_private_address(target.host)
    if not is_private and may_load not in {target.name, target.host, str(target)} - {""}:
        raise ConfigurationError(
            f"{target.name or target} is no private address; storm loads loopback and private ones only.",
            remedy=f"If it is yours to load, say so: --i-may-load {target.name or target}",
        )
    where = "" if is_private else " on a public address"
    most_rate = HIGHEST_RATE if is_private else PUBLIC_RATE
    most_concurrent = MOST_CONCURRENT if is_private else PUBLIC_CONCURRENT
    if isinstance(plan.load, ClosedLoop):
        _require(plan.load.concurrency, most_concurrent, f"flows at a time{where}")
    else:
        _require(plan.load.shape.highest_rate, most_rate, f"flows per second{where}")
    _require(plan.flows or 0, MOST_FLOWS, "flows")
    _require(plan.seconds or 0, LONGEST_SECONDS, "seconds")
    _require(len(plan.sources) * plan.ports, MOST_SOCKETS, "sockets")
    if plan.flows is None and plan.seconds is None:
        raise ConfigurationError("The run has no end.", remedy="Give a number of flows or a duration.")


def is_private_address(host: str) -> bool:
    """Loopback, RFC 1918, unique local and link-local addresses; IPv4 ones within IPv6 too."""
    address = ipaddress.ip_address(host.partition("%")[0])
    inner = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return any((inner or address) in network for network in _PRIVATE)


def _require(wanted: float, most: float, what: str) -> None:
    if wanted > most:
        raise ConfigurationError(
            f"{wanted:,.0f} {what} are more than storm ever does ({most:,.0f}).", remedy="Ask for less."
        )
