"""The adherence feed with scripted answers: one evidence an agent, its age, its budget, its permission."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from structlog.testing import capture_logs
from tests.unit.wfm.test_genesys_http import SETTINGS, Script, client

from shiftline.errors import ForbiddenError, MisuseError, NotSentError, PeerError, UnavailableError
from shiftline.trades.model import EvidenceKind
from shiftline.wfm.adherence import PATH, AdherenceFeed
from shiftline.wfm.api import GenesysApi
from shiftline.wfm.presence import CONTRADICTION, NO_WORD
from shiftline.wfm.token import TokenCache

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)


@asynccontextmanager
async def feed(script: Script, wait_seconds: float = 0.0) -> AsyncIterator[AdherenceFeed]:
    """A feed whose platform is the script and whose budget has room after ``wait_seconds``."""

    async def reserve() -> float:
        return wait_seconds

    async with client(script) as http:
        api = GenesysApi(http, TokenCache(http, SETTINGS), SETTINGS.api_url)
        yield AdherenceFeed(api, clock=lambda: NOON, reserve=reserve)


def entry(agent: str, presence: str = "OnQueue", routing: str = "IDLE", **more: Any) -> dict[str, Any]:
    """One agent as the platform shows him."""
    return {"user": {"id": agent}, "systemPresence": presence, "routingStatus": routing, **more}


def shows(*entries: Any, **headers: str) -> Script:
    """A platform that shows these entries."""
    return Script(httpx.Response(200, json=list(entries), headers=headers))


async def asked(script: Script, *agents: str) -> dict[str, tuple[EvidenceKind, str | None, str | None]]:
    """Ask about these agents; return kind, cause and the platform's words of each."""
    async with feed(script) as opened:
        return {found.agent: (found.kind, found.cause, found.said) for found in await opened.ask(agents)}


async def test_every_agent_gets_an_evidence() -> None:
    """In one request that names them all; whoever is not shown is not known to be away."""
    script = shows(entry("ben", "Offline", "OFF_QUEUE"), entry("ada"), entry("stranger"))
    assert await asked(script, "ada", "ben", "eve") == {
        "ada": (EvidenceKind.AVAILABLE, None, "OnQueue, IDLE"),
        "ben": (EvidenceKind.NOT_REGISTERED, None, "Offline, OFF_QUEUE"),
        "eve": (EvidenceKind.UNVERIFIABLE, NO_WORD, None),
    }
    (request,) = script.seen
    assert (request.url.path, request.url.params.get_list("userId")) == (PATH, ["ada", "ben", "eve"])


async def test_an_agent_who_left_the_unit_is_not_in_the_feed() -> None:
    """What is shown of him is a farewell and will not change any more."""
    shown = await asked(shows(entry("ada", removedFromManagementUnit=True)), "ada")
    assert shown == {"ada": (EvidenceKind.UNVERIFIABLE, NO_WORD, None)}


async def test_an_agent_shown_twice_is_believed_only_if_both_agree() -> None:
    """Two words that differ are none; the audit trail gets both."""
    twice = [entry("ada"), entry("ada", "Offline", "OFF_QUEUE"), entry("ben"), entry("ben", "Available")]
    assert await asked(shows(*twice), "ada", "ben") == {
        "ada": (EvidenceKind.UNVERIFIABLE, CONTRADICTION, "OnQueue, IDLE | Offline, OFF_QUEUE"),
        "ben": (EvidenceKind.AVAILABLE, None, "OnQueue, IDLE | Available, IDLE"),
    }


async def test_a_broken_entry_costs_only_its_own_agent() -> None:
    """It is logged with the agent's id or without, and the others are used."""
    broken = [entry("ben", presence=["OnQueue"]), None, "Offline", {"user": "ada"}]  # type: ignore[arg-type]
    with capture_logs() as log:
        shown = await asked(shows(*broken, entry("ada")), "ada", "ben")
    assert {agent: kind for agent, (kind, _, _) in shown.items()} == {
        "ada": EvidenceKind.AVAILABLE,
        "ben": EvidenceKind.UNVERIFIABLE,
    }
    assert [line["event"] for line in log] == ["left out what cannot be read"] * 4


async def test_an_answer_that_is_no_list_is_nonsense() -> None:
    """A proxy's page says nothing about anybody."""
    for answer in (httpx.Response(200, json={"entities": []}), httpx.Response(200, text="<html>")):
        async with feed(Script(answer)) as opened:
            with pytest.raises(PeerError):
                await opened.ask(["ada"])


@pytest.mark.parametrize(
    ("age", "seconds"), [("", 0), ("90", 90), ("-5", 0), ("soon", 0), ("9" * 400, 2**31)]
)
async def test_evidence_is_as_old_as_the_answer(age: str, seconds: int) -> None:
    """What a cache has kept for a while was true then (RFC 9111 section 5.1); nonsense counts as no age."""
    async with feed(shows(entry("ada"), Age=age)) as opened:
        (found,) = await opened.ask(["ada"])
    assert found.taken_at == NOON - timedelta(seconds=seconds)


async def test_a_spent_budget_sends_nothing() -> None:
    """The wait is told, and the request has not left."""
    script = shows(entry("ada"))
    async with feed(script, wait_seconds=12.5) as opened:
        with pytest.raises(NotSentError) as caught:
            await opened.ask(["ada"])
    assert (caught.value.retry_after_seconds, script.seen) == (12.5, [])


async def test_a_missing_permission_is_named() -> None:
    """Whatever words the platform chose, the sentence names the permission and says what to do."""
    async with feed(Script(httpx.Response(403, json={"code": "not.authorized", "message": "No."}))) as opened:
        with pytest.raises(ForbiddenError) as caught:
            await opened.ask(["ada"])
    assert "it lacks wfm:realtimeAdherence:view." in caught.value.message
    assert "wfm:realtimeAdherence:view" in caught.value.remedy
    assert "policy.platform_fallback" in caught.value.remedy


async def test_being_turned_away_is_an_outage_with_a_wish() -> None:
    """429 and 503 pass; Retry-After says when."""
    for status in (429, 503):
        answer = httpx.Response(status, headers={"Retry-After": "7"})
        async with feed(Script(answer)) as opened:
            with pytest.raises(UnavailableError) as caught:
                await opened.ask(["ada"])
        assert caught.value.retry_after_seconds == 7


async def test_a_hundred_agents_at_most() -> None:
    """More are a defect of ours, and nobody is no question."""
    script = shows()
    async with feed(script) as opened:
        assert await opened.ask([]) == []
        with pytest.raises(MisuseError):
            await opened.ask([str(number) for number in range(101)])
    assert script.seen == []
