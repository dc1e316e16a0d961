"""From exchanges and remarks to evidence: which comparisons a record happens to contain.

The most refused source, account and method are the troubled traffic; every other exchange is then a probe
with another source, account or load, as if somebody had asked on purpose.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

from shiftline.diagnosis.evidence import MOST_PLACES, Evidence, Mark, Subject, Trial
from shiftline.diagnosis.exchange import Exchange, Place, Remark
from shiftline.diagnosis.outcome import REFUSALS, Outcome, outcome_of
from shiftline.diagnosis.probe import Account, Credentials, Load, Method, Probe, Source

_METHODS = {method.value: method for method in Method}
_LOADS = ((200.0, Load.STORM), (30.0, Load.RAISED), (5.0, Load.BRISK))
"""From so many arrivals a second on."""


def observe(exchanges: Iterable[Exchange], remarks: Iterable[Remark] = ()) -> tuple[Evidence, ...]:
    """The evidence of each subject: first of what is refused most. Exchanges come in the order of time."""
    observer = Observer()
    for exchange in exchanges:
        observer.add(exchange)
    for remark in remarks:
        observer.remark(remark)
    return observer.evidence()


class Observer:
    """Takes exchanges one by one in the order of time, and says in the end what they show."""

    def __init__(self) -> None:
        self._exchanges: list[Exchange] = []
        self._remarks: list[Remark] = []

    def add(self, exchange: Exchange) -> None:
        """One exchange more; not earlier than the one before."""
        self._exchanges.append(exchange)

    def remark(self, remark: Remark) -> None:
        """What a log line said."""
        self._remarks.append(remark)

    def evidence(self) -> tuple[Evidence, ...]:
        """What all of it shows, by subject."""
        refused = [one for one in self._exchanges if outcome_of(one) in REFUSALS]
        troubled = refused or self._exchanges
        source = _commonest([one.source for one in troubled])
        account = _commonest([_account(one) for one in troubled])
        loads = _loads(self._exchanges)
        cells: dict[tuple[Probe, Outcome], list[Exchange]] = {}
        for one, load in zip(self._exchanges, loads, strict=True):
            cells.setdefault((_probe(one, source, account, load), outcome_of(one)), []).append(one)
        trials = tuple(
            Trial(probe=probe, outcome=outcome, count=len(alike), places=_places(alike))
            for (probe, outcome), alike in cells.items()
        )
        subject = Subject(requests=len(self._exchanges), refused=len(refused))
        return (Evidence(subject=subject, trials=trials, marks=tuple(map(_mark, self._remarks))),)


def _probe(one: Exchange, source: str, account: str, load: Load) -> Probe:
    return Probe(
        method=_METHODS.get(one.method, Method.OTHER),
        source=Source.OWN if one.source == source else Source.OTHER,
        account=_whose(one, account),
        credentials=Credentials.NONE if one.carried is None else Credentials.FRESH,
        load=load,
    )


def _whose(one: Exchange, account: str) -> Account:
    if not one.user:
        return Account.NOBODY
    return Account.OWN if _account(one) == account else Account.OTHER


def _account(one: Exchange) -> str:
    return one.carried.username if one.carried is not None else one.from_user


def _commonest(values: Sequence[str]) -> str:
    return max(Counter(values).items(), key=lambda item: (item[1], item[0]))[0] if values else ""


def _loads(exchanges: Sequence[Exchange]) -> list[Load]:
    """By the arrivals from one source in the second before each."""
    recent: dict[str, list[float]] = {}
    found = []
    for one in exchanges:
        arrivals = [at for at in recent.get(one.source, []) if one.at - at < 1.0]
        arrivals.append(one.at)
        recent[one.source] = arrivals
        found.append(next((load for least, load in _LOADS if len(arrivals) >= least), Load.SINGLE))
    return found


def _places(alike: Sequence[Exchange]) -> tuple[Place, ...]:
    places = [place for one in alike[:MOST_PLACES] for place in one.places[:1]]
    return tuple(places[:MOST_PLACES])


def _mark(remark: Remark) -> Mark:
    return Mark(kind=remark.kind, text=remark.text, places=(remark.place,))
