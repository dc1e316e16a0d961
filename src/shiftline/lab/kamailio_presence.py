"""Real Kamailio as a presence server, for SUBSCRIBE against software that is not ours.

Stock modules, no database server: `presence` keeps subscriptions and published states in memory,
`pua_reginfo` publishes each registration, and `rls` serves one list, so that the packages presence,
dialog and reg and a list of agents' presence can be asked for. Who is present is what was published or
registered; the lab's own truth has no part in it.
"""

from __future__ import annotations

import asyncio
import re
import secrets
import socket
from asyncio.subprocess import DEVNULL, Process
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

from shiftline.errors import UnavailableError
from shiftline.lab.kamailio import kamailio_program
from shiftline.lab.process import end_process, leashed
from shiftline.net.endpoint import SipEndpoint
from shiftline.sip.requests import options
from shiftline.sip.uri import SipUri

_READY_SECONDS = 10.0
_VERSIONS = {
    "presentity": 5,
    "active_watchers": 12,
    "watchers": 3,
    "xcap": 4,
    "pua": 7,
    "rls_presentity": 1,
    "rls_watchers": 3,
}
"""The tables that the modules of Kamailio 5.6 insist on, though only pua and rls open theirs."""
_VERSION_COLUMNS = "id(int,auto) table_name(string) table_version(int)"
_PUA_COLUMNS = (
    "id(int,auto) pres_uri(string) pres_id(string) event(int) expires(int) desired_expires(int) flag(int) "
    "etag(string) tuple_id(string,null) watcher_uri(string) call_id(string) to_tag(string) from_tag(string) "
    "cseq(int) record_route(string,null) contact(string) remote_contact(string) version(int) "
    "extra_headers(string)"
)
_RLS_COLUMNS = (
    "id(int,auto) rlsubs_did(string) resource_uri(string) content_type(string) presence_state(string) "
    "expires(int) updated(int) auth_state(int) reason(string)"
)
_XCAP_COLUMNS = (
    "id(int,auto) username(string) domain(string) doc(string) doc_type(int) etag(string) source(int) "
    "doc_uri(string) port(int)"
)
_RLS_SERVICES = 8
"""The kind of document in xcap that says what lists there are (RFC 4826 section 4)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KamailioPresenceConfig:
    """A presence server of the lab; everything it writes is below ``directory``."""

    directory: Path
    host: str = "127.0.0.1"
    probe_host: str = "127.0.0.10"
    """From where we ask whether it is up."""
    least_subscription_seconds: int = 0
    """A shorter subscription gets 423."""
    watcher: str = "shiftline"
    """Whose list it is: Kamailio serves a list to its owner only."""
    list_user: str = "everyone"
    members: tuple[str, ...] = ()


class KamailioPresence:
    """Kamailio with presence, dialog and reg on a free port."""

    def __init__(self, config: KamailioPresenceConfig) -> None:
        self._config = config
        self._port = 0
        self._process: Process | None = None

    @property
    def address(self) -> tuple[str, int]:
        """Host and UDP port; known once started."""
        return self._config.host, self._port

    def uri(self, user: str | None) -> SipUri:
        """The address of ``user`` there."""
        return SipUri(user=user, host=self._config.host, port=self._port)

    async def start(self) -> None:
        """Return when it answers. Raises UnavailableError when Kamailio is missing or does not come up."""
        program = kamailio_program()
        if program is None:
            raise UnavailableError(
                "The program kamailio is not installed.", remedy="Install it (apt install kamailio)."
            )
        self._port = _free_port(self._config.host)
        directory = self._config.directory
        _write_files(self._config, self._port)
        command = [program, "-f", str(directory / "kamailio.cfg"), "-DD", "-E", "-m", "64", "-M", "8"]
        command += ["-w", str(directory), "-Y", str(directory)]
        with self._log_path.open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                *leashed(command), stdin=DEVNULL, stdout=log, stderr=log
            )
        try:
            await self._wait_ready()
        except BaseException:  # also a cancelled start leaves nothing running
            await self.stop()
            raise

    async def stop(self) -> None:
        """End Kamailio; harmless when it does not run."""
        if self._process:
            await end_process(self._process)
            self._process = None

    @property
    def _log_path(self) -> Path:
        return self._config.directory / "kamailio.log"

    async def _wait_ready(self) -> None:
        assert self._process is not None  # noqa: S101 - set by `start`
        loop = asyncio.get_running_loop()
        deadline = loop.time() + _READY_SECONDS
        async with await SipEndpoint.open(local_host=self._config.probe_host) as probe:
            while loop.time() < deadline and self._process.returncode is None:
                asked = options(self.uri(None), from_uri=self.uri("lab"), token=lambda: secrets.token_hex(8))
                if (await probe.request(asked, self.address, timeout_seconds=0.1)).response is not None:
                    return
        raise UnavailableError(
            f"Kamailio did not come up on port {self._port}.",
            remedy=f"Its own words are in {self._log_path}.",
        )


def _free_port(host: str) -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as claim:
        claim.bind((host, 0))
        return int(claim.getsockname()[1])


def _write_files(config: KamailioPresenceConfig, port: int) -> None:
    tables = config.directory / "tables"
    tables.mkdir(parents=True, exist_ok=True)
    versions = [f"{number}:{name}:{version}" for number, (name, version) in enumerate(_VERSIONS.items(), 1)]
    (tables / "version").write_text("\n".join([_VERSION_COLUMNS, *versions, ""]))
    (tables / "pua").write_text(f"{_PUA_COLUMNS}\n")
    (tables / "rls_presentity").write_text(f"{_RLS_COLUMNS}\n")
    (tables / "xcap").write_text(f"{_XCAP_COLUMNS}\n{_list_row(config)}\n")
    words = {
        "LAB_HOST": config.host,
        "LAB_PORT": str(port),
        "LAB_TABLES": str(tables),
        "LAB_LIST": config.list_user,
        "LAB_LEAST": str(config.least_subscription_seconds),
    }
    text = files("shiftline.lab").joinpath("kamailio_presence.cfg").read_text()
    (config.directory / "kamailio.cfg").write_text(re.sub("LAB_[A-Z]+", lambda found: words[found[0]], text))


def _list_row(config: KamailioPresenceConfig) -> str:
    """The list as a row of table xcap; colons separate the columns of db_text."""
    entries = "".join(f'<rl:entry uri="sip:{user}@{config.host}"/>' for user in config.members)
    document = (
        '<?xml version="1.0"?><rls-services xmlns="urn:ietf:params:xml:ns:rls-services" '
        'xmlns:rl="urn:ietf:params:xml:ns:resource-lists">'
        f'<service uri="sip:{config.list_user}@{config.host}">'
        f'<list name="agents">{entries}</list><packages><package>presence</package></packages></service>'
        "</rls-services>"
    )
    escaped = document.replace("\\", "\\\\").replace(":", "\\:")
    return f"1:{config.watcher}:{config.host}:{escaped}:{_RLS_SERVICES}:etag:0:/index:0"
