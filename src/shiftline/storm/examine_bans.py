"""Questions to a limiter that has shut: whom it shut out, for how long, and how slowly one must ask.

Single questions first, each from another side; then keys that nobody has used ask at rates of their own.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from shiftline.storm.plan import Plan
from shiftline.storm.sample import Result
from shiftline.storm.verdict.arrivals import Arrival, Key, arrivals_of, counted_kinds, with_copies
from shiftline.storm.verdict.bans import burst_sizes
from shiftline.storm.verdict.judge import judge_shut
from shiftline.storm.verdict.look import Look
from shiftline.storm.verdict.phases import (
    FAN,
    Known,
    burst_plan,
    fan_plan,
    fresh_burst_plan,
    ladder_plan,
    single_plan,
)
from shiftline.storm.verdict.verdict import Verdict

Run = Callable[[Plan, str], Result]
Rest = Callable[[float], None]
PATIENCE_SECONDS = 32.0
"""How long a ban is waited for."""
_FIRST_REST, _REST_GROWTH = 0.5, 1.3
_LADDER_REST = 10.5


@dataclass(frozen=True, slots=True, kw_only=True)
class _Sides:
    """What single questions brought: whether they passed; None for what could not be asked."""

    fresh_user: bool | None
    """From the source that was refused, as a user who had asked nothing."""
    fresh_source: bool | None
    """As a user who was refused, from another source."""

    @property
    def key(self) -> Key | None:
        """Whom it shut out; None: nobody any more, or nobody can tell."""
        if self.fresh_user is True and self.fresh_source is not True:
            return Key.USER
        if self.fresh_source is True and self.fresh_user is not True:
            return Key.SOURCE
        return Key.ALL if self.fresh_user is False and self.fresh_source is False else None


class BanExaminer:
    """Asks, and has it judged. ``run`` runs a plan and remembers it."""

    def __init__(self, plan: Plan, look: Look, known: Callable[[], Known], run: Run, rest: Rest) -> None:
        self._plan, self._look = plan, look
        self._known, self._run, self._rest = known, run, rest
        self._history: list[Arrival] = []
        self._waited = 0.0

    def examine(self, first: Result) -> Verdict:
        """The verdict about whoever shut after ``first``."""
        self._remember(self._plan, first)
        sides = self._sides()
        key = sides.key
        if key is None:  # open again already: shut it once more, and look from the other side meanwhile
            burst = max([4, *burst_sizes(self._counted(), Key.SOURCE)])
            plan = burst_plan(self._plan, self._known(), burst)
            self._remember(plan, self._run(plan, "shut it again, and ask from the side"))
        self._await_opening()
        if key is Key.ALL or not self._fan(key or self._likely_key()):
            self._ladder(key or Key.ALL)
        return judge_shut(self._look, self._counted(), key, has_spare=bool(self._known().spare))

    def _likely_key(self) -> Key:
        """Where nobody could be asked while it was shut: whoever counts credentials alone counts users."""
        return Key.USER if all(carried for _, carried in self._look.counted) else Key.SOURCE

    def _sides(self) -> _Sides:
        known = self._known()
        used, fresh = self._used_user(known), self._fresh_users(known)
        return _Sides(
            fresh_user=self._single(known.own, fresh[0], "a user who had asked nothing") if fresh else None,
            fresh_source=self._single(known.spare, used, "another source address")
            if known.spare and used
            else None,
        )

    def _await_opening(self) -> None:
        known = self._known()
        user = self._used_user(known)
        rest = _FIRST_REST
        while user and not self._single(known.own, user, "is it open again?"):
            if self._waited > PATIENCE_SECONDS:
                return
            self._rest(rest)
            self._waited += rest
            rest *= _REST_GROWTH

    def _ladder(self, key: Key) -> None:
        """Where nobody fresh is left to ask: the same again, slowly first, unless it is still shut."""
        if self._waited > PATIENCE_SECONDS:
            return
        self._rest(_LADDER_REST)
        plan = ladder_plan(self._plan, self._known(), min(burst_sizes(self._counted(), key), default=2))
        self._remember(plan, self._run(plan, "slowly, then faster: when does it shut?"))

    def _fan(self, key: Key) -> bool:
        """Fresh keys at rates of their own; False if there are not enough of them."""
        known = self._known()
        burst = min(burst_sizes(self._counted(), key), default=2)
        sources: Sequence[str] = [known.own]
        if key is Key.USER:
            names = self._fresh_users(known)[: len(FAN)]
        else:
            names, sources = known.usable(self._plan.names), known.spares[1 : len(FAN) + 1]
            self._fresh_burst(known, burst)
        if len(names if key is Key.USER else sources) < len(FAN):
            return False
        plan = fan_plan(self._plan, known, burst, names=names, sources=sources)
        self._remember(plan, self._run(plan, "fresh ones, each at a rate of its own"))
        return True

    def _fresh_burst(self, known: Known, burst: int) -> None:
        for source in known.spares[len(FAN) + 1 :][:1]:
            plan = fresh_burst_plan(self._plan, known, burst, source=source)
            self._remember(plan, self._run(plan, "a burst from a fresh source address"))

    def _single(self, source: str, user: str, purpose: str) -> bool:
        plan = single_plan(self._plan, self._known(), source=source, user=user)
        result = self._run(plan, f"one alone: {purpose}")
        self._waited += sum(sample.seconds for sample in result.samples)
        asked = self._remember(plan, result)
        return all(arrival.passed for arrival in asked)

    def _remember(self, plan: Plan, result: Result) -> list[Arrival]:
        rows = result.watch.asked
        asked = arrivals_of(rows, usual=self._look.usual)
        if rows:
            end = rows[0].sent + result.whole.seconds
            self._history += with_copies(rows, usual=self._look.usual, timeout=plan.timeout_seconds, end=end)
        return asked

    def _counted(self) -> Sequence[Arrival]:
        counted = counted_kinds(self._history) | self._look.counted
        return [arrival for arrival in self._history if arrival.kind in counted]

    def _used_user(self, known: Known) -> str:
        refused = {arrival.user for arrival in self._history if not arrival.passed}
        return next((name for name in known.usable(self._plan.names) if name in refused), "")

    def _fresh_users(self, known: Known) -> list[str]:
        used = {arrival.user for arrival in self._history}
        return [name for name in known.usable(self._plan.names) if name not in used]
