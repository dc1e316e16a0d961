"""A phone that is not ours: baresip registers as an agent, and answers our checks itself."""

from __future__ import annotations

import asyncio
import secrets
from asyncio.subprocess import DEVNULL, PIPE, STDOUT
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from tests.support import started

from shiftline.lab.authorized import send_authorized
from shiftline.lab.kamailio import KamailioConfig, KamailioPbx
from shiftline.lab.pbx.agents import Truth
from shiftline.lab.process import end_process, write_private
from shiftline.net.endpoint import SipEndpoint
from shiftline.net.exchange import Exchange
from shiftline.secrets import Secret
from shiftline.sip.digest import DigestAccount, DigestClient
from shiftline.sip.requests import options
from shiftline.sip.uri import SipUri
from shiftline.sip.values import CSeq

pytestmark = [pytest.mark.interop, pytest.mark.usefixtures("kamailio")]

AGENT = "agent0003"
PASSWORD = Secret("secret")
PHONE_HOST = "127.0.0.20"
REGISTERED = b"200 OK"
_SETTINGS = """\
module_path /usr/lib/baresip/modules
module g711.so
module_app account.so
module_app menu.so
net_interface {host}
sip_listen {host}:0
"""


@asynccontextmanager
async def phone(program: str, directory: Path, pbx: KamailioPbx, transport: str) -> AsyncIterator[None]:
    """Run baresip as the agent's phone while the block runs; it is registered when the block begins."""
    host, port = pbx.address
    account = f"<sip:{AGENT}@{host}:{port};transport={transport}>;auth_pass={PASSWORD.reveal()};regint=60\n"
    write_private(directory / "accounts", account.encode())
    write_private(directory / "config", _SETTINGS.format(host=PHONE_HOST).encode())
    write_private(directory / "contacts", b"")
    process = await asyncio.create_subprocess_exec(
        program, "-f", str(directory), stdin=DEVNULL, stdout=PIPE, stderr=STDOUT
    )
    assert process.stdout is not None
    try:
        async with asyncio.timeout(10):
            while REGISTERED not in (line := await process.stdout.readline()):
                assert line, "baresip ended before it was registered"
        yield
    finally:
        await end_process(process)


async def ask(endpoint: SipEndpoint, digest: DigestClient, pbx: KamailioPbx) -> Exchange:
    host, port = pbx.address
    agent = SipUri(scheme="sip", user=AGENT, host=host, port=port)
    sender = SipUri(scheme="sip", user="shiftline", host=host, port=port)
    request = options(agent, from_uri=sender, token=secrets.token_hex)
    return await send_authorized(endpoint, digest, request, pbx.address)


@pytest.mark.parametrize("transport", ["udp", "tcp"])
async def test_an_agent_is_there_when_the_phone_is(
    tmp_path: Path, baresip: str, connector: SipEndpoint, transport: str
) -> None:
    """480 from the PBX before the phone has registered; 200 in the phone's own words afterwards."""
    digest = DigestClient(DigestAccount(username="shiftline", password=PASSWORD), token=secrets.token_hex)
    (tmp_path / "kamailio").mkdir()
    (tmp_path / "phone").mkdir()
    pbx = KamailioPbx(
        KamailioConfig(
            directory=tmp_path / "kamailio", agents={AGENT: Truth.NOT_REGISTERED}, password=PASSWORD
        )
    )
    async with started(pbx):
        before = await ask(connector, digest, pbx)
        async with phone(baresip, tmp_path / "phone", pbx, transport):
            after = await ask(connector, digest, pbx)
    assert before.response is not None
    assert before.response.status == 480
    assert after.response is not None
    assert after.response.status == 200
    speaker = after.response.headers.get("User-Agent") or after.response.headers.get("Server") or ""
    assert speaker.startswith("baresip")
    assert "OPTIONS" in after.response.headers.get_all("Allow")
    assert CSeq.parse(after.response.headers.get("CSeq") or "").method == "OPTIONS"
