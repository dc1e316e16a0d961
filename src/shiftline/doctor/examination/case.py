"""What is examined: a server, an account, and whatever else there is to ask with."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from shiftline.diagnosis.experiment import Means
from shiftline.sip.digest import DigestAccount
from shiftline.sip.transport import Transport
from shiftline.sip.uri import SipUri

INVENTED_AGENT = "PolycomVVX-VVX_411-UA/6.3.1"
"""The User-Agent of a desk phone: what most lists let pass, where none is known to work."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """What the person who runs the doctor knows. Empty values are unknown, and not asked with."""

    server: SipUri
    """The server as the trunk names it, without a user: the Request-URI of what asks the server itself."""
    address: str
    """The numeric address that requests go to."""
    transport: Transport = Transport.UDP
    """The usual one; the other is TCP for UDP, and UDP for the others."""
    domain: str = ""
    """The host in From and To; empty: the server's."""
    account: DigestAccount | None = None
    caller: str = ""
    """The user in From and To; empty: the account's name."""
    known_good: DigestAccount | None = None
    present: str = ""
    """A user who is known to be there."""
    absent: str = ""
    """A user who is real and known not to be there."""
    has_second_source: bool = False
    has_other_transport: bool = False
    other_address: str = ""
    """A public address to write in Via and Contact, as the PBX's lists may have it."""
    other_domains: tuple[str, ...] = ()
    """Domains that the PBX may serve, besides the usual one."""
    other_caller: str = ""
    """A name or number that From may have to carry."""
    working_agent: str = ""
    """The User-Agent of a client that works."""
    subscribes: bool = False
    """Whether the trunk's checks are subscriptions: only then does a refused SUBSCRIBE matter."""
    metadata: tuple[tuple[str, str], ...] = ()
    """Headers that production adds."""
    user_agent: str = "Shiftline/0.1"

    @property
    def other_transport(self) -> Transport:
        """What the path is tried over besides."""
        return Transport.TCP if self.transport is Transport.UDP else Transport.UDP

    @property
    def home(self) -> str:
        """The host in From and To."""
        return self.domain or self.server.host

    @property
    def renamed(self) -> str:
        """Another user for From and To than the usual; empty: none is known."""
        login = self.account.username if self.account else ""
        usual = self.caller or login
        return next((one for one in (self.other_caller, login) if one and one != usual), "")

    def other_hosts(self, heard: Iterable[str] = ()) -> list[str]:
        """What the server may be called besides; ``heard`` are realms that could be hosts."""
        known = (*self.other_domains, *heard, self.address)
        return list(dict.fromkeys(one for one in known if one and one != self.home))

    @property
    def means(self) -> frozenset[Means]:
        """What there is to work with, in the words of the experiments."""
        has = {
            Means.CREDENTIALS: self.account is not None,
            Means.KNOWN_GOOD_ACCOUNT: self.known_good is not None,
            Means.SECOND_SOURCE: self.has_second_source,
            Means.OTHER_TRANSPORT: self.has_other_transport,
            Means.METADATA: bool(self.metadata),
            Means.WORKING_AGENT: bool(self.working_agent),
            Means.OTHER_CALLER: bool(self.renamed),
            Means.OTHER_HOST: bool(self.other_hosts()),
            Means.SERVED_DOMAIN: any(one != self.home for one in self.other_domains),
            Means.CONTROLS: bool(self.present and self.absent),
            Means.SUBSCRIPTIONS: self.subscribes,
            Means.OTHER_ADDRESS: bool(self.other_address),
        }
        return frozenset(means for means, there in has.items() if there)
