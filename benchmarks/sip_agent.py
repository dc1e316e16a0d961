"""OPTIONS with full transactions, per second of one core, against Kamailio and the practice PBX.

We and the peer each have a core of their own where there are two. The bare byte template, which sends the
same bytes with another number and reads nothing of the answer, shows what sockets and peer allow.
"""

from __future__ import annotations

import asyncio
import os
import secrets
import socket
import tempfile
import time
from asyncio.subprocess import DEVNULL
from collections.abc import AsyncIterator, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table

from shiftline.lab.kamailio import kamailio_program
from shiftline.lab.pbx.config import PracticePbxConfig
from shiftline.lab.pbx.process import PracticePbxProcess
from shiftline.lab.process import end_process
from shiftline.net.endpoint import SipEndpoint
from shiftline.secrets import Secret
from shiftline.sip.requests import options
from shiftline.sip.uri import SipUri

REQUESTS = 20_000
IN_FLIGHT = 64
HOST = "127.0.0.1"

_CONFIGURATION = """#!KAMAILIO
debug=1
log_stderror=yes
children={children}
disable_tcp=yes
auto_aliases=no
listen=udp:{host}:{port}
loadmodule "sl.so"
request_route {{ sl_send_reply("200", "OK"); }}
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One sender against one peer."""

    answered: int
    seconds: float
    cpu_seconds: float

    @property
    def per_second(self) -> float:
        """Answers per second of the clock on the wall."""
        return self.answered / self.seconds

    @property
    def per_cpu_second(self) -> float:
        """Answers per second of our own processor time: what one core of ours can do."""
        return self.answered / self.cpu_seconds


async def run_agent(address: tuple[str, int]) -> Run:
    """Our endpoint: Via, timers, matching, parsed answers, futures; each answer is a 200."""
    target = SipUri(host=address[0], port=address[1])
    left, answered = REQUESTS, 0

    async with await SipEndpoint.open(local_host="127.0.0.2") as endpoint:

        async def ask() -> None:
            nonlocal left, answered
            while left > 0:
                left -= 1
                request = options(target, from_uri=target, token=lambda: secrets.token_hex(8))
                exchange = await endpoint.request(request, address)
                answered += exchange.response is not None and exchange.response.status == 200

        began, spent = time.perf_counter(), time.process_time()
        await asyncio.gather(*[ask() for _ in range(IN_FLIGHT)])
        return Run(
            answered=answered,
            seconds=time.perf_counter() - began,
            cpu_seconds=time.process_time() - spent,
        )


def run_template(address: tuple[str, int]) -> Run:
    """What a sender can do that keeps no state and reads nothing."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.2", 0))
        sock.settimeout(1.0)
        here, there = "{}:{}".format(*sock.getsockname()), "sip:{}:{}".format(*address)
        template = (
            f"OPTIONS {there} SIP/2.0\r\nVia: SIP/2.0/UDP {here};rport;branch=z9hG4bK%d\r\n"
            f"From: <{there}>;tag=%d\r\nTo: <{there}>\r\nCall-ID: %d\r\nCSeq: 1 OPTIONS\r\n"
            "Accept: application/sdp\r\nMax-Forwards: 70\r\nUser-Agent: template\r\nContent-Length: 0\r\n\r\n"
        ).encode()
        began, spent = time.perf_counter(), time.process_time()
        for number in range(IN_FLIGHT):
            sock.sendto(template % (number, number, number), address)
        answered = 0
        for number in range(IN_FLIGHT, REQUESTS + IN_FLIGHT):
            try:
                sock.recv(65535)
            except TimeoutError:
                break
            answered += 1
            if number < REQUESTS:
                sock.sendto(template % (number, number, number), address)
        return Run(
            answered=answered,
            seconds=time.perf_counter() - began,
            cpu_seconds=time.process_time() - spent,
        )


@contextmanager
def on_core(number: int) -> Iterator[None]:
    """Run, and start children, on one core only; on a machine with a single one, nothing changes."""
    before = os.sched_getaffinity(0)
    cores = sorted(before)
    os.sched_setaffinity(0, {cores[number % len(cores)]})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


@asynccontextmanager
async def kamailio(
    program: str, children: int, configuration: str = _CONFIGURATION, *, shared_mib: int = 256
) -> AsyncIterator[tuple[str, int]]:
    """A bare Kamailio: it reads, answers statelessly and does nothing else, if no configuration is given.

    ``shared_mib``: its shared memory, where bindings are kept, about a KiB for each.
    """
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as claim:
        claim.bind((HOST, 0))
        port = int(claim.getsockname()[1])
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / "kamailio.cfg"
        path.write_text(configuration.format(children=children, host=HOST, port=port))
        command = [program, "-f", str(path), "-DD", "-E", "-m", str(shared_mib), "-M", "8"]
        command += ["-Y", directory, "-b", str(4 * 1024 * 1024)]  # as much of it as net.core.rmem_max allows
        with on_core(1):
            process = await asyncio.create_subprocess_exec(
                *command, stdin=DEVNULL, stdout=DEVNULL, stderr=DEVNULL
            )
        try:
            await _wait_for((HOST, port))
            yield HOST, port
        finally:
            await end_process(process)


@asynccontextmanager
async def practice_pbx() -> AsyncIterator[tuple[str, int]]:
    """The lab's own peer, as fast as it can answer."""
    with tempfile.TemporaryDirectory() as directory:
        config = PracticePbxConfig(
            log_path=Path(directory) / "pbx.log",
            agents={},
            password=Secret("secret"),
            refusal_seconds=(0.0, 0.0),
        )
        pbx = PracticePbxProcess(config)
        with on_core(1):
            await pbx.start()
        try:
            yield pbx.address
        finally:
            await pbx.stop()


async def _wait_for(address: tuple[str, int]) -> None:
    target = SipUri(host=address[0], port=address[1])
    async with await SipEndpoint.open(local_host="127.0.0.2") as endpoint:
        for _ in range(50):
            request = options(target, from_uri=target, token=lambda: secrets.token_hex(8))
            if (await endpoint.request(request, address, timeout_seconds=0.2)).response:
                return
    raise TimeoutError("The peer did not come up.")


async def measure() -> list[tuple[str, Run, Run]]:
    """Each peer with our agent and with the template, one straight after the other."""
    peers: list[tuple[str, AbstractAsyncContextManager[tuple[str, int]]]] = [("practice PBX", practice_pbx())]
    if program := kamailio_program():
        peers += [(f"Kamailio, children={count}", kamailio(program, count)) for count in (1, 2)]
    results = []
    for name, peer in peers:
        async with peer as address:
            with on_core(0):
                results.append((name, await run_agent(address), run_template(address)))
    return results


def main() -> None:
    """Print the table."""
    table = Table(title=f"OPTIONS with full transactions, {REQUESTS:,} of them, {IN_FLIGHT} in flight")
    for column in ("peer", "agent/s", "per CPU-s", "bytes/s", "per CPU-s", "CPU ratio", "answered"):
        table.add_column(column, justify="left" if column == "peer" else "right")
    for name, agent, template in asyncio.run(measure()):
        table.add_row(
            name,
            f"{agent.per_second:,.0f}",
            f"{agent.per_cpu_second:,.0f}",
            f"{template.per_second:,.0f}",
            f"{template.per_cpu_second:,.0f}",
            f"{agent.per_cpu_second / template.per_cpu_second:.2f}",
            f"{agent.answered / REQUESTS:.2%}",
        )
    Console().print(table)


if __name__ == "__main__":
    main()
