"""Digest authorizations per second of our client, beside httpx's DigestAuth and the bare hashes."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable
from itertools import count

import httpx
from rich.console import Console
from rich.table import Table

from shiftline.secrets import Secret
from shiftline.sip.digest import Challenge, DigestAccount, DigestClient
from shiftline.sip.message import Response
from shiftline.sip.requests import register_query
from shiftline.sip.uri import SipUri

ROUNDS = 20_000
HASHES = {"MD5": "md5", "SHA-256": "sha256", "SHA-512-256": "sha512_256"}


def per_second(work: Callable[[], object]) -> float:
    """How often ``work`` runs in a CPU second; the best of three."""
    rates = []
    for _ in range(3):
        began = time.process_time()
        for _ in range(ROUNDS):
            work()
        rates.append(ROUNDS / (time.process_time() - began))
    return max(rates)


def ours(challenge: str) -> Callable[[], object]:
    """Authorize a REGISTER with a nonce that is known, as a burst does."""
    numbers = count()
    client = DigestClient(
        DigestAccount(username="agent0001", password=Secret("secret")), token=lambda: f"{next(numbers):016x}"
    )
    request = register_query(
        SipUri(user="agent0001", host="lab"), registrar=SipUri(host="lab"), token=lambda: "t"
    )
    response = Response(401, "")
    response.headers.add("WWW-Authenticate", challenge)
    client.challenged(response, request)
    return lambda: client.authorize(request)


def httpx_does(challenge: str) -> Callable[[], object]:
    """The same through httpx, which knows no SHA-512-256."""
    auth = httpx.DigestAuth("agent0001", "secret")
    request = httpx.Request("GET", "http://lab/")
    flow = auth.auth_flow(request)
    next(flow)
    flow.send(httpx.Response(401, headers={"WWW-Authenticate": challenge}, request=request))
    return lambda: next(auth.auth_flow(httpx.Request("GET", "http://lab/")))


def floor(algorithm: str) -> Callable[[], object]:
    """Two hashes of that length, which no client with a kept key can save."""
    name, text = HASHES[algorithm], b"x" * 90

    def work() -> str:
        hashlib.new(name, text).hexdigest()
        return hashlib.new(name, text).hexdigest()

    return work


def main() -> None:
    """Print the table."""
    table = Table(
        "algorithm", "ours/s", "httpx/s", "ratio", "two bare hashes/s", "ratio", title="Digest, client"
    )
    for algorithm in HASHES:
        challenge = str(Challenge(realm="lab", nonce="n" * 40, algorithm=algorithm, qop=("auth",)))
        rate, bare = per_second(ours(challenge)), per_second(floor(algorithm))
        peer = per_second(httpx_does(challenge)) if algorithm != "SHA-512-256" else None
        beside = (f"{peer:,.0f}", f"{rate / peer:.2f}") if peer else ("-", "-")
        table.add_row(algorithm, f"{rate:,.0f}", *beside, f"{bare:,.0f}", f"{rate / bare:.2f}")
    Console().print(table)


if __name__ == "__main__":
    main()
