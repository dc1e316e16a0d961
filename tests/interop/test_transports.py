"""UDP, TCP and TLS, over IPv4 and IPv6, against programs that are not ours."""

from __future__ import annotations

import asyncio
import socket
from asyncio.subprocess import DEVNULL, PIPE
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import trustme
from tests.support import free_port, started, token

from shiftline.lab.authorized import send_authorized
from shiftline.lab.kamailio import KamailioConfig, KamailioPbx
from shiftline.lab.pbx.agents import Truth
from shiftline.lab.pbx.config import PracticePbxConfig
from shiftline.lab.pbx.process import PracticePbxProcess
from shiftline.net.endpoint import SipEndpoint
from shiftline.net.settings import StreamSettings
from shiftline.net.tls import TlsSettings
from shiftline.secrets import Secret
from shiftline.sip.digest import DigestAccount, DigestClient
from shiftline.sip.events import RequestReceived
from shiftline.sip.message import response_to
from shiftline.sip.requests import options, register_query
from shiftline.sip.transport import Transport
from shiftline.sip.uri import SipUri

pytestmark = pytest.mark.interop

SCENARIOS = Path(__file__).parent / "sipp"
AGENTS = {"agent0003": Truth.NOT_REGISTERED}
PASSWORD = Secret("secret")
NAME = "pbx.test"
SOURCES = {"127.0.0.1": "127.0.0.2", "::1": "::1"}


def certificate(directory: Path) -> tuple[str, str]:
    """A PEM file with certificate and key for ``NAME``, and its authority's."""
    authority = trustme.CA()
    own, ca = directory / "pbx.pem", directory / "ca.pem"
    authority.issue_cert(NAME).private_key_and_cert_chain_pem.write_to_path(str(own))
    authority.cert_pem.write_to_path(str(ca))
    return str(own), str(ca)


@asynccontextmanager
async def a_pbx(engine: str, host: str, directory: Path, own: str) -> AsyncIterator[tuple[str, int]]:
    pbx: KamailioPbx | PracticePbxProcess
    if engine == "kamailio":
        pbx = KamailioPbx(
            KamailioConfig(
                directory=directory, agents=AGENTS, password=PASSWORD, host=host, tls_certificate=own
            )
        )
    else:
        pbx = PracticePbxProcess(
            PracticePbxConfig(
                log_path=directory / "pbx.log",
                agents=AGENTS,
                password=PASSWORD,
                host=host,
                tls_certificate=own,
            )
        )
    async with started(pbx):
        yield pbx.address


@pytest.mark.parametrize("host", SOURCES)
@pytest.mark.parametrize("engine", ["practice", "kamailio"])
async def test_every_transport_is_understood(
    tmp_path: Path, engine: str, host: str, request: pytest.FixtureRequest
) -> None:
    """OPTIONS, and a REGISTER query with credentials, by UDP, TCP and TLS, each answered as it should be."""
    if engine == "kamailio":
        request.getfixturevalue("kamailio")
    own, ca = certificate(tmp_path)
    streams = StreamSettings(tls=TlsSettings(ca=ca))
    answers: dict[Transport, list[int | None]] = {}
    async with (
        a_pbx(engine, host, tmp_path, own) as (_, port),
        await SipEndpoint.open(local_host=SOURCES[host], streams=streams) as endpoint,
    ):
        for transport in Transport:
            destination = (host, port + 1 if transport is Transport.TLS else port)
            written = f"[{host}]" if ":" in host else host
            registrar = SipUri(host=written, port=destination[1])
            agent = SipUri(user="agent0003", host=written, port=destination[1])
            digest = DigestClient(DigestAccount(username="shiftline", password=PASSWORD), token=token)
            exchanges = [
                await send_authorized(
                    endpoint, digest, message, destination, transport=transport, server_name=NAME
                )
                for message in (
                    options(registrar, from_uri=agent, token=token),
                    register_query(agent, registrar=registrar, token=token),
                )
            ]
            answers[transport] = [each.response.status if each.response else None for each in exchanges]
            assert [each.failure for each in exchanges] == ["", ""]
    assert answers == {transport: [200, 200] for transport in Transport}


async def test_a_certificate_that_kamailio_shows_must_be_trusted(
    tmp_path: Path, kamailio: str, connector: SipEndpoint
) -> None:
    """The connection is refused with the reason, and nothing was asked."""
    own, _ = certificate(tmp_path)
    async with a_pbx("kamailio", "127.0.0.1", tmp_path, own) as (host, port):
        target = SipUri(host=host, port=port + 1)
        exchange = await connector.request(
            options(target, from_uri=target, token=token),
            (host, port + 1),
            transport=Transport.TLS,
            server_name=NAME,
        )
    assert exchange.failure.startswith(f"The certificate of {NAME} is not trusted")


async def test_sipp_answers_over_tcp(tmp_path: Path, sipp: str, connector: SipEndpoint) -> None:
    """SIPp cuts our stream into messages and we cut its own, many requests on one connection."""
    host = "127.0.0.5"
    port = free_port(socket.SOCK_STREAM, host)
    command = [sipp, "-sf", str(SCENARIOS / "uas_tcp.xml"), "-t", "t1", "-i", host, "-p", str(port)]
    process = await asyncio.create_subprocess_exec(
        *command, "-m", "50", "-timeout", "20", "-nostdin", cwd=tmp_path, stdin=DEVNULL, stdout=PIPE
    )
    target = SipUri(user="agent0001", host=host, port=port)
    try:
        for _ in range(100):  # SIPp does not say when it listens
            first = await connector.request(
                options(target, from_uri=target, token=token), (host, port), transport=Transport.TCP
            )
            if first.response:
                break
            await asyncio.sleep(0.05)
        rest = await asyncio.gather(
            *[
                connector.request(
                    options(target, from_uri=target, token=token), (host, port), transport=Transport.TCP
                )
                for _ in range(49)
            ]
        )
        output, _ = await asyncio.wait_for(process.communicate(), 20)
    finally:
        if process.returncode is None:
            process.kill()
            await process.communicate()
    assert [each.response.status if each.response else None for each in (first, *rest)] == [486] * 50
    assert process.returncode == 0, output.decode(errors="replace")


async def test_sipsak_asks_our_server_side(sipsak: str) -> None:
    """Its OPTIONS is a request like any other, and our answer ends it."""
    heard: list[str] = []

    def accept(endpoint: SipEndpoint, event: RequestReceived) -> None:
        heard.append(event.request.method)
        if event.key is not None:
            endpoint.respond(event.key, response_to(event.request, 200, to_tag="us"))

    async with await SipEndpoint.open(local_host="127.0.0.6", on_request=accept) as endpoint:
        host, port = endpoint.local
        process = await asyncio.create_subprocess_exec(
            sipsak, "-s", f"sip:agent0001@{host}:{port}", stdin=DEVNULL, stdout=PIPE, stderr=PIPE
        )
        output, errors = await asyncio.wait_for(process.communicate(), 20)
    assert process.returncode == 0, (output + errors).decode(errors="replace")
    assert heard == ["OPTIONS"]
