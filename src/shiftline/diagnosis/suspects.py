"""The suspects of the incident, by the names that people give them.

People accuse the password, the allow list, the ticket desk, the export, the clock. `suspicions` judges them.
"""

from __future__ import annotations

from dataclasses import dataclass

from shiftline.diagnosis.catalogue.cause import Acts, when
from shiftline.diagnosis.catalogue.words import LOGGED_IN
from shiftline.diagnosis.probe import Account, Method, Path, Shape, Source

CHECKS = (Method.OPTIONS, Method.REGISTER, Method.SUBSCRIBE)


@dataclass(frozen=True, slots=True)
class Suspect:
    """Somebody to accuse, and the causes that he stands for."""

    name: str
    causes: tuple[str, ...]
    unlike: tuple[str, ...] = ()
    """Causes that are taken for him, and clear him where one of them is named."""
    needs_hours: bool = False
    """Whether a moment without trouble tells nothing of him."""
    phrase: str = ""
    """The kind of mark by which an answer itself speaks of him."""
    needs_record: bool = False
    """Whether only a record of the client's traffic shows it."""
    absent: str = ""
    """What is said when a record does not show it: a sentence after "because"."""
    marks: frozenset[str] = frozenset()
    """Kinds of marks by which a record shows it."""
    passes: Acts | None = None
    """Questions that he would not let pass, of our own; one that passed clears him."""
    needs_login: bool = False
    """Whether only a login that was accepted clears him."""
    login_clears: bool = False
    """Whether such a login clears him even where another method is refused."""
    follows_load: bool = False
    """Whether a load that was refused shows something like him."""
    because: str = ""
    """What such a passage shows: a sentence after "because"."""


SUSPECTS = (
    Suspect(
        "credentials mismatch",
        (
            "credentials.wrong-password",
            "credentials.unknown-user",
            "credentials.identity-mismatch",
            "credentials.realm",
            "credentials.algorithm",
            "credentials.digest-uri",
        ),
        unlike=("credentials.stale-nonce", "credentials.nonce-count"),
        passes=when(source=Source.OWN, account=Account.OWN, credentials=LOGGED_IN),
        needs_login=True,
        because="the same account logs in from the same address",
    ),
    Suspect(
        "IP allow list",
        ("acl.source", "acl.partial", "acl.contact", "acl.via-source", "policy.no-trunk-match"),
        passes=when(source=Source.OWN, account=Account.OWN),
        login_clears=True,
        because="the same address is served",
    ),
    Suspect(
        "account shared with the ticket desk",
        ("credentials.shared-lockout", "registrar.shared-aor"),
        absent="no second program logs in with this account",
        marks=frozenset(
            {"traffic.two-agents-one-account", "traffic.foreign-failures", "traffic.contact-churn"}
        ),
        passes=when(source=Source.OWN, account=Account.OWN, credentials=LOGGED_IN),
        needs_login=True,
        because="nobody has locked the account",
    ),
    Suspect(
        "burst throttle",
        (
            "throttle.source",
            "throttle.shared",
            "throttle.user",
            "throttle.method",
            "throttle.callee",
            "throttle.concurrency",
            "throttle.registration-rate",
            "ban.source",
        ),
        follows_load=True,
    ),
    Suspect(
        "missing agent metadata (includeCustomAttributes)",
        ("message.missing-metadata",),
        passes=when(source=Source.OWN, account=Account.OWN, shape=Shape.USUAL),
        because="requests with the same headers pass",
    ),
    Suspect(
        "short retry timeout",
        ("client.retry-too-short",),
        needs_record=True,
        absent="no question was asked anew before its answer could come",
        marks=frozenset({"traffic.resent-early"}),
    ),
    Suspect(
        "only the verification calls fail, campaigns work",
        (
            "policy.method",
            "policy.caller-identity",
            "policy.unregistered-source",
            "policy.event-package",
        ),
        passes=when(
            source=Source.OWN, account=Account.OWN, method=CHECKS, shape=Shape.USUAL, path=Path.USUAL
        ),
        because="verification calls pass as well, as long as they are few",
    ),
    Suspect(
        "something else that runs at that hour",
        ("schedule.time-of-day", "credentials.rotated", "capacity.maintenance"),
        needs_hours=True,
        phrase="phrase.hours",
    ),
)
PUBLISH_WINDOW = "publish window (America/Chicago)"
