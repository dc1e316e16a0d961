"""The configuration: a TOML file, overridden by ``SHIFTLINE_<SECTION>__<KEY>`` environment variables.

Secrets never stand in the file: it names the environment variables that hold them.
"""

from __future__ import annotations

import os
import tomllib
from datetime import time, timedelta
from difflib import get_close_matches
from ipaddress import ip_address
from pathlib import Path
from typing import Annotated, Any, Literal, Self
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, available_timezones

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, model_validator
from pydantic_core import ErrorDetails
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    SettingsError,
    TomlConfigSettingsSource,
)

from shiftline.errors import ConfigurationError
from shiftline.secrets import Secret

HIGHEST_RATE = 10_000.0
"""Requests per second; also what bounds the governor's search."""

Seconds = Annotated[float, Field(gt=0, le=604_800)]  # a week, like Minutes
Minutes = Annotated[float, Field(gt=0, le=10_080)]
Hours = Annotated[float, Field(ge=0, le=8_760)]  # a year
Share = Annotated[float, Field(ge=0, lt=1)]
Answer = Literal["refer", "approve", "deny"]
PbxFamily = Literal["generic", "kamailio", "asterisk-pjsip", "chan_sip", "freeswitch", "cucm", "sbc"]
Weekday = Literal["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]


def _known_zone(name: str) -> str:
    if name not in available_timezones():
        raise ValueError(f"{name!r} is not a time zone; write it like America/Chicago")
    return name


def _wall_clock(opens: time) -> time:
    if opens.tzinfo is not None:
        raise ValueError('write it like "09:00", without an offset; zone says where')
    return opens


def _environment_name(name: str) -> str:
    if name and not name.replace("_", "").isalnum():
        raise ValueError("give the NAME of an environment variable, not the secret itself")
    return name


def _one_line(text: str) -> str:
    if not text.isprintable():
        raise ValueError("it holds a line break or another control character")
    return text


def _ip_address(text: str) -> str:
    try:
        return str(ip_address(text))
    except ValueError as error:
        raise ValueError("give an IP address of this machine, or 0.0.0.0") from error


def _web_address(text: str) -> str:
    parts = urlsplit(text)
    if parts.scheme not in ("https", "http") or not parts.hostname or not _one_line(text).isascii():
        raise ValueError("write it like https://api.mypurecloud.com")
    return text


def _attribute(text: str) -> str:
    schema, _, field = text.partition("/")
    if text and not (schema and field):
        raise ValueError('write it as "schemaId/field", or leave it empty')
    return text


SecretName = Annotated[str, AfterValidator(_environment_name)]
Line = Annotated[str, AfterValidator(_one_line)]
WebAddress = Annotated[str, AfterValidator(_web_address)]


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class TrunkSettings(_Section):
    """One SIP trunk. Rates are requests per second."""

    name: Line = "pbx"
    address: str
    source: Annotated[str, AfterValidator(_ip_address)] = "0.0.0.0"  # noqa: S104 - let the routing table choose
    domain: Line = ""
    username: Line = ""
    password_env: SecretName = "SHIFTLINE_TRUNK_PASSWORD"  # noqa: S105 - a variable's name
    family: PbxFamily = "generic"
    method: Literal["options", "registration", "reg-event", "presence", "dialog", "auto"] = "options"
    list_uri: Line = Field(default="", alias="list")  # `list` would hide Python's own
    list_method: Literal["presence", "reg-event", "dialog"] = "presence"
    control_present: Line = ""
    control_absent: Line = ""
    qualified_hours: float = Field(default=4.0, gt=0, le=168)
    max_rate: float = Field(default=5.0, ge=0, le=HIGHEST_RATE)
    learn: bool = False
    headroom: Share = 0.0
    answer_timeout_seconds: Seconds = 4.0
    keepalive_seconds: float = Field(default=0.0, ge=0, le=86_400)
    tls_ca: str = ""
    tls_certificate: str = ""
    tls_key: str = ""
    tls_key_password_env: SecretName = ""
    tls_verify: bool = True
    hep: Line = ""
    hep_key_env: SecretName = ""
    hep_id: int = Field(default=1, ge=0, le=2**32 - 1)
    registers: bool = Field(default=False, alias="register")  # pydantic's own models have a `register`
    register_expires_seconds: int = Field(default=3600, ge=60, le=86_400)
    contact: Line = ""

    @model_validator(mode="after")
    def _has_a_rate(self) -> Self:
        if self.max_rate == 0 and not self.learn:
            raise ValueError("max_rate = 0 means that no ceiling is known, which needs learn = true")
        return self

    @model_validator(mode="after")
    def _has_two_controls_or_none(self) -> Self:
        if bool(self.control_present) != bool(self.control_absent):
            raise ValueError("control_present and control_absent are set together, or not at all")
        if self.control_present and self.control_present == self.control_absent:
            raise ValueError("control_present and control_absent are the same user, which proves nothing")
        if self.list_uri and not self.control_present:
            raise ValueError("list needs control_present and control_absent, or nothing proves what it says")
        return self


class WfmSettings(_Section):
    """A Genesys Cloud organisation, or the practice one."""

    api_url: WebAddress
    login_url: WebAddress
    client_id: Line
    client_secret_env: SecretName = "SHIFTLINE_WFM_SECRET"  # noqa: S105 - a variable's name
    business_unit: Line
    address_attribute: Annotated[str, AfterValidator(_attribute)] = ""
    roster_file: str = ""
    poll_seconds: Seconds = 120.0
    window_poll_seconds: Seconds = 60.0
    job_poll_seconds: Seconds = 1.0
    calls_per_minute: int = Field(default=5, ge=1)


class PolicySettings(_Section):
    """What becomes of trades."""

    on_unverifiable: Answer = "refer"
    on_unanswered: Literal["expire", "approve", "deny"] = "expire"
    deny_violations: tuple[str, ...] = ()
    fresh_seconds: Seconds = 300.0
    minimum_notice_hours: Hours = 0.0
    supervisor_lead_hours: Hours = 2.0
    allow_shared_secret: bool = False
    platform_fallback: bool = False
    trust_unqualified: bool = False


class WindowSettings(_Section):
    """A weekly publish window in civil time."""

    weekday: Weekday
    opens: Annotated[time, AfterValidator(_wall_clock)]
    minutes: Minutes = 60.0
    zone: Annotated[str, AfterValidator(_known_zone)] = "America/Chicago"


class DatabaseSettings(_Section):
    """An empty ``url`` means the embedded PostgreSQL in ``directory``."""

    url: str = ""
    directory: str = ""


class WebSettings(_Section):
    """Where the status page of ``shiftline serve`` listens."""

    host: str = "127.0.0.1"
    port: int = Field(default=8765, ge=1, le=65535)


class TicketingSettings(_Section):
    """The ticket desk. Only its secret is known so far, so that it can be told apart from the others."""

    client_secret_env: SecretName = ""


class Settings(BaseSettings):
    """The whole configuration."""

    model_config = SettingsConfigDict(
        env_prefix="SHIFTLINE_", env_nested_delimiter="__", extra="forbid", frozen=True
    )

    trunk: TrunkSettings
    wfm: WfmSettings
    policy: PolicySettings = PolicySettings()
    windows: tuple[WindowSettings, ...] = ()
    database: DatabaseSettings = DatabaseSettings()
    web: WebSettings = WebSettings()
    ticketing: TicketingSettings = TicketingSettings()

    def data_directory(self) -> Path:
        """Where the embedded database lives."""
        if self.database.directory:
            return Path(self.database.directory).expanduser().resolve()
        return default_data_directory() / "postgres"


def default_data_directory() -> Path:
    """The user's data directory for Shiftline (XDG base directories)."""
    base = os.environ.get("XDG_DATA_HOME") or "~/.local/share"
    try:
        return Path(base).expanduser() / "shiftline"
    except RuntimeError as error:  # no HOME, and the user is not in the password file
        raise ConfigurationError(
            "This user has no home directory to keep data in.", remedy="Set HOME, or XDG_DATA_HOME."
        ) from error


def load_settings(path: Path) -> Settings:
    """Read the file and the environment; raise ConfigurationError with one sentence on any fault."""
    try:
        is_file, is_directory = path.is_file(), path.is_dir()
    except OSError as error:
        raise ConfigurationError(
            f"{path} cannot be read: {error.strerror}.", remedy="Give this user access to its folder."
        ) from error
    if is_directory:
        raise ConfigurationError(
            f"{path} is a directory, and no configuration file.",
            remedy="Give the file in it, such as shiftline.toml.",
        )
    if not is_file:
        raise ConfigurationError(
            f"There is no configuration file {path}.",
            remedy="Make one with: shiftline config example > shiftline.toml",
        )

    class FileSettings(Settings):
        @classmethod
        def settings_customise_sources(
            cls,
            settings_cls: type[BaseSettings],
            init_settings: PydanticBaseSettingsSource,
            env_settings: PydanticBaseSettingsSource,
            dotenv_settings: PydanticBaseSettingsSource,
            file_secret_settings: PydanticBaseSettingsSource,
        ) -> tuple[PydanticBaseSettingsSource, ...]:
            del init_settings, dotenv_settings, file_secret_settings
            return (env_settings, TomlConfigSettingsSource(settings_cls, path))

    try:
        return FileSettings()  # type: ignore[call-arg]  # the sources fill it
    except ValidationError as error:
        raise _fault(path, error) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigurationError(
            f"{path} is not valid TOML: {error}.", remedy="Mend that line and try again."
        ) from error
    except SettingsError as error:
        raise ConfigurationError(
            f"A SHIFTLINE_ environment variable cannot be read: {error}.",
            remedy="Write one key a variable, such as SHIFTLINE_TRUNK__MAX_RATE=5, and lists as JSON.",
        ) from error
    except OSError as error:
        raise ConfigurationError(
            f"{path} cannot be read: {error.strerror}.", remedy="Give a file that this user may read."
        ) from error


def secret(name: str) -> Secret:
    """Return the secret that the environment variable ``name`` holds; ConfigurationError if it is unset."""
    value = os.environ.get(name, "")
    if not value:
        raise ConfigurationError(
            f"The environment variable {name} is not set; a secret is expected there.",
            remedy=f"Set it, for example: read -rs {name} && export {name}",
        )
    return Secret(value)


def check_secrets(settings: Settings) -> None:
    """Raise ConfigurationError if a secret is missing, or serves twice and nobody insisted.

    A token shared with the ticket desk is one of the incident's suspects: a rotation or a lockout on
    one side then takes the other down.
    """
    names = {
        "trunk.password_env": settings.trunk.password_env if settings.trunk.username else "",
        "trunk.tls_key_password_env": settings.trunk.tls_key_password_env,
        "wfm.client_secret_env": settings.wfm.client_secret_env,
        "ticketing.client_secret_env": settings.ticketing.client_secret_env,
        "trunk.hep_key_env": settings.trunk.hep_key_env if settings.trunk.hep else "",
    }
    seen: dict[str, str] = {}
    for key, value in ((key, secret(name).reveal()) for key, name in names.items() if name):
        if value in seen and not settings.policy.allow_shared_secret:
            raise ConfigurationError(
                f"{seen[value]} and {key} hold the same secret; one lockout would take both sides down.",
                remedy="Use separate secrets, or set policy.allow_shared_secret = true.",
            )
        seen[value] = key


def _fault(path: Path, error: ValidationError) -> ConfigurationError:
    # A misspelt key is often missing as well: the misspelling explains more.
    fault = min(error.errors(include_url=False), key=lambda one: one["type"] != "extra_forbidden")
    where = ".".join(str(part) for part in fault["loc"])
    variable = "SHIFTLINE_" + "__".join(str(part) for part in fault["loc"]).upper()
    place = f"the variable {variable}" if variable in map(str.upper, os.environ) else str(path)
    what, remedy = _in_words(fault)
    more = f" ({error.error_count() - 1} more)" if error.error_count() > 1 else ""
    return ConfigurationError(f"In {place}, {where} {what}{more}.", remedy=remedy)


def _in_words(fault: ErrorDetails) -> tuple[str, str]:
    if fault["type"] == "extra_forbidden":
        near = get_close_matches(str(fault["loc"][-1]), _known_keys(fault["loc"][:-1]), n=1)
        hint = f"Did you mean {near[0]!r}?" if near else "Remove it, or see: shiftline config example"
        return "is not a known key", hint
    if fault["type"] == "missing":
        return "is missing", "See: shiftline config example"
    reason = fault["msg"].removeprefix("Value error, ")
    return f"is wrong: {reason[:1].lower()}{reason[1:]}", "Correct it, or see: shiftline config example"


def _known_keys(location: tuple[int | str, ...]) -> list[str]:
    model: Any = Settings
    for part in location:
        field = model.model_fields.get(part) if isinstance(part, str) else None
        if field is None:
            return [*WindowSettings.model_fields] if part == 0 else []
        model = field.annotation
        if not (isinstance(model, type) and issubclass(model, BaseModel)):
            return [*WindowSettings.model_fields]
    return [field.alias or name for name, field in model.model_fields.items()]


def zone_of(window: WindowSettings) -> ZoneInfo:
    """The window's time zone."""
    return ZoneInfo(window.zone)


def length_of(window: WindowSettings) -> timedelta:
    """How long the window stays open."""
    return timedelta(minutes=window.minutes)
