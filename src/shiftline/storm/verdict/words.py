"""Verdicts in plain words: what it is, how much, keyed on what, and what to do."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from shiftline.storm.sample import TIMEOUT
from shiftline.storm.verdict.arrivals import Key
from shiftline.storm.verdict.capacity import Queueing
from shiftline.storm.verdict.look import Look, Waits
from shiftline.storm.verdict.verdict import Limit

MODELS: Mapping[str, str] = {
    "window": "a fixed window",
    "sliding": "a sliding window",
    "bucket": "a token bucket",
    "red": "a window with random early drop",
    "pike": "flood protection like Kamailio's pike",
    "lockout": "a count per user that locks him out",
    "escalating": "a count with a ban",
    "concurrency": "a cap on what is under way at a time",
}
CERTAIN = 0.95
"""A limiter that explains less of what was seen is told with its doubt."""
KEYS: Mapping[Key, str] = {
    Key.ALL: "for everybody together",
    Key.SOURCE: "per source address",
    Key.USER: "per user",
}
_OTHERS: Mapping[Key, str] = {
    Key.ALL: "everything that reaches this server counts, whoever sends it",
    Key.SOURCE: "another source address has a limit of its own",
    Key.USER: "every user has a limit of his own",
}


def many(count: float, what: str) -> str:
    """Such as "1 request" or "2,500 requests"."""
    return f"{count:,.10g} {what}" if count == 1 else f"{count:,.10g} {what}s"


def limit_in_words(limit: Limit) -> str:
    """Such as "50 requests per 1 s, per source address (a fixed window)"."""
    what = f"{' and '.join(limit.methods)} request" if limit.methods else "request"
    amount = many(round(limit.count, 1), what)
    size = f"{amount} per {limit.seconds:g} s" if limit.seconds else f"{amount} under way"
    key = f", {KEYS[limit.key]}" if limit.is_key_certain else ""
    return f"{size}{key} ({MODELS.get(limit.spec.partition(':')[0], limit.model)})"


def refusals_in_words(refusals: Mapping[int, int], requests: int) -> str:
    """Such as "403 to 4,950 of 5,000 requests"."""
    parts = [
        f"{'silence' if status == TIMEOUT else status} to {count:,}"
        for status, count in Counter(refusals).most_common(3)
        if count
    ]
    return f"{', '.join(parts)} of {requests:,} requests"


def limiter_sentence(limit: Limit, look: Look, alternatives: Sequence[str] = ()) -> str:
    """The answer when it is a limiter; what is not certain is said so."""
    is_certain = limit.agreement >= CERTAIN and limit.is_rate_certain and limit.is_seen_enough
    ban = ""
    if limit.ban_seconds is not None:
        lasting = (
            "longer than was waited"
            if limit.ban_seconds == float("inf")
            else f"about {limit.ban_seconds:.0f} s"
        )
        ban = f" Whoever exceeds it is shut out for {lasting}."
    return (
        f"It is a limiter, not capacity: {'' if is_certain else 'about '}{limit_in_words(limit)}. What is"
        f" above it gets {_refusal(look)}, and"
        f" {_OTHERS[limit.key] if limit.is_key_certain else 'whom it counts together is not certain'}.{ban}"
        f"{'' if is_certain else _doubt(limit, alternatives)}"
    )


def _doubt(limit: Limit, alternatives: Sequence[str]) -> str:
    """What to say of a limiter that does not explain all that was seen."""
    others = f"; {', '.join(alternatives)} would do about as well" if alternatives else ""
    may_shut = limit.ban_seconds is None and limit.key is not Key.ALL
    ban = "; whether it shuts out for a time is not known either" if may_shut else ""
    return (
        " Storm is not certain of its kind and its figures: they foretell"
        f" {limit.agreement:.0%} of what was seen{others}{ban}."
    )


def _refusal(look: Look) -> str:
    status = max(look.refusals, key=lambda status: look.refusals[status], default=TIMEOUT)
    return "no answer" if status == TIMEOUT else f"{status} at once"


def limiter_advice(limit: Limit) -> str:
    """What to do about it."""
    key = KEYS[limit.key] if limit.is_key_certain else "in all"
    pace = (
        f"Pace requests below {limit.safe_rate * 0.9:,.10g}/s {key}"
        if limit.seconds
        else f"Keep at most {many(max(1.0, limit.count - 1.0), 'request')} under way {key}"
    )
    ban = ""
    if limit.may_ban:
        ban = ". Never exceed it, do not probe it again: each ban takes the calls along"
    return (
        f"{pace} (Shiftline's trunk does: max_rate in its configuration), or have the limit raised where"
        f" it is set; more hardware would change nothing{ban}."
    )


def capacity_sentence(queueing: Queueing) -> str:
    """The answer when the server is at its end."""
    falls = queueing.heavy_rate < 0.9 * queueing.rate
    less = f" (under the whole load only to {queueing.heavy_rate:,.0f})" if falls else ""
    return (
        f"It is capacity, not a limiter: the server comes to {queueing.rate:,.0f} flows/s and no"
        f" further{less}; what is above that waits, half of it for"
        f" {queueing.heavy_latency * 1000:,.0f} ms or more."
    )


def late_sentence(rate: float, waits: Waits) -> str:
    """The answer when a server at its end answers too late, so that it looks like silence."""
    return (
        f"It is capacity, not a limiter: the server comes to {rate:,.0f} flows/s, and what is above that"
        f" waits until storm gives it up; half of the answers took {waits.median:,.1f} s or more."
    )


def capacity_advice(queueing: Queueing) -> str:
    """What to do about it."""
    return (
        f"{_stay_below(queueing.rate)}, receive buffers. Nothing refused for its count, so another address"
        " or account would not help."
    )


def late_advice(rate: float) -> str:
    """What to do about it."""
    return (
        f"{_stay_below(rate)}. Each request that waits longer than 0.5 s is sent again, and the server"
        " answers every copy: below its end it has less to do."
    )


def _stay_below(rate: float) -> str:
    return f"Stay below {rate * 0.8:,.0f} flows/s, or give the server more: processors, workers"


def full_queue_sentence(rate: float, places: int) -> str:
    """The answer when a server at its end refuses what its queue does not take."""
    return (
        f"It is capacity, not a limiter: the server comes to {rate:,.0f} requests/s; its queue takes"
        f" {many(places, 'request')}, and what finds it full is refused."
    )


def full_queue_advice(rate: float) -> str:
    """What to do about it."""
    return (
        f"Stay below {rate * 0.8:,.0f} requests/s, or give the server more: processors, workers. A longer"
        " queue would only make everybody wait longer."
    )
