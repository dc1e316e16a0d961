"""The whole configuration, where its data stands, and the secrets that it names."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, Field
from pydantic_settings import BaseSettings, SettingsConfigDict

from shiftline.config.sections import (
    DatabaseSettings,
    PolicySettings,
    TicketingSettings,
    WebSettings,
    WfmSettings,
    WindowSettings,
)
from shiftline.config.trunk import TrunkSettings, told_apart
from shiftline.errors import ConfigurationError
from shiftline.secrets import secret


def _several(value: object) -> object:
    """``[trunk]`` is a list of one."""
    return (value,) if isinstance(value, dict) else value


class Settings(BaseSettings):
    """The whole configuration."""

    model_config = SettingsConfigDict(
        env_prefix="SHIFTLINE_", env_nested_delimiter="__", extra="forbid", frozen=True
    )

    trunk: Annotated[
        tuple[TrunkSettings, ...], BeforeValidator(_several), AfterValidator(told_apart), Field(min_length=1)
    ]
    """As the file writes it, ``[trunk]`` or ``[[trunk]]``; read `trunks`."""
    wfm: WfmSettings
    policy: PolicySettings = PolicySettings()
    windows: tuple[WindowSettings, ...] = ()
    database: DatabaseSettings = DatabaseSettings()
    web: WebSettings = WebSettings()
    ticketing: TicketingSettings = TicketingSettings()

    @property
    def trunks(self) -> tuple[TrunkSettings, ...]:
        """All trunks, in the order of the file."""
        return self.trunk

    def trunk_named(self, name: str) -> TrunkSettings:
        """The trunk of this name; ConfigurationError if there is none."""
        for trunk in self.trunks:
            if trunk.name == name:
                return trunk
        names = ", ".join(trunk.name for trunk in self.trunks)
        raise ConfigurationError(
            f"There is no trunk {name!r} in the configuration.", remedy=f"It has: {names}."
        )

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


def check_secrets(settings: Settings) -> None:
    """Raise ConfigurationError if a secret is missing, or serves twice and nobody insisted.

    A token shared with the ticket desk is one of the incident's suspects: a rotation or a lockout on
    one side then takes the other down.
    """
    seen: dict[str, str] = {}
    for key, value in ((key, secret(name).reveal()) for key, name in _named(settings)):
        if value in seen and not settings.policy.allow_shared_secret:
            raise ConfigurationError(
                f"{seen[value]} and {key} hold the same secret; one lockout would take both sides down.",
                remedy="Use separate secrets, or set policy.allow_shared_secret = true.",
            )
        seen[value] = key


def _named(settings: Settings) -> Iterator[tuple[str, str]]:
    """The keys whose secret will be used, each with its variable's name.

    A variable that several trunks name under the same key is one secret, which somebody shared on purpose.
    """
    told: set[tuple[str, str]] = set()
    for trunk in settings.trunks:
        names = {
            "password_env": trunk.password_env if trunk.username else "",
            "tls_key_password_env": trunk.tls_key_password_env,
            "hep_key_env": trunk.hep_key_env if trunk.hep else "",
        }
        place = "trunk." if len(settings.trunks) == 1 else f"trunk {trunk.name!r}: "
        for key, name in names.items():
            if name and (key, name) not in told:
                told.add((key, name))
                yield f"{place}{key}", name
    yield from (
        (key, name)
        for key, name in {
            "wfm.client_secret_env": settings.wfm.client_secret_env,
            "ticketing.client_secret_env": settings.ticketing.client_secret_env,
        }.items()
        if name
    )
