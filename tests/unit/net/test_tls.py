"""TLS on loopback: verification by default, and one clear sentence for each way it fails."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing, suppress
from datetime import UTC, datetime
from pathlib import Path

import pytest
import trustme

from shiftline.errors import ConfigurationError
from shiftline.net.endpoint import SipEndpoint
from shiftline.net.exchange import Exchange
from shiftline.net.settings import StreamSettings
from shiftline.net.tls import TlsSettings, client_context, server_context
from shiftline.sip.events import RequestReceived
from shiftline.sip.message import response_to
from shiftline.sip.requests import options
from shiftline.sip.transport import Transport
from shiftline.sip.uri import SipUri

AGENT = SipUri(user="agent0001", host="pbx.test")
NAME = "pbx.test"
Address = tuple[str, int]


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def ca(authority: trustme.CA, tmp_path: Path) -> str:
    path = tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(str(path))
    return str(path)


def issue(authority: trustme.CA, path: Path, *names: str, expired: bool = False) -> TlsSettings:
    """A certificate and its key in one file."""
    expires = datetime(2020, 1, 1, tzinfo=UTC) if expired else None
    begins = datetime(2019, 1, 1, tzinfo=UTC) if expired else None
    certificate = authority.issue_cert(*names, not_after=expires, not_before=begins)
    certificate.private_key_and_cert_chain_pem.write_to_path(str(path))
    return TlsSettings(certificate=str(path))


def accept(endpoint: SipEndpoint, event: RequestReceived) -> None:
    if event.key is not None:
        endpoint.respond(event.key, response_to(event.request, 200, to_tag="pbx"))


@asynccontextmanager
async def a_pbx(server: TlsSettings, host: str = "127.0.0.1") -> AsyncIterator[Address]:
    settings = StreamSettings(accept_tls=server)
    async with await SipEndpoint.open(local_host=host, on_request=accept, streams=settings) as pbx:
        yield pbx.addresses[Transport.TLS]


@asynccontextmanager
async def refusing(context: ssl.SSLContext) -> AsyncIterator[Address]:
    """A server whose handshake fails, and whose alert leaves, as asyncio's own servers' does not."""

    def serve(listener: socket.socket) -> None:
        accepted, _ = listener.accept()
        accepted.settimeout(5)
        with context.wrap_socket(accepted, server_side=True, do_handshake_on_connect=False) as connection:
            with suppress(ssl.SSLError):
                connection.do_handshake()
            # What is unread at the close would make it a reset, which overtakes the alert.
            socket.socket.shutdown(connection, socket.SHUT_WR)
            with suppress(ConnectionError):
                while socket.socket.recv(connection, 4096):
                    pass

    with closing(socket.create_server(("127.0.0.1", 0))) as listener:
        listener.settimeout(5)
        serving = asyncio.get_running_loop().run_in_executor(None, serve, listener)
        yield listener.getsockname()
        await serving


async def ask(address: Address, client: TlsSettings, name: str = NAME) -> Exchange:
    host = "::1" if ":" in address[0] else "127.0.0.2"
    request = options(AGENT, from_uri=AGENT, token=lambda: "x")
    async with await SipEndpoint.open(local_host=host, streams=StreamSettings(tls=client)) as endpoint:
        return await endpoint.request(request, address, transport=Transport.TLS, server_name=name)


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
async def test_a_trusted_peer_answers(authority: trustme.CA, ca: str, tmp_path: Path, host: str) -> None:
    """By its name, or by its address where the certificate has one; Via says TLS."""
    async with a_pbx(issue(authority, tmp_path / "pbx.pem", NAME, host), host) as address:
        for name in (NAME, ""):
            exchange = await ask(address, TlsSettings(ca=ca), name)
            assert exchange.failure == ""
            assert exchange.response is not None
    assert (exchange.request.headers.get("Via") or "").startswith("SIP/2.0/TLS ")


async def test_an_untrusted_certificate_is_refused(authority: trustme.CA, tmp_path: Path) -> None:
    """By default only the system's authorities are trusted; the remedy names the key to set."""
    async with a_pbx(issue(authority, tmp_path / "pbx.pem", NAME)) as address:
        exchange = await ask(address, TlsSettings())
    assert exchange.response is None
    assert exchange.failure.startswith("The certificate of pbx.test is not trusted: ")
    assert "trunk.tls_ca" in exchange.failure


async def test_an_untrusted_certificate_is_taken_when_told(authority: trustme.CA, tmp_path: Path) -> None:
    """verify = false is said explicitly or not at all."""
    async with a_pbx(issue(authority, tmp_path / "pbx.pem", NAME)) as address:
        exchange = await ask(address, TlsSettings(verify=False))
    assert exchange.response is not None


async def test_a_wrong_name_is_refused(authority: trustme.CA, ca: str, tmp_path: Path) -> None:
    """A good certificate of somebody else is no proof."""
    async with a_pbx(issue(authority, tmp_path / "pbx.pem", "other.test")) as address:
        exchange = await ask(address, TlsSettings(ca=ca))
    assert exchange.failure == (
        "The certificate of pbx.test is for another name."
        " Write the name of the certificate into trunk.address."
    )


async def test_an_expired_certificate_is_refused(authority: trustme.CA, ca: str, tmp_path: Path) -> None:
    """With the two things that can be the matter."""
    async with a_pbx(issue(authority, tmp_path / "pbx.pem", NAME, expired=True)) as address:
        exchange = await ask(address, TlsSettings(ca=ca))
    assert exchange.failure == (
        "The certificate of pbx.test has expired. Have it renewed, and check the clocks of both sides."
    )


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
async def test_a_peer_can_want_our_certificate(
    authority: trustme.CA, ca: str, tmp_path: Path, version: ssl.TLSVersion, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With one it answers; without, the sentence says what is missing, in TLS 1.2 and 1.3 alike."""
    server = issue(authority, tmp_path / "pbx.pem", NAME)
    settings = TlsSettings(certificate=server.certificate, ca=ca)
    ours = issue(authority, tmp_path / "us.pem", "us.test")

    def limited(settings: TlsSettings) -> ssl.SSLContext:
        context = client_context(settings)
        context.maximum_version = version
        return context

    monkeypatch.setattr("shiftline.net.stream.client_context", limited)
    async with refusing(server_context(settings)) as address:
        refused = await ask(address, TlsSettings(ca=ca))
    async with a_pbx(settings) as address:
        taken = await ask(address, TlsSettings(ca=ca, certificate=ours.certificate))
    assert refused.response is None
    assert "it may want a client certificate. Set trunk.tls_certificate" in refused.failure
    assert taken.response is not None


async def test_an_old_version_is_refused(authority: trustme.CA, ca: str, tmp_path: Path) -> None:
    """A peer that has nothing newer than TLS 1.1 is named as that."""
    context = server_context(issue(authority, tmp_path / "pbx.pem", NAME))
    context.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED
    with pytest.warns(DeprecationWarning, match="TLSv1_1"):
        context.maximum_version = ssl.TLSVersion.TLSv1_1
    context.set_ciphers("ALL:@SECLEVEL=0")
    async with refusing(context) as address:
        exchange = await ask(address, TlsSettings(ca=ca))
    assert exchange.failure == (
        "pbx.test speaks no TLS that is safe; 1.2 is the oldest we take."
        " Have TLS 1.2 or 1.3 switched on there."
    )


async def test_a_port_without_tls_is_named(ca: str) -> None:
    """SIP over TCP on a port that was to be TLS."""

    async def greet(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"SIP/2.0 400 Bad Request\r\n\r\n")
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(greet, "127.0.0.1", 0)
    exchange = await ask(server.sockets[0].getsockname(), TlsSettings(ca=ca))
    server.close()
    assert exchange.failure.startswith("pbx.test does not speak TLS on this port.")


async def test_another_name_at_the_same_address_is_verified_anew(
    authority: trustme.CA, ca: str, tmp_path: Path
) -> None:
    """A connection proves the name it was made to, and no other."""
    request = options(AGENT, from_uri=AGENT, token=lambda: "x")
    async with (
        a_pbx(issue(authority, tmp_path / "pbx.pem", NAME)) as address,
        await SipEndpoint.open(streams=StreamSettings(tls=TlsSettings(ca=ca))) as client,
    ):
        outcomes = [
            await client.request(request, address, transport=Transport.TLS, server_name=name)
            for name in (NAME, "other.test", NAME)
        ]
    assert [exchange.response is not None for exchange in outcomes] == [True, False, True]
    assert "for another name" in outcomes[1].failure


async def test_names_at_one_address_are_kept_apart_while_connecting(
    authority: trustme.CA, ca: str, tmp_path: Path
) -> None:
    """Requests to two names that leave at once do not share the connection that one of them proves."""
    request = options(AGENT, from_uri=AGENT, token=lambda: "x")
    async with (
        a_pbx(issue(authority, tmp_path / "pbx.pem", NAME)) as address,
        await SipEndpoint.open(streams=StreamSettings(tls=TlsSettings(ca=ca))) as client,
    ):
        outcomes = await asyncio.gather(
            *[
                client.request(request, address, transport=Transport.TLS, server_name=name)
                for name in (NAME, "other.test", NAME)
            ]
        )
    assert [exchange.response is not None for exchange in outcomes] == [True, False, True]


async def test_unusable_files_fail_the_request() -> None:
    """Where nobody looked at them before, the request tells."""
    exchange = await ask(("127.0.0.1", 9), TlsSettings(ca="nowhere.pem"))
    assert exchange.failure.startswith("The file nowhere.pem cannot be used for TLS")


@pytest.mark.parametrize("content", [None, "no certificate at all"])
def test_an_unusable_file_is_the_configurations_fault(tmp_path: Path, content: str | None) -> None:
    """The sentence names the file and what must be in it."""
    path = tmp_path / "file.pem"
    if content is not None:
        path.write_text(content)
    for settings in (TlsSettings(ca=str(path)), TlsSettings(certificate=str(path))):
        with pytest.raises(ConfigurationError, match=rf"{path} cannot be used for TLS: .*as PEM"):
            client_context(settings)


def test_the_oldest_version_is_tls_1_2() -> None:
    """On the client's side, with the system's authorities."""
    context = client_context(TlsSettings())
    assert context.minimum_version is ssl.TLSVersion.TLSv1_2
    assert context.verify_mode is ssl.CERT_REQUIRED
    assert context.check_hostname
