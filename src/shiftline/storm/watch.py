"""Single requests and their fate: what a run keeps beside its seconds when somebody wants to know why."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple


class Asked(NamedTuple):
    """One request and its fate. Times are of the machine's monotonic clock, in seconds."""

    sent: float
    answered: float | None
    """None: no final answer in time."""
    status: int
    """`sample.TIMEOUT` for none."""
    source: str
    user: str
    method: str
    carried: bool
    """Whether it carried credentials."""


def in_order(rows: Iterable[Asked]) -> list[Asked]:
    """By the moment of sending."""
    return sorted(rows, key=lambda row: row.sent)


@dataclass(frozen=True, slots=True, kw_only=True)
class Watch:
    """What a run's watched flows showed."""

    asked: Sequence[Asked] = ()
    """In the order of sending."""
    complete_until: float = float("inf")
    """Up to here every request is among them; later ones are of ``users`` only."""
    users: frozenset[str] = frozenset()
    tries: Mapping[str, int] = field(default_factory=dict)
    """How often each user's credentials were tried, or that they are proven (`users.User.tries`)."""
    examples: Mapping[int, str] = field(default_factory=dict)
    """The first answer of each status, head only."""


def watched_together(watches: Sequence[Watch]) -> Watch:
    """What several processes saw."""
    rows = in_order(row for watch in watches for row in watch.asked)
    return Watch(
        asked=rows,
        complete_until=min((watch.complete_until for watch in watches), default=float("inf")),
        users=frozenset().union(*(watch.users for watch in watches)),
        tries={name: tries for watch in watches for name, tries in watch.tries.items()},
        examples={status: text for watch in watches for status, text in watch.examples.items()},
    )
