"""Registrations kept alive by one process: CPU of one core and memory, against a PBX in another process.

The bar: 10,000 at 300 s expiry for 10 minutes, under 10 % of a core and under 200 MB. In full:
``python -m benchmarks.registrations --full``. Without it a short run with about as many refreshes a second.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import resource
import secrets
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

from rich.console import Console
from rich.table import Table

from shiftline.lab.kamailio import KamailioConfig, KamailioPbx, kamailio_program
from shiftline.lab.pbx.agents import Truth
from shiftline.lab.pbx.config import PracticePbxConfig
from shiftline.lab.pbx.process import PracticePbxProcess
from shiftline.net.endpoint import SipEndpoint
from shiftline.net.registrar import Registrar
from shiftline.secrets import Secret
from shiftline.sip.digest import DigestAccount, DigestClient
from shiftline.sip.registration import Binding, Registered, Registration, RegistrationEvent
from shiftline.sip.targets import Target
from shiftline.sip.uri import SipUri

PASSWORD = Secret("secret")
STARTS_PER_SECOND = 150.0
SHORT = ("--registrations", "1500", "--expires", "60", "--seconds", "30")


@dataclass
class Tally:
    """What happened meanwhile."""

    events: Counter[str] = field(default_factory=Counter)
    lapsed: int = 0
    _news: asyncio.Event = field(default_factory=asyncio.Event)

    async def until_registered(self, number: int) -> None:
        """Wait for so many acceptances."""
        while self.events["registered"] < number:
            self._news.clear()
            await self._news.wait()

    def heard(self, _: Registration, event: RegistrationEvent) -> None:
        """Count by kind."""
        self.events["registered" if isinstance(event, Registered) else type(event).__name__] += 1
        self._news.set()


@asynccontextmanager
async def registrar_of(engine: str, agents: dict[str, Truth]) -> AsyncIterator[tuple[str, int]]:
    """A registrar in a process of its own; gives its address."""
    with tempfile.TemporaryDirectory() as folder:
        directory = Path(folder)
        pbx: KamailioPbx | PracticePbxProcess
        if engine == "kamailio":
            pbx = KamailioPbx(KamailioConfig(directory=directory, agents=agents, password=PASSWORD))
        else:
            pbx = PracticePbxProcess(
                PracticePbxConfig(log_path=directory / "pbx.log", agents=agents, password=PASSWORD)
            )
        await pbx.start()
        try:
            yield pbx.address
        finally:
            await pbx.stop()


def registration_of(
    user: str, address: tuple[str, int], local: tuple[str, int], expires: int
) -> Registration:
    """One account of its own, as each of ten thousand has."""
    digest = DigestClient(DigestAccount(username=user, password=PASSWORD), token=new_token)
    binding = Binding(
        aor=SipUri(user=user, host=address[0], port=address[1]),
        registrar=SipUri(host=address[0], port=address[1]),
        contacts=(SipUri(user=user, host=local[0], port=local[1]),),
        expires_seconds=expires,
    )
    return Registration(binding, digest=digest, token=new_token, jitter=JITTER.random)


def new_token() -> str:
    """As the worker draws them."""
    return secrets.token_hex(8)


JITTER = Random(1)


def cpu_seconds() -> float:
    """Of this process, user and system."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


async def keep(number: int, expires: int, seconds: float, engine: str) -> Table:
    """Register all, keep them alive for ``seconds``, and tell what it took."""
    users = [f"agent{n:05d}" for n in range(number)]
    tally = Tally()
    agents = dict.fromkeys(users, Truth.NOT_REGISTERED)
    async with (
        registrar_of(engine, agents) as address,
        await SipEndpoint.open(local_host="127.0.0.2") as endpoint,
    ):
        loop = asyncio.get_running_loop()
        registrar = Registrar(endpoint, on_event=tally.heard)
        began, cpu_before = loop.time(), cpu_seconds()
        registrations = [registration_of(user, address, endpoint.local, expires) for user in users]
        for position, registration in enumerate(registrations):
            registrar.add(registration, [Target.over_udp(address)], at=began + position / STARTS_PER_SECOND)
        await tally.until_registered(number)
        started, cpu_started, sent_started = loop.time(), cpu_seconds(), registrar.sent
        first = min(one.next_due() or started for one in registrations)
        await asyncio.sleep(max(0.0, first - started))  # the quiet time before the first refresh is no figure
        ready, cpu_ready, sent_ready = loop.time(), cpu_seconds(), registrar.sent
        while loop.time() - ready < seconds:
            await asyncio.sleep(5.0)
            now = loop.time()
            tally.lapsed += sum((one.until or 0.0) < now for one in registrations)
        ended, cpu_ended = loop.time(), cpu_seconds()
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        sent = registrar.sent - sent_ready
        await registrar.aclose()
    table = Table("figure", "value", title=f"{number} registrations, {expires} s, against {engine}")
    kept_for = ended - ready
    table.add_row("start: CPU of one core", f"{(cpu_started - cpu_before) / (started - began):.1%}")
    table.add_row("start", f"{started - began:.0f} s, {sent_started} REGISTERs")
    table.add_row("kept alive: CPU of one core", f"{(cpu_ended - cpu_ready) / kept_for:.1%}")
    table.add_row("kept alive", f"{kept_for:.0f} s, {sent} REGISTERs, {sent / kept_for:.0f}/s")
    table.add_row("CPU per REGISTER", f"{(cpu_ended - cpu_ready) / max(sent, 1) * 1e6:.0f} us")
    table.add_row("peak memory (RSS)", f"{peak:.0f} MB")
    table.add_row("lapsed, seen every 5 s", str(tally.lapsed))
    table.add_row("events", ", ".join(f"{count} {name}" for name, count in sorted(tally.events.items())))
    table.add_row("machine", f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}")
    return table


def run_short() -> None:
    """The short run in a process of its own, so that no other benchmark's memory is counted."""
    subprocess.run([sys.executable, "-m", "benchmarks.registrations", *SHORT], check=True)


def main() -> None:
    """Read the arguments and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--registrations", type=int, default=1500)
    parser.add_argument("--expires", type=int, default=60, help="seconds")
    parser.add_argument("--seconds", type=float, default=30.0, help="how long they are kept alive")
    parser.add_argument("--full", action="store_true", help="10,000 at 300 s for 600 s")
    parser.add_argument("--engine", choices=("kamailio", "practice"))
    given = parser.parse_args()
    engine = given.engine or ("kamailio" if kamailio_program() else "practice")
    if given.full:
        given.registrations, given.expires, given.seconds = 10_000, 300, 600.0
    table = asyncio.run(keep(given.registrations, given.expires, given.seconds, engine))
    Console().print(table)


if __name__ == "__main__":
    main()
