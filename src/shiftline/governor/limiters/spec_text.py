"""The small words of a limiter's text: amounts, durations, numbers and yes or no, read and written.

Each reader raises ValueError with what it wanted; `spec` says where and how to write it.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from math import isfinite

Value = float | str | bool
"""What an option may hold."""
Read = Callable[[str], Value]

_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}
_DURATION = re.compile(r"([0-9.eE+-]*?)(ms|s|m|h)?")
_LARGEST = 1e9
_MOST_OTHERS = 10_000.0


@dataclass(frozen=True, slots=True)
class Option:
    """One ``name=value`` of a limiter's text."""

    default: Value
    meaning: str
    read: Read
    unit: str = ""
    """Written behind its value."""


@dataclass(frozen=True, slots=True)
class Amount:
    """So many requests (``count``) per ``seconds``; without time, it is places (``seconds`` is 0)."""

    count: float
    seconds: float = 0.0

    @property
    def per_second(self) -> float:
        """The rate in requests per second; of places, infinitely many would do."""
        return self.count / self.seconds

    def __str__(self) -> str:
        return written(self.count) + (f"/{written(self.seconds)}s" if self.seconds else "")


def read_number(text: str) -> float:
    """A finite number of at least 0."""
    try:
        number = float(text)
    except ValueError:
        number = -1.0
    if not isfinite(number) or not 0 <= number <= _LARGEST or "_" in text:
        raise ValueError(f"{text!r} is no number from 0 to {_LARGEST:g}")
    return number


def read_seconds(text: str) -> float:
    """A duration as 300s, 5m, 200ms, or plain seconds."""
    found = _DURATION.fullmatch(text)
    if found is None or not found[1]:
        raise ValueError(f"{text!r} is no duration such as 300s, 5m or 200ms")
    return read_number(found[1]) * _UNITS[found[2] or "s"]


def read_amount(text: str) -> Amount:
    """An amount as 50/1s, 50/s, 100/1m; or 20, which is places."""
    count, slash, time = text.partition("/")
    if not slash:
        return Amount(read_number(count))
    seconds = _UNITS[time] if time in _UNITS else read_seconds(time)
    if seconds <= 0:
        raise ValueError(f"{text!r} is per no time at all")
    return Amount(read_number(count), seconds)


def read_rate(text: str) -> float:
    """A rate as 20/s, or plain requests per second."""
    amount = read_amount(text)
    return amount.per_second if amount.seconds else amount.count


def read_others(text: str) -> float:
    """The same of other senders, each of whose requests is simulated: so many as one trunk may have of us."""
    rate = read_rate(text)
    if rate > _MOST_OTHERS:
        raise ValueError(f"{text!r} is more than {_MOST_OTHERS:g} requests per second")
    return rate


def read_status(text: str) -> str:
    """The status of a refusal, or silent."""
    if text != "silent" and re.fullmatch("[3-6][0-9][0-9]", text, re.ASCII) is None:
        raise ValueError(f"{text!r} is neither a refusal's status such as 403 nor silent")
    return text


def read_one_of(*words: str) -> Read:
    """A reader of one of these words."""

    def read(text: str) -> str:
        if text not in words:
            raise ValueError(f"{text!r} is none of {', '.join(words)}")
        return text

    return read


def read_answer(text: str) -> bool:
    """Yes or no."""
    if text not in {"yes", "no"}:
        raise ValueError(f"{text!r} is neither yes nor no")
    return text == "yes"


def written(value: Value) -> str:
    """The value as its reader has it, without loss."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() and value <= _LARGEST else repr(value)
    return value
