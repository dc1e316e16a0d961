"""The kinds of values that keys have, each with its own sentence about what is wrong."""

from __future__ import annotations

from datetime import time
from ipaddress import ip_address
from typing import Annotated, Literal
from urllib.parse import urlsplit
from zoneinfo import available_timezones

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

HIGHEST_RATE = 10_000.0
"""Requests per second; also what bounds the governor's search."""

Seconds = Annotated[float, Field(gt=0, le=604_800)]  # a week, like Minutes
Minutes = Annotated[float, Field(gt=0, le=10_080)]
Hours = Annotated[float, Field(ge=0, le=8_760)]  # a year
Share = Annotated[float, Field(ge=0, lt=1)]
Answer = Literal["refer", "approve", "deny"]
PbxFamily = Literal["generic", "kamailio", "asterisk-pjsip", "chan_sip", "freeswitch", "cucm", "sbc"]
Weekday = Literal["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]


def known_zone(name: str) -> str:
    """A name of the IANA database."""
    if name not in available_timezones():
        raise ValueError(f"{name!r} is not a time zone; write it like America/Chicago")
    return name


def wall_clock(opens: time) -> time:
    """A time of day as a clock on the wall shows it."""
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


def ip_of_ours(text: str) -> str:
    """An IP address, in its usual form."""
    try:
        return str(ip_address(text))
    except ValueError as error:
        raise ValueError("give an IP address of this machine, or 0.0.0.0") from error


def _web_address(text: str) -> str:
    parts = urlsplit(text)
    if parts.scheme not in ("https", "http") or not parts.hostname or not _one_line(text).isascii():
        raise ValueError("write it like https://api.mypurecloud.com")
    return text


def attribute(text: str) -> str:
    """A custom attribute of the directory, or none."""
    schema, _, field = text.partition("/")
    if text and not (schema and field):
        raise ValueError('write it as "schemaId/field", or leave it empty')
    return text


SecretName = Annotated[str, AfterValidator(_environment_name)]
Line = Annotated[str, AfterValidator(_one_line)]
WebAddress = Annotated[str, AfterValidator(_web_address)]


class Section(BaseModel):
    """A table of the file: no unknown keys, no NaN, no infinity."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)
