"""From the command line of ``shiftline check`` to the servers that are asked, and what about."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from ipaddress import ip_address
from pathlib import Path
from typing import get_args

from shiftline import bootstrap
from shiftline.config import PbxFamily, TrunkSettings, load_settings, secret
from shiftline.connector.qualifier import QualificationPolicy
from shiftline.errors import ConfigurationError, UnavailableError
from shiftline.net.asking import AUTO, METHODS, address_of, candidates
from shiftline.net.endpoint import SipEndpoint
from shiftline.net.package_method import PACKAGE_METHODS
from shiftline.net.resolver import ANY_ADDRESS, Resolver, require_own_address, source_towards
from shiftline.net.settings import StreamSettings
from shiftline.net.subscription_driver import NotifyInbox
from shiftline.net.tls import TlsSettings, client_context
from shiftline.sip.digest import DigestAccount, DigestClient
from shiftline.sip.targets import Target, transport_of
from shiftline.sip.trace import TracedMessage
from shiftline.sip.transport import Transport
from shiftline.sip.uri import SipUri

DEFAULT_RATE = 5.0  # requests per second on a real server
LOOPBACK_RATE = 50.0
_SERVER_REMEDY = "Write it like sip:192.0.2.10:5060, sip:HOST;transport=tcp or sips:HOST."


@dataclass(frozen=True, slots=True, kw_only=True)
class Asking:
    """What stands on the command line."""

    uris: Sequence[str]
    trunk: str | None
    server: str | None
    user: str
    password_env: str
    method: str | None
    present: str | None
    absent: str | None
    family: str | None
    source: str | None
    rate: float | None
    tls: TlsSettings
    path: Path
    listed: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AskedServer:
    """One server and the addresses that it is asked about; without ``targets`` its name has no address."""

    uris: Sequence[SipUri]
    targets: Sequence[Target]
    domain: SipUri
    identity: SipUri
    source: str
    tls: TlsSettings
    account: DigestAccount | None
    policy: QualificationPolicy
    rate: float
    listed: SipUri | None = None
    """A list that is asked instead of each address; ``uris`` are the members to be shown, none for all."""

    def digest(self) -> DigestClient | None:
        """What answers its challenges; None without an account."""
        return DigestClient(self.account, token=bootstrap.new_token) if self.account else None


async def open_endpoint(
    server: AskedServer,
    inbox: NotifyInbox,
    on_message: Callable[[TracedMessage], None] | None,
    timeout_seconds: float,
    *,
    accept_tcp: bool,
) -> SipEndpoint:
    """Open our end towards the server; ``accept_tcp`` for methods whose NOTIFY may be too large for UDP."""
    return await SipEndpoint.open(
        local_host=server.source,
        on_request=inbox.on_request,
        on_message=on_message,
        streams=StreamSettings(tls=server.tls, connect_seconds=timeout_seconds, accept_tcp=accept_tcp),
    )


async def find_servers(asking: Asking) -> list[AskedServer]:
    """Look up what is named. Raises ConfigurationError or UnavailableError with one clear sentence."""
    _refuse_contradictions(asking)
    if asking.listed is not None:
        return [await _of_list(asking, asking.listed)]
    if asking.trunk is not None:
        return [await _of_trunk(asking, asking.trunk)]
    policy = QualificationPolicy(methods=candidates(asking.method or "options"), family=_family(asking))
    if asking.server is not None:
        return [await _of_server(asking, asking.server, policy)]
    return await _of_hosts(asking, policy)


async def _of_list(asking: Asking, text: str) -> AskedServer:
    """The server of a list: the one that is named, or the list's own host."""
    method = asking.method
    if asking.trunk is not None and method is None:
        method = load_settings(asking.path).trunk_named(asking.trunk).list_method
    method = method or "presence"
    if method not in PACKAGE_METHODS:
        raise ConfigurationError(
            f"A list cannot be asked by {method!r}.", remedy=f"Choose one of: {', '.join(PACKAGE_METHODS)}."
        )
    asking = replace(asking, method=method)
    if asking.trunk is not None:
        server = await _of_trunk(asking, asking.trunk)
    else:
        policy = QualificationPolicy(methods=(method,), family=_family(asking))
        own = asking.server or str(replace(address_of(text, None), user=None))
        server = await _of_server(asking, own, policy)
    return replace(server, listed=address_of(text, server.domain))


def _refuse_contradictions(asking: Asking) -> None:
    if not asking.uris and asking.listed is None:
        raise ConfigurationError(
            "There is no address to ask about.", remedy="Give SIP URIs, or a file of them: --file agents.txt"
        )
    if asking.trunk is not None and (asking.server is not None or asking.user):
        raise ConfigurationError(
            "--trunk brings its own server and account.",
            remedy="Give either --trunk, or --server and --user.",
        )
    if bool(asking.user) != bool(asking.password_env):
        raise ConfigurationError(
            "--user and --password-env go together.",
            remedy="Put the password into a variable: read -rs SIP_PASSWORD && export SIP_PASSWORD",
        )
    if (asking.present is None) != (asking.absent is None):
        raise ConfigurationError(
            "One control alone proves nothing.", remedy="Give both, --present and --absent."
        )
    if asking.source is not None:
        require_own_address(asking.source, named_by="--source")
    if asking.present is not None and asking.present == asking.absent:
        raise ConfigurationError(
            "Both controls are the same user, which proves nothing.",
            remedy="Give one who is certainly there, and one who certainly is not.",
        )


async def _of_trunk(asking: Asking, name: str) -> AskedServer:
    settings = load_settings(asking.path)
    trunk = settings.trunk_named(name)
    known = await bootstrap.resolve_trunk(trunk)
    policy = bootstrap.qualification_policy(settings, trunk, known.domain)
    if asking.method is not None:
        policy = replace(policy, methods=candidates(asking.method))
    if asking.family is not None:
        policy = replace(policy, family=_family(asking))
    policy = _with_controls(policy, asking, known.domain)
    account = None
    if trunk.username:
        account = DigestAccount(username=trunk.username, password=secret(trunk.password_env))
    return AskedServer(
        uris=[address_of(text, known.domain) for text in asking.uris],
        targets=known.targets,
        domain=known.domain,
        identity=known.identity,
        source=source_towards(known.targets[0].address, asking.source or trunk.source),
        tls=bootstrap.trunk_tls(trunk),
        account=account,
        policy=replace(policy, trust_unqualified=False),
        rate=_trunk_rate(trunk, asking, known.targets),
    )


def _trunk_rate(trunk: TrunkSettings, asking: Asking, targets: Sequence[Target]) -> float:
    declared = trunk.max_rate
    if asking.rate is not None and 0 < declared < asking.rate:
        raise ConfigurationError(
            f"--rate {asking.rate:g} is above this trunk's max_rate of {declared:g}.",
            remedy="Ask more slowly, or change trunk.max_rate.",
        )
    usual = _rate(asking, targets)
    return min(usual, declared) if declared > 0 else usual


async def _of_server(asking: Asking, text: str, policy: QualificationPolicy) -> AskedServer:
    server = address_of(text, None)
    _require_way(server, text)
    domain = SipUri(host=server.host)
    uris = [address_of(one, domain) for one in asking.uris]
    targets = await _look_up(server, asking)
    return _asked(asking, targets, domain, uris, _with_controls(policy, asking, domain))


async def _of_hosts(asking: Asking, policy: QualificationPolicy) -> list[AskedServer]:
    """One server a host, port and transport, in the order of their first address."""
    uris = [address_of(text, None) for text in asking.uris]
    for uri in uris:
        _require_way(uri, str(uri))
    controls = [address_of(text, None) for text in (asking.present, asking.absent) if text is not None]
    servers = {_place(uri): uri for uri in (*uris, *controls)}
    if controls and len(servers) > 1:
        raise ConfigurationError(
            "Controls prove something about one server, and these addresses name several.",
            remedy="Name the server that all are asked through: --server sip:HOST:PORT",
        )
    policy = _with_controls(policy, asking, None)
    asked = []
    for place, server in servers.items():
        mine = [uri for uri in uris if _place(uri) == place]
        targets: Sequence[Target] = ()
        try:
            targets = await _look_up(server, asking)
        except ConfigurationError:
            if len(servers) == 1:
                raise  # otherwise the others can still be asked
        asked.append(_asked(asking, targets, SipUri(host=server.host), mine, policy))
    return asked


def _place(uri: SipUri) -> tuple[str, str, int | None, str]:
    """What two addresses share that are asked about at one server."""
    return uri.scheme, uri.host.lower(), uri.port, (uri.parameter("transport") or "").lower()


def _asked(
    asking: Asking,
    targets: Sequence[Target],
    domain: SipUri,
    uris: Sequence[SipUri],
    policy: QualificationPolicy,
) -> AskedServer:
    account = None
    if asking.user:
        account = DigestAccount(username=asking.user, password=secret(asking.password_env))
    own = asking.source or ANY_ADDRESS
    return AskedServer(
        uris=uris,
        targets=targets,
        domain=domain,
        identity=SipUri(user=asking.user or "shiftline", host=domain.host),
        source=source_towards(targets[0].address, own) if targets else own,
        tls=asking.tls,
        account=account,
        policy=policy,
        rate=_rate(asking, targets),
    )


def _with_controls(policy: QualificationPolicy, asking: Asking, domain: SipUri | None) -> QualificationPolicy:
    if asking.present is not None and asking.absent is not None:
        present, absent = address_of(asking.present, domain), address_of(asking.absent, domain)
        if present.equivalent(absent):
            raise ConfigurationError(
                "Both controls are the same user, which proves nothing.",
                remedy="Give one who is certainly there, and one who certainly is not.",
            )
        policy = replace(policy, controls=(str(present), str(absent)))
    if len(policy.methods) > 1 and policy.controls is None:
        raise ConfigurationError(
            f"--method {AUTO} needs two controls to choose by.",
            remedy=f"Give --present and --absent, or one of: {', '.join(METHODS)}.",
        )
    return policy


def _family(asking: Asking) -> str:
    families: tuple[str, ...] = get_args(PbxFamily)
    if asking.family is not None and asking.family not in families:
        raise ConfigurationError(
            f"There is no family {asking.family!r}.", remedy=f"Choose one of: {', '.join(families)}."
        )
    return asking.family or families[0]


def _require_way(uri: SipUri, text: str) -> None:
    if uri.port == 0:
        raise ConfigurationError(f"{text!r} has port 0, which is no port.", remedy=_SERVER_REMEDY)
    transport_of(uri)  # raises for a transport that we do not have


async def _look_up(server: SipUri, asking: Asking) -> Sequence[Target]:
    try:
        targets = await Resolver().targets(server, source=asking.source or ANY_ADDRESS, named_by=str(server))
    except (ConfigurationError, UnavailableError) as error:
        raise ConfigurationError(
            f"The host {server.host!r} cannot be looked up.",
            remedy="Check the name and the name server, or write the address itself.",
        ) from error
    if any(target.transport is Transport.TLS for target in targets):
        client_context(asking.tls)  # what cannot be used is said before anything is sent
    return targets


def _rate(asking: Asking, targets: Sequence[Target]) -> float:
    is_here = bool(targets) and all(ip_address(target.host).is_loopback for target in targets)
    return asking.rate or (LOOPBACK_RATE if is_here else DEFAULT_RATE)
