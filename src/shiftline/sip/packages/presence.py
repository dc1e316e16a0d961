"""``application/pidf+xml``: presence (RFC 3863), with the activities of RPID (RFC 4480) where they are."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from shiftline.sip.packages.xml_body import child_text, children, local_name, read_xml

MEDIA_TYPE = "application/pidf+xml"


class Basic(StrEnum):
    """Whether something can be reached (RFC 3863 section 4.1.4)."""

    OPEN = "open"
    CLOSED = "closed"


@dataclass(frozen=True, slots=True, kw_only=True)
class PresenceTuple:
    """One means of contact. ``basic`` is None where it is absent or no word of the standard's."""

    tuple_id: str
    basic: Basic | None
    contact: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Presence:
    """One person's presence; each document is full. ``activities`` are RPID's names, as "on-the-phone"."""

    entity: str
    tuples: tuple[PresenceTuple, ...]
    activities: frozenset[str] = frozenset()

    @property
    def is_open(self) -> bool:
        """Whether any tuple is open: one way to reach the person is enough."""
        return any(one.basic is Basic.OPEN for one in self.tuples)

    @property
    def is_closed(self) -> bool:
        """Whether some tuple is closed and none is open."""
        return not self.is_open and any(one.basic is Basic.CLOSED for one in self.tuples)


def parse_presence(body: bytes) -> Presence:
    """Read a document. Raises SipSyntaxError, and nothing else."""
    root = read_xml(body, "presence")
    tuples = []
    for element in children(root, "tuple"):
        basics = [child_text(status, "basic") or "" for status in children(element, "status")]
        basic = next((word for word in map(str.lower, basics) if word in ("open", "closed")), None)
        tuples.append(
            PresenceTuple(
                tuple_id=element.get("id", ""),
                basic=Basic(basic) if basic else None,
                contact=child_text(element, "contact"),
            )
        )
    # They stand in a person, a tuple or an older form's status (RFC 4480 section 3.2): where is no matter.
    activities = {
        local_name(activity)
        for element in root.iter()
        if local_name(element) == "activities"
        for activity in element
    }
    return Presence(entity=root.get("entity", ""), tuples=tuple(tuples), activities=frozenset(activities))
