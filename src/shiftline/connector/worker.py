"""The worker: the loops that carry trades from intake to their end, each surviving its neighbours' faults.

Every step is one use case. A step that finds its machine unavailable is tried again after a while that
grows; nothing is lost meanwhile, because whatever waits is a row.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial

import structlog

from shiftline.clock import Clock
from shiftline.connector.deciding import Decider
from shiftline.connector.delivering import Deliverer
from shiftline.connector.fallback import PlatformFallback
from shiftline.connector.intake import Intake
from shiftline.connector.lease_ports import WorkerRegister
from shiftline.connector.ownership import GRACE_SECONDS, RENEW_SECONDS, TTL_SECONDS, Ownership
from shiftline.connector.planning import Call, DeliveryPolicy, next_call
from shiftline.connector.ports import Work
from shiftline.connector.sharing import LIVE_SECONDS, LOOK_SECONDS, Sharing
from shiftline.connector.trunk_work import GIVE_UP_SECONDS, IDLE_SECONDS, TrunkWork, give_up
from shiftline.errors import ConfigurationError, PeerError, RefusedError, UnavailableError
from shiftline.trades.windows import PublishWindow

log = structlog.get_logger("shiftline.worker")

RENEW_CHECKS_SECONDS = 2.0
OPEN_SECONDS = 15.0  # how often a trunk that could not be opened is tried again
PLATFORM_IDLE_SECONDS = 0.5
FIRST_PAUSE_SECONDS = 0.5
LONGEST_PAUSE_SECONDS = 15.0
PATIENT_INTERVALS = 2  # so long a poll gives way to trades that are under way
LONGEST_WISH_SECONDS = 300.0  # no Retry-After, however long, may keep trades from their deadlines

Step = Callable[[], Awaitable[float]]
"""Does one round and returns how long to rest (seconds) before the next."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rhythm:
    """How often the WFM is polled, inside and outside the publish windows."""

    poll_seconds: float
    window_poll_seconds: float
    windows: Sequence[PublishWindow]

    def poll_interval(self, clock: Clock) -> timedelta:
        """The interval that holds now."""
        inside = any(window.contains(clock()) for window in self.windows)
        return timedelta(seconds=self.window_poll_seconds if inside else self.poll_seconds)


async def _none() -> Sequence[TrunkWork]:
    """What there is to open when all is open."""
    return ()


@dataclass(slots=True, kw_only=True)
class Worker:
    """Runs all loops until cancelled. Several workers may run; leases decide who acts."""

    work: Work
    clock: Clock
    owner: str
    trunks: list[TrunkWork]
    """Those that could be opened; which of them it owns, the leases say."""
    register: WorkerRegister
    sharing: Sharing
    boot_time: Callable[[], float]
    wfm: Ownership
    intake: Intake
    decider: Decider
    deliverer: Deliverer
    rhythm: Rhythm
    wfm_name: str
    delivery: DeliveryPolicy
    open_more: Callable[[], Awaitable[Sequence[TrunkWork]]] = _none
    """Tries again to open the trunks that could not be opened; returns those that now are."""
    fallback: PlatformFallback | None = None
    """None: the platform is never asked."""
    _evaluated_at: datetime | None = field(default=None, init=False)
    _insisted_at: datetime | None = field(default=None, init=False)
    _beat_at: float = field(default=float("-inf"), init=False)

    async def run(self) -> None:
        """Run until cancelled; give the leases up on the way out."""
        steps: dict[str, Step] = {
            "lease": self._keep_wfm,
            "share": self._share,
            "decide": self._decide,
            "wfm": self._talk_to_wfm,
            "renew": self._renew_checks,
        }
        if self.fallback is not None:
            steps["platform"] = self._ask_platform
        try:
            async with asyncio.TaskGroup() as group:
                for name, step in steps.items():
                    group.create_task(_for_ever(name, step), name=name)
                for trunk in self.trunks:
                    self._set_to_work(group, trunk)
                group.create_task(_for_ever("open", partial(self._open_more, group)), name="open")
        finally:
            await self._let_go()

    def _set_to_work(self, group: asyncio.TaskGroup, trunk: TrunkWork) -> None:
        """Loops of its own for each trunk, so that one's trouble does not keep the others."""
        steps: dict[str, Step] = {
            "lease": partial(trunk.keep, self.sharing.may_take),
            "check": trunk.check,
            "knowledge": trunk.save_knowledge,
        }
        if trunk.prefetcher is not None:
            steps["prefetch"] = trunk.prefetcher.step
        for name, step in steps.items():
            group.create_task(_for_ever(name, step, trunk.name), name=f"{name} of {trunk.name}")

    async def _open_more(self, group: asyncio.TaskGroup) -> float:
        for trunk in await self.open_more():
            self.trunks.append(trunk)
            self._set_to_work(group, trunk)
        return OPEN_SECONDS

    async def _keep_wfm(self) -> float:
        await self.wfm.keep()
        return RENEW_SECONDS

    async def _share(self) -> float:
        """Say that we live, see who else does and what is free, hand over what is too much."""
        asked_at = self.boot_time()
        if asked_at - self._beat_at >= RENEW_SECONDS:
            await self.register.beat(self.owner)
            self._beat_at = asked_at
        seen = await self.register.look(
            [*self.sharing.leases, self.wfm.name],  # so that its renewals are watched as well
            live_seconds=LIVE_SECONDS,
            ttl_seconds=TTL_SECONDS,
            grace_seconds=GRACE_SECONDS,
        )
        now = self.boot_time()
        self.sharing.look(seen, now)
        ours = {trunk.ownership.name: trunk for trunk in self.trunks}
        name = self.sharing.to_hand_over(now, lambda name: name in ours and ours[name].is_idle)
        if name is not None:
            self.sharing.handed_over(name, now)
            ours[name].is_leaving = True  # its own loop does it, between two renewals
        for trunk in self.trunks:
            if self.sharing.may_take(trunk.ownership.name):
                trunk.nudge()
        # A lease whose owner is late is asked for at the moment at which it becomes free.
        return LOOK_SECONDS if seen.free_in is None else min(LOOK_SECONDS, max(0.0, seen.free_in))

    async def _decide(self) -> float:
        # Overdue first: a trade at its refer-by must not wait behind a batch of others.
        referred = await self.decider.refer_overdue()
        decided = await self.decider.decide_ready()
        await self.decider.answer_unanswered()
        return 0.0 if referred or decided else IDLE_SECONDS

    async def _renew_checks(self) -> float:
        async with self.work() as books:
            await books.checks.renew(self.clock(), self.decider.fresh_seconds)
        return RENEW_CHECKS_SECONDS

    async def _ask_platform(self) -> float:
        # A loop of its own: these calls have their own budget, and a refusal must not keep deliveries.
        asked = await self.fallback.step() if self.fallback is not None else 0
        return 0.0 if asked else PLATFORM_IDLE_SECONDS

    async def _talk_to_wfm(self) -> float:
        """Resolve doubts, then the call that helps most; a poll can wait a while: the budget is small."""
        if not self.wfm.holds():
            return IDLE_SECONDS
        now = self.clock()
        self._forget_the_future(now)
        async with self.work() as books:
            weeks = await books.trades.weeks_to_evaluate()
            facts = await books.deliveries.facts(now)
            polled_at = await books.journal.last_poll(self.wfm_name, now)
        call = next_call(
            facts,
            to_evaluate=bool(weeks),
            poll_overdue=self._is_overdue(polled_at, now),
            since_review=now - self._evaluated_at if self._evaluated_at is not None else timedelta.max,
            now=now,
            policy=self.delivery,
        )
        if call is not Call.POLL and await self.deliverer.resolve_doubts():
            return 0.0  # what became of them may make another call the best
        match call:
            case Call.POLL:
                self._insisted_at = now
                await self._poll()
                return 0.0
            case Call.DELIVER:
                log.info("delivered", decisions=await self.deliverer.deliver())
                return 0.0
            case Call.EVALUATE:
                taken = await self.intake.evaluate_again(weeks)
                self._evaluated_at = self.clock()
                log.info("evaluated again", weeks=len(weeks), matched=taken.matched)
                return 0.0
            case Call.NOTHING:
                # The calls of a small budget belong to trades that are under way.
                idle = not facts.ready and not weeks
                return 0.0 if idle and await self._poll_if_due() else IDLE_SECONDS

    def _is_overdue(self, polled_at: datetime | None, now: datetime) -> bool:
        """True for a poll that has given way for long; one that failed gives way again for as long."""
        if polled_at is None:
            return False  # there is nothing yet that it could give way to
        tried_at = max(polled_at, self._insisted_at or polled_at)
        return now - tried_at >= PATIENT_INTERVALS * self.rhythm.poll_interval(self.clock)

    def _forget_the_future(self, now: datetime) -> None:
        """A clock that was set back must not make anything wait for the length of the step."""
        if self._evaluated_at is not None and self._evaluated_at > now:
            self._evaluated_at = now
        if self._insisted_at is not None and self._insisted_at > now:
            self._insisted_at = now

    async def _poll_if_due(self) -> bool:
        now = self.clock()
        async with self.work() as books:
            last = await books.journal.last_poll(self.wfm_name, now)
        if last is not None and now - last < self.rhythm.poll_interval(self.clock):
            return False
        await self._poll()
        return True

    async def _poll(self) -> None:
        taken = await self.intake.poll()
        self._evaluated_at = self.clock()
        log.info("polled", matched=taken.matched, new=taken.new, checks=taken.checks)

    async def _let_go(self) -> None:
        """Leave the register first: the others' shares grow, and they take what becomes free at once."""
        (left,) = await asyncio.gather(self._leave(), return_exceptions=True)
        trunks = (trunk.let_go() for trunk in self.trunks)
        let_go = await asyncio.gather(*trunks, give_up(self.wfm), return_exceptions=True)
        # One's defect must keep none of the others from its end, nor must its traceback, which takes a while.
        for defect in (left, *let_go):
            if isinstance(defect, Exception):
                log.error("defect", step="end", why="Please report this.", exc_info=defect)

    async def _leave(self) -> None:
        try:
            await asyncio.wait_for(self.register.leave(self.owner), timeout=GIVE_UP_SECONDS)
        except (UnavailableError, TimeoutError):
            log.warning("the other workers were not told that this one ends; they notice")


async def _for_ever(name: str, step: Step, trunk: str | None = None) -> None:
    of_trunk = {} if trunk is None else {"trunk": trunk}
    pause = FIRST_PAUSE_SECONDS
    while True:
        try:
            rest = await step()
            pause = FIRST_PAUSE_SECONDS
        except (UnavailableError, PeerError) as error:
            # Nonsense is mostly a proxy's word for an outage, and passes as one.
            wish = error.retry_after_seconds if isinstance(error, UnavailableError) else None
            rest = min(wish or pause, LONGEST_WISH_SECONDS)
            pause = min(pause * 2, LONGEST_PAUSE_SECONDS)
            log.warning("waiting", step=name, **of_trunk, why=str(error), seconds=round(rest, 1))
        except (RefusedError, ConfigurationError) as error:
            rest, pause = LONGEST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS
            log.error("refused", step=name, **of_trunk, why=str(error), seconds=rest)
        except Exception:  # a defect in one step must not keep the others from their deadlines
            rest, pause = pause, min(pause * 2, LONGEST_PAUSE_SECONDS)
            log.exception("defect", step=name, **of_trunk, why="Please report this.", seconds=round(rest, 1))
        await asyncio.sleep(rest)
