"""From bursts to a verdict: a cap on what is under way, a full queue, or neither; pure."""

from __future__ import annotations

from collections.abc import Sequence

from shiftline.storm.verdict.arrivals import Key, Trial
from shiftline.storm.verdict.caps import Burst, Cap, judge_bursts
from shiftline.storm.verdict.judge import GOOD_ENOUGH, Explained, Step, judge_rate, limiter_verdict
from shiftline.storm.verdict.verdict import Kind, Limit, Verdict
from shiftline.storm.verdict.words import (
    MODELS,
    full_queue_advice,
    full_queue_sentence,
    many,
    refusals_in_words,
)

_WAITED = 1.25
"""Times the first's: if the last of a burst took more, requests waited before they were counted."""


def judge_cap(explained: Explained, likely: Sequence[Cap], bursts: Step) -> Verdict:
    """What the bursts say: a full queue if times grow, the cap if nothing that counts does as well."""
    counted = {arrival.kind for trial in explained.trials for arrival in trial.arrivals}
    trial = Trial([row for row in bursts.rows if row.kind in counted])
    if not trial.refused:
        return judge_rate(explained)
    seen = judge_bursts(trial, likely, [fit.spec for fit in explained.found])
    if seen.cap.agreement < GOOD_ENOUGH:
        return judge_rate(explained)
    rate = max(one.pass_rate for one in explained.trials)
    if seen.is_queue(rate):
        return _full_queue(explained, seen, rate)
    return _cap(explained, seen) if seen.cap.agreement > seen.rival_agreement else judge_rate(explained)


def _cap(explained: Explained, seen: Burst) -> Verdict:
    cap = seen.cap
    has_waited = seen.late_seconds > _WAITED * seen.early_seconds
    limit = Limit(
        model=MODELS["concurrency"],
        spec=cap.spec,
        count=cap.places,
        seconds=0.0,
        key=cap.key,
        agreement=cap.agreement,
        methods=explained.methods,
        is_seen_enough=not has_waited,
        is_key_certain=explained.has_spare or cap.key is Key.USER,
    )
    times = f"{_ms(seen.early_seconds)} ms for the first of a burst, {_ms(seen.late_seconds)} ms for the last"
    flat = (
        f"and some waited before they were counted: {times}; so there may be fewer places"
        if has_waited
        else f"and those took no longer for it: {times}; at a server's capacity the last would wait"
    )
    return limiter_verdict(explained.look, limit, [], _refused_at_once(cap), flat, *_rival(seen))


def _full_queue(explained: Explained, seen: Burst, rate: float) -> Verdict:
    look = explained.look
    return Verdict(
        kind=Kind.CAPACITY,
        sentence=full_queue_sentence(rate, seen.cap.places),
        advice=full_queue_advice(rate),
        evidence=(
            f"the load was refused: {refusals_in_words(look.refusals, look.passes + look.refused)}",
            _refused_at_once(seen.cap),
            (
                f"and those waited for one another: {_ms(seen.early_seconds)} ms for the first of a burst,"
                f" {_ms(seen.late_seconds)} ms for the last"
            ),
        ),
        rate=rate,
    )


def _refused_at_once(cap: Cap) -> str:
    return (
        f"refusals came after {_ms(cap.refusal_seconds)} ms, with {many(cap.places, 'request')} under way,"
        f" answered after {_ms(cap.answer_seconds)} ms"
    )


def _rival(seen: Burst) -> list[str]:
    if not seen.rival:
        return []
    return [
        (
            f"of {seen.count} bursts, at once and spread, it foretells {seen.cap.agreement:.0%}, and the best"
            f" limiter that counts over time, {seen.rival}, {seen.rival_agreement:.0%}"
        )
    ]


def _ms(seconds: float) -> str:
    return f"{seconds * 1000:,.1f}"
