"""The adherence feed: our client against the practice org over HTTP."""

from __future__ import annotations

from dataclasses import replace

import pytest
from tests.contract.test_wfm_practice_org import NINE, PLENTY, WFM, bearer, world

from shiftline.errors import ForbiddenError
from shiftline.lab.org.accounts import CONNECTOR_PERMISSIONS, OAuthClient
from shiftline.lab.org.practice import OrgSettings
from shiftline.secrets import Secret
from shiftline.trades.model import PLATFORM, EvidenceKind


async def test_the_feed_shows_each_agent_as_he_is() -> None:
    """A hundred agents in one call; those whom it does not show are unverifiable, not absent."""
    async with world() as here:
        org = here.practice.org
        agents = list(org.users)
        found = {one.agent: one for one in await here.genesys.platform_evidence(agents)}
    assert list(found) == agents
    for agent, one in found.items():
        presence = org.presences.get(agent)
        said = None if presence is None else f"{presence.system}, {presence.routing}"
        assert (one.said, one.method, one.taken_at) == (said, PLATFORM, NINE)
        assert one.is_conclusive == (presence is not None)
    assert {one.kind for one in found.values()} >= {EvidenceKind.AVAILABLE, EvidenceKind.NOT_REGISTERED}


async def test_the_feed_takes_one_to_a_hundred_ids_and_no_call_of_shift_trading() -> None:
    """Other numbers are 400, strangers are left out, and the general limit alone is told in the headers."""
    async with world(OrgSettings(trading_per_minute=0)) as here:
        headers, url = await bearer(here), f"{here.url}{WFM}/adherence"
        user = next(iter(here.practice.org.presences))
        found = [
            await here.raw.get(url, params={"userId": ids}, headers=headers)
            for ids in ([], ["x"] * 101, [user, "stranger"], [f"{user},stranger"])
        ]
    assert [answer.status_code for answer in found] == [400, 400, 200, 200]
    assert [[one["user"]["id"] for one in answer.json()] for answer in found[2:]] == [[user], [user]]
    assert found[3].headers["inin-ratelimit-allowed"] == "300"
    assert found[3].headers["inin-ratelimit-count"] == "4"


async def test_the_feed_has_a_permission_of_its_own() -> None:
    """Without it the preflight names it; with it there is nothing to say."""
    reader = OAuthClient(id="reader", secret=Secret("secret"), permissions=CONNECTOR_PERMISSIONS)
    async with world(replace(PLENTY, clients=(reader,)), client_id="reader") as here:
        (finding,) = await here.genesys.check_feed()
        with pytest.raises(ForbiddenError, match="lacks wfm:realtimeAdherence:view"):
            await here.genesys.platform_evidence(["x"])
    assert finding.cause == "http.permission"
    assert "wfm:realtimeAdherence:view" in finding.message
    async with world() as here:
        assert await here.genesys.check_feed() == []
