"""What tests of several rings need: tokens, waiting, programs beside us, ports."""

from __future__ import annotations

import asyncio
import secrets
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from itertools import count
from typing import Protocol, TypeVar

Running = TypeVar("Running", bound="Peer")


def token() -> str:
    """An unguessable token, as in production."""
    return secrets.token_hex(8)


def tokens(prefix: str = "t") -> Callable[[], str]:
    """A source of tokens that are the same in every run: t1, t2 and so on."""
    numbers = count(1)
    return lambda: f"{prefix}{next(numbers)}"


async def until(condition: Callable[[], bool], *, seconds: float = 30.0) -> None:
    """Wait until it holds. Raises TimeoutError."""
    async with asyncio.timeout(seconds):
        while not condition():  # noqa: ASYNC110 - the other side is a socket
            await asyncio.sleep(0.01)


class Peer(Protocol):
    """A program beside us: the practice PBX, Kamailio."""

    async def start(self) -> None: ...
    async def stop(self) -> None: ...


@asynccontextmanager
async def started(peer: Running) -> AsyncIterator[Running]:
    """The peer, running while the block runs."""
    await peer.start()
    try:
        yield peer
    finally:
        await peer.stop()


def free_port(kind: socket.SocketKind, host: str = "127.0.0.1") -> int:
    """A port on which nobody listens."""
    with socket.socket(socket.AF_INET, kind) as probe:
        probe.bind((host, 0))
        port: int = probe.getsockname()[1]
        return port
