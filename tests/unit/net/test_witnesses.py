"""Agents who are refused for themselves: whoever is known to be there tells that it is not the trunk."""

from __future__ import annotations

from collections import Counter

import pytest
from tests.unit.net.jumping import jumping
from tests.unit.net.login_pbx import Pbx, ask, trunk

from shiftline.governor.state import Mode

AGENTS = tuple(f"agent{n}" for n in range(5))


def forbidding(users: frozenset[str], *, challenges: bool, box: int) -> Pbx:
    """A PBX that refuses these users; ``box`` is what it says to a canary about itself."""

    def answer(_: Pbx, user: str | None, carried: str | None) -> int:
        if user is None:
            return box
        if challenges and carried is None:
            return 401
        return 403 if user in users else 200

    return Pbx(answer, answer_seconds=0.01)


@pytest.mark.parametrize("challenges", [True, False])
@pytest.mark.parametrize(("box", "refused"), [(200, 2), (403, 1)])
@jumping
async def test_agents_who_are_refused_first_do_not_stop_the_trunk(
    challenges: bool, box: int, refused: int
) -> None:
    """Nothing was accepted yet, and the PBX may refuse canaries about itself: the present control passes."""
    forbidden = frozenset(AGENTS[:refused])
    async with trunk(forbidding(forbidden, challenges=challenges, box=box)) as (driver, governor):
        found = await ask(driver, *AGENTS)
    assert {user for user, one in found.items() if one.cause == "policy.account-disabled"} == forbidden
    assert {one.status for user, one in found.items() if user not in forbidden} == {200}
    assert governor.mode is not Mode.STOPPED


@pytest.mark.parametrize("challenges", [True, False])
@jumping
async def test_a_trunk_that_refuses_everybody_still_stops_soon(challenges: bool) -> None:
    """Fewer than ten requests, two of them with credentials."""

    def answer(_: Pbx, user: str | None, carried: str | None) -> int:
        return (
            401
            if challenges and user is not None and carried is None
            else 200
            if challenges and user is None
            else 403
        )

    pbx = Pbx(answer, answer_seconds=0.01)
    async with trunk(pbx) as (driver, governor):
        await ask(driver, *AGENTS)
    assert governor.mode is Mode.STOPPED
    assert pbx.requests < 10
    assert pbx.refused_logins == (2 if challenges else 0)


@jumping
async def test_who_passed_without_credentials_is_a_witness_where_nobody_is_challenged() -> None:
    """Refused agents are the last of a burst on a trunk that trusts our address."""
    last = frozenset(AGENTS[-2:])
    pbx = forbidding(last, challenges=False, box=200)
    async with trunk(pbx, controls=None) as (driver, governor):
        found = await ask(driver, *AGENTS)
    assert {user for user, one in found.items() if one.cause == "policy.account-disabled"} == last
    assert max(Counter(one.user for one in pbx.log if one.user in AGENTS[:-2]).values()) > 1
    assert governor.mode is not Mode.STOPPED
