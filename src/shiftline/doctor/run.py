"""The driver of an examination: sockets and the clock around `doctor.examination`.

Each way (`examination.Way`) has an endpoint of its own, so that sources, Via and repetition are as the
question wants them. Nothing is paced here: the examination itself asks one question at a time.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from shiftline.diagnosis.experiment import Permission
from shiftline.diagnosis.probe import Account
from shiftline.doctor.examination import Answer, Case, Examination, Sending
from shiftline.doctor.examination.examination import DEFAULT_BUDGET, PAUSE_SECONDS
from shiftline.doctor.examination.ledger import SharedLogins
from shiftline.doctor.examination.records import NO_ADDRESS
from shiftline.doctor.run_ends import Ends, EndsPlan
from shiftline.sip.trace import TracedMessage

OnMessage = Callable[[TracedMessage], None]
OnChange = Callable[[Examination], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class RunPlan:
    """What is examined, from where, and what may be done."""

    case: Case
    permission: Permission
    ends: EndsPlan | None
    """None: the server's name has no address."""
    budget: int = DEFAULT_BUDGET
    pause_seconds: float = PAUSE_SECONDS
    refused_before: Mapping[Account, Sequence[float]] = field(default_factory=dict)
    """How many seconds ago earlier runs had logins refused."""
    logins: SharedLogins | None = None
    """What runs at the same time know of them."""


class Run:
    """One examination over sockets. ``examination`` may be read at any time, also after a cancellation."""

    def __init__(
        self,
        plan: RunPlan,
        ends: Ends | None,
        *,
        token: Callable[[], str],
        on_change: OnChange = lambda _: None,
    ) -> None:
        """Use `open_run`."""
        self._ends = ends
        self._on_change = on_change
        self._loop = asyncio.get_running_loop()
        self._alarm: asyncio.TimerHandle | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._over: asyncio.Future[None] = self._loop.create_future()
        self.examination = Examination(
            plan.case,
            plan.permission,
            token=token,
            contact_of=ends.contact if ends else lambda _: plan.case.server,
            budget=plan.budget,
            pause_seconds=plan.pause_seconds,
            refused_before={
                account: [self._loop.time() - ago for ago in ages]
                for account, ages in plan.refused_before.items()
            },
            logins=plan.logins,
        )

    async def until_over(self) -> None:
        """Ask to the end. Raises what an endpoint raised; a cancellation leaves nothing under way."""
        try:
            self.examination.begin(self._loop.time())
            self._settle()
            await self._over
        finally:
            if self._alarm:
                self._alarm.cancel()
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)

    async def aclose(self) -> None:
        """Close our ends."""
        if self._ends:
            await self._ends.aclose()

    def _settle(self) -> None:
        """Send what is to leave, and set the alarm for what is next."""
        for sending in self.examination.sendings():
            if sending.is_stateless:
                if self._ends:
                    self._ends.send_stateless(sending)
                continue
            task = self._loop.create_task(self._carry(sending))
            self._tasks.add(task)
            task.add_done_callback(self._ended)
        self._on_change(self.examination)
        if self.examination.is_over and not self._over.done():
            self._over.set_result(None)
        due = self.examination.next_timer()
        if self._alarm and (due is None or self._alarm.when() != due):
            self._alarm.cancel()
            self._alarm = None
        if due is not None and self._alarm is None:
            self._alarm = self._loop.call_at(due, self._wake)

    def _wake(self) -> None:
        self._alarm = None
        try:
            self.examination.handle_timer(self._loop.time())
            self._settle()
        except Exception as error:
            # The loop would only log it, and nobody would ask on: who waits for the end is told.
            if self._over.done():
                raise
            self._over.set_exception(error)

    async def _carry(self, sending: Sending) -> None:
        answer = Answer(failure=NO_ADDRESS) if self._ends is None else await self._ends.ask(sending)
        self.examination.answered(sending.key, answer, self._loop.time())
        self._settle()

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        error = None if task.cancelled() else task.exception()
        if error is not None and not self._over.done():
            self._over.set_exception(error)


async def open_run(
    plan: RunPlan,
    *,
    token: Callable[[], str],
    on_change: OnChange = lambda _: None,
    on_message: OnMessage = lambda _: None,
) -> Run:
    """Open our ends; `Run.until_over` asks. Close with `Run.aclose`.

    Raises UnavailableError for an address or a port that cannot be had.
    """
    ends = await Ends.open(plan.ends, on_message) if plan.ends else None
    return Run(plan, ends, token=token, on_change=on_change)
