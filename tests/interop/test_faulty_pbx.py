"""The practice PBX with faults of the bank, over real sockets."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from tests.contract.practice_pbx import CONFIG, PASSWORD, practice_pbx
from tests.support import token

from shiftline.lab.authorized import send_authorized
from shiftline.lab.certificates import make_certificates
from shiftline.net.endpoint import SipEndpoint
from shiftline.net.settings import StreamSettings
from shiftline.net.tls import TlsSettings
from shiftline.sip.digest import DigestAccount, DigestClient
from shiftline.sip.events import Address
from shiftline.sip.message import Request
from shiftline.sip.requests import options
from shiftline.sip.transport import Transport
from shiftline.sip.uri import SipUri

pytestmark = pytest.mark.interop


def ask_options(address: Address, user: str | None) -> Request:
    target = SipUri(scheme="sip", user=user, host=address[0], port=address[1])
    return options(target, from_uri=replace(target, user="shiftline"), token=token)


@pytest.mark.parametrize(
    ("fault", "says"),
    [
        ("tls.untrusted", "is not trusted"),
        ("tls.name", "is for another name"),
        ("tls.expired", "has expired"),
        ("tls.client-certificate", "closed the connection"),  # its alert is lost; Kamailio's comes
        ("", ""),
    ],
)
async def test_tls_is_wrong_in_one_way(tmp_path: Path, fault: str, says: str) -> None:
    """Our own TLS says which; without a fault it is right."""
    made = make_certificates(tmp_path, "127.0.0.1", fault)
    config = replace(CONFIG, tls_certificate=str(made.server), tls_authority=str(made.wanted or ""))
    settings = StreamSettings(tls=TlsSettings(ca=str(made.authority)))
    async with (
        practice_pbx(config) as (host, port),
        await SipEndpoint.open(local_host="127.0.0.2", streams=settings) as endpoint,
    ):
        address = host, port + 1
        exchange = await endpoint.request(ask_options(address, None), address, transport=Transport.TLS)
        assert (exchange.response is None) is bool(fault)
        assert says in exchange.failure


async def test_a_family_answers_over_sockets(connector: SipEndpoint) -> None:
    """With its name and its words; the fault is where the truth says."""
    config = replace(CONFIG, personality="freeswitch", fault_ids=("policy.user-agent",), seed=2)
    async with practice_pbx(config) as address:
        client = DigestClient(DigestAccount(username="shiftline", password=PASSWORD), token=token)
        exchange = await send_authorized(connector, client, ask_options(address, "agent0001"), address)
    assert exchange.response is not None
    assert exchange.response.status == 403
    assert (exchange.response.headers.get("User-Agent") or "").startswith("FreeSWITCH-mod_sofia/")


async def test_an_unreachable_pbx_has_its_port_closed(connector: SipEndpoint) -> None:
    """On TCP the system refuses at once."""
    async with practice_pbx(replace(CONFIG, fault_ids=("network.unreachable",))) as address:
        exchange = await connector.request(ask_options(address, None), address, transport=Transport.TCP)
        assert exchange.response is None
        assert "refused" in exchange.failure.lower()
