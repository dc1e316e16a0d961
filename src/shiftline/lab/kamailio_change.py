"""What a fault changes of ``kamailio.cfg``, and the few lines of its script that refuse."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from shiftline.lab.pbx.agents import CAMPAIGN_ACCOUNT
from shiftline.lab.pbx.bank.words import CAMPAIGN_SOURCE

_CAMPAIGN = f'$si == "{CAMPAIGN_SOURCE}" || $au == "{CAMPAIGN_ACCOUNT}"'
OTHERS = f"!({_CAMPAIGN})"
"""The condition of a script that strikes everybody but the campaign."""
HOOKS = ("load", "shape", "source", "user", "wrong", "proven", "register")
"""The places of the script that a change may add to."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """What one fault changes. Script goes to the hook of its name."""

    load: str = ""
    """Modules and their parameters."""
    shape: str = ""
    """Before anything is answered."""
    source: str = ""
    """Before any challenge; OPTIONS to the box itself is answered by then."""
    user: str = ""
    """Before credentials are verified."""
    wrong: str = ""
    """After they were found wrong."""
    proven: str = ""
    """After they were found right."""
    register: str = ""
    """Before a REGISTER is handled."""
    limiter: str = ""
    """By its text."""
    limited_methods: str = ""
    pipe: str = ""
    """Script that names the limiter's pipe; what names no user in its Request-URI is in none then."""
    stands: str = ""
    """Where the limiter stands, in the words of the bank (`bank.limits.STANDINGS`); empty: ahead of all."""
    realm: str = ""
    password_of_trunk: str | None = None
    """Another one than its users know; empty: there is no such account."""
    has_hashes: bool = False
    """Passwords are stored hashed, for the realm they were made for."""
    registers_trunk: bool = False
    """The phones register the trunk's own address as well."""
    locked_seconds: float = 0.0
    """The trunk's account is in the table of locked ones for so long."""
    others_every_seconds: float = 0.0
    """Another system fails to log in to the trunk's account so often."""
    tls_fault: str = ""
    children: int = 0
    """So many of Kamailio's processes take UDP; 0: as many as usual."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KamailioFaults:
    """All changes of one Kamailio, and what was drawn for them."""

    changes: tuple[Change, ...] = ()
    truth: tuple[Mapping[str, object], ...] = field(default=())

    def script(self, hook: str) -> str:
        """What all of them have for a hook."""
        return "\n".join(found for change in self.changes if (found := getattr(change, hook)))

    def first(self, name: str) -> Change | None:
        """The first that sets something of that name."""
        return next((change for change in self.changes if getattr(change, name)), None)


def refuse(why: str, condition: str, status: int, phrase: str, header: str = "") -> str:
    """Script that answers whoever meets the condition; ``why`` is the log's word."""
    append = f'append_to_reply("{header}\\r\\n"); ' if header else ""
    return (
        f'\tif ({condition}) {{ {append}$var(reason) = "{why}"; $var(status) = {status}; '
        f'$var(phrase) = "{phrase}"; route(REPLY); }}'
    )


def drop(why: str, condition: str) -> str:
    """Script that leaves whoever meets the condition without an answer."""
    return f'\tif ({condition}) {{ $var(reason) = "{why}"; $var(status) = 0; route(LOG); exit; }}'


def challenge(why: str, condition: str) -> str:
    """Script that asks whoever meets the condition for credentials."""
    return f'\tif ({condition}) {{ $var(reason) = "{why}"; route(CHALLENGE); }}'
