"""From what the runs showed to a verdict; pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from shiftline.storm.sample import Result
from shiftline.storm.verdict.arrivals import (
    Arrival,
    Key,
    Trial,
    arrivals_of,
    counted_kinds,
    free_kinds,
    with_copies,
)
from shiftline.storm.verdict.bans import ShutFit, shut_fits
from shiftline.storm.verdict.capacity import Queueing
from shiftline.storm.verdict.caps import Cap, likely_caps
from shiftline.storm.verdict.fits import fits
from shiftline.storm.verdict.fitted import Fit
from shiftline.storm.verdict.invalid import invalid_advice, starved_reason
from shiftline.storm.verdict.judge_silence import lost_verdict
from shiftline.storm.verdict.look import Look
from shiftline.storm.verdict.verdict import Kind, Limit, Verdict
from shiftline.storm.verdict.words import (
    MODELS,
    capacity_advice,
    capacity_sentence,
    limiter_advice,
    limiter_sentence,
    refusals_in_words,
)

GOOD_ENOUGH, GOOD_ENOUGH_SHUT = 0.85, 0.7
"""A model that explains less than this share is not named; one that shuts has few passes to explain."""
_AS_GOOD = 0.03
"""Models whose shares differ by less are told apart by nothing that was seen."""
_SIMPLER = 0.01
_ENOUGH = 0.02
_FEWEST_REFUSED = 30


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One phase that was run to explain the refusals of the first."""

    rows: Sequence[Arrival]

    @property
    def is_refusing(self) -> bool:
        """Whether enough was refused to tell limiters apart."""
        return sum(not row.passed for row in self.rows) > _ENOUGH * len(self.rows)

    @classmethod
    def of(cls, result: Result, look: Look, timeout: float) -> Step:
        """The arrivals of a phase, in the light of what is usual; copies too, if refusals are silent."""
        rows = result.watch.asked
        if not look.is_silent or not rows:
            return cls(rows=arrivals_of(rows, usual=look.usual))
        end = rows[0].sent + result.whole.seconds
        return cls(rows=with_copies(rows, usual=look.usual, timeout=timeout, end=end))


@dataclass(frozen=True, slots=True, kw_only=True)
class Explained:
    """The steps, and every limiter that might explain them; the best first."""

    look: Look
    trials: Sequence[Trial]
    """Those with refusals: what the limiter counts of each."""
    found: Sequence[Fit]
    methods: tuple[str, ...]
    has_spare: bool

    def likely_caps(self) -> list[Cap]:
        """Caps on what is under way that bursts may tell from the rest, the best first: per user, or not.

        Where refusals are silent, none is seen.
        """
        if self.look.is_silent or not self.trials:
            return []
        caps = [cap for cap in likely_caps(self.trials) if is_possible(cap.key, has_spare=self.has_spare)]
        return [cap for cap in caps if (cap.key is Key.USER) == (caps[0].key is Key.USER)]


def explain(look: Look, steps: Sequence[Step], *, has_spare: bool) -> Explained:
    """Fit every limiter that goes on letting something through."""
    rows = [row for step in steps for row in step.rows]
    counted = counted_kinds(rows) | look.counted
    trials = [Trial([row for row in step.rows if row.kind in counted]) for step in steps]
    trials = [trial for trial in trials if trial.refused]
    found = [fit for fit in fits(trials, look.near()) if is_possible(fit.key, has_spare=has_spare)]
    return Explained(
        look=look,
        trials=trials,
        found=found,
        methods=_methods(counted, free_kinds(rows)),
        has_spare=has_spare,
    )


def judge_rate(explained: Explained) -> Verdict:
    """A limiter that goes on letting something through: which one, how much, keyed on what?"""
    look, found = explained.look, explained.found
    if look.is_silent and not explained.trials:
        return lost_verdict(look)
    if not found or found[0].agreement < GOOD_ENOUGH:
        return _unknown_limiter(look, found)
    best = _simplest(found)
    alike = _as_good(found, best)
    limit = Limit(
        model=MODELS[best.model],
        spec=best.spec,
        count=best.count,
        seconds=best.seconds,
        key=best.key,
        agreement=best.agreement,
        methods=explained.methods,
        other_rates=tuple(fit.rate for fit in alike),
        is_seen_enough=sum(trial.refused for trial in explained.trials) >= _FEWEST_REFUSED,
        is_key_certain=explained.has_spare or best.key is Key.USER,
        open_keys=() if explained.has_spare or best.key is Key.USER else (Key.SOURCE,),
    )
    return limiter_verdict(look, limit, [fit.spec for fit in alike])


def judge_shut(
    look: Look, counted: Sequence[Arrival], key: Key | None, *, is_key_certain: bool, has_spare: bool
) -> Verdict:
    """A limiter that shut: which one, how much, for how long; ``key`` is None where it is not known yet."""
    keys = [key] if key is not None else [one for one in Key if has_spare or one is not Key.SOURCE]
    found = sorted((fit for one in keys for fit in shut_fits(counted, one)), key=lambda fit: -fit.agreement)
    if not found or found[0].agreement < GOOD_ENOUGH_SHUT:
        return _unknown_limiter(look, found)
    best = _plainest(found, is_silent=look.is_silent)
    alike = [fit for fit in found if fit is not best and fit.agreement >= found[0].agreement - _SIMPLER][:5]
    limit = Limit(
        model=MODELS[best.spec.partition(":")[0]],
        spec=best.spec,
        count=best.count,
        seconds=best.seconds,
        key=best.key,
        agreement=best.agreement,
        ban_seconds=best.ban_seconds,
        may_ban=any(fit.ban_seconds is not None for fit in (best, *alike)),
        other_rates=tuple(fit.count / fit.seconds for fit in alike),
        is_seen_enough=all((fit.ban_seconds is None) == (best.ban_seconds is None) for fit in alike),
        is_key_certain=is_key_certain,
        open_keys=() if is_key_certain else (Key.SOURCE,) if key is Key.ALL else tuple(Key),
    )
    return limiter_verdict(look, limit, [fit.spec for fit in alike], has_spare=has_spare)


def is_possible(key: Key, *, has_spare: bool) -> bool:
    """Without a second source, one counter per source and one for all are the same: it is called all."""
    return has_spare or key is not Key.SOURCE


def limiter_verdict(
    look: Look, limit: Limit, alternatives: Sequence[str], *more: str, has_spare: bool = False
) -> Verdict:
    """The verdict with this limit."""
    per = f" per {limit.seconds:g} s" if limit.seconds else ""
    evidence = [
        f"the load was refused: {refusals_in_words(look.refusals, look.passes + look.refused)}",
        *more,
        (
            f"{limit.model} of {limit.count:,.10g}{per}, keyed on {limit.key}, foretells"
            f" {limit.agreement:.0%} of what passed and what did not"
        ),
    ]
    if not limit.is_key_certain and has_spare:
        evidence.append("nobody could be asked from another side while it was shut: any key may be")
    elif not limit.is_key_certain:
        evidence.append("with one source address, a limit per source and one for all look alike")
    return Verdict(
        kind=Kind.LIMITER,
        sentence=limiter_sentence(limit, look, alternatives),
        advice=limiter_advice(limit),
        evidence=tuple(evidence),
        rate=limit.rate if limit.seconds else None,
        limit=limit,
        alternatives=tuple(alternatives),
    )


def judge_capacity(look: Look, queueing: Queueing, users_out: int) -> Verdict:
    """Nothing was refused: did the load meet what the server can do?

    ``users_out`` were left alone for their passwords: what they would have asked was not asked.
    """
    if queueing.processors is not None and queueing.processors.is_starved and queueing.is_capacity:
        return invalid_verdict([starved_reason(queueing.processors)])
    evidence = (*queueing.evidence(), *_left_out(look, users_out))
    if queueing.is_capacity:
        return Verdict(
            kind=Kind.CAPACITY, sentence=capacity_sentence(queueing), advice=capacity_advice(queueing),
            evidence=evidence, rate=queueing.rate,
        )  # fmt: skip
    return Verdict(
        kind=Kind.NONE,
        sentence=(
            f"Neither a limiter nor capacity was met: {queueing.heavy_rate:,.0f} flows/s were answered as"
            " quickly as a light load."
        ),
        advice="Ask for more load to find the end, or take this as the answer.",
        evidence=(*evidence, _refused_or_not(look, users_out)),
        rate=queueing.heavy_rate,
    )


def _left_out(look: Look, users_out: int) -> list[str]:
    """Whom the figures are not about."""
    found = []
    if users_out:
        found.append(f"{users_out:,} users were left alone, since their passwords were not accepted")
    if look.mute:
        users = "1 user" if len(look.mute) == 1 else f"{len(look.mute)} users"
        found.append(f"{users} never got an answer while others did ({min(look.mute)}): that is not the load")
    return found


def _refused_or_not(look: Look, users_out: int) -> str:
    """Whether nothing at all was refused, or so little that it is no limit."""
    but = " but those passwords" if users_out else ""
    if not look.refused:
        return f"nothing was refused{but} in {look.passes:,} requests"
    return f"{refusals_in_words(look.refusals, look.passes + look.refused)}: too few for a limit"


def invalid_verdict(reasons: Sequence[str]) -> Verdict:
    """The generator did not keep what it promised."""
    return Verdict(
        kind=Kind.INVALID,
        sentence=f"Invalid: nothing can be said of the server, because {reasons[0]}.",
        advice=invalid_advice(reasons[0]),
        evidence=tuple(reasons),
    )


def refused_alone_verdict(look: Look) -> Verdict:
    """The same answer comes to a single request: the load is not to blame."""
    said = ", ".join(
        str(status) for status in sorted(look.alone) if status >= 300 and status not in (401, 407)
    )
    return Verdict(
        kind=Kind.NONE,
        sentence=f"It is not the load: a single request alone is answered {said or 'with nothing'}, too.",
        advice="Ask why with `shiftline doctor run`; after a ban, wait until it is over and try again.",
        evidence=(f"answers to requests that were alone: {dict(look.alone)}",),
    )


def _unknown_limiter(look: Look, found: Sequence[Fit | ShutFit]) -> Verdict:
    nearest = f" (nearest: {found[0].spec}, {found[0].agreement:.0%})" if found else ""
    passing = f"whatever is sent, about {look.pass_rate:,.1f} requests/s pass"
    pace = f"Pace requests below {look.pass_rate * 0.8:,.1f}/s, or ask whoever set the limit."
    if look.is_shut:
        passing = "once it is exceeded, it shuts"
        pace = "Ask whoever set the limit, and do not probe it: each ban may take the calls along."
    return Verdict(
        kind=Kind.LIMITER,
        sentence=f"It is a limiter of a kind that storm does not know: {passing}.",
        advice=pace,
        evidence=(
            f"the load was refused: {refusals_in_words(look.refusals, look.passes + look.refused)}",
            f"no model that storm knows foretells what passed{nearest}",
        ),
        rate=None if look.is_shut else look.pass_rate,
        alternatives=tuple(fit.spec for fit in found[:3]),
    )


def _simplest(found: Sequence[Fit]) -> Fit:
    """The best; among equals a sliding window before a fixed one, whose phase is free to fit anything.

    Of RED the shorter window: a long one is seen a few times, and fits them easily.
    """
    best = found[0]
    equals = [fit for fit in found if fit.agreement >= best.agreement - _SIMPLER]
    if best.model == "red":
        return min((fit for fit in equals if fit.model == "red"), key=lambda fit: fit.seconds)
    sliding = [fit for fit in equals if fit.model == "sliding"]
    return sliding[0] if sliding and best.model == "window" else best


def _plainest(found: Sequence[ShutFit], *, is_silent: bool) -> ShutFit:
    """The best; pike, which drops as it comes and has a free density, only if no plain count is as good."""
    equals = [fit for fit in found if fit.agreement >= found[0].agreement - _SIMPLER]
    plain = [fit for fit in equals if not fit.spec.startswith("pike:")]
    return plain[0] if plain and not is_silent else found[0]


def _as_good(found: Sequence[Fit], best: Fit) -> list[Fit]:
    return [replace(fit) for fit in found if fit is not best and fit.agreement >= best.agreement - _AS_GOOD][
        :3
    ]


def _methods(counted: frozenset[tuple[str, bool]], free: frozenset[tuple[str, bool]]) -> tuple[str, ...]:
    """The methods that are counted, if there is one that is not."""
    methods = {method for method, _ in counted}
    return tuple(sorted(methods)) if {method for method, _ in free} - methods else ()
