"""What a practice PBX is told when it starts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from shiftline.lab.pbx.agents import CAMPAIGN_ACCOUNT, TRUNK_ACCOUNT, Truth
from shiftline.lab.pbx.bank.wishes import Wishes
from shiftline.lab.pbx.bindings import ExpiresLimits
from shiftline.lab.pbx.faults import Faults
from shiftline.lab.process import WrittenSecret


@dataclass(frozen=True, slots=True, kw_only=True)
class PracticePbxConfig:
    """A practice PBX; the same configuration and the same arrivals give the same answers."""

    log_path: Path
    agents: Mapping[str, Truth]
    password: WrittenSecret
    """Of every account and every known agent."""
    faults: Faults = Faults()  # noqa: RUF009 - a frozen value
    personality: str = "practice"
    """Whose manners it has (`personalities`)."""
    fault_ids: tuple[str, ...] = ()
    """Faults of the bank, by the ids of the doctor's catalogue; the seed draws what they need."""
    wishes: Wishes = Wishes()  # noqa: RUF009 - a frozen value
    host: str = "127.0.0.1"
    port: int = 0
    """UDP and TCP; 0: a free one."""
    datagrams_path: Path | None = None
    """A file that gets a line for every UDP datagram, retransmissions too: arrival (seconds since the epoch),
    source, source port."""
    tls_certificate: str = ""
    """A PEM file with certificate and key. With it, the PBX listens on TLS too, one port above."""
    tls_authority: str = ""
    """A PEM file. With it, TLS clients must show a certificate that was signed there."""
    realm: str = "lab"
    algorithm: str = "MD5"
    """MD5 or SHA-256."""
    qop: tuple[str, ...] = ("auth",)
    """The qualities of protection that are good enough: ("auth-int",) demands that bodies be covered."""
    expires: ExpiresLimits = ExpiresLimits()  # noqa: RUF009 - a frozen value
    """What its registrar grants; a shorter wish gets 423."""
    accounts: tuple[str, ...] = (TRUNK_ACCOUNT, CAMPAIGN_ACCOUNT)
    answer_seconds: tuple[float, float] = (0.020, 0.060)
    """Shortest and longest time of an answer that needed authentication; families have their own."""
    refusal_seconds: tuple[float, float] = (0.001, 0.002)
    """The same for an answer before authentication: no database is asked (facts: 3.7)."""
    event_packages: frozenset[str] = frozenset({"presence", "dialog", "reg"})
    """What a SUBSCRIBE may ask for; anything else gets 489. Empty: SUBSCRIBE itself gets 405."""
    list_user: str = "everyone"
    """The user part of the list URI that stands for all agents (RFC 4662)."""
    least_subscription_seconds: int = 0
    """A shorter subscription gets 423; fetches are always let through."""
    notify_first: bool = False
    """The NOTIFY overtakes the answer to its SUBSCRIBE, as on PBXs that work in parallel."""
    seed: int = 1

    def truth(self, user: str | None) -> Truth:
        """What is true of ``user``."""
        return self.agents.get(user or "", Truth.UNKNOWN)
