"""The practice PBX in the test's own process, over loopback."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from shiftline.lab.pbx.agents import Truth
from shiftline.lab.pbx.config import PracticePbxConfig
from shiftline.lab.pbx.server import serve
from shiftline.secrets import Secret
from shiftline.sip.events import Address

AGENTS = {
    "agent0001": Truth.AVAILABLE,
    "agent0002": Truth.BUSY,
    "agent0003": Truth.NOT_REGISTERED,
    "agent0004": Truth.UNKNOWN,
}
PASSWORD = Secret("secret")
CONFIG = PracticePbxConfig(
    log_path=Path(os.devnull), agents=AGENTS, password=PASSWORD, answer_seconds=(0.001, 0.002)
)
"""One agent of each kind, and a PBX that takes no time to think."""


@asynccontextmanager
async def practice_pbx(config: PracticePbxConfig = CONFIG) -> AsyncIterator[Address]:
    """Its address, while it serves."""
    loop = asyncio.get_running_loop()
    told_to_end, address = asyncio.Event(), loop.create_future()
    serving = loop.create_task(serve(config, told_to_end, address.set_result))
    try:
        await asyncio.wait([serving, address], return_when=asyncio.FIRST_COMPLETED)
        if serving.done():
            await serving
        host, _, port = (await address).rpartition(":")
        yield host, int(port)
    finally:
        told_to_end.set()
        await serving
