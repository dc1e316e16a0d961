"""Reading what a trunk's settings name, before anything is opened."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from shiftline.bootstrap.policies import list_policy, qualification_policy, trunk_tls
from shiftline.config import Settings, TrunkSettings
from shiftline.connector.qualifier import QualificationPolicy
from shiftline.errors import ConfigurationError, MisuseError, ShiftlineError
from shiftline.net.hep import find_collector
from shiftline.net.resolver import Resolver, read_contact, read_trunk_address
from shiftline.net.tls import client_context
from shiftline.net.trunk_address import TrunkAddress
from shiftline.net.trunk_list import ListPolicy
from shiftline.sip.events import Address
from shiftline.sip.transport import Transport
from shiftline.sip.uri import SipUri


async def resolve_trunk(trunk: TrunkSettings) -> TrunkAddress:
    """Read and resolve its ``address``; who we are there is the account, or ``shiftline``.

    Raises ConfigurationError if it is no SIP URI that can be used, its host has no address or a TLS file
    is unusable, UnavailableError if nobody can tell at the moment.
    """
    uri = read_trunk_address(trunk.address)
    domain = SipUri(scheme="sip", user=None, host=trunk.domain or uri.host, port=None)
    try:
        str(domain)
    except MisuseError as error:
        raise ConfigurationError(
            f"trunk.domain is {trunk.domain!r}, which is not a host name.",
            remedy="Write it like pbx.example.com, or leave it empty.",
        ) from error
    targets = await Resolver().targets(uri, source=trunk.source)
    if any(target.transport is Transport.TLS for target in targets):
        client_context(trunk_tls(trunk))
    return TrunkAddress(
        targets=tuple(targets),
        domain=domain,
        identity=SipUri(scheme="sip", user=trunk.username or "shiftline", host=domain.host, port=None),
        answer_timeout_seconds=trunk.answer_timeout_seconds,
        contact=read_contact(trunk.contact),
        family=trunk.family,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class TrunkPlan:
    """A trunk that was found usable, before anything is opened."""

    settings: Settings
    trunk: TrunkSettings
    address: TrunkAddress
    collector: Address | None = None

    @property
    def qualification(self) -> QualificationPolicy:
        """How the trunk's method is qualified."""
        return qualification_policy(self.settings, self.trunk, self.address.domain)

    @property
    def listed(self) -> ListPolicy | None:
        """The trunk's list subscription, if it has one."""
        return list_policy(self.settings, self.trunk, self.address.domain)


def lease_name(trunk: TrunkSettings) -> str:
    """What its owner holds."""
    return f"trunk:{trunk.name}"


async def plan_trunk(settings: Settings, trunk: TrunkSettings) -> TrunkPlan:
    """Read and look up all that a trunk names; raises ShiftlineError for the first thing that is wrong."""
    with _named(trunk, several=len(settings.trunks) > 1):
        address = await resolve_trunk(trunk)
        qualification_policy(settings, trunk, address.domain)
        list_policy(settings, trunk, address.domain)
        return TrunkPlan(
            settings=settings, trunk=trunk, address=address, collector=await find_collector(trunk.hep)
        )


@contextmanager
def _named(trunk: TrunkSettings, *, several: bool) -> Iterator[None]:
    """Have an error say which of several trunks it is about."""
    try:
        yield
    except ShiftlineError as error:
        if several:
            error.message = f"Trunk {trunk.name!r}: {error.message}"
        raise
