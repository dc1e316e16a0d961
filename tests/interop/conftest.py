"""Programs that are not ours: a missing one skips its tests, except in CI, where it fails them."""

from __future__ import annotations

import os
import shutil
import socket
from collections.abc import AsyncIterator

import pytest
from tests import support

from shiftline.lab.kamailio import kamailio_program
from shiftline.net.endpoint import SipEndpoint


def _require(path: str | None, program: str, package: str) -> str:
    if path is None:
        reason = f"{program} is not installed (Debian package {package})"
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)
    return path


@pytest.fixture
def kamailio() -> str:
    """Kamailio's path."""
    return _require(kamailio_program(), "kamailio", "kamailio")


@pytest.fixture
def sipp() -> str:
    """SIPp's path."""
    return _require(shutil.which("sipp"), "sipp", "sip-tester")


@pytest.fixture
def sipsak() -> str:
    """The path of sipsak."""
    return _require(shutil.which("sipsak"), "sipsak", "sipsak")


@pytest.fixture
def baresip() -> str:
    """Baresip's path."""
    return _require(shutil.which("baresip"), "baresip", "baresip-core")


@pytest.fixture
def tshark() -> str:
    """The path of tshark."""
    return _require(shutil.which("tshark"), "tshark", "tshark")


@pytest.fixture
def free_port() -> int:
    """A UDP port on which nobody listens."""
    return support.free_port(socket.SOCK_DGRAM)


@pytest.fixture
async def connector() -> AsyncIterator[SipEndpoint]:
    """Our endpoint at the connector's address."""
    async with await SipEndpoint.open(local_host="127.0.0.2") as endpoint:
        yield endpoint


@pytest.fixture
async def campaigner() -> AsyncIterator[SipEndpoint]:
    """Our endpoint at the campaign's address."""
    async with await SipEndpoint.open(local_host="127.0.0.3") as endpoint:
        yield endpoint
