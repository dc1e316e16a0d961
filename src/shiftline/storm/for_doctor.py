"""What a storm saw, for the doctor: its requests as exchanges, and the causes that its verdict speaks for."""

from __future__ import annotations

from collections.abc import Mapping

from shiftline.diagnosis.exchange import Carried, Exchange
from shiftline.storm.examine import Examination
from shiftline.storm.plan import Plan
from shiftline.storm.verdict.arrivals import Key
from shiftline.storm.verdict.verdict import Kind, Verdict
from shiftline.storm.watch import Asked, Watch

MOST_EXCHANGES = 20_000
"""Of each load: its first requests tell as much as all."""
_HINTS = frozenset({"server", "retry-after", "warning", "reason", "p-registrar-error", "allow"})
_SHUT = {Key.SOURCE: ("ban.source",), Key.USER: ("ban.user",), Key.ALL: ("ban.source",)}
_LIMITED = {
    Key.SOURCE: ("throttle.source",),
    Key.USER: ("throttle.user",),
    Key.ALL: ("throttle.shared", "throttle.registration-rate"),
}


def causes_of(verdict: Verdict) -> tuple[str, ...]:
    """The entries of the doctor's catalogue that the verdict speaks for; several where it cannot tell."""
    if verdict.kind is Kind.CAPACITY:
        return ("capacity.overload",)
    limit = verdict.limit
    if verdict.kind is not Kind.LIMITER or limit is None:
        return ()
    if not limit.seconds:
        return ("throttle.concurrency",)
    if limit.methods:
        return ("throttle.method",)
    causes = _SHUT if limit.ban_seconds is not None else _LIMITED
    return tuple(dict.fromkeys(cause for key in (limit.key, *limit.open_keys) for cause in causes[key]))


def exchanges_of(examination: Examination) -> list[Exchange]:
    """The watched requests of every load, in the order of time; `diagnosis.observe` takes them."""
    found = []
    for phase in examination.phases:
        watch = phase.result.watch
        answers = {status: _answer(text) for status, text in watch.examples.items()}
        found += [_exchange(row, phase.plan, answers.get(row.status, ("", {}))) for row in _first(watch)]
    return sorted(found, key=lambda exchange: exchange.at)


def _first(watch: Watch) -> list[Asked]:
    return [row for row in watch.asked if row.sent <= watch.complete_until][:MOST_EXCHANGES]


def _exchange(row: Asked, plan: Plan, answer: tuple[str, Mapping[str, str]]) -> Exchange:
    reason, hints = answer
    after = None if row.answered is None else row.answered - row.sent
    return Exchange(
        at=row.sent,
        source=row.source,
        target=plan.target.host,
        target_port=plan.target.port,
        transport=plan.target.transport.value,
        method=row.method,
        user=row.user,
        from_user=row.user,
        carried=Carried(username=row.user, realm="", nonce="") if row.carried else None,
        status=row.status if row.answered is not None else None,
        reason=reason,
        answered_after=after,
        hints=hints,
    )


def _answer(head: str) -> tuple[str, Mapping[str, str]]:
    """Reason phrase and telling headers of an answer's head."""
    first, *rows = head.splitlines()
    pairs = (row.partition(":") for row in rows)
    hints = {name.strip().lower(): value.strip() for name, _, value in pairs}
    return first.partition(" ")[2].partition(" ")[2], {
        name: value for name, value in hints.items() if name in _HINTS
    }
