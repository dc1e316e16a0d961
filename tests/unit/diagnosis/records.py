"""Records of traffic as readers bring them: who asks, how often, and what a PBX with a fault answers."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

from shiftline.diagnosis.exchange import Carried, Challenge, Exchange

BEGIN = 1_716_388_200.0  # 2024-05-22T14:30:00Z, a Wednesday
OURS = "192.0.2.10"


@dataclass(frozen=True)
class Answer:
    """What a fault answers in place of a healthy PBX."""

    status: int | None
    reason: str = ""
    seconds: float = 0.002
    hints: dict[str, str] = field(default_factory=dict)


Fault = Callable[[Exchange], Answer | None]
"""Judges a request before (``carried`` None) or with its login; None lets it pass."""


class Pbx:
    """Challenges what is not logged in, unless a fault answers first."""

    def __init__(
        self, *faults: Fault, server: str = "kamailio (5.6.3 (x86_64/linux))", seed: int = 1
    ) -> None:
        self._faults = faults
        self._server = server
        self._random = random.Random(seed)
        self._number = 0
        self._place = 0

    def ask(
        self,
        at: float,
        *,
        source: str = OURS,
        method: str = "OPTIONS",
        user: str = "agent0001",
        login: str = "trunk",
        agent: str = "connector/1",
        contact: str = "",
        event: str = "",
        domain: str = "pbx.example",
        answers_challenge: bool = True,
    ) -> Iterator[Exchange]:
        """One question: one exchange, or two if it is challenged."""
        self._number += 1
        call = f"{self._number}@{source}"

        def exchange(at: float, carried: Carried | None) -> Exchange:
            return Exchange(
                at=at,
                source=source,
                target="198.51.100.5",
                method=method,
                user=user,
                from_user=login,
                from_host=domain,
                contact_host=contact,
                event=event,
                via_host=source,
                user_agent=agent,
                call_id=call,
                size=500,
                carried=carried,
            )

        first = exchange(at, None)
        answer = self._judged(first) or Answer(401)
        yield self._answered(first, answer, nonce=f"nonce{self._number}")
        if answer.status not in (401, 407) or not answers_challenge:
            return
        carried = Carried(username=login, realm="lab", nonce=f"nonce{self._number}", nonce_count=1)
        second = exchange(at + answer.seconds + 0.001, carried)
        answer = self._judged(second) or Answer(200, "OK", 0.01)
        yield self._answered(second, answer, nonce=f"again{self._number}")

    def _judged(self, request: Exchange) -> Answer | None:
        return next((said for fault in self._faults if (said := fault(request)) is not None), None)

    def _answered(self, request: Exchange, answer: Answer, nonce: str) -> Exchange:
        self._place += 2
        return replace(
            request,
            status=answer.status,
            reason=answer.reason,
            answered_after=None if answer.status is None else answer.seconds,
            challenge=Challenge(realm="lab", nonce=nonce) if answer.status in (401, 407) else None,
            hints={"server": self._server, **answer.hints} if answer.status else {},
            copies=1 if answer.status else 7,
            file="trunk.pcap",
            packet=self._place,
        )


class Window:
    """At most so many requests from one source in each fixed window; then 403, or what is set."""

    def __init__(
        self, limit: int, seconds: float = 1.0, reason: str = "Forbidden", status: int = 403
    ) -> None:
        self._limit, self._seconds, self._reason, self._status = limit, seconds, reason, status
        self._counts: dict[tuple[str, int], int] = {}

    def __call__(self, request: Exchange) -> Answer | None:
        key = (request.source, int(request.at / self._seconds))
        self._counts[key] = self._counts.get(key, 0) + 1
        return Answer(self._status, self._reason, 0.0005) if self._counts[key] > self._limit else None


def publish_day(pbx: Pbx, *, agents: int = 500, seconds: float = 5.0, seed: int = 2) -> list[Exchange]:
    """A quiet quarter of an hour, the burst of the publish, and quiet again; phones beside it."""
    chance = random.Random(seed)
    asked: list[tuple[float, dict[str, Any]]] = [
        (BEGIN + minute * 30.0 + chance.random(), {"user": f"agent{minute:04d}"}) for minute in range(30)
    ]
    asked += [
        (BEGIN + 900.0 + chance.random() * seconds, {"user": f"agent{number:04d}"})
        for number in range(agents)
    ]
    asked += [(BEGIN + 960.0 + minute * 30.0, {"user": f"agent{minute:04d}"}) for minute in range(10)]
    asked += [
        (
            BEGIN + chance.random() * 1500.0,
            {
                "source": f"192.0.2.{100 + number % 40}",
                "method": "REGISTER",
                "user": f"phone{number % 40}",
                "login": f"phone{number % 40}",
                "agent": "Yealink",
                "contact": f"192.0.2.{100 + number % 40}",
            },
        )
        for number in range(200)
    ]
    found: list[Exchange] = []
    for at, what in sorted(asked, key=lambda pair: pair[0]):
        found += pbx.ask(at, **what)
    return found
