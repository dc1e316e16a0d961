"""From the command line of ``shiftline doctor run`` to what is examined, from where, and what may be done."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from ipaddress import ip_address

from shiftline import bootstrap
from shiftline.cli.check.plan import DEFAULT_RATE
from shiftline.cli.doctor.owner import worker_of
from shiftline.cli.doctor.wishes import Wishes, arguments_of, header_of, is_address, refuse_unusable
from shiftline.config import TrunkSettings, load_settings, secret
from shiftline.diagnosis.experiment import Permission, Risk
from shiftline.doctor.examination import Case
from shiftline.doctor.examination.examination import PAUSE_SECONDS
from shiftline.doctor.run import RunPlan
from shiftline.doctor.run_ends import EndsPlan
from shiftline.errors import ConfigurationError, UnavailableError
from shiftline.net.asking import address_of
from shiftline.net.resolver import ANY_ADDRESS, Resolver, source_towards
from shiftline.net.tls import TlsSettings, client_context
from shiftline.sip.digest import DigestAccount
from shiftline.sip.targets import Target
from shiftline.sip.transport import Transport
from shiftline.sip.uri import SipUri
from shiftline.storm.manners import is_private_address

LOOPBACK_SOURCES = ("127.0.0.2", "127.0.0.4")
"""On the loopback every address is ours; stock Kamailio exempts its own from what it limits."""

_SUBSCRIPTIONS = ("reg-event", "presence", "dialog")
"""Methods of a trunk's checks that ask with SUBSCRIBE."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Examined:
    """A plan, and the name under which it is reported."""

    name: str
    plan: RunPlan
    owner: str = ""
    """The worker that sends over the trunk as well."""
    unconsented: str = ""
    """A public server that only ``--i-may-load`` lets be asked. Only a dry run has one: it asks nobody."""
    arguments: str = ""
    """The part of the command line that says whom it is about, to be typed again."""


async def plan_run(wishes: Wishes) -> Examined:
    """Look up what is named. Raises ConfigurationError or UnavailableError with one clear sentence."""
    refuse_unusable(wishes)
    if wishes.trunk is not None:
        examined = await _of_trunk(wishes, wishes.trunk)
    else:
        examined = await _of_server(wishes, wishes.server or "")
    return replace(examined, arguments=arguments_of(wishes))


async def _of_trunk(wishes: Wishes, name: str) -> Examined:
    settings = load_settings(wishes.path)
    trunk = settings.trunk_named(name)
    known = await bootstrap.resolve_trunk(trunk)
    account = None
    if trunk.username:
        account = DigestAccount(username=trunk.username, password=secret(trunk.password_env))
    case = _case(wishes, known.domain, known.targets[0], account)
    case = replace(
        case,
        subscribes=case.subscribes or trunk.method in _SUBSCRIPTIONS,
        present=case.present or _user_of(trunk.control_present, known.domain),
        absent=case.absent or _user_of(trunk.control_absent, known.domain),
    )
    sources = wishes.sources or ([trunk.source] if trunk.source != ANY_ADDRESS else [])
    plan = _plan(wishes, case, known.targets[0], sources, bootstrap.trunk_tls(trunk), trunk)
    owner = await worker_of(settings, name)
    if owner and wishes.allow is None:
        # Loads would be refused to the worker's checks as well, and a limit of theirs taken for ours.
        plan = replace(plan, permission=replace(plan.permission, risk=Risk.HARMLESS))
    unconsented = _unconsented(wishes, known.targets[0], plan.permission.risk, is_configured=True)
    return Examined(name=f"trunk {name}", plan=plan, owner=owner, unconsented=unconsented)


async def _of_server(wishes: Wishes, text: str) -> Examined:
    uri = address_of(text, None)
    server = SipUri(host=uri.host, port=uri.port)
    account = None
    if wishes.user:
        account = DigestAccount(username=wishes.user, password=secret(wishes.password_env))
    try:
        targets = await Resolver().targets(
            uri, source=wishes.sources[0] if wishes.sources else ANY_ADDRESS, named_by="--server"
        )
    except (ConfigurationError, UnavailableError):
        if is_address(uri.host):
            raise
        # A name without an address is a finding, and the doctor says so.
        case = _case(wishes, server, Target(host=uri.host, port=0), account)
        plan = RunPlan(case=case, permission=Permission(), ends=None, budget=wishes.budget)
        return Examined(name=text, plan=plan)
    case = _case(wishes, server, targets[0], account)
    plan = _plan(wishes, case, targets[0], list(wishes.sources), wishes.tls, None)
    unconsented = _unconsented(wishes, targets[0], plan.permission.risk, is_configured=False)
    return Examined(name=text, plan=plan, unconsented=unconsented)


def _case(wishes: Wishes, server: SipUri, target: Target, account: DigestAccount | None) -> Case:
    known_good = None
    if account is not None and wishes.known_good == account.username:
        raise ConfigurationError(
            f"--known-good is {wishes.known_good!r}, the account that is examined: it would tell nothing.",
            remedy="Name another account of the PBX that works, or leave --known-good away.",
        )
    if wishes.known_good:
        known_good = DigestAccount(
            username=wishes.known_good, password=secret(wishes.known_good_password_env)
        )
    return Case(
        server=server,
        address=target.host,
        transport=target.transport,
        account=account,
        known_good=known_good,
        present=_user_of(wishes.present, server),
        absent=_user_of(wishes.absent, server),
        other_address=wishes.public_address,
        other_domains=tuple(wishes.domains),
        other_caller=wishes.caller,
        subscribes=wishes.subscribes,
        working_agent=wishes.agent,
        metadata=tuple(header_of(text) for text in wishes.headers),
    )


def _plan(
    wishes: Wishes,
    case: Case,
    target: Target,
    sources: Sequence[str],
    tls: TlsSettings,
    trunk: TrunkSettings | None,
) -> RunPlan:
    is_here = ip_address(target.host).is_loopback
    if is_here and len(sources) < 2 and ":" not in target.host:
        sources = [*sources, *(one for one in LOOPBACK_SOURCES if one not in sources)][:2]
    own = source_towards(target.address, sources[0] if sources else ANY_ADDRESS)
    second = source_towards(target.address, sources[1]) if len(sources) > 1 else ""
    if target.transport is Transport.TLS:
        client_context(tls)  # what cannot be used is said before anything is sent
    other = Transport.TCP if target.transport is Transport.UDP else Transport.UDP
    port = target.port if target.transport is not Transport.TLS else other.default_port
    allowed = _allowed(wishes, is_here=is_here)
    if not wishes.dry_run:
        _require_consent(wishes, target, allowed, is_configured=trunk is not None)
    rate = trunk.max_rate if trunk is not None and trunk.max_rate > 0 else DEFAULT_RATE
    return RunPlan(
        case=replace(case, has_second_source=bool(second), has_other_transport=True),
        permission=Permission(risk=allowed, patience_seconds=wishes.patience_seconds),
        ends=EndsPlan(
            target=target,
            other=Target(host=target.host, port=port, transport=other, server_name=target.server_name),
            own=own,
            second=second,
            other_address=case.other_address,
            tls=tls,
        ),
        budget=wishes.budget,
        # A question is two requests at most; together they keep to half of the declared rate.
        pause_seconds=max(PAUSE_SECONDS, 4.0 / rate),
    )


def _allowed(wishes: Wishes, *, is_here: bool) -> Risk:
    """The highest class: on the loopback all that rings nobody, else what is harmless, unless told."""
    usual = Risk.MAY_TRIP if is_here else Risk.HARMLESS
    try:
        return usual if wishes.allow is None else Risk.of(wishes.allow)
    except KeyError as error:
        raise ConfigurationError(
            f"There is no risk class {wishes.allow!r}.",
            remedy=f"Choose one of: {', '.join(one.word for one in Risk if one is not Risk.PASSIVE)}.",
        ) from error


def _unconsented(wishes: Wishes, target: Target, allowed: Risk, *, is_configured: bool) -> str:
    """The name of a public server that nobody said is ours to ask; empty if it may be asked."""
    if is_private_address(target.host) or wishes.may_load in {target.server_name, target.host} - {""}:
        return ""
    needs_consent = allowed > Risk.HARMLESS or not is_configured
    return (target.server_name or target.host) if needs_consent else ""


def _require_consent(wishes: Wishes, target: Target, allowed: Risk, *, is_configured: bool) -> None:
    if name := _unconsented(wishes, target, allowed, is_configured=is_configured):
        raise ConfigurationError(
            f"{name} is a public address; the doctor asks only what is yours to ask.",
            remedy=f"If it is, say so: --i-may-load {name}",
        )


def _user_of(text: str, domain: SipUri) -> str:
    return address_of(text, domain).user or "" if text else ""
