"""The faults a person may switch on, by name. Those of the PBX bear the ids of the doctor's catalogue."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from difflib import get_close_matches
from types import MappingProxyType

from shiftline.errors import ConfigurationError
from shiftline.lab.kamailio_faults import KAMAILIO_FAULTS
from shiftline.lab.org.faults import Fault, FaultName
from shiftline.lab.pbx.bank.build import BANK

_AGED = Fault(seconds=3600.0)
ORG_FAULTS: Mapping[str, str] = MappingProxyType(
    {
        FaultName.HTTP_429: "429 to every shift-trading request",
        FaultName.CONFLICT_409: "409 to every bulk change",
        FaultName.SERVER_5XX: "503 to every shift-trading request",
        FaultName.ALWAYS_202: "every job is postponed and has to be asked for",
        FaultName.DROP_BEFORE: "every shift-trading request is cut off, and nothing was done",
        FaultName.DROP_AFTER_COMMIT: "every bulk change is made, and its answer cut off",
        FaultName.SLOW: "every shift-trading request takes a second longer",
        FaultName.GARBAGE: "every shift-trading request is done, and its answer is no JSON",
        FaultName.FORBIDDEN_403: "the adherence feed is forbidden: the role lacks its permission",
        FaultName.STALE_FEED: "the adherence feed is an hour old, and shows everybody on queue",
    }
)
"""What each fault of the practice org does."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedFault:
    """A row of ``shiftline lab faults``."""

    of: str
    """``pbx`` or ``org``."""
    fault: str
    does: str
    shown: Mapping[str, tuple[str, ...]]
    """How it may show, by personality of the practice PBX; one that is not here cannot show it."""
    kamailio: bool = False
    """Whether real Kamailio can have it."""

    def to_json(self) -> dict[str, object]:
        """For machines."""
        return asdict(self)


def all_faults() -> list[ListedFault]:
    """The faults of the PBX, then those of the organisation."""
    listed = [
        ListedFault(
            of="pbx",
            fault=entry.id,
            does=entry.does,
            shown={name: tuple(map(str, showings)) for name, showings in entry.shown.items()},
            kamailio=entry.id in KAMAILIO_FAULTS,
        )
        for entry in BANK.values()
    ]
    listed += [ListedFault(of="org", fault=name, does=does, shown={}) for name, does in ORG_FAULTS.items()]
    return listed


def org_faults(names: Iterable[str]) -> dict[FaultName, Fault]:
    """Return the practice org's faults by name; raises ConfigurationError for an unknown one."""
    wanted = list(names)
    for name in wanted:
        _require(name, ORG_FAULTS)
    return {FaultName(name): _AGED if name == FaultName.STALE_FEED else Fault() for name in wanted}


def _require(name: str, known: Mapping[str, str]) -> None:
    if name not in known:
        near = get_close_matches(name, known, n=1)
        hint = f"Did you mean {near[0]}? " if near else ""
        raise ConfigurationError(
            f"There is no fault {name!r} here.", remedy=f"{hint}See: shiftline lab faults"
        )
