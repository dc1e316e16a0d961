"""A small registrar over real UDP, in a process of its own; it counts what came."""

from __future__ import annotations

import multiprocessing
import re
import signal
import socket
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from multiprocessing.connection import Connection

from shiftline.net.tls import TlsSettings, server_context
from shiftline.secrets import Secret
from shiftline.sip.digest import DigestAccount, digest_response, parse_digest
from shiftline.sip.framing import StreamFramer


@dataclass(slots=True)
class Seen:
    """What a server saw: requests by method, and tries of each user with credentials."""

    methods: Counter[str] = field(default_factory=Counter)
    tries: Counter[str] = field(default_factory=Counter)
    sources: Counter[str] = field(default_factory=Counter)


@dataclass(frozen=True, slots=True, kw_only=True)
class Behaviour:
    """``silent_after`` requests it says no more; without ``binds`` it keeps no contact."""

    password: str = "secret"
    host: str = "127.0.0.1"
    judges: bool = True
    """Without it, requests with credentials are never answered: it is very slow to look them up."""
    silent_after: int = 1_000_000
    binds: bool = True
    contact: bytes = b""
    """The row that it tells of whoever is bound, instead of his own."""
    is_stream: bool = False
    certificate: str = ""
    """A PEM file with certificate and key: TLS."""
    closes_after: int = 1_000_000
    """Answers on one connection, which is then closed."""
    garbage_after: int = 1_000_000
    """Answers on one connection, after which nothing on it is SIP."""
    pause_after: int = 1_000_000
    """Messages on one connection, after which it reads nothing for two seconds."""
    silent_user: str = ""
    """Is never answered."""
    stale_every: int = 0
    """Of so many right logins of a user the first is told that its nonce is too old."""


@contextmanager
def registrar(behaviour: Behaviour | None = None) -> Iterator[tuple[int, Seen]]:
    """Gives the port, and what was seen, filled in when the block ends."""
    behaviour = behaviour or Behaviour()
    context = multiprocessing.get_context("fork")
    kind, serve = (socket.SOCK_STREAM, _serve_stream) if behaviour.is_stream else (socket.SOCK_DGRAM, _serve)
    sock = socket.socket(socket.AF_INET6 if ":" in behaviour.host else socket.AF_INET, kind)
    sock.bind((behaviour.host, 0))
    if behaviour.is_stream:
        sock.listen()
    ours, theirs = context.Pipe()
    process = context.Process(target=serve, args=(sock, theirs, behaviour), daemon=True)
    process.start()
    seen = Seen()
    try:
        yield sock.getsockname()[1], seen
    finally:
        sock.close()
        ours.send("end")
        if ours.poll(5.0):
            found = ours.recv()
            seen.methods, seen.tries, seen.sources = found.methods, found.tries, found.sources
        process.join(5.0)
        process.kill()


def _serve(sock: socket.socket, pipe: Connection, behaviour: Behaviour) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    seen, count = Seen(), 0
    bound: dict[bytes, bytes] = {}
    sock.settimeout(0.02)
    while not pipe.poll():
        try:
            data, source = sock.recvfrom(65535)
        except TimeoutError:
            continue
        count += 1
        seen.methods[data.split()[0].decode()] += 1
        seen.sources[source[0]] += 1
        is_quiet = behaviour.silent_user and f"<sip:{behaviour.silent_user}@".encode() in data
        if count <= behaviour.silent_after and not is_quiet:
            reply = _answer(data, seen, behaviour, bound)
            if behaviour.judges or b"\r\nAuthorization:" not in data:
                sock.sendto(reply, source)
    pipe.send(seen)


def _serve_stream(sock: socket.socket, pipe: Connection, behaviour: Behaviour) -> None:
    """One connection after the other."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    seen, bound = Seen(), dict[bytes, bytes]()
    sock.settimeout(0.02)
    while not pipe.poll():
        with suppress(TimeoutError, OSError):
            connection, _ = sock.accept()
            if behaviour.certificate:
                context = server_context(TlsSettings(certificate=behaviour.certificate))
                connection = context.wrap_socket(connection, server_side=True)
            with connection:
                connection.settimeout(0.02)
                _serve_connection(connection, pipe, behaviour, seen, bound)
    pipe.send(seen)


def _serve_connection(
    connection: socket.socket, pipe: Connection, behaviour: Behaviour, seen: Seen, bound: dict[bytes, bytes]
) -> None:
    framer, count = StreamFramer(), 0
    while not pipe.poll() and count < behaviour.closes_after:
        try:
            data = connection.recv(65535)
        except TimeoutError:
            continue
        if not data:
            return
        for message in framer.feed(data):
            assert isinstance(message, bytes)
            seen.methods[message.split()[0].decode()] += 1
            count += 1
            if count == behaviour.pause_after:
                time.sleep(2.0)
            if count > behaviour.garbage_after:
                connection.sendall(b"no sip\r\nat all\r\n\r\n")
            connection.sendall(_answer(message, seen, behaviour, bound))


def _answer(data: bytes, seen: Seen, behaviour: Behaviour, bound: dict[bytes, bytes]) -> bytes:
    method = data.split()[0].decode()
    if method != "REGISTER":
        return _response(data, b"200 OK")
    found = re.search(rb"^Authorization: ([^\r]*)", data, re.MULTILINE)
    if found is None:
        return _response(
            data, b"401 Unauthorized", b'WWW-Authenticate: Digest realm="r", nonce="n", qop="auth"'
        )
    told = parse_digest(found[1].decode())
    seen.tries[told["username"]] += 1
    account = DigestAccount(username=told["username"], password=Secret(behaviour.password))
    if told["response"] != digest_response(account, method, told):
        return _response(
            data, b"401 Unauthorized", b'WWW-Authenticate: Digest realm="r", nonce="n", qop="auth"'
        )
    if behaviour.stale_every and seen.tries[told["username"]] % behaviour.stale_every == 1:
        stale = b'WWW-Authenticate: Digest realm="r", nonce="o", qop="auth", stale=true'
        return _response(data, b"401 Unauthorized", stale)
    user = told["username"].encode()
    if behaviour.binds and b"\r\nContact:" in data:
        bound[user] = re.findall(rb"^Contact:[^\r]*", data, re.MULTILINE)[0]
    return _response(data, b"200 OK", *([behaviour.contact or bound[user]] if user in bound else []))


def _response(request: bytes, status: bytes, *rows: bytes) -> bytes:
    copied = re.findall(rb"^(?:Via|From|To|Call-ID|CSeq):[^\r]*", request, re.MULTILINE)
    return b"\r\n".join([b"SIP/2.0 " + status, *copied, *rows, b"Content-Length: 0", b"", b""])
