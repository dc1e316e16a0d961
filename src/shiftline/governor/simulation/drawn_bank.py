"""The second bank: the same kinds of limiters, with parameters that nobody chose and nobody tunes on.

Rates are drawn evenly on a logarithmic scale from 5 to 400 requests per second, answers from 1 to 150 ms,
refusals from 1 to 40 ms. Half of the windows are whole seconds from 1 to 10, the others are any length
from 0.5 to 20 s.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial

from shiftline.governor.simulation.bank import Case, Draw, case

LONGEST_CHANGE_AT = 400.0  # seconds; enough is left of ten minutes to recover


def between(draw: Draw, least: float, most: float) -> float:
    """Draw evenly on a logarithmic scale."""
    return float(least * (most / least) ** draw())


def _rate(draw: Draw) -> float:
    return between(draw, 5.0, 400.0)


def _window(draw: Draw) -> float:
    return float(1 + int(10 * draw())) if draw() < 0.5 else round(between(draw, 0.5, 20.0), 1)


def _amount(rate: float, width: float) -> str:
    return f"{max(2, round(rate * width))}/{width:g}s"


def _windowed(name: str, draw: Draw, options: str = "") -> str:
    return f"{name}:{_amount(_rate(draw), _window(draw))}{options}"


def _retry_after(draw: Draw) -> str:
    return f"retry-after:{_amount(_rate(draw), _window(draw))},seconds={1 + int(10 * draw())}s"


def _bucket(draw: Draw, least: float, most: float) -> str:
    """A burst of so many seconds' tokens."""
    rate = round(_rate(draw))
    return f"bucket:{rate}/s,burst={max(2, round(rate * between(draw, least, most)))}"


def _pike(draw: Draw, ban: float) -> str:
    return f"pike:{max(8, round(2 * _rate(draw)))}/2s,ban={ban:g}s"


def _escalating(draw: Draw, growth: float, options: str = "") -> str:
    ban = round(between(draw, 10.0, 300.0))
    return f"escalating:{_amount(_rate(draw), _window(draw))},ban={ban}s,growth={growth:g}{options}"


def _lockout(draw: Draw) -> str:
    width = 10 + int(50 * draw())
    return f"lockout:{_amount(_rate(draw), width)},lock={round(between(draw, 60.0, 900.0))}s"


def _feedback(draw: Draw, name: str) -> str:
    return f"{name}:{round(_rate(draw))}/s"


def _shared(draw: Draw) -> str:
    rate, width = between(draw, 10.0, 400.0), 1.0 if draw() < 0.5 else 2.0
    return f"shared:{_amount(rate, width)},others={round(rate * (0.05 + 0.45 * draw()), 1):g}/s"


def _changing(draw: Draw, factor: float) -> str:
    rate, width = between(draw, 10.0, 200.0), 1.0 if draw() < 0.5 else 2.0
    at = round(120.0 + (LONGEST_CHANGE_AT - 120.0) * draw())
    return f"changing:{_amount(rate, width)},{_amount(rate * factor, width)}@{at}s"


KINDS: Mapping[str, Callable[[Draw], str]] = {
    "window": partial(_windowed, "window"),
    "window, silent": lambda draw: _windowed("window", draw, ",status=silent"),
    "window per user": lambda draw: _windowed("window", draw, ",key=user"),
    "retry-after": _retry_after,
    "red": partial(_windowed, "red"),
    "sliding": partial(_windowed, "sliding"),
    "bucket, deep": lambda draw: _bucket(draw, 0.5, 5.0),
    "bucket, shallow": lambda draw: _bucket(draw, 0.05, 0.5),
    "pike without ban": lambda draw: _pike(draw, 0.0),
    "pike with ban": lambda draw: _pike(draw, 300.0),
    "ban": lambda draw: _escalating(draw, 1.0),
    "ban, prolonged": lambda draw: _escalating(draw, 1.0, ",prolonged=yes"),
    "ban, escalating": lambda draw: _escalating(draw, 2.0 + 2.0 * draw()),
    "lockout": _lockout,
    "processor": lambda draw: f"cpu:{round(_rate(draw))}/s",
    "oc-rate": lambda draw: _feedback(draw, "oc-rate"),
    "oc-loss": lambda draw: _feedback(draw, "oc-loss"),
    "shared": _shared,
    "halves": lambda draw: _changing(draw, 0.5),
    "doubles": lambda draw: _changing(draw, 2.0),
    "places": lambda draw: f"concurrency:{max(2, round(20 * draw()))}",
}


def drawn_bank(draw: Draw) -> dict[str, Case]:
    """Draw one case of each kind."""
    return {kind: _case(kind, text, draw) for kind, text in KINDS.items()}


def _case(kind: str, text: Callable[[Draw], str], draw: Draw) -> Case:
    # So many places at 1 ms would make a rate that no trunk has.
    fastest = 40.0 if kind == "places" else 1.0
    return case(text(draw), round(between(draw, fastest, 150.0), 1), round(between(draw, 1.0, 40.0), 1))
