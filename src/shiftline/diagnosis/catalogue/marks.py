"""What else is noticed, beside outcomes: headers, phrases, log lines and habits; and what each speaks for.

A factor above 1 makes a cause or a family that many times likelier when the mark is seen; below 1, less
likely. A mark is seen once or often: that is one fact. What is not named is unmoved.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from shiftline.diagnosis.families import Family

STRONG = 60.0
"""It names the cause."""
FAIR = 12.0
WEAK = 3.0
AGAINST = 0.1


@dataclass(frozen=True, slots=True, kw_only=True)
class MarkKind:
    """One row of the table of marks."""

    kind: str
    meaning: str
    """Half a sentence, after "there is" or "the log says": what was seen."""
    source: str
    causes: Mapping[str, float] = field(default_factory=lambda: MappingProxyType({}))
    families: Mapping[Family, float] = field(default_factory=lambda: MappingProxyType({}))

    def factor(self, causes: Iterable[str], family: Family) -> float:
        """How much likelier an explanation becomes by this mark."""
        moved = [self.causes[cause] for cause in causes if cause in self.causes]
        return (max(moved) if moved else 1.0) * self.families.get(family, 1.0)


_ROWS = (
    MarkKind(
        kind="asterisk.wrong-password",
        meaning="a log line that says the password was wrong",
        source="Asterisk chan_sip, C8",
        causes={"credentials.wrong-password": STRONG, "credentials.rotated": FAIR},
        families={Family.CHAN_SIP: FAIR},
    ),
    MarkKind(
        kind="asterisk.acl",
        meaning="a log line that says an address did not pass an access list",
        source="Asterisk chan_sip and PJSIP, C8, A2, A4",
        causes={"acl.source": STRONG, "acl.partial": FAIR, "acl.contact": WEAK},
        families={Family.CHAN_SIP: WEAK, Family.PJSIP: WEAK},
    ),
)

MARKS: Mapping[str, MarkKind] = MappingProxyType({row.kind: row for row in _ROWS})
"""Kinds of marks by name."""
