"""A day on a trunk, with enough variety that a record of it holds the usual comparisons."""

from __future__ import annotations

import random
from typing import Any

from tests.unit.diagnosis.records import BEGIN, OURS, Pbx

from shiftline.diagnosis.exchange import Exchange

SECOND = "192.0.2.11"
_OURS = ("OPTIONS", "REGISTER", "BIND", "SUBSCRIBE")


def day(pbx: Pbx, *, burst: int = 0, rate: float = 200.0, seed: int = 3) -> list[Exchange]:
    """Questions at rest from our source, a second one and phones; then a burst, and questions after it."""
    chance = random.Random(seed)
    asked: list[tuple[float, dict[str, Any]]] = []
    for turn in range(6):
        start = BEGIN + turn * 120.0
        for place, method in enumerate(_OURS):
            asked.append((start + place * 5.0, _ask(method, OURS, "trunk")))
        asked.append((start + 22.0, _ask("REGISTER", OURS, "desk")))
        asked.append((start + 27.0, _ask("OPTIONS", OURS, "desk")))
        asked.append((start + 32.0, _ask("REGISTER", SECOND, "trunk")))
        asked.append((start + 37.0, _ask("OPTIONS", SECOND, "trunk")))
        phone = f"192.0.2.{100 + turn}"
        asked.append((start + 42.0, _ask("BIND", phone, f"phone{turn}", agent="Yealink")))
    begin = BEGIN + 900.0
    asked += [
        (begin + (number + chance.random()) / rate, _ask("OPTIONS", OURS, "trunk", number))
        for number in range(burst)
    ]
    if burst:
        asked += [(begin + 0.3 + number * 0.2, _ask("OPTIONS", SECOND, "desk")) for number in range(4)]
        after = begin + burst / rate + 8.0
        asked += [(after + number * 15.0, _ask("OPTIONS", OURS, "trunk")) for number in range(8)]
    found: list[Exchange] = []
    for at, what in sorted(asked, key=lambda pair: pair[0]):
        found += pbx.ask(at, **what)
    return found


def _ask(method: str, source: str, login: str, number: int = 0, agent: str = "connector/1") -> dict[str, Any]:
    binds = method == "BIND"
    return {
        "source": source,
        "method": "REGISTER" if binds else method,
        "user": f"agent{number:04d}" if method == "OPTIONS" else login,
        "login": login,
        "agent": agent,
        "contact": source if binds else "",
        "domain": "pbx.example" if login == "trunk" else "other.example",
        "event": "presence" if method == "SUBSCRIBE" else "",
    }
