"""One SIP trunk of the file, and which agents it serves."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from shiftline.config.values import (
    HIGHEST_RATE,
    Line,
    PbxFamily,
    Seconds,
    SecretName,
    Section,
    Share,
    ip_of_ours,
)

_ENTRY = re.compile(r"(?:(?P<user>[^@*\s]*)(?P<any>\*)?@)?(?P<host>\[[0-9a-fA-F:.]+\]|[^@*:;?/\s\[\]]+)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Serves:
    """One entry of ``serves``: a host with all its users, those whose user begins so, or one user."""

    host: str
    """In lower case; an IPv6 address without brackets."""
    user: str = ""
    is_prefix: bool = True

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read ``HOST``, ``PREFIX*@HOST`` or ``USER@HOST``; ValueError if it is none of them."""
        found = _ENTRY.fullmatch(text)
        if found is None or (found["user"] == "" and not found["any"]):
            raise ValueError(f'{text!r} is no HOST, PREFIX*@HOST or USER@HOST, like "pbx.example.com"')
        return cls(
            host=plain_host(found["host"]),
            user=found["user"] or "",
            is_prefix=found["user"] is None or found["any"] is not None,
        )

    def matches(self, user: str, host: str) -> bool:
        """Whether the agent ``user`` at ``host`` is meant."""
        is_meant = user.startswith(self.user) if self.is_prefix else user == self.user
        return is_meant and plain_host(host) == self.host

    def overlaps(self, other: Serves) -> bool:
        """Whether both may mean the same agent."""
        return self.matches(other.user, other.host) or other.matches(self.user, self.host)


def plain_host(host: str) -> str:
    """A host as two spellings of it are compared."""
    return host.strip("[]").rstrip(".").lower()


def _listed(value: object) -> object:
    """Take one entry for a list of one, and JSON for what it says, as an environment variable holds it."""
    if isinstance(value, str):
        return json.loads(value) if value.lstrip().startswith("[") else (value,)
    return value


def _readable(entries: tuple[str, ...]) -> tuple[str, ...]:
    for entry in entries:
        Serves.parse(entry)
    return entries


class TrunkSettings(Section):
    """One SIP trunk. Rates are requests per second."""

    name: Line = "pbx"
    address: str
    serves: Annotated[tuple[Line, ...], BeforeValidator(_listed), AfterValidator(_readable)] = ()
    source: Annotated[str, AfterValidator(ip_of_ours)] = "0.0.0.0"  # noqa: S104 - let the routing table choose
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
    overload_control: bool = False
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

    @property
    def served(self) -> Sequence[Serves]:
        """Whom it serves; empty: whom no other trunk does."""
        return [Serves.parse(entry) for entry in self.serves]


def told_apart(trunks: tuple[TrunkSettings, ...]) -> tuple[TrunkSettings, ...]:
    """Return the trunks, if each has a name of its own and no agent is served by two; ValueError if not."""
    for one, other in combinations(trunks, 2):
        if one.name == other.name:
            raise ValueError(f"two trunks are called {one.name!r}; each needs a name of its own")
        if not one.serves and not other.serves:
            raise ValueError(
                f"{one.name!r} and {other.name!r} both have no serves, and only one trunk can take "
                "the agents that no other serves"
            )
        shared = _first_shared(one.serves, other.serves)
        if shared is not None:
            raise ValueError(
                f"{one.name!r} serves {shared[0]!r} and {other.name!r} serves {shared[1]!r}, "
                "which overlap: an agent is checked on one trunk"
            )
    return trunks


def _first_shared(entries: Iterable[str], others: Sequence[str]) -> tuple[str, str] | None:
    pairs = ((entry, other) for entry in entries for other in others)
    return next((pair for pair in pairs if Serves.parse(pair[0]).overlaps(Serves.parse(pair[1]))), None)
