"""Flows that are watched: each request with its fate, as the verdict wants them.

Seconds say how much was refused; which limiter it was stands in the order of single requests. All of them
are kept until there are ``most`` of them, from then on those of a few users only, so that memory stays flat.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from shiftline.storm.flow import Flow, Source
from shiftline.storm.flows import STATUSES, Flows
from shiftline.storm.sample import TIMEOUT
from shiftline.storm.template import KEY_BYTES
from shiftline.storm.users import Users
from shiftline.storm.watch import Asked, Watch, in_order

WATCHED_USERS = 20
"""Users of whom every request is kept, however many there are in all."""
_HEAD_BYTES = 2048


class WatchedFlows(Flows):
    """Flows that keep `Asked` rows; ``zero`` is the engine's zero on the monotonic clock."""

    def __init__(
        self, sources: Sequence[Source], users: Users, *, zero: float, most: int,
        **options: Any,
    ) -> None:  # fmt: skip
        super().__init__(sources, users, **options)
        self._zero, self._most = zero, most
        self._watched = frozenset(_even_choice([user.name.decode() for user in users.all]))
        self._rows: list[Asked] = []
        self._complete_until = float("inf")
        self._examples: dict[int, str] = {}

    def end(self) -> Watch:
        """What was kept so far, and what is still under way as unanswered."""
        for flow in [*self.pending.values(), *self.hung_up]:
            if flow.wait:
                self._keep(flow, None, TIMEOUT)
        return Watch(
            asked=in_order(self._rows),
            complete_until=self._complete_until,
            users=self._watched,
            tries={user.name.decode(): user.tries for user in self.users.all if user.tries},
            examples=dict(self._examples),
        )

    def receive(self, data: bytes, at: float) -> None:
        """See `Flows`."""
        start = data.find(self._mark) + self._mark_bytes
        flow = self.pending.get(data[start : start + KEY_BYTES])
        status = STATUSES.get(data[8:11]) if flow is not None else None
        if flow is not None and status is not None:
            self._keep(flow, at, status)
            if status not in self._examples:
                head = data[:_HEAD_BYTES].partition(b"\r\n\r\n")[0]
                self._examples[status] = head.decode(errors="replace")
        super().receive(data, at)

    def _end(self, flow: Flow, status: int, at: float, *, ok: bool) -> None:
        if status == TIMEOUT:
            self._keep(flow, None, status)
        super()._end(flow, status, at, ok=ok)

    def _keep(self, flow: Flow, at: float | None, status: int) -> None:
        user = flow.user.name.decode()
        if len(self._rows) >= self._most:
            self._complete_until = min(self._complete_until, self._zero + flow.sent)
            if user not in self._watched:
                return
        self._rows.append(
            Asked(
                self._zero + flow.sent, None if at is None else self._zero + at, status,
                flow.source.place.local_host, user, flow.track[flow.step].method.decode(),
                bool(flow.authorization),
            )
        )  # fmt: skip


def _even_choice(names: Sequence[str]) -> Sequence[str]:
    return names[:: max(1, len(names) // WATCHED_USERS)][:WATCHED_USERS]
