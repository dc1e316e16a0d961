"""Questions to a limiter that has shut: whom it shut out, for how long, and how slowly one must ask.

Single questions first, each from another side; then keys that nobody has used ask at rates of their own.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import log, sqrt

from shiftline.storm.plan import Plan
from shiftline.storm.sample import FELL_SILENT, Result
from shiftline.storm.verdict.arrivals import Arrival, Key, arrivals_of, counted_kinds, with_copies
from shiftline.storm.verdict.bans import burst_sizes
from shiftline.storm.verdict.judge import judge_shut
from shiftline.storm.verdict.judge_silence import lost_verdict, stopped_verdict
from shiftline.storm.verdict.look import Look
from shiftline.storm.verdict.phases import (
    FAN,
    Known,
    between_plan,
    burst_plan,
    fan_plan,
    fresh_burst_plan,
    ladder_plan,
    single_plan,
)
from shiftline.storm.verdict.verdict import Limit, Verdict

Run = Callable[[Plan, str], Result]
Rest = Callable[[float], None]
PATIENCE_SECONDS = 32.0
"""How long a ban is waited for."""
FIRST_REST, REST_GROWTH = 0.5, 1.3
_LADDER_REST = 10.5
_MOST_BETWEEN, _MOST_BETWEEN_SECONDS = 2, 25.0
"""Questions at a rate between two, and how long one may take."""
_MOST_SHUT = 2
"""So often it is shut again to ask from the sides."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Sides:
    """What single questions brought: whether they passed; None for what could not be asked."""

    fresh_user: bool | None
    """From the source that was refused, as a user who had asked nothing."""
    fresh_source: bool | None
    """As a user who was refused, from another source."""
    is_shut: bool
    """Whether that user was refused from his own source afterwards: else it was over, and nothing known."""

    @property
    def key(self) -> Key | None:
        """Whom it shut out; None: nobody any more, or nobody can tell. With one source, that is all."""
        if not self.is_shut:
            return None
        if self.fresh_user is True and self.fresh_source is not True:
            return Key.USER
        if self.fresh_source is True and self.fresh_user is not True:
            return Key.SOURCE
        return Key.ALL if self.fresh_user is False and self.fresh_source is not True else None

    @property
    def is_key_certain(self) -> bool:
        """Whether every side was asked that the key needs."""
        return self.key is not None and not (self.key is Key.ALL and self.fresh_source is None)


class BanExaminer:
    """Asks, and has it judged. ``run`` runs a plan and remembers it."""

    def __init__(self, plan: Plan, look: Look, known: Callable[[], Known], run: Run, rest: Rest) -> None:
        self._plan, self._look = plan, look
        self._known, self._run, self._rest = known, run, rest
        self._history: list[Arrival] = []
        self._waited = 0.0
        self._is_mute = False
        """Whether a whole load got no answer."""
        self._recurs = False
        """Whether a later load was refused, too."""
        self._asker = ""
        """The user who asks whether it is still shut."""

    def examine(self, first: Result) -> Verdict:
        """The verdict about whoever shut after ``first``."""
        self._remember(self._plan, first)
        sides = self._sides()
        for _ in range(_MOST_SHUT):
            if sides.is_shut or self._is_mute:
                break
            self._shut_again()  # it was open already
            sides = self._sides()
        key = sides.key
        is_open = self._await_opening(is_shut=sides.is_shut)
        if is_open and (key is Key.ALL or not self._fan(key or self._likely_key())):
            self._ladder(key or Key.ALL)
        if self._look.is_silent and key in {Key.ALL, None} and not self._recurs:
            if is_open and first.stopped != FELL_SILENT:
                return lost_verdict(self._look)
            return stopped_verdict(
                self._look.passes, self._waited, came_back=is_open, asked_all=key is Key.ALL
            )
        verdict = self._judged(sides)
        for _ in range(_MOST_BETWEEN):
            if not is_open or verdict.limit is None or not self._ask_between(verdict.limit):
                break
            verdict = self._judged(sides)
        return verdict

    def _judged(self, sides: _Sides) -> Verdict:
        return judge_shut(
            self._look, self._counted(), sides.key, is_key_certain=sides.is_key_certain,
            has_spare=bool(self._known().spare),
        )  # fmt: skip

    def _ask_between(self, limit: Limit) -> bool:
        """Where two rates explain as much, a fresh key asks between them; False if it cannot."""
        known, used = self._known(), {arrival.source for arrival in self._history}
        is_user = limit.key is Key.USER
        sources = [known.own] if is_user else [source for source in known.spares if source not in used]
        names = self._fresh_users(known)[:1] if is_user else known.usable(self._plan.names)
        pair = None if limit.is_rate_certain or limit.key is Key.ALL else self._rates_apart(limit)
        if pair is None or not sources or not names:
            return False
        rate, seconds = pair
        plan = between_plan(self._plan, known, rate, seconds, source=sources[0], names=names)
        self._load(plan, "a fresh one, between two rates that explain as much")
        return True

    def _rates_apart(self, limit: Limit) -> tuple[float, float] | None:
        """A rate between the limit's and one as likely, and how long (s): what counts longer refuses then."""
        burst = max([2, *burst_sizes(self._counted(), limit.key)])
        for other in sorted(limit.other_rates, key=lambda rate: -abs(log(rate / limit.rate))):
            seconds = 2.2 * burst / min(limit.rate, other)  # two windows of the longer
            if seconds <= _MOST_BETWEEN_SECONDS:
                return sqrt(limit.rate * other), seconds
        return None

    def _load(self, plan: Plan, purpose: str) -> list[Arrival]:
        """More than a single question."""
        asked = self._remember(plan, self._run(plan, purpose))
        self._recurs = self._recurs or not all(arrival.passed for arrival in asked)
        return asked

    def _shut_again(self) -> None:
        burst = max([4, *burst_sizes(self._counted(), self._likely_key())])
        plan = burst_plan(self._plan, self._known(), burst)
        asked = self._load(plan, "shut it again, and ask from the side")
        self._is_mute = self._look.is_silent and not any(arrival.passed for arrival in asked)

    def _likely_key(self) -> Key:
        """Where nobody could be asked while it was shut: whoever counts credentials alone counts users."""
        return Key.USER if all(carried for _, carried in self._look.counted) else Key.SOURCE

    def _sides(self) -> _Sides:
        known = self._known()
        fresh = self._fresh_users(known)
        others = known.usable(self._plan.names)
        fresh_user = self._single(known.own, fresh[0], "a user who had asked nothing") if fresh else None
        shut_out = fresh[:1] if fresh_user is False else others[:1]
        self._asker = used = self._used_user(known) or next(iter(shut_out), "")
        fresh_source = None
        if known.spare and used:
            fresh_source = self._single(known.spare, used, "another source address")
        is_shut = bool(used) and not self._single(known.own, used, "is it still shut?")
        return _Sides(fresh_user=fresh_user, fresh_source=fresh_source, is_shut=is_shut)

    def _await_opening(self, *, is_shut: bool) -> bool:
        """Wait until who was refused is not, as long as patience lasts; whether it opened."""
        known = self._known()
        rest = FIRST_REST
        while is_shut:
            if self._waited > PATIENCE_SECONDS:
                return False
            self._rest(rest)
            self._waited += rest
            rest *= REST_GROWTH
            is_shut = not self._single(known.own, self._asker, "is it open again?")
        return not is_shut

    def _ladder(self, key: Key) -> None:
        """Where nobody fresh is left to ask: the same again, slowly first."""
        self._rest(_LADDER_REST)
        plan = ladder_plan(self._plan, self._known(), min(burst_sizes(self._counted(), key), default=2))
        self._load(plan, "slowly, then faster: when does it shut?")

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
        self._load(plan, "fresh ones, each at a rate of its own")
        return True

    def _fresh_burst(self, known: Known, burst: int) -> None:
        for source in known.spares[len(FAN) + 1 :][:1]:
            plan = fresh_burst_plan(self._plan, known, burst, source=source)
            self._load(plan, "a burst from a fresh source address")

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
        """The one who was shut out last: if a time of his own runs, it ends last."""
        since: dict[str, float] = {}
        for arrival in self._counted():
            if arrival.source != known.own:
                continue
            if arrival.passed:
                since.pop(arrival.user, None)
            else:
                since.setdefault(arrival.user, arrival.at)
        refused = [name for name in known.usable(self._plan.names) if name in since]
        return max(refused, key=since.__getitem__, default="")

    def _fresh_users(self, known: Known) -> list[str]:
        used = {arrival.user for arrival in self._history}
        return [name for name in known.usable(self._plan.names) if name not in used]
