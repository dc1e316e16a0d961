"""What stands on the command line of ``shiftline doctor run``, and what of it cannot be asked with."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path

from shiftline.cli.options import DEFAULT_CONFIG
from shiftline.doctor.examination.examination import DEFAULT_BUDGET
from shiftline.errors import ConfigurationError
from shiftline.net.resolver import require_own_address
from shiftline.net.tls import TlsSettings
from shiftline.sip.grammar import HOST, TOKEN
from shiftline.sip.headers import canonical_name

PATIENCE_SECONDS = 60
"""The longest silence before a question, unless told."""
_OURS = frozenset({
    "Accept", "Authorization", "CSeq", "Call-ID", "Contact", "Content-Length", "Content-Type", "Event",
    "Expires", "From", "Max-Forwards", "Proxy-Authorization", "To", "Via",
})  # fmt: skip
"""Header fields that every request of ours has its own of, or that a question is made of."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wishes:
    """What stands on the command line."""

    trunk: str | None
    server: str | None
    user: str
    password_env: str
    known_good: str
    known_good_password_env: str
    sources: Sequence[str]
    allow: str | None
    budget: int
    patience_seconds: float
    """The longest silence before a question."""
    present: str
    absent: str
    domains: Sequence[str]
    caller: str
    public_address: str
    headers: Sequence[str]
    agent: str
    subscribes: bool
    tls: TlsSettings
    may_load: str
    dry_run: bool
    path: Path


def arguments_of(wishes: Wishes) -> str:
    """What was given, and has to be given again; passwords stand in variables."""
    told = {
        "--trunk": (wishes.trunk,),
        "--server": (wishes.server,),
        "--user": (wishes.user,),
        "--password-env": (wishes.password_env if wishes.trunk is None else "",),
        "--known-good": (wishes.known_good,),
        "--known-good-password-env": (wishes.known_good_password_env,),
        "--source": wishes.sources,
        "--present": (wishes.present,),
        "--absent": (wishes.absent,),
        "--domain": wishes.domains,
        "--caller": (wishes.caller,),
        "--agent": (wishes.agent,),
        "--header": wishes.headers,
        "--public-address": (wishes.public_address,),
        "--allow": (wishes.allow,),
        "--budget": (str(wishes.budget) if wishes.budget != DEFAULT_BUDGET else "",),
        "--patience": (
            f"{patience:.0f}" if (patience := wishes.patience_seconds) != PATIENCE_SECONDS else "",
        ),
        "--i-may-load": (wishes.may_load,),
        "--tls-ca": (wishes.tls.ca,),
        "--config": (str(wishes.path) if wishes.trunk is not None and wishes.path != DEFAULT_CONFIG else "",),
    }
    given = [part for name, values in told.items() for one in values if one for part in (name, one)]
    return shlex.join((*given, *(("--subscribes",) if wishes.subscribes else ())))


def refuse_unusable(wishes: Wishes) -> None:
    """Raise ConfigurationError for what contradicts itself or cannot be written into a message.

    Before anything is sent: a question that cannot be written would end the run in its middle.
    """
    _refuse_contradictions(wishes)
    _refuse_unwritable(wishes)


def _refuse_contradictions(wishes: Wishes) -> None:
    if (wishes.trunk is None) == (wishes.server is None):
        raise ConfigurationError(
            "A doctor examines one trunk.", remedy="Give either --trunk NAME, or --server sip:HOST:PORT."
        )
    if wishes.trunk is not None and wishes.user:
        raise ConfigurationError(
            "--trunk brings its own account.", remedy="Leave --user away, or give --server."
        )
    if bool(wishes.user) != bool(wishes.password_env) and wishes.trunk is None:
        raise ConfigurationError(
            "--user and --password-env go together.",
            remedy="Put the password into a variable: read -rs SIP_PASSWORD && export SIP_PASSWORD",
        )
    if bool(wishes.known_good) != bool(wishes.known_good_password_env):
        # Another account's password is not the trunk's: to try would be a failed login of somebody else's.
        raise ConfigurationError(
            "--known-good and --known-good-password-env go together.",
            remedy="Name the variable that holds that account's password; the trunk's if they share it.",
        )
    if bool(wishes.present) != bool(wishes.absent):
        raise ConfigurationError(
            "One control alone proves nothing.", remedy="Give both, --present and --absent."
        )
    if len(wishes.sources) > 2:
        raise ConfigurationError(
            "More than two sources tell no more than two.", remedy="Give --source once or twice."
        )
    for source in wishes.sources:
        require_own_address(source, named_by="--source")


def _refuse_unwritable(wishes: Wishes) -> None:
    texts = {
        "--user": wishes.user, "--known-good": wishes.known_good, "--caller": wishes.caller,
        "--agent": wishes.agent,
    }  # fmt: skip
    for option, text in texts.items():
        if not text.isprintable():
            raise ConfigurationError(
                f"{option} is {text!r}, which no SIP message can carry: it holds a line break or the like.",
                remedy="Write it in one line of printable characters.",
            )
    for domain in wishes.domains:
        if not HOST.fullmatch(domain):
            raise ConfigurationError(
                f"--domain is {domain!r}, which is not a host name.", remedy="Write it like pbx.example.com."
            )
    if wishes.public_address and not is_address(wishes.public_address):
        raise ConfigurationError(
            f"--public-address is {wishes.public_address!r}, which is no IP address.",
            remedy="Write it like 192.0.2.10.",
        )
    for header in wishes.headers:
        header_of(header)


def is_address(text: str) -> bool:
    """Whether it is an IP address, an IPv6 one with or without its brackets."""
    try:
        ip_address(text.strip("[]"))
    except ValueError:
        return False
    return True


def header_of(text: str) -> tuple[str, str]:
    """Name and value of a header field. Raises ConfigurationError for what is none, or is ours to write."""
    name, colon, value = (part.strip(" \t") for part in text.partition(":"))
    # A value that is tabbed is one line still; any other control would end the field, or the message.
    if not colon or not TOKEN.fullmatch(name) or not value.replace("\t", " ").isprintable():
        raise ConfigurationError(
            f"--header is {text!r}, which is no header in one line.", remedy="Write it like 'X-Tenant: 4711'."
        )
    if canonical_name(name) == "User-Agent":
        raise ConfigurationError("--header is no place for a User-Agent.", remedy="Give --agent instead.")
    if canonical_name(name) in _OURS:
        raise ConfigurationError(
            f"--header names {name}, which each of our requests has its own of.",
            remedy="Give only headers that production adds, such as 'X-Tenant: 4711'.",
        )
    return name, value
