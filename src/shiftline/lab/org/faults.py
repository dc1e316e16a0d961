"""Faults that a test or a demo can switch on, at the start or while the practice org runs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from random import Random

SHIFT_TRADING = "/shifttrading/"
BULK_STATE = "/state/bulk/jobs"
FEED = "/workforcemanagement/adherence"


class FaultName(StrEnum):
    """What can go wrong."""

    HTTP_429 = "http-429"
    CONFLICT_409 = "conflict-409"
    """The whole bulk request is refused as out of date."""
    SERVER_5XX = "server-5xx"
    ALWAYS_202 = "always-202"
    DROP_BEFORE = "drop-before"
    """The connection is dropped and nothing was done."""
    DROP_AFTER_COMMIT = "drop-after-commit"
    """The change is made, and the connection is dropped without an answer."""
    SLOW = "slow"
    GARBAGE = "garbage"
    """The change is made, and the answer is not JSON."""
    FORBIDDEN_403 = "forbidden-403"
    """The client's role has lost the permission."""
    STALE_FEED = "stale-feed"
    """A cache on the way answers in the feed's place, with what was true ``seconds`` ago."""


DEFAULT_ROUTES: Mapping[FaultName, str] = {
    FaultName.CONFLICT_409: BULK_STATE,
    FaultName.DROP_AFTER_COMMIT: BULK_STATE,
    FaultName.FORBIDDEN_403: FEED,
    FaultName.STALE_FEED: FEED,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """When a fault strikes: on the first n requests, every n-th, or with a probability; else always.

    ``route`` is a part of the paths it concerns; ``seconds`` is the delay of ``slow``, the
    ``Retry-After`` of ``http-429`` and the age of ``stale-feed``; ``status`` the code of ``server-5xx``.
    """

    first: int | None = None
    every: int | None = None
    probability: float | None = None
    seed: int = 0
    route: str | None = None
    seconds: float = 1.0
    status: int = 503


class _Armed:
    """A fault with its count of matching requests."""

    def __init__(self, name: FaultName, fault: Fault) -> None:
        self.fault = fault
        self.route = DEFAULT_ROUTES.get(name, SHIFT_TRADING) if fault.route is None else fault.route
        self._random = Random(fault.seed)
        self._seen = 0

    def strikes(self) -> bool:
        self._seen += 1
        if self.fault.first is not None:
            return self._seen <= self.fault.first
        if self.fault.every is not None:
            return self._seen % self.fault.every == 0
        return self.fault.probability is None or self._random.random() < self.fault.probability


class FaultBoard:
    """The faults that are on."""

    def __init__(self, faults: Mapping[FaultName, Fault] | None = None) -> None:
        self._armed: dict[FaultName, _Armed] = {}
        self.struck: dict[FaultName, int] = {}
        self.replace(faults or {})

    def replace(self, faults: Mapping[FaultName, Fault]) -> None:
        """Switch to exactly these faults; their counts start anew."""
        self._armed = {name: _Armed(name, fault) for name, fault in faults.items()}
        self.struck = dict.fromkeys(faults, 0)

    def strikes(self, name: FaultName, path: str) -> Fault | None:
        """Return the fault if it strikes this request. Ask once per request and fault: asking counts."""
        armed = self._armed.get(name)
        if armed is None or armed.route not in path or not armed.strikes():
            return None
        self.struck[name] += 1
        return armed.fault
