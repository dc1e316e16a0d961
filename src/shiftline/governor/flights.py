"""What has left and is not answered yet."""

from __future__ import annotations

from dataclasses import dataclass, field

from shiftline.governor.controller import Send


@dataclass(frozen=True, slots=True)
class Flight:
    """One request under way."""

    sent_at: float
    kind: Send
    credentials: bool
    others: int
    """So many were in flight when it left."""
    number: int
    """So many had left before."""


@dataclass(slots=True)
class Flights:
    """All of them by ticket, oldest first."""

    _flights: dict[int, Flight] = field(default_factory=dict, init=False)
    _next_ticket: int = field(default=0, init=False)
    _left_when_opened: int = field(default=0, init=False)

    def __len__(self) -> int:
        """How many there are."""
        return len(self._flights)

    def leave(self, now: float, kind: Send, *, credentials: bool) -> int:
        """Note one more; return its ticket."""
        flight = Flight(now, kind, credentials, others=len(self._flights), number=self._next_ticket)
        self._next_ticket += 1
        self._flights[self._next_ticket] = flight
        return self._next_ticket

    def opened(self) -> None:
        """The trunk is open: count anew what leaves."""
        self._left_when_opened = self._next_ticket

    def since_opened(self, flight: Flight) -> int:
        """How many had left before it since then; negative if it left before that."""
        return flight.number - self._left_when_opened

    def land(self, ticket: int) -> Flight | None:
        """Take out the one of that ticket; None if there is none (any more)."""
        return self._flights.pop(ticket, None)

    def oldest(self) -> tuple[int, Flight] | None:
        """The one that has been under way for longest, with its ticket; None: nothing is."""
        return next(iter(self._flights.items()), None)

    def oldest_sent_at(self) -> float | None:
        """When the one left that has been under way for longest."""
        return next((flight.sent_at for flight in self._flights.values()), None)

    def canary(self) -> Flight | None:
        """The canary that is under way; None: there is none."""
        return next((flight for flight in self._flights.values() if flight.kind is Send.CANARY), None)

    def has_canary(self) -> bool:
        """True while a canary is under way."""
        return self.canary() is not None

    def any_since(self, moment: float) -> bool:
        """True if one that left at that moment or later is under way."""
        return any(flight.sent_at >= moment for flight in self._flights.values())
