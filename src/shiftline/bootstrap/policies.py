"""From the configuration to what the rooms take: pure translation, and the roster file."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from shiftline import config
from shiftline.config import Settings
from shiftline.connector.qualifier import QualificationPolicy
from shiftline.connector.records import Fallback, TrunkKey
from shiftline.connector.worker import Rhythm
from shiftline.errors import ConfigurationError
from shiftline.net.asking import address_of, candidates
from shiftline.net.tls import TlsSettings
from shiftline.sip.uri import SipUri
from shiftline.trades.deadlines import DeadlinePolicy
from shiftline.trades.decision import DecisionPolicy
from shiftline.trades.model import Verdict
from shiftline.trades.windows import DAYS, PublishWindow
from shiftline.wfm.roster_file import read_roster
from shiftline.wfm.settings import GenesysSettings


def trunk_key(settings: Settings) -> TrunkKey:
    """What this trunk's knowledge is kept under."""
    return TrunkKey(
        trunk=settings.trunk.name, source=settings.trunk.source, user=settings.trunk.username or "-"
    )


def trunk_tls(settings: Settings) -> TlsSettings:
    """Whom the trunk trusts, and who we are to it; ConfigurationError if the key's password is missing."""
    trunk = settings.trunk
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


def qualification_policy(settings: Settings, domain: SipUri) -> QualificationPolicy:
    """How the trunk's method is qualified; ConfigurationError for a control that is no address."""
    trunk = settings.trunk
    windows = publish_windows(settings)
    controls = None
    if trunk.control_present:
        controls = (
            _control("control_present", trunk.control_present, domain),
            _control("control_absent", trunk.control_absent, domain),
        )
    return QualificationPolicy(
        methods=candidates(trunk.method),
        controls=controls,
        family=trunk.family,
        valid=timedelta(hours=trunk.qualified_hours),
        trust_unqualified=settings.policy.trust_unqualified,
        in_publish_window=lambda now: any(window.contains(now) for window in windows),
    )


def _control(key: str, text: str, domain: SipUri) -> str:
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
