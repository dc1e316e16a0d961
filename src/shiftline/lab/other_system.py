"""Another system that shares the trunk's account and has its old password: a ticket desk that dials out."""

from __future__ import annotations

import asyncio
import secrets

from shiftline.lab.authorized import send_authorized
from shiftline.lab.pbx.agents import TRUNK_ACCOUNT
from shiftline.net.endpoint import SipEndpoint
from shiftline.secrets import Secret
from shiftline.sip.digest import DigestAccount, DigestClient
from shiftline.sip.events import Address
from shiftline.sip.requests import register_query
from shiftline.sip.uri import SipUri

OTHER_SOURCE = "127.0.0.6"


def _token() -> str:
    return f"desk-{secrets.token_hex(6)}"


class OtherSystem:
    """Fails to log in, again and again, from an address of its own."""

    def __init__(self, pbx: Address, *, every_seconds: float) -> None:
        self._pbx = pbx
        self._every_seconds = every_seconds

    async def fail_for_ever(self) -> None:
        """Until cancelled. Each attempt is a login of its own, as of a program that never learns."""
        host, port = self._pbx
        account = DigestAccount(username=TRUNK_ACCOUNT, password=Secret("the old one"))
        aor = SipUri(scheme="sip", user=TRUNK_ACCOUNT, host=host, port=port)
        registrar = SipUri(scheme="sip", user=None, host=host, port=port)
        async with await SipEndpoint.open(local_host=OTHER_SOURCE) as endpoint:
            while True:
                request = register_query(aor, registrar=registrar, token=_token)
                await send_authorized(endpoint, DigestClient(account, token=_token), request, self._pbx)
                await asyncio.sleep(self._every_seconds)
