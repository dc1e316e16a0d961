"""From the configuration to what the rooms take: pure translation, and the roster file."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

from shiftline import config
from shiftline.config import Settings, TrunkSettings
from shiftline.connector.qualifier import QualificationPolicy
from shiftline.connector.records import Fallback, TrunkKey
from shiftline.connector.worker import Rhythm
from shiftline.errors import ConfigurationError, SipSyntaxError
from shiftline.net.asking import address_of, candidates
from shiftline.net.tls import TlsSettings
from shiftline.net.trunk_list import ListPolicy
from shiftline.sip.uri import SipUri
from shiftline.trades.deadlines import DeadlinePolicy
from shiftline.trades.decision import DecisionPolicy
from shiftline.trades.model import Verdict
from shiftline.trades.windows import DAYS, PublishWindow
from shiftline.wfm.roster_file import read_roster
from shiftline.wfm.settings import GenesysSettings

SHORTEST_LIST_SECONDS = 60.0  # a shorter subscription is refreshed more often than most PBXs like
LONGEST_LIST_SECONDS = 3600.0


def trunk_key(trunk: TrunkSettings) -> TrunkKey:
    """What this trunk's knowledge is kept under."""
    return TrunkKey(trunk=trunk.name, source=trunk.source, user=trunk.username or "-")


def trunk_serving(settings: Settings) -> Callable[[str], str | None]:
    """Return what tells the trunk on which an agent's SIP address is checked; None: no trunk serves it."""
    rules = [(one, trunk.name) for trunk in settings.trunks for one in trunk.served]
    rest = next((trunk.name for trunk in settings.trunks if not trunk.serves), None)

    def trunk_of(address: str) -> str | None:
        try:
            uri = SipUri.parse(address)
        except SipSyntaxError:
            return rest
        meant = (name for one, name in rules if one.matches(uri.user or "", uri.host))
        return next(meant, rest)

    return trunk_of


def trunk_tls(trunk: TrunkSettings) -> TlsSettings:
    """Whom the trunk trusts, and who we are to it; ConfigurationError if the key's password is missing."""
    return TlsSettings(
        ca=trunk.tls_ca,
        certificate=trunk.tls_certificate,
        key=trunk.tls_key,
        key_password=config.secret(trunk.tls_key_password_env) if trunk.tls_key_password_env else None,
        verify=trunk.tls_verify,
    )


def genesys_settings(settings: Settings) -> GenesysSettings:
    """Translate the configuration for the client; ConfigurationError if the secret is missing."""
    wfm = settings.wfm
    schema, _, attribute = wfm.address_attribute.partition("/")
    return GenesysSettings(
        api_url=wfm.api_url,
        login_url=wfm.login_url,
        client_id=wfm.client_id,
        client_secret=config.secret(wfm.client_secret_env),
        business_unit=wfm.business_unit,
        address_schema=schema,
        address_field=attribute,
        poll_steps_seconds=tuple(wfm.job_poll_seconds * step for step in (1, 2, 4)),
    )


def roster_addresses(settings: Settings) -> dict[str, str]:
    """Read the roster file, if one is configured."""
    return read_roster(Path(settings.wfm.roster_file)) if settings.wfm.roster_file else {}


def decision_policy(settings: Settings) -> DecisionPolicy:
    """The unit's decision table."""
    return DecisionPolicy(
        on_unverifiable=Verdict(settings.policy.on_unverifiable),
        deny_violations=frozenset(settings.policy.deny_violations),
    )


def publish_windows(settings: Settings) -> list[PublishWindow]:
    """The declared publish windows."""
    return [
        PublishWindow(
            weekday=DAYS.index(window.weekday),
            opens=window.opens,
            length=config.length_of(window),
            zone=config.zone_of(window),
        )
        for window in settings.windows
    ]


def qualification_policy(settings: Settings, trunk: TrunkSettings, domain: SipUri) -> QualificationPolicy:
    """How the trunk's method is qualified; ConfigurationError for a control that is no address."""
    windows = publish_windows(settings)
    controls = None
    if trunk.control_present:
        controls = (
            _address("control_present", trunk.control_present, domain),
            _address("control_absent", trunk.control_absent, domain),
        )
    return QualificationPolicy(
        methods=candidates(trunk.method),
        about=f"{trunk.address} {domain.host}",
        controls=controls,
        family=trunk.family,
        valid=timedelta(hours=trunk.qualified_hours),
        trust_unqualified=settings.policy.trust_unqualified,
        in_publish_window=lambda now: any(window.contains(now) for window in windows),
    )


def list_policy(settings: Settings, trunk: TrunkSettings, domain: SipUri) -> ListPolicy | None:
    """The trunk's list subscription, if it has one; ConfigurationError for a list that is no address."""
    controls = qualification_policy(settings, trunk, domain).controls
    if not trunk.list_uri or controls is None:
        return None
    # What the list says counts as taken now: so the PBX must confirm it as often as evidence grows stale.
    seconds = min(max(settings.policy.fresh_seconds, SHORTEST_LIST_SECONDS), LONGEST_LIST_SECONDS)
    return ListPolicy(
        uri=SipUri.parse(_address("list", trunk.list_uri, domain)),
        method=trunk.list_method,
        controls=controls,
        expires_seconds=int(seconds),
    )


def _address(key: str, text: str, domain: SipUri) -> str:
    try:
        return str(address_of(text, domain))
    except ConfigurationError as error:
        raise ConfigurationError(
            f"trunk.{key}: {error.message}", remedy="Give a SIP URI, or a user of trunk.domain."
        ) from error


def deadline_policy(settings: Settings) -> DeadlinePolicy:
    return DeadlinePolicy(
        minimum_notice=timedelta(hours=settings.policy.minimum_notice_hours),
        supervisor_lead=timedelta(hours=settings.policy.supervisor_lead_hours),
    )


def on_unanswered(settings: Settings) -> Verdict | None:
    answer = settings.policy.on_unanswered
    return None if answer == "expire" else Verdict(answer)


def fallback_policy(settings: Settings) -> Fallback | None:
    return Fallback() if settings.policy.platform_fallback else None


def rhythm(settings: Settings) -> Rhythm:
    return Rhythm(
        poll_seconds=settings.wfm.poll_seconds,
        window_poll_seconds=settings.wfm.window_poll_seconds,
        windows=publish_windows(settings),
    )
