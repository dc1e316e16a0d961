"""The faults a person may switch on, by name. Those of the PBX bear the ids of the doctor's catalogue."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from difflib import get_close_matches
from types import MappingProxyType

from shiftline.errors import ConfigurationError
from shiftline.lab.org.faults import Fault, FaultName
from shiftline.lab.pbx.agents import TRUNK_ACCOUNT
from shiftline.lab.pbx.faults import Faults, Throttle, WrongPasswordAnswer

USUAL_LIMIT = 50
"""Requests per second that a throttle lets pass unless it is told otherwise."""
ADMITTED = "127.0.0.3"
"""The one address on the allow list: the campaign's, not the connector's."""
SLOW_FACTOR = 20.0

_ROTATED = frozenset({TRUNK_ACCOUNT})
_AGED = Fault(seconds=3600.0)
_PBX: Mapping[str, tuple[str, Callable[[Faults], Faults]]] = MappingProxyType(
    {
        "throttle.source": (
            f"403 before authentication to whatever exceeds --limit a second ({USUAL_LIMIT})",
            lambda faults: replace(faults, throttle=faults.throttle or Throttle(limit=USUAL_LIMIT)),
        ),
        "acl.source": (
            f"403 to every address but {ADMITTED}",
            lambda faults: replace(faults, allow_list=frozenset({ADMITTED})),
        ),
        "credentials.wrong-password": (
            f"the password of {TRUNK_ACCOUNT} is another one here: 401, then 403",
            lambda faults: replace(
                faults, rotated_accounts=_ROTATED, wrong_password_answer=WrongPasswordAnswer.FORBID
            ),
        ),
        "credentials.rotated": (
            f"the password of {TRUNK_ACCOUNT} was changed on the PBX only: 401 for ever",
            lambda faults: replace(faults, rotated_accounts=_ROTATED),
        ),
        "method.blind": (
            "OPTIONS to anybody gets 200 from the box itself",
            lambda faults: replace(faults, blind_methods=faults.blind_methods | {"options"}),
        ),
        "capacity.overload": (
            "every answer takes 0.4 to 1.2 s",
            lambda faults: replace(faults, slow_factor=SLOW_FACTOR),
        ),
        "network.filtered": ("nothing is answered", lambda faults: replace(faults, silent=True)),
    }
)
PBX_FAULTS: Mapping[str, str] = MappingProxyType({name: words for name, (words, _) in _PBX.items()})
"""What each fault of the practice PBX does."""
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


def pbx_faults(names: Iterable[str], throttle: Throttle | None = None) -> Faults:
    """Return the practice PBX's faults by name; raises ConfigurationError for an unknown one."""
    faults = Faults(throttle=throttle)
    for name in names:
        _require(name, PBX_FAULTS)
        faults = _PBX[name][1](faults)
    return faults


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
