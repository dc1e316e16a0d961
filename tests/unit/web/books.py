"""Books that say what a test tells them to, and a trunk of which everything is known."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import httpx

from shiftline.connector.records import TrunkKey, TrunkSample
from shiftline.errors import UnavailableError
from shiftline.store.read_model import ReadModel, Totals, TrunkRow
from shiftline.web.status import status_app

NOW = datetime(2026, 11, 23, 15, 0, tzinfo=UTC)
TOTALS = Totals(
    trades={"open": 3, "delivering": 2, "referred": 1, "settled": 7},
    outcomes={"approved": 6, "denied": 1},
    checks_due=4,
)
PROOF = {"method": "options", "state": "qualified", "trust_unqualified": False}
KEY = TrunkKey(trunk="pbx", source="192.0.2.7", user="<shiftline>")
KNOWLEDGE: Mapping[str, Any] = {
    "mode": "listening",
    "rate": 24.5,
    "limit": 50,
    "window_seconds": 2.0,
    "learned": True,
    "refusal": "throttle",
    "model": "fixed-window",
    "confidence": 0.93,
    "learned_ago": 40.0,
    "refusals": [
        {"ago": 600.0, "class": "ban", "status": None, "rate": 31.0},
        {"ago": 9.0, "class": "throttle", "status": 403, "rate": 25.5, "count": 4},
    ],
    "waiting_for": "canary in 2 s: <silent> after a refusal",
    "sent": 900,
    "passed": 880,
    "refused": 9,
    "in_flight": 2,
    "waiting": 17,
    "trouble": None,
    "failure": None,
    "lanes": {
        "probe": {"waiting": 0, "sent": 2, "oldest_seconds": None},
        "decision": {"waiting": 17, "sent": 890, "oldest_seconds": 4.25},
        "later": {"waiting": 1, "sent": 0, "oldest_seconds": 0.5},
    },
    "qualification": PROOF,
}


def trunk(**changes: Any) -> TrunkRow:
    """A trunk that works, one second after it was saved."""
    told: dict[str, Any] = {
        "trunk": "pbx",
        "source": "192.0.2.7",
        "auth_user": "<shiftline>",
        "governor": {
            "mode": "holding",
            "rate": 47.25,
            "refusal": "throttle",
            "trouble": None,
            "qualification": PROOF,
        },
        "disarmed_cause": None,
        "disarmed_at": None,
        "saved_at": NOW - timedelta(seconds=1),
    }
    return TrunkRow(**(told | changes))


def sample(seconds_ago: float, **changes: Any) -> TrunkSample:
    """Five seconds of twenty requests each, all passed."""
    told: dict[str, Any] = {"seconds": 5.0, "rate": 20.0, "sent": 100, "passed": 100, "refused": 0}
    told |= {"at": NOW - timedelta(seconds=seconds_ago), "mode": "holding", "refusal": None}
    return TrunkSample(**(told | changes))


class Books:
    """Books that say what they are told to, or cannot be read."""

    def __init__(
        self,
        *trunks: TrunkRow,
        samples: Mapping[TrunkKey, Sequence[TrunkSample]] | None = None,
        away: bool = False,
    ) -> None:
        self._trunks = trunks
        self._samples = samples or {}
        self._away = away
        self.asked: list[tuple[datetime, float | None]] = []

    async def totals(self) -> Totals:
        return TOTALS

    async def trunks(self, name: str | None = None) -> list[TrunkRow]:
        if self._away:
            raise UnavailableError("socket /home/somebody/.s.PGSQL: connection refused.")
        return [row for row in self._trunks if name in (None, row.trunk)]

    async def trunk_samples(
        self, since: datetime, *, trunk: str | None = None, bucket_seconds: float | None = None
    ) -> dict[TrunkKey, list[TrunkSample]]:
        self.asked.append((since, bucket_seconds))
        return {
            key: [one for one in samples if one.at > since]
            for key, samples in self._samples.items()
            if trunk in (None, key.trunk)
        }


@asynccontextmanager
async def client(books: Books) -> AsyncIterator[httpx.AsyncClient]:
    """A browser on pages over these books."""
    app = status_app(cast("ReadModel", books), lambda: NOW)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://page") as browser:
        yield browser
