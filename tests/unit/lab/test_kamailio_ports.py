"""Which port the lab's Kamailio takes: one that is free wherever it listens."""

from __future__ import annotations

import socket

import pytest

from shiftline.errors import UnavailableError
from shiftline.lab import kamailio

HOST = "127.0.0.1"


def listener(port: int = 0) -> socket.socket:
    sock = socket.socket()
    sock.bind((HOST, port))
    sock.listen()
    return sock


@pytest.mark.parametrize("above", [0, 1])
def test_a_port_that_tcp_or_tls_has_lost_is_not_taken(above: int) -> None:
    """Free on UDP is not enough."""
    with listener() as taken:
        port = taken.getsockname()[1] - above
        with pytest.raises(UnavailableError, match=f"cannot listen on {HOST}:{port}"):
            kamailio._claim_port(HOST, port, with_tls=True)


def test_another_port_is_tried_when_any_will_do(monkeypatch: pytest.MonkeyPatch) -> None:
    """The first that UDP offers is taken on TCP."""
    claim, tried = kamailio._claim, []

    def claim_once_taken(host: str, port: int, *, with_tls: bool) -> int:
        tried.append(port)
        if len(tried) == 1:
            raise OSError(98, "Address already in use")
        return claim(host, port, with_tls=with_tls)

    monkeypatch.setattr(kamailio, "_claim", claim_once_taken)
    assert kamailio._claim_port(HOST, 0, with_tls=False) > 0
    assert tried == [0, 0]
