"""When a method's word counts on a trunk: two control users, one known to be there, one known not to be.

A method is *qualified* for a while when it finds the present control there and the absent one not: only
then may it say Available. It is *blind* when both answers came and do not show that. Refusals and silence
show nothing: *unknown*. What an unqualified method says is kept only where it cannot lead to an approval
that nothing proves; see docs/decisions/0009-qualified-methods.md. No clock here: ``now`` comes in.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from shiftline.connector.families import BLIND
from shiftline.connector.reading import Reading
from shiftline.trades.model import EvidenceKind

THERE = frozenset({EvidenceKind.AVAILABLE, EvidenceKind.BUSY})
METHOD_BLIND = Reading(EvidenceKind.UNVERIFIABLE, BLIND)


class Control(StrEnum):
    """The two control users."""

    PRESENT = "present"
    ABSENT = "absent"


class QualificationState(StrEnum):
    """What the two controls have shown about a method."""

    QUALIFIED = "qualified"
    """It tells the present from the absent."""
    BLIND = "blind"
    """Both answered, and it did not."""
    UNKNOWN = "unknown"
    """At least one brought no answer about a user."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ControlAnswer:
    """What the question about a control user brought."""

    at: datetime
    reading: Reading
    status: int | None = None

    @property
    def tells(self) -> bool:
        """Whether it says anything about the user, or about the method's blindness."""
        return self.reading.kind is not EvidenceKind.UNVERIFIABLE or self.reading.cause == BLIND

    @property
    def words(self) -> str:
        """Such as "NotRegistered (480)"."""
        what = self.reading.cause or str(self.reading.kind)
        return f"{what} ({self.status})" if self.status is not None else what

    def as_json(self) -> dict[str, Any]:
        """Plain JSON values."""
        return {
            "at": self.at.isoformat(),
            "kind": str(self.reading.kind),
            "cause": self.reading.cause,
            "status": self.status,
        }

    @classmethod
    def from_json(cls, known: Mapping[str, Any]) -> ControlAnswer:
        """Read `as_json`. Raises KeyError, TypeError or ValueError for anything else."""
        return cls(
            at=datetime.fromisoformat(known["at"]),
            reading=Reading(EvidenceKind(known["kind"]), known["cause"]),
            status=known["status"],
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Qualification:
    """What is proven about one method; ``why`` is one sentence."""

    state: QualificationState
    why: str
    present: ControlAnswer | None = None
    absent: ControlAnswer | None = None

    @property
    def asked_at(self) -> datetime | None:
        """When the older of the two answers came."""
        return min((one.at for one in (self.present, self.absent) if one is not None), default=None)

    def holds(self, now: datetime, valid: timedelta) -> bool:
        """Whether it says something, and is no older than ``valid``. A time to come proves nothing."""
        asked_at = self.asked_at
        if self.state is QualificationState.UNKNOWN or asked_at is None:
            return False
        return timedelta(0) <= now - asked_at < valid

    def judged(self, reading: Reading) -> Reading:
        """What evidence this reading of an agent is, as long as the qualification holds."""
        if self.state is QualificationState.QUALIFIED or reading.kind is EvidenceKind.UNVERIFIABLE:
            return reading
        return reading if self._is_harmless(reading.kind) else METHOD_BLIND

    def _is_harmless(self, kind: EvidenceKind) -> bool:
        """A word against the agent counts if the method does not say it of the present control as well."""
        of_present = self.present.reading.kind if self.present is not None else None
        if kind is EvidenceKind.NOT_REGISTERED:
            return of_present in THERE  # it approves whoever is off duty: that must be proven
        return kind is EvidenceKind.UNKNOWN_USER and of_present is not kind


def qualify(present: ControlAnswer | None, absent: ControlAnswer | None) -> Qualification:
    """Say what the answers of the two controls prove."""
    state, why = _verdict(present, absent)
    return Qualification(state=state, why=why, present=present, absent=absent)


_REAL = "Name a real user whose phone is off; a PBX that says 404 of those needs another trunk.family."


def _verdict(present: ControlAnswer | None, absent: ControlAnswer | None) -> tuple[QualificationState, str]:
    for control, answer in ((Control.PRESENT, present), (Control.ABSENT, absent)):
        if answer is not None and not answer.tells:
            return QualificationState.UNKNOWN, f"The {control} control could not be asked: {answer.words}."
    if present is None or absent is None:
        return QualificationState.UNKNOWN, "The controls have not both been asked."
    if BLIND in (present.reading.cause, absent.reading.cause):
        return QualificationState.BLIND, "The PBX answers for itself, whoever is asked about."
    if present.reading.kind is absent.reading.kind:
        return QualificationState.BLIND, f"Both controls got the same answer: {present.words}."
    if present.reading.kind not in THERE:
        return QualificationState.BLIND, f"The present control is not there by this method: {present.words}."
    if absent.reading.kind in THERE:
        return QualificationState.BLIND, f"The absent control is there by this method: {absent.words}."
    if absent.reading.kind is EvidenceKind.UNKNOWN_USER:
        # Many PBXs accept every number of their dial plan, phone or not: 404 for a made-up one is no proof.
        return QualificationState.BLIND, f"The PBX does not know the absent control: {absent.words}. {_REAL}"
    return (
        QualificationState.QUALIFIED,
        f"The present control got {present.words}, the absent one {absent.words}.",
    )


NO_CONTROLS = Qualification(
    state=QualificationState.UNKNOWN, why="trunk.control_present and trunk.control_absent are not set."
)
NOT_ASKED = qualify(None, None)
