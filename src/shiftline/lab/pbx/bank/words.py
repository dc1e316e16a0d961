"""Short words for the tables of the bank."""

from __future__ import annotations

from collections.abc import Callable

from shiftline.lab.pbx.agents import CAMPAIGN_ACCOUNT, TRUNK_ACCOUNT
from shiftline.lab.pbx.personalities import PERSONALITIES
from shiftline.lab.pbx.refusal import CHALLENGE, Refusal, Showing, at, say
from shiftline.lab.pbx.visit import Stage, Visit

Shown = dict[str, tuple[Showing, ...]]

FORBIDDEN = say(403, "Forbidden")
CAMPAIGN_SOURCE, PHONES_SOURCE = "127.0.0.3", "127.0.0.10"
"""Whose addresses every list has: the campaign's and the phones'."""
LISTED = frozenset({CAMPAIGN_SOURCE, PHONES_SOURCE})
PUBLIC_HOSTS = tuple(f"198.51.100.{number}" for number in (7, 23, 88, 140))
"""Addresses that nobody has (RFC 5737)."""


def everywhere(*showings: Showing) -> Shown:
    """Shows alike on every personality."""
    return dict.fromkeys(PERSONALITIES, showings)


def as_wrong_password(stage: Stage = Stage.DIGEST) -> Shown:
    """Shows as a wrong password does on each."""
    return {name: (at(stage, one.wrong_password),) for name, one in PERSONALITIES.items()}


def as_unknown_user(stage: Stage = Stage.DIGEST) -> Shown:
    """Shows as an unknown user does on each."""
    return {name: (at(stage, one.unknown_user),) for name, one in PERSONALITIES.items()}


def is_trunk(visit: Visit) -> bool:
    """It carries the trunk's credentials."""
    return visit.account == TRUNK_ACCOUNT


def is_stranger(visit: Visit) -> bool:
    """It is neither the campaign's nor a phone's: those go through, whatever is wrong with the checks."""
    return visit.account != CAMPAIGN_ACCOUNT and visit.source not in LISTED


Strikes = Callable[[Visit], bool]

__all__ = [
    "CAMPAIGN_SOURCE",
    "CHALLENGE",
    "FORBIDDEN",
    "LISTED",
    "PUBLIC_HOSTS",
    "Refusal",
    "Shown",
    "Stage",
    "Strikes",
    "Visit",
    "as_unknown_user",
    "as_wrong_password",
    "at",
    "everywhere",
    "is_stranger",
    "is_trunk",
    "say",
]
