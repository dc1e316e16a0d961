"""What a run is to do: the value that the command line, the knee search and every engine process share."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from shiftline.net.tls import TlsSettings
from shiftline.secrets import Secret
from shiftline.sip.transport import Transport
from shiftline.storm.flows import TIMER_F
from shiftline.storm.script import Script
from shiftline.storm.shapes import Shape


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """The server. ``host`` is an address, not a name: one run asks one machine."""

    host: str
    port: int = 5060
    transport: Transport = Transport.UDP
    tls: TlsSettings = field(default_factory=TlsSettings)
    name: str = ""
    """What the user wrote: a host name or the address; a certificate is for it."""

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}"


@dataclass(frozen=True, slots=True, kw_only=True)
class ClosedLoop:
    """So many flows at any time: a new one begins when one ends."""

    concurrency: int = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenLoop:
    """Flows begin at given moments, whatever became of the earlier ones."""

    shape: Shape


@dataclass(frozen=True, slots=True, kw_only=True)
class Mixed:
    """A script, and how often it comes among the others."""

    script: Script
    weight: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """A run. It ends after ``flows`` or after ``seconds``, whichever comes first; one of them is given."""

    target: Target
    load: ClosedLoop | OpenLoop
    mix: tuple[Mixed, ...]
    names: Sequence[str]
    """The users, in turn."""
    passwords: Sequence[Secret | None] = (None,)
    """One for all, or one for each."""
    sources: tuple[str, ...] = ("",)
    """Source addresses; empty: the system's choice."""
    ports: int = 1
    """Source ports per address."""
    flows: int | None = None
    seconds: float | None = None
    fresh_challenge: bool = True
    """Every flow is challenged, as phones are. Else each source answers one nonce with a rising count."""
    timeout_seconds: float = TIMER_F
    silence_seconds: float = 10.0
    """With no answer for so long while some are due, the run stops by itself."""
    scouts: int = 3
    """Users that are tried one after the other before the load begins."""
    processes: int = 1
    batches: bool = True
    """Whether equal messages may leave in one system call; off, a capture here shows each as a packet."""
    checks_bindings: bool = True
    """Whether the server is asked afterwards for what it answered 200 to."""
    tries: Mapping[str, int] | None = None
    """What an earlier run knows of the passwords (`users.User.tries`), so that none is tried too often."""
    watch: int = 0
    """Requests of whom each is kept with its fate (`watching`), for the verdict; 0: none."""
    number: int = 0
    """Which of the processes this plan is for."""

    def shares(self) -> list[Plan]:
        """The plan of each process: users, load and bounds are split, so that together they are this one."""
        count = max(1, min(self.processes, len(self.names)))
        return [self._share(number, count) for number in range(count)]

    def _share(self, number: int, count: int) -> Plan:
        if count == 1:
            return self
        load = self.load
        if isinstance(load, ClosedLoop):
            load = ClosedLoop(concurrency=_part(load.concurrency, number, count))
        else:
            load = OpenLoop(shape=load.shape.share(number, count))
        passwords = self.passwords if len(self.passwords) == 1 else self.passwords[number::count]
        return replace(
            self,
            number=number,
            load=load,
            names=self.names[number::count],
            passwords=passwords,
            flows=None if self.flows is None else _part(self.flows, number, count),
        )


def _part(whole: int, number: int, count: int) -> int:
    return whole // count + (number < whole % count)
