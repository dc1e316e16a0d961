"""What the practice org's adherence feed knows of each agent, drawn from the truth that the PBX holds too."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from random import Random
from types import MappingProxyType

from shiftline.lab.org.entities import Presence, User
from shiftline.lab.pbx.agents import Truth

STATES: Mapping[Truth, Sequence[tuple[str, str]]] = MappingProxyType(
    {
        Truth.AVAILABLE: (
            ("OnQueue", "IDLE"),
            ("OnQueue", "IDLE"),
            ("OnQueue", "IDLE"),
            ("Available", "OFF_QUEUE"),
            ("Break", "OFF_QUEUE"),
            ("Meal", "OFF_QUEUE"),
            ("Away", "OFF_QUEUE"),
            ("Idle", "OFF_QUEUE"),
        ),
        Truth.BUSY: (("OnQueue", "INTERACTING"), ("Available", "COMMUNICATING"), ("Meeting", "OFF_QUEUE")),
        Truth.NOT_REGISTERED: (("Offline", "OFF_QUEUE"),),
        # Signed in on the web, without a phone that any PBX knows: what the platform cannot tell.
        Truth.UNKNOWN: (("Available", "OFF_QUEUE"),),
    }
)
"""Presence and routing status as an agent with this phone may have them."""
_LONGEST = timedelta(hours=6)


def presences(
    rng: Random,
    users: Sequence[User],
    truths: Sequence[Truth],
    published_at: datetime,
    *,
    hidden: int,
) -> dict[str, Presence]:
    """Return what the feed shows by agent; ``hidden`` agents with an address are missing from it."""
    asked = [user.id for user in users if user.address is not None]
    unseen = set(rng.sample(asked, min(hidden, len(asked))))
    return {
        user: presence for user, presence in _drawn(rng, users, truths, published_at) if user not in unseen
    }


def _drawn(
    rng: Random, users: Sequence[User], truths: Sequence[Truth], published_at: datetime
) -> Iterator[tuple[str, Presence]]:
    for user, truth in zip(users, truths, strict=True):
        system, routing = rng.choice(STATES[truth])
        since = published_at - _LONGEST * rng.random()
        yield user.id, Presence(system=system, routing=routing, since=since)
