"""Falling back on the platform: who asks, what an outage, a refusal and an old answer become."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from unittest.mock import AsyncMock, MagicMock

import pytest

from shiftline.connector.deciding import Decider
from shiftline.connector.fallback import PlatformFallback
from shiftline.connector.records import PLATFORM_BATCH, DecidedTrade, Fallback, Lease, OpenTrade, TrunkKey
from shiftline.errors import ForbiddenError, RefusedError, UnavailableError
from shiftline.trades.decision import DecisionPolicy
from shiftline.trades.model import PLATFORM, Evaluation, Evidence, EvidenceKind, Shift, Standing, Trade

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
FRESH = 300.0
LEASE = Lease(name="wfm:org", owner="worker", epoch=1)


def here(agent: str, taken_at: datetime = NOON) -> Evidence:
    return Evidence(agent=agent, kind=EvidenceKind.AVAILABLE, method=PLATFORM, taken_at=taken_at)


@dataclass(kw_only=True)
class Floor:
    """A fallback whose machines are played: these agents wait until something is recorded of them."""

    waiting: list[str]
    answer: list[Evidence] | Exception = field(default_factory=list)
    is_owner: bool = True
    recorded: list[Evidence] = field(default_factory=list)

    def __post_init__(self) -> None:
        books = MagicMock()
        books.platform.to_ask = AsyncMock(side_effect=self._to_ask)
        books.platform.record = AsyncMock(side_effect=self._record)
        work = MagicMock()
        work.return_value.__aenter__ = AsyncMock(return_value=books)
        work.return_value.__aexit__ = AsyncMock(return_value=None)
        self.feed = MagicMock(platform_evidence=AsyncMock(side_effect=self._told))
        ownership = MagicMock(lease=LEASE)
        ownership.holds = lambda: self.is_owner
        self.fallback = PlatformFallback(
            feed=self.feed,
            work=work,
            clock=lambda: NOON,
            ownership=ownership,
            fresh_seconds=FRESH,
            policy=Fallback(),
        )

    async def _to_ask(self, now: datetime, fresh: float, policy: Fallback, limit: int) -> Sequence[str]:
        assert (now, fresh, policy) == (NOON, FRESH, Fallback())
        known = {found.agent for found in self.recorded}
        return [agent for agent in self.waiting if agent not in known][:limit]

    async def _record(self, lease: Lease, evidence: Sequence[Evidence]) -> None:
        assert lease == LEASE
        self.recorded += evidence

    async def _told(self, agents: Sequence[str]) -> list[Evidence]:
        assert len(agents) <= PLATFORM_BATCH
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer or [here(agent) for agent in agents]

    @property
    def questions(self) -> int:
        """How often the platform was asked."""
        return int(self.feed.platform_evidence.await_count)


async def test_agents_are_asked_about_in_batches() -> None:
    """A hundred a call, until nobody is left; then nothing is asked."""
    floor = Floor(waiting=[f"agent{number}" for number in range(130)])
    assert [await floor.fallback.step() for _ in range(3)] == [100, 30, 0]
    assert floor.questions == 2
    assert [found.agent for found in floor.recorded] == floor.waiting


async def test_only_the_owner_of_the_wfm_asks() -> None:
    """Two workers would spend the budget twice."""
    floor = Floor(waiting=["ada"], is_owner=False)
    assert await floor.fallback.step() == 0
    assert (floor.questions, floor.recorded) == (0, [])


async def test_an_outage_says_nothing_about_anybody() -> None:
    """Nothing is stored, so that the same agents are asked about again."""
    floor = Floor(waiting=["ada"], answer=UnavailableError("It is away."))
    with pytest.raises(UnavailableError):
        await floor.fallback.step()
    assert floor.recorded == []


@pytest.mark.parametrize(
    ("refusal", "cause"),
    [(ForbiddenError("No permission."), "http.permission"), (RefusedError("No."), "platform.refused")],
)
async def test_a_refusal_keeps_nobody_waiting(refusal: Exception, cause: str) -> None:
    """All who wait are unverifiable at once, by one question; the refusal is told."""
    floor = Floor(waiting=[f"agent{number}" for number in range(230)], answer=refusal)
    with pytest.raises(RefusedError):
        await floor.fallback.step()
    assert floor.questions == 1
    assert [found.agent for found in floor.recorded] == floor.waiting
    assert {(found.kind, found.cause, found.method) for found in floor.recorded} == {
        (EvidenceKind.UNVERIFIABLE, cause, PLATFORM)
    }


async def test_an_old_answer_is_no_evidence() -> None:
    """It is stored as unverifiable of now: as of then it would be asked for again without end."""
    at_the_limit, too_old = NOON - timedelta(seconds=FRESH), NOON - timedelta(seconds=FRESH + 1)
    said = replace(here("ben", too_old), said="OnQueue, IDLE")
    floor = Floor(waiting=["ada", "ben"], answer=[here("ada", at_the_limit), said])
    await floor.fallback.step()
    fresh, stale = floor.recorded
    assert fresh == here("ada", at_the_limit)
    assert (stale.kind, stale.cause, stale.taken_at, stale.said) == (
        EvidenceKind.UNVERIFIABLE,
        "platform.stale",
        NOON,
        "OnQueue, IDLE",
    )


async def audited(initiating: Standing, receiving: Standing) -> dict[str, object]:
    """Decide a trade between these two; return what its audit entry shows."""
    shift = Shift(external_id="s", starts_at=NOON + timedelta(days=7), ends_at=NOON + timedelta(days=8))
    trade = OpenTrade(
        id=1,
        trade=Trade(
            external_id="t",
            version=1,
            management_unit="north",
            week_date=date(2026, 11, 30),
            initiating_agent="ada",
            receiving_agent="ben",
            initiating_shift=shift,
            receiving_shift=None,
            matched_at=NOON,
            expires_at=NOON + timedelta(days=2),
        ),
        evaluation=Evaluation(),
        deadline=NOON + timedelta(hours=2),
        refer_by=NOON + timedelta(hours=1),
        initiating=initiating,
        receiving=receiving,
    )
    books, decided = MagicMock(), list[DecidedTrade]()
    books.trades.decidable = AsyncMock(return_value=[trade])
    books.trades.decide = AsyncMock(side_effect=lambda made, _: decided.extend(made))
    work = MagicMock()
    work.return_value.__aenter__ = AsyncMock(return_value=books)
    work.return_value.__aexit__ = AsyncMock(return_value=None)
    decider = Decider(
        work=work,
        clock=lambda: NOON,
        policy=DecisionPolicy(),
        fresh_seconds=FRESH,
        trunks=[TrunkKey(trunk="pbx", source="0.0.0.0", user="-")],
        fallback=Fallback(),
    )
    assert await decider.decide_ready() == 1
    assert books.trades.decidable.await_args.kwargs == {"fallback": Fallback()}
    return {side: decided[0].detail[side] for side in ("initiating", "receiving")}


async def test_the_audit_entry_tells_which_evidence_was_used() -> None:
    """The one that counted stands first, the other one beside it, each with its method."""
    by_sip = Evidence(
        agent="ada", kind=EvidenceKind.UNVERIFIABLE, method="options", taken_at=NOON, cause="method.blind"
    )
    answered = Evidence(
        agent="ben", kind=EvidenceKind.BUSY, method="options", taken_at=NOON, cause=None, status=486
    )
    shown = await audited(
        Standing(agent="ada", evidence=by_sip, platform=replace(here("ada"), said="OnQueue, IDLE")),
        Standing(agent="ben", evidence=answered),
    )
    moment = NOON.isoformat()
    assert shown["initiating"] == {
        "agent": "ada",
        "scheduled_now": False,
        "evidence": "Available",
        "method": "platform",
        "status": None,
        "cause": None,
        "taken_at": moment,
        "said": "OnQueue, IDLE",
        "beside": {
            "evidence": "Unverifiable",
            "method": "options",
            "status": None,
            "cause": "method.blind",
            "taken_at": moment,
        },
    }
    assert shown["receiving"] == {
        "agent": "ben",
        "scheduled_now": False,
        "evidence": "Busy",
        "method": "options",
        "status": 486,
        "cause": None,
        "taken_at": moment,
    }
