"""The trunk driver's four lanes against a small PBX on loopback: who goes first, and who is never starved."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta

from tests.unit.net.bench import NOW, a_qualifier, trunk_driver
from tests.unit.net.jumping import jumping

from shiftline.connector.qualifier import QualificationPolicy, Qualifier
from shiftline.connector.records import DueCheck
from shiftline.governor.controller import Answer, Send
from shiftline.governor.governor import Governor
from shiftline.governor.lanes import Lane, served_within
from shiftline.governor.policy import GovernorPolicy
from shiftline.net.endpoint import SipEndpoint
from shiftline.net.trunk import TrunkDriver
from shiftline.net.waiting import Errand
from shiftline.sip.events import RequestReceived
from shiftline.sip.message import response_to
from shiftline.sip.targets import Target
from shiftline.trades.model import Evidence, EvidenceKind


def patient() -> Qualifier:
    """One that has controls, and has not heard them."""
    return Qualifier(
        QualificationPolicy(methods=("options",), controls=("sip:here@lab", "sip:gone@lab")), NOW
    )


class Bench:
    """A driver, and in which order things left it."""

    def __init__(self) -> None:
        self.left: list[str] = []
        self.driver: TrunkDriver

    def errand(self, name: str) -> Errand:
        """One that is answered at once."""

        def errand(governor: Governor, now: float) -> bool:
            self.left.append(name)
            governor.answered(governor.sent(now, Send.CHECK, credentials=False), now, Answer.PASSED)
            return True

        return errand

    async def until(self, is_so: Callable[[], bool]) -> list[Evidence]:
        """Gather evidence until then; the test's time limit ends a wait in vain."""
        found: list[Evidence] = []
        while not is_so():
            found += await self.driver.gathered(0.05)
        return found


@asynccontextmanager
async def bench(
    status_of: Callable[[str], int] = lambda _: 200,
    *,
    rate: float = 200.0,
    qualifier: Qualifier | None = None,
) -> AsyncIterator[Bench]:
    """A driver at that rate, and a PBX that answers about each user with ``status_of(user)``, 0: not."""
    floor = Bench()

    def answer(endpoint: SipEndpoint, event: RequestReceived) -> None:
        user = event.request.uri.user or "canary"
        floor.left.append(user)
        if event.key is not None and (status := status_of(user)):
            endpoint.respond(event.key, response_to(event.request, status))

    async with (
        await SipEndpoint.open(local_host="127.0.0.1", on_request=answer) as pbx,
        await SipEndpoint.open(local_host="127.0.0.2") as ours,
        trunk_driver(
            ours,
            Target.over_udp(pbx.local),
            governor=Governor(GovernorPolicy(max_rate=rate), asyncio.get_running_loop().time()),
            qualifier=qualifier or a_qualifier(),
        ) as floor.driver,
    ):
        yield floor


def checks(*agents: str) -> list[DueCheck]:
    """In this order of need."""
    return [
        DueCheck(id=n, agent=agent, address=f"sip:{agent}@lab", needed_by=NOW + timedelta(seconds=n))
        for n, agent in enumerate(agents)
    ]


def burst(count: int) -> list[DueCheck]:
    return checks(*(f"agent{n}" for n in range(count)))


def places(left: Sequence[str], name: str) -> list[int]:
    return [place for place, one in enumerate(left) if one == name]


async def test_a_registration_waits_for_no_check_that_has_not_left() -> None:
    """In the middle of a burst it goes next, and the burst goes on behind it."""
    async with bench() as floor:
        floor.driver.submit(burst(60))
        await floor.until(lambda: len(floor.left) >= 20)
        floor.driver.run_errand(floor.errand("register"))
        asked = len(floor.left)
        await floor.until(lambda: len(floor.left) >= 61)
    assert floor.left.index("register") <= asked + served_within(Lane.REGISTRATION)


async def test_a_probe_is_served_within_its_bound_of_a_full_trunk() -> None:
    """Checks and registrations never end, and the doctor still gets his answer."""
    async with bench() as floor:
        floor.driver.submit(burst(80))
        for number in range(80):
            floor.driver.run_errand(floor.errand(f"register{number}"))
        await floor.until(lambda: len(floor.left) >= 10)
        asked = len(floor.left)
        floor.driver.run_errand(floor.errand("probe"), lane=Lane.PROBE)
        await floor.until(lambda: "probe" in floor.left)
        assert floor.left.index("probe") <= asked + served_within(Lane.PROBE)
        lanes = floor.driver.knowledge()["lanes"]
    assert (lanes["probe"]["sent"], lanes["probe"]["waiting"]) == (1, 0)
    assert lanes["decision"]["waiting"] > 0
    assert lanes["registration"]["oldest_seconds"] > 0


async def test_a_slow_trunk_keeps_little_queued() -> None:
    """A check that turns up with an earlier need waits for few: what is in the books comes by need."""
    async with bench(rate=1.0) as floor:
        assert floor.driver.room() == 8
        floor.driver.submit(burst(5))
        room, waiting = floor.driver.room(), floor.driver.knowledge()["waiting"]
        assert room == 8 - waiting


async def test_answers_that_are_awaited_take_no_room() -> None:
    """A PBX that takes its time is kept as busy as its rate allows."""
    async with bench(lambda user: 200 if user == "agent0" else 0, rate=100.0) as floor:
        floor.driver.submit(burst(1))
        await floor.driver.gathered(5.0)
        room = floor.driver.room()
        floor.driver.submit(burst(3)[1:])
        await floor.until(lambda: len(floor.left) == 3)
        assert (floor.driver.room(), floor.driver.is_idle()) == (room, False)


async def test_errands_of_a_lane_go_by_deadline() -> None:
    """Whatever order they came in; the one that is first goes before them all."""
    async with bench(rate=50.0) as floor:
        floor.driver.submit(burst(3))
        for name, deadline in (("late", 3e9), ("soon", 1e9), ("later", 5e9)):
            floor.driver.run_errand(floor.errand(name), lane=Lane.PROBE, deadline=deadline)
        floor.driver.run_errand(floor.errand("urgent"), lane=Lane.PROBE, first=True)
        await floor.until(lambda: len(floor.left) == 7)
    assert [name for name in floor.left if not name.startswith("agent")] == [
        "urgent",
        "soon",
        "late",
        "later",
    ]


async def test_what_nobody_needs_yet_does_not_hold_up_a_trade() -> None:
    """Checks that come later than prefetches leave before those that still wait."""
    async with bench(rate=100.0) as floor:
        floor.driver.prefetch(checks(*(f"idle{n}" for n in range(40))))
        await floor.until(lambda: len(floor.left) >= 5)
        before = len(floor.left)
        floor.driver.submit(burst(20))
        await floor.until(lambda: "agent19" in floor.left)
    assert sum(name.startswith("idle") for name in floor.left[before + 1 :]) <= 1


async def test_a_trade_takes_its_agent_out_of_the_prefetches() -> None:
    """The agent is asked once, when the trade needs it."""
    async with bench(rate=50.0) as floor:
        floor.driver.prefetch(checks("ada", "ben", "cyd", "dan"))
        floor.driver.submit(checks("dan"))
        await floor.until(lambda: len(floor.left) >= 4)
        lanes = floor.driver.knowledge()["lanes"]
    assert len(places(floor.left, "dan")) == 1
    assert floor.left.index("dan") < floor.left.index("cyd")
    assert (lanes["prefetch"]["waiting"], lanes["decision"]["sent"]) == (0, 1)


async def test_a_prefetch_that_told_nothing_is_no_evidence() -> None:
    """Whoever it was about is asked again when a trade needs it."""
    async with bench(lambda user: 603 if user == "ben" else 200) as floor:
        floor.driver.prefetch(checks("ben", "ada"))
        found = await floor.driver.gathered(5.0)
        floor.driver.submit(checks("ben"))
        again = await floor.driver.gathered(5.0)
    assert [(one.agent, one.kind) for one in found] == [("ada", EvidenceKind.AVAILABLE)]
    assert [(one.agent, one.kind) for one in again] == [("ben", EvidenceKind.UNVERIFIABLE)]


async def test_there_is_a_rate_to_spare_when_rate_and_method_are_known_and_nothing_waits() -> None:
    """The declared one, once nothing is left to ask; none of a search, and none of an unproven method."""
    async with bench(rate=50.0) as floor:
        assert floor.driver.spare_rate() == 50.0
        floor.driver.submit(burst(5))
        assert floor.driver.spare_rate() == 0.0
        await floor.until(lambda: len(floor.left) == 5)
        assert floor.driver.spare_rate() == 50.0
        searching = Governor(GovernorPolicy(learn=True, max_rate=0), asyncio.get_running_loop().time())
        floor.driver.take_over(searching, a_qualifier(), None)
        assert floor.driver.spare_rate() == 0.0
    async with bench(rate=50.0, qualifier=patient()) as floor:
        assert floor.driver.spare_rate() == 0.0


async def test_nobody_is_prefetched_before_the_controls_have_spoken() -> None:
    """And the controls are not asked for that alone."""
    async with bench(qualifier=patient()) as floor:
        floor.driver.prefetch(checks("ada"))
        assert await floor.driver.gathered(1.0) == []
        assert floor.left == []
        assert [check.agent for check in floor.driver.forgo_prefetch()] == ["ada"]
        assert floor.driver.forgo_prefetch() == []


@jumping
async def test_a_refused_question_neither_starves_nor_holds_up_others() -> None:
    """It is asked three times while newcomers stream in, and costs them those three turns."""
    async with bench(lambda user: 403 if user == "agent0" else 200) as floor:
        floor.driver.submit(burst(1))
        found: list[Evidence] = []
        for number in range(1, 400):
            floor.driver.submit(checks(f"new{number}"))
            found += await floor.driver.gathered(0.05)
            if any(one.agent == "agent0" for one in found):
                break
        asked = places(floor.left, "agent0")
    assert len(asked) == 3
    assert len(floor.left) < 40
