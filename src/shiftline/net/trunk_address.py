"""Where a trunk is, and who we are there."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from shiftline.connector.families import GENERIC
from shiftline.net.asking import Speaker
from shiftline.net.endpoint import SipEndpoint
from shiftline.net.package_method import OpenQuestions
from shiftline.net.subscription_driver import NotifyInbox
from shiftline.sip.targets import Target
from shiftline.sip.uri import SipUri


@dataclass(frozen=True, slots=True, kw_only=True)
class TrunkAddress:
    """Where the trunk is, best way first, and who we are there."""

    targets: tuple[Target, ...]
    domain: SipUri
    identity: SipUri
    answer_timeout_seconds: float
    family: str = GENERIC
    contact: SipUri | None = None
    """Where the PBX shall send what is for us, once we are registered; None: our own address."""

    def speaker(self, endpoint: SipEndpoint, inbox: NotifyInbox, token: Callable[[], str]) -> Speaker:
        """Who asks the trunk from this endpoint; ``inbox`` is where its NOTIFYs arrive."""
        contact = endpoint.contact(self.targets[0].transport)
        return Speaker(
            domain=self.domain,
            identity=self.identity,
            token=token,
            questions=OpenQuestions(inbox, contact=contact),
            family=self.family,
        )
