"""What a row of the tables of marks is: something noticed beside outcomes, and what it speaks for.

A factor above 1 makes a cause or a family that many times likelier when the mark is seen; below 1, less
likely. A mark is seen once or often: that is one fact. What is not named is unmoved.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from shiftline.diagnosis.families import Family

CERTAIN = 30000.0
"""It is the thing itself."""
VERBATIM = 3000.0
"""The PBX's own sentence, one for each reason: nearly proof, of the account that it names."""
STRONG = 80.0
"""It names the cause."""
FAIR = 12.0
WEAK = 3.0
AGAINST = 0.1
NEVER = 0.0001
"""With this in hand it is out of the question."""
_PLURALS = ("loads", "nonces", "requests", "single requests", "times")


@dataclass(frozen=True, slots=True, kw_only=True)
class MarkKind:
    """One row of the table of marks."""

    kind: str
    meaning: str
    """Half a sentence, after "there is" or "the log says": what was seen."""
    source: str
    causes: Mapping[str, float] = field(default_factory=lambda: MappingProxyType({}))
    families: Mapping[Family, float] = field(default_factory=lambda: MappingProxyType({}))

    @property
    def is_plural(self) -> bool:
        """Whether there are such things, and not one."""
        return self.meaning.startswith(_PLURALS) or self.meaning.split()[1] == "words"

    def factor(self, causes: Iterable[str], family: Family) -> float:
        """How much likelier an explanation becomes by this mark."""
        moved = [self.causes[cause] for cause in causes if cause in self.causes]
        return (max(moved) if moved else 1.0) * self.families.get(family, 1.0)


def row(
    kind: str,
    meaning: str,
    source: str,
    causes: Mapping[str, float],
    families: Mapping[Family, float] | None = None,
) -> MarkKind:
    """One row, in the order of its columns."""
    return MarkKind(
        kind=kind,
        meaning=meaning,
        source=source,
        causes=MappingProxyType(dict(causes)),
        families=MappingProxyType(dict(families or {})),
    )
