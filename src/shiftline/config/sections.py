"""The sections of the file besides the trunks."""

from __future__ import annotations

from datetime import time, timedelta
from typing import Annotated, Literal
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, Field

from shiftline.config.values import (
    Answer,
    Hours,
    Line,
    Minutes,
    Seconds,
    SecretName,
    Section,
    WebAddress,
    Weekday,
    attribute,
    known_zone,
    wall_clock,
)


class WfmSettings(Section):
    """A Genesys Cloud organisation, or the practice one."""

    api_url: WebAddress
    login_url: WebAddress
    client_id: Line
    client_secret_env: SecretName = "SHIFTLINE_WFM_SECRET"  # noqa: S105 - a variable's name
    business_unit: Line
    address_attribute: Annotated[str, AfterValidator(attribute)] = ""
    roster_file: str = ""
    poll_seconds: Seconds = 120.0
    window_poll_seconds: Seconds = 60.0
    job_poll_seconds: Seconds = 1.0
    calls_per_minute: int = Field(default=5, ge=1)


class PolicySettings(Section):
    """What becomes of trades."""

    on_unverifiable: Answer = "refer"
    on_unanswered: Literal["expire", "approve", "deny"] = "expire"
    deny_violations: tuple[str, ...] = ()
    fresh_seconds: Seconds = 300.0
    minimum_notice_hours: Hours = 0.0
    supervisor_lead_hours: Hours = 2.0
    allow_shared_secret: bool = False
    platform_fallback: bool = False
    prefetch: bool = False
    trust_unqualified: bool = False


class WindowSettings(Section):
    """A weekly publish window in civil time."""

    weekday: Weekday
    opens: Annotated[time, AfterValidator(wall_clock)]
    minutes: Minutes = 60.0
    zone: Annotated[str, AfterValidator(known_zone)] = "America/Chicago"


class DatabaseSettings(Section):
    """An empty ``url`` means the embedded PostgreSQL in ``directory``."""

    url: str = ""
    directory: str = ""


class WebSettings(Section):
    """Where the status page of ``shiftline serve`` listens."""

    host: str = "127.0.0.1"
    port: int = Field(default=8765, ge=1, le=65535)


class TicketingSettings(Section):
    """The ticket desk. Only its secret is known so far, so that it can be told apart from the others."""

    client_secret_env: SecretName = ""


def zone_of(window: WindowSettings) -> ZoneInfo:
    """The window's time zone."""
    return ZoneInfo(window.zone)


def length_of(window: WindowSettings) -> timedelta:
    """How long the window stays open."""
    return timedelta(minutes=window.minutes)
