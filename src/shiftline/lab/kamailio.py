"""Real Kamailio as the lab's PBX, started with a generated configuration in a directory of its own.

Its agents are real registrations: the `phones` process registers a contact for each available or busy
agent and answers what Kamailio relays. The incident is Kamailio's own `pipelimit`, TAILDROP with a timer
of 1 s, answering 403 before authentication: N answers per window and key, then 403
(facts: sip-403-signatures 3.1 K4 and 3.8). Other limiters are in `kamailio_limiter`.
"""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import socket
import time
from asyncio.subprocess import DEVNULL, Process
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

from shiftline.errors import ConfigurationError, UnavailableError
from shiftline.governor.limiters.spec import LimiterSpec, parse_limiter
from shiftline.lab import phones
from shiftline.lab.kamailio_change import HOOKS, KamailioFaults
from shiftline.lab.kamailio_faults import hashed_password, kamailio_faults
from shiftline.lab.kamailio_limiter import LimiterWords, limiter_words, throttle_words
from shiftline.lab.other_system import OtherSystem
from shiftline.lab.pbx.agents import CALL_DESTINATION, CAMPAIGN_ACCOUNT, TRUNK_ACCOUNT, Truth, controls_of
from shiftline.lab.pbx.bank.limits import STANDINGS
from shiftline.lab.pbx.bank.wishes import Wishes
from shiftline.lab.pbx.faults import Throttle
from shiftline.lab.pbx_log import RequestRecord, read_log
from shiftline.lab.process import Child, end_process, leashed, write_private
from shiftline.secrets import Secret

_PHONES_ACCOUNT = "phones"
_READY_SECONDS = 10.0
_PORT_TRIES = 20
"""A port that is free on UDP may be taken on TCP, or the next one on TLS."""
_RECEIVE_BUFFER_BYTES = 4 * 1024 * 1024
_CHILDREN = 2
_TABLE_HEADING = "key_name(str) key_type(int) value_type(int) key_value(str) expires(int)"


@dataclass(frozen=True, slots=True, kw_only=True)
class KamailioConfig:
    """A Kamailio of the lab. ``throttle`` must have a window of 1 s: the policer's timer is global."""

    directory: Path
    agents: Mapping[str, Truth]
    password: Secret
    throttle: Throttle | None = None
    limiter: LimiterSpec | None = None
    """Instead of ``throttle``."""
    host: str = "127.0.0.1"
    port: int = 0
    """UDP and TCP; 0: a free one."""
    fault_ids: tuple[str, ...] = ()
    """Faults by the ids of the doctor's catalogue; the seed draws what they need."""
    wishes: Wishes = Wishes()  # noqa: RUF009 - a frozen value
    tls_certificate: str = ""
    """A PEM file with certificate and key. With it, Kamailio listens on TLS too, one port above."""
    tls_authority: str = ""
    """A PEM file: whose certificates clients must show, with the fault that wants some."""
    realm: str = "lab"
    accounts: tuple[str, ...] = (TRUNK_ACCOUNT, CAMPAIGN_ACCOUNT)
    phones_host: str = "127.0.0.10"
    """Where the phones are. Behind a ``host`` of IPv6 there are none: ::1 is all that loopback has."""
    phones_seconds: tuple[float, float] = (0.020, 0.060)
    """A phone answers after so long, drawn evenly between the two."""
    seed: int = 1


class KamailioPbx:
    """A `Pbx`; everything it writes is below ``config.directory``."""

    def __init__(self, config: KamailioConfig) -> None:
        """Raises ConfigurationError for a limiter that Kamailio cannot be, and for a fault it cannot have."""
        if config.throttle and config.throttle.window_seconds != 1.0:
            raise ConfigurationError(
                f"Kamailio's throttle cannot have a window of {config.throttle.window_seconds:g} s.",
                remedy="Use a window of 1 s, or the practice PBX.",
            )
        self._faults = kamailio_faults(config.fault_ids, seed=config.seed, wishes=config.wishes)
        _limiter_words(config, self._faults)  # what Kamailio cannot be is said before anything is started
        self._config = config
        self._port = config.port
        self._process: Process | None = None
        self._phones: Child | None = None
        self._others: asyncio.Task[None] | None = None

    @property
    def truth(self) -> tuple[Mapping[str, object], ...]:
        """The faults, with what was drawn for them."""
        return self._faults.truth

    @property
    def address(self) -> tuple[str, int]:
        """Host and UDP port; known once started."""
        return self._config.host, self._port

    @property
    def log_path(self) -> Path:
        """Kamailio's own log, request lines among it."""
        return self._config.directory / "kamailio.log"

    def log_records(self) -> list[RequestRecord]:
        """Every request so far, the phones' own traffic excepted."""
        return read_log(self.log_path)

    async def start(self) -> None:
        """Return when Kamailio answers and every phone is registered.

        Raises UnavailableError when Kamailio is missing, its port is taken, or it does not come up.
        """
        program = kamailio_program()
        if program is None:
            raise UnavailableError(
                "The program kamailio is not installed.", remedy="Install it (apt install kamailio)."
            )
        self._port = _claim_port(
            self._config.host, self._config.port, with_tls=bool(self._config.tls_certificate)
        )
        _write_files(self._config, self._port, self._faults)
        with self.log_path.open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                *_command(program, self._config.directory), stdin=DEVNULL, stdout=log, stderr=log
            )
        try:
            await self._wait_ready()
            directory = self._config.directory
            if not _is_ipv6(self._config.host):
                self._phones = await Child.start("shiftline.lab.phones", self._phones_config(), directory)
            if failing := self._faults.first("others_every_seconds"):
                other = OtherSystem(self.address, every_seconds=failing.others_every_seconds)
                self._others = asyncio.get_running_loop().create_task(other.fail_for_ever())
        except BaseException:  # also a cancelled start leaves nothing running
            await self.stop()
            raise

    async def stop(self) -> None:
        """End the phones and Kamailio; Kamailio takes about a second for it."""
        if self._others:
            self._others.cancel()
            await asyncio.gather(self._others, return_exceptions=True)
            self._others = None
        if self._phones:
            await self._phones.stop()
            self._phones = None
        if self._process:
            await end_process(self._process)
            self._process = None

    async def _wait_ready(self) -> None:
        assert self._process is not None  # noqa: S101 - set by `start`
        loop = asyncio.get_running_loop()
        deadline = loop.time() + _READY_SECONDS
        host = self._config.host
        with socket.socket(_family(host), socket.SOCK_DGRAM) as probe:
            probe.setblocking(False)  # noqa: FBT003 - the standard library's signature
            probe.bind((host if _is_ipv6(host) else self._config.phones_host, 0))
            while loop.time() < deadline and self._process.returncode is None:
                await loop.sock_sendto(probe, _keepalive(probe.getsockname()[:2], self.address), self.address)
                try:
                    async with asyncio.timeout(0.1):
                        await loop.sock_recv(probe, 4096)
                except TimeoutError:
                    continue
                return
        raise UnavailableError(
            f"Kamailio did not come up on port {self._port}.", remedy=f"Its own words are in {self.log_path}."
        )

    def _phones_config(self) -> phones.PhonesConfig:
        registered = {user: truth for user, truth in self._config.agents.items() if truth.is_registered}
        if self._faults.first("registers_trunk"):
            registered[TRUNK_ACCOUNT] = Truth.AVAILABLE
        return phones.PhonesConfig(
            host=self._config.phones_host,
            registrar=self.address,
            account=_PHONES_ACCOUNT,
            password=self._config.password,
            agents=registered,
            answer_seconds=self._config.phones_seconds,
            seed=self._config.seed,
        )


def kamailio_program() -> str | None:
    """Where Kamailio is; Debian keeps it where an ordinary user's PATH does not look. None: not installed."""
    return shutil.which("kamailio", path=f"{os.environ.get('PATH', '')}:/usr/sbin")


def _is_ipv6(host: str) -> bool:
    return ":" in host


def _family(host: str) -> socket.AddressFamily:
    return socket.AF_INET6 if _is_ipv6(host) else socket.AF_INET


def _written(host: str) -> str:
    """The host as URIs and Kamailio's ``listen`` have it."""
    return f"[{host}]" if _is_ipv6(host) else host


def _claim_port(host: str, port: int, *, with_tls: bool) -> int:
    """The port given, or one that is free wherever Kamailio listens: UDP, TCP, and TLS on the next.

    Kamailio sets SO_REUSEADDR, with which a second server would share a UDP port without a word.
    """
    tries = 1 if port else _PORT_TRIES
    while True:
        tries -= 1
        try:
            return _claim(host, port, with_tls=with_tls)
        except OSError as error:
            if not tries:
                raise UnavailableError(
                    f"Kamailio cannot listen on {host}:{port}: {error.strerror}.",
                    remedy="End the program that uses the port, or choose another port.",
                ) from error


def _claim(host: str, port: int, *, with_tls: bool) -> int:
    with ExitStack() as claims:

        def bind(kind: socket.SocketKind, number: int) -> int:
            claim = claims.enter_context(socket.socket(_family(host), kind))
            if kind is socket.SOCK_STREAM:
                claim.setsockopt(
                    socket.SOL_SOCKET, socket.SO_REUSEADDR, 1
                )  # as Kamailio does after a restart
            claim.bind((host, number))
            return int(claim.getsockname()[1])

        found = bind(socket.SOCK_DGRAM, port)
        bind(socket.SOCK_STREAM, found)
        if with_tls:
            bind(socket.SOCK_STREAM, found + 1)
        return found


def _command(program: str, directory: Path) -> list[str]:
    command = [program, "-f", str(directory / "kamailio.cfg"), "-DD", "-E", "-m", "64", "-M", "8"]
    command += ["-b", str(_RECEIVE_BUFFER_BYTES), "-w", str(directory), "-Y", str(directory)]
    return leashed(command)


def _write_files(config: KamailioConfig, port: int, faults: KamailioFaults) -> None:
    tables = config.directory / "tables"
    tables.mkdir(parents=True, exist_ok=True)
    known = [user for user, truth in config.agents.items() if truth is not Truth.UNKNOWN]
    accounts = (*config.accounts, _PHONES_ACCOUNT, *known)
    write_private(tables / "accounts", _table(_passwords(config, accounts, faults)))
    write_private(tables / "users", _table((name, "known") for name in known))
    if locking := faults.first("wrong"):
        ends_at = round(time.time() + locking.locked_seconds)
        locked = [(TRUNK_ACCOUNT, "1")] if locking.locked_seconds else []
        write_private(tables / "shut", _table(locked, expires=ends_at))
    write_private(config.directory / "kamailio.cfg", _text(config, port, faults).encode())


def _passwords(
    config: KamailioConfig, accounts: Iterable[str], faults: KamailioFaults
) -> Iterator[tuple[str, str]]:
    """What Kamailio takes for each account's password, or for the hash of it."""
    password = config.password.reveal()
    for name in accounts:
        stored = password
        if name == TRUNK_ACCOUNT:
            for change in faults.changes:
                stored = change.password_of_trunk if change.password_of_trunk is not None else stored
        if hashing := faults.first("has_hashes"):
            made_for = config.realm if name == TRUNK_ACCOUNT else hashing.realm
            stored = hashed_password(name, made_for, stored)
        if stored:
            yield name, stored


def _table(rows: Iterable[tuple[str, str]], *, expires: int = 0) -> bytes:
    """A db_text table as module htable loads it: string keys and values; ``expires`` 0: never."""
    lines = (f"{key}:0:0:{_table_text(value)}:{expires}" for key, value in rows)
    return "\n".join([_TABLE_HEADING, *lines, ""]).encode()


def _table_text(value: str) -> str:
    return value.replace("\\", "\\\\").replace(":", "\\:")


def configuration_text(config: KamailioConfig, port: int) -> str:
    """The configuration of this Kamailio: ``kamailio.cfg`` with its LAB_ words filled in."""
    return _text(config, port, kamailio_faults(config.fault_ids, seed=config.seed, wishes=config.wishes))


def _text(config: KamailioConfig, port: int, faults: KamailioFaults) -> str:
    renamed, slowed = faults.first("realm"), faults.first("children")
    words = {
        "LAB_HOST": _written(config.host),
        "LAB_SECURE": str(port + 1),
        "LAB_CERTIFICATE": config.tls_certificate,
        "LAB_AUTHORITY": config.tls_authority,
        "LAB_PORT": str(port),
        "LAB_CHILDREN": str(slowed.children if slowed else _CHILDREN),
        "LAB_REALM": renamed.realm if renamed else config.realm,
        "LAB_HASHED": "1" if faults.first("has_hashes") else "0",
        "LAB_TABLES": str(config.directory / "tables"),
        "LAB_PHONES": config.phones_host,
        "LAB_CALLS": CALL_DESTINATION,
        "LAB_PRESENT": controls_of(config.agents).get("control_present", ""),
    }
    limiter = _limiter_words(config, faults)
    words |= limiter.words
    hooks = {f"LAB_{hook.upper()}": faults.script(hook) for hook in HOOKS}
    defined = [*limiter.defined]
    defined += ["SECURE"] if config.tls_certificate else []
    defined += ["FULL"] if faults.first("registers_trunk") else []
    if only := faults.first("limited_methods"):
        defined.append("METHODS_ONLY")
        words["LAB_METHODS"] = only.limited_methods
    if piped := faults.first("pipe"):
        defined.append("CALLEES_ONLY")
        words["LAB_PIPE"] = piped.pipe
    if standing := faults.first("stands"):
        place = STANDINGS.index(standing.stands)
        defined += ("BEHIND_KEEPALIVE", "REGISTER_EXEMPT")[:place]
    text = files("shiftline.lab").joinpath("kamailio.cfg").read_text()
    for name in defined:
        text = text.replace("#!KAMAILIO", f"#!KAMAILIO\n#!define {name}", 1)
    text = re.sub("LAB_[A-Z]+", lambda found: hooks.get(found[0], found[0]), text)
    return re.sub("LAB_[A-Z]+", lambda found: words.get(found[0], ""), text)


def _limiter_words(config: KamailioConfig, faults: KamailioFaults) -> LimiterWords:
    if limited := faults.first("limiter"):
        return limiter_words(parse_limiter(limited.limiter))
    if config.limiter:
        return limiter_words(config.limiter)
    return throttle_words(config.throttle) if config.throttle else LimiterWords()


def _keepalive(source: tuple[str, int], target: tuple[str, int]) -> bytes:
    """An OPTIONS without user part, which Kamailio answers before any authentication (K19)."""
    here, there = (f"{_written(host)}:{port}" for host, port in (source, target))
    there = f"sip:{there}"
    return (
        f"OPTIONS {there} SIP/2.0\r\nVia: SIP/2.0/UDP {here};branch=z9hG4bKready\r\nMax-Forwards: 70\r\n"
        f"From: <sip:lab@{here}>;tag=ready\r\nTo: <{there}>\r\nCall-ID: ready@{here}\r\nCSeq: 1 OPTIONS\r\n"
        "Content-Length: 0\r\n\r\n"
    ).encode()
