"""What a final SIP answer says about an agent.

RFC 3261 section 11.2: the answer to an OPTIONS is the one that an INVITE would have got. 480 is a known
user without a way to reach him, 404 is no such user; the two must not be merged (facts 2.1), except where
a family of PBXs says 404 for both. Whether the method may say Available at all is `qualification`'s matter.
"""

from __future__ import annotations

from dataclasses import dataclass

from shiftline.connector.families import ANY_METHOD, BLIND, GENERIC, INDEX, WITHOUT_BINDING, Row
from shiftline.errors import MisuseError
from shiftline.trades.model import EvidenceKind

REFUSALS = frozenset({401, 403, 407, 429, 500, 503})
"""Statuses that say nothing about the agent: the trunk, its credentials or its load are meant."""


@dataclass(frozen=True, slots=True)
class Reading:
    """The evidence's kind, and the cause id when nothing can be said about the agent."""

    kind: EvidenceKind
    cause: str | None = None

    @property
    def is_conclusive(self) -> bool:
        """True if it says something about the agent."""
        return self.kind is not EvidenceKind.UNVERIFIABLE


ABOUT_THE_BOX = Reading(EvidenceKind.UNVERIFIABLE, BLIND)
"""A question without a user in it is about the box itself (facts K19)."""
NOBODY_ANSWERED = Reading(EvidenceKind.UNVERIFIABLE, "network.unreachable")


def read_answer(method: str, status: int, *, has_binding: bool, family: str = GENERIC) -> Reading:
    """Return what a final answer to a check says on a PBX of this family.

    A 200 to a REGISTER query names the bindings, and none means that no phone is registered (RFC 3261
    section 10.2.3); to other methods ``has_binding`` does not matter.
    """
    row = row_of(method, status, has_binding=has_binding, family=family)
    return Reading(row.kind, row.cause)


def row_of(method: str, status: int, *, has_binding: bool, family: str = GENERIC) -> Row:
    """Return the row that reads this answer: the family's own before the generic one, a status before its
    class, the method before any.
    """
    answers = _answers(method, status, has_binding=has_binding)
    for source in (family, GENERIC):
        for answer in answers:
            for way in (method, ANY_METHOD):
                if (row := INDEX.get((source, way, answer))) is not None:
                    return row
    raise MisuseError(f"No row reads the answer {status} to {method}.")


def _answers(method: str, status: int, *, has_binding: bool) -> tuple[str, ...]:
    """The keys of an answer, the most exact first; a status outside 200 to 699 is none of RFC 3261's."""
    if method == "registration" and 200 <= status < 300 and not has_binding:
        return (WITHOUT_BINDING,)
    return (str(status), f"{status // 100}xx", "4xx")
