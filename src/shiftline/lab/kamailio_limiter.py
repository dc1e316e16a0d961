"""A limiter of the bank as real Kamailio has it: the words and switches of ``kamailio.cfg``.

`window` and `red` become a pipe of pipelimit, `retry-after` one of ratelimit, `pike` the stock flood
protection (pike and a table of banned addresses), `lockout` a table of counts per user and one of locked
users. Kamailio has nothing for the others (docs/reference/limiters.md).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from shiftline.errors import ConfigurationError
from shiftline.governor.limiters.spec import LimiterSpec
from shiftline.governor.limiters.spec_text import written
from shiftline.lab.pbx.faults import Throttle, ThrottleKey
from shiftline.sip.message import REASONS

_PIPES = {"source": '"source-" + $si', "all": '"trunk"', "user": '"user-" + $au'}
_KEYS = {ThrottleKey.SOURCE: "source", ThrottleKey.TRUNK: "all"}
POSSIBLE = ("window", "red", "retry-after", "pike", "lockout")


@dataclass(frozen=True, slots=True)
class LimiterWords:
    """What to define in the configuration, and what its LAB_ words stand for."""

    defined: tuple[str, ...] = ()
    words: Mapping[str, str] = field(default_factory=dict)


def throttle_words(throttle: Throttle) -> LimiterWords:
    """The demo's throttle: a pipe with a window of 1 s."""
    window = written(throttle.window_seconds)
    words = {"LAB_LIMIT": str(throttle.limit), "LAB_WINDOW": window, "LAB_ALGORITHM": "TAILDROP"}
    words |= {"LAB_PIPE": _PIPES[_KEYS[throttle.key]], "LAB_STATUS": "403", "LAB_PHRASE": "Forbidden"}
    return LimiterWords(("LIMITED", "PIPELIMIT"), words)


def limiter_words(spec: LimiterSpec) -> LimiterWords:
    """That limiter. Raises ConfigurationError for one that Kamailio cannot be."""
    if spec.name not in POSSIBLE:
        raise _impossible(spec, f"has nothing like {spec.name}", f"It can be {', '.join(POSSIBLE)}")
    window = spec.amount.seconds
    if not window.is_integer():
        raise _impossible(spec, f"has no window of {window:g} s", "Its timers have whole seconds")
    words = {"LAB_LIMIT": written(spec.amount.count), "LAB_WINDOW": written(window)}
    defined, more = _MAKERS[spec.name](spec)
    answer_defined, answer = _answer(spec)
    return LimiterWords(("LIMITED", *defined, *answer_defined), words | more | answer)


_Made = tuple[tuple[str, ...], dict[str, str]]


def _pipelimit(spec: LimiterSpec) -> _Made:
    algorithm = "RED" if spec.name == "red" else "TAILDROP"
    key = str(spec.options["key"])
    only = ("USERS_ONLY",) if key == "user" else ()
    return ("PIPELIMIT", *only), {"LAB_ALGORITHM": algorithm, "LAB_PIPE": _PIPES[key]}


def _ratelimit(spec: LimiterSpec) -> _Made:
    _require_key(spec, "all")
    rate = spec.amount.per_second
    if not rate.is_integer():
        raise _impossible(
            spec,
            f"counts in whole requests a second, not {rate:g}",
            "ratelimit multiplies them by its window",
        )
    return ("RATELIMIT",), {"LAB_RATE": written(rate)}


def _pike(spec: LimiterSpec) -> _Made:
    ban, latency = (float(spec.options[name]) for name in ("ban", "latency"))
    if not ban.is_integer() or not latency.is_integer():
        raise _impossible(spec, "has no such ban or latency", "Its timers have whole seconds")
    words = {"LAB_LATENCY": written(latency), "LAB_BAN": written(ban)}
    return ("PIKE", "BAN") if ban else ("PIKE",), words


def _lockout(spec: LimiterSpec) -> _Made:
    _require_key(spec, "user")
    lock = float(spec.options["lock"])
    if not lock.is_integer() or not lock or spec.options["prolonged"]:
        raise _impossible(spec, "has no such lock", "An entry of a table expires by whole seconds")
    return ("LOCKOUT",), {"LAB_LOCK": written(lock)}


_MAKERS = {
    "window": _pipelimit,
    "red": _pipelimit,
    "retry-after": _ratelimit,
    "pike": _pike,
    "lockout": _lockout,
}


def _answer(spec: LimiterSpec) -> _Made:
    status = str(spec.options["status"])
    wait = float(spec.options.get("retry-after", spec.options.get("seconds", 0.0)))
    if status == "silent":
        return ("SILENT",), {"LAB_STATUS": "0"}
    phrase = "Limiting" if status == "503" else REASONS.get(int(status), "Too Many Requests")
    words = {"LAB_STATUS": status, "LAB_PHRASE": phrase}
    return (("RETRY_AFTER",) if wait else ()), words | {"LAB_WAIT": f"{wait:.0f}"}


def _require_key(spec: LimiterSpec, key: str) -> None:
    if spec.options["key"] != key:
        raise _impossible(spec, f"does not count {spec.name} per {spec.options['key']}", f"Write key={key}")


def _impossible(spec: LimiterSpec, why: str, instead: str) -> ConfigurationError:
    return ConfigurationError(
        f"Kamailio cannot be the limiter {spec}: it {why}.", remedy=f"{instead}, or use the practice PBX."
    )
