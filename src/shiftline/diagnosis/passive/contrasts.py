"""The comparisons that a record contains, as if somebody had asked on purpose.

The troubled rows of one part say what is own: source, account, kind of message. Every other row then is a
probe with another source, account, method, shape or load.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter, deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

from shiftline.diagnosis.evidence import MOST_PLACES, Trial
from shiftline.diagnosis.exchange import Place
from shiftline.diagnosis.outcome import REFUSALS, Outcome
from shiftline.diagnosis.passive.arrivals import Arrivals
from shiftline.diagnosis.passive.rows import CREDENTIALS, OUTCOMES, Kind, Rows
from shiftline.diagnosis.passive.subjects import Part
from shiftline.diagnosis.passive.verdicts import TROUBLE
from shiftline.diagnosis.probe import Account, Aim, Credentials, Hour, Load, Method, Probe, Shape, Source

_OWN_SHARE = 0.3
"""A source or account with at least this share of the trouble is own."""
SETTLING_SECONDS = 2.0
"""So long after a refusal at speed nothing is concluded from a request at rest."""
BAN_SECONDS = 900.0
_DURING_SECONDS = 1.0
_WORTH_NOTING = 0.15
_BEFORE = 6
_LONGER = 24
"""Bytes by which the smallest requests of two sources differ if one has headers that the other lacks."""
_SERIES, _SERIES_SHARE = 5, 0.05
"""So many refusals at rest are no lost packets."""
_UNDER_LOAD = 0.03
_WINDOW_SECONDS = 10.0
"""The longest window of limiters in use. What passes so near to a refusal under load may only have come
before it; what is refused so soon after the load is refused for the load."""
_NO_LUCK = 0.02
"""As many passages beside refusals as would be met by chance with this probability show something."""
_LOADED = (Load.BRISK, Load.RAISED, Load.STORM)
_METHODS = {method.value: method for method in Method}


@dataclass(frozen=True, slots=True)
class Contrasts:
    """The trials of one part, and how its trouble went on after a burst."""

    trials: tuple[Trial, ...]
    recovered_after: float | None
    """Seconds from the last refusal at speed to the first passage at rest, the shortest seen."""
    refused_after: int
    """Refusals at rest between these two."""
    own_sources: frozenset[int]
    own_accounts: frozenset[int]


@dataclass(frozen=True, slots=True)
class Frame:
    """Between what the requests of a part are compared."""

    is_troubled_hour: Callable[[float], bool] | None = None
    """Of the day, if the trouble keeps to one."""
    large_from: float | None = None
    """The size in bytes from which on messages are refused, if that is what tells them."""
    in_force: Callable[[float], bool] | None = None
    """Where the trouble comes and goes: when it was there. Only that time is compared."""


class _Cell:
    __slots__ = ("beside", "counts", "places")

    def __init__(self) -> None:
        self.beside = 0
        self.counts: Counter[Outcome] = Counter()
        self.places: dict[Outcome, list[Place]] = {}


class _Reader:
    """Walks through the rows in time, and knows whether a burst has just been refused."""

    def __init__(
        self, rows: Rows, marks: bytearray, arrivals: Arrivals, part: Part, large_from: float | None
    ) -> None:
        self.large_from = large_from
        self.rows, self.marks, self.arrivals, self.part = rows, marks, arrivals, part
        self.source = Counter(rows.source[row] for row in part.rows).most_common(1)[0][0]
        self.sources = _own((rows.source[row] for row in part.rows), part)
        self.accounts = _own((rows.account(row) for row in part.rows), part)
        self.kinds = _own_kinds(rows, part, self.source)
        self.programs = frozenset(rows.kind_of(row).user_agent for row in part.rows)
        self.fails_at_rest = bool(part.key) or self._fails_before_load()
        self.refusals = self._refusals()
        self.shapes: dict[tuple[int, int, bool], Shape | None] = {}
        self.probes: dict[tuple[object, ...], Probe] = {}
        self.least = _least_sizes(rows)
        vias = Counter(rows.kind_of(row).via_host for row in part.rows if rows.source[row] == self.source)
        self.names_itself = vias.most_common(1)[0][0] == rows.sources.text(self.source)
        self.last_refusal: float | None = None
        self.in_trouble = False
        self.refused_after = 0
        self.recovered_after: float | None = None

    def probe(self, row: int) -> Probe | None:
        """What the row amounts to as a probe; None where it could mean two things."""
        rows = self.rows
        kind = rows.kind_of(row)
        is_own = rows.source[row] in self.sources
        load = self._own_load(row) if is_own else self._other_load(row)
        shape = self._shape(row, kind)
        if load is None or shape is None:
            return None
        is_own_account = rows.account(row) in self.accounts
        key = rows.kind[row], is_own, is_own_account, rows.credentials[row], load, shape
        probe = self.probes.get(key)
        if probe is None:
            probe = self.probes[key] = Probe(
                method=_method(kind),
                source=Source.OWN if is_own else Source.OTHER,
                account=self._account(row, kind),
                credentials=CREDENTIALS[rows.credentials[row]],
                load=load,
                shape=shape,
                aim=Aim.PRESENT if kind.method == Method.OPTIONS and kind.names_user else Aim.SERVER,
            )
        return probe

    def is_ramp(self, probe: Probe, row: int) -> bool:
        """Whether it passed under a load that its like was refused for about that time.

        Then it only came before the limit was reached, and says nothing of the load.
        """
        if probe.load not in _LOADED or self.marks[row] == TROUBLE:
            return False
        return _is_near(self.refusals.get(_sort(probe), ()), self.rows.at[row])

    def is_beside(self, probe: Probe, row: int) -> bool:
        """Whether it was under the load of a burst of which something was refused."""
        return (
            probe.load in _LOADED
            and self.rows.source[row] in self.sources
            and any(_is_near(times, self.rows.at[row]) for times in self.refusals.values())
        )

    def _fails_before_load(self) -> bool:
        """Whether most of what came last before any load was refused had failed as well."""
        rows = self.rows
        before: deque[bool] = deque(maxlen=_BEFORE)
        for row in self.arrivals.order:
            if (
                rows.source[row] not in self.sources
                or not self.marks[row]
                or not rows.kind_of(row).is_question
            ):
                continue
            if self.arrivals.load(row) is Load.SINGLE:
                before.append(self.marks[row] == TROUBLE)
            elif self.marks[row] == TROUBLE:
                break
        return sum(before) > len(before) / 2

    def _refusals(self) -> dict[tuple[str, str, bool], list[float]]:
        """When own requests were refused under load, by sort."""
        found: dict[tuple[str, str, bool], list[float]] = {}
        for row in self.arrivals.order:
            is_own = self.rows.source[row] in self.sources
            if self.marks[row] == TROUBLE and is_own and self.arrivals.load(row) is not Load.SINGLE:
                kind = self.rows.kind_of(row)
                has_login = self.rows.login[row] != 0
                key = str(_method(kind)), str(self._account(row, kind)), has_login
                found.setdefault(key, []).append(self.rows.at[row])
        return found

    def _account(self, row: int, kind: Kind) -> Account:
        if kind.method == Method.OPTIONS and not kind.names_user:
            return Account.NOBODY
        return Account.OWN if self.rows.account(row) in self.accounts else Account.OTHER

    def _own_load(self, row: int) -> Load | None:
        load, mark, now = self.arrivals.load(row), self.marks[row], self.rows.at[row]
        if load is not Load.SINGLE:
            if mark == TROUBLE:
                self.last_refusal, self.in_trouble = now, True
            return load
        # What fails at rest anyway has no "after".
        if self.fails_at_rest or not self.in_trouble or self.last_refusal is None:
            return load
        since = now - self.last_refusal
        if since < (_WINDOW_SECONDS if mark == TROUBLE else SETTLING_SECONDS):
            return None
        if since > BAN_SECONDS:
            self.in_trouble = False
            return load
        if mark == TROUBLE:
            self.refused_after += 1
        else:
            self.in_trouble = False
            self.recovered_after = min(since, self.recovered_after or since)
        return Load.AFTER_PAUSE

    def _other_load(self, row: int) -> Load | None:
        if self.arrivals.load(row) is not Load.SINGLE:
            return None  # its own rate may be what it is refused for
        now = self.rows.at[row]
        is_during = self.last_refusal is not None and now - self.last_refusal <= _DURING_SECONDS
        return Load.DURING if is_during else Load.SINGLE

    def _shape(self, row: int, kind: Kind) -> Shape | None:
        if self.large_from is not None:
            return self._shape_of(row, kind)
        key = self.rows.source[row], self.rows.kind[row], self.rows.login[row] != 0
        if key not in self.shapes:  # it depends on nothing else
            self.shapes[key] = self._shape_of(row, kind)
        return self.shapes[key]

    def _shape_of(self, row: int, kind: Kind) -> Shape | None:
        if self.part.key == "user-agent":
            return Shape.USUAL if kind.user_agent in self.part.values else Shape.OTHER_AGENT
        if self.part.key == "domain":
            return Shape.USUAL if kind.from_host in self.part.values else Shape.OTHER_DOMAIN
        if self.rows.source[row] not in self.sources and self._is_foreign(row, kind):
            return Shape.FOREIGN
        if self.large_from is not None and self.rows.size[row]:
            is_large = kind.transport == "UDP" and self.rows.size[row] >= self.large_from
            return Shape.LARGE if is_large else Shape.USUAL
        return self._built(row, kind)

    def _is_foreign(self, row: int, kind: Kind) -> bool:
        """Whether it was built otherwise: by another program, with other headers, behind another Via."""
        if kind.user_agent not in self.programs:
            return True
        mine, theirs = (self.least.get(_sized(self.rows, source, row)) for source in self._two(row))
        has_own_via = kind.via_host == self.rows.sources.text(self.rows.source[row])
        is_longer = mine is not None and theirs is not None and abs(mine - theirs) > _LONGER
        return is_longer or has_own_via is not self.names_itself

    def _two(self, row: int) -> tuple[int, int]:
        return self.source, self.rows.source[row]

    def _built(self, row: int, kind: Kind) -> Shape | None:
        usual = self.kinds.get(_method(kind))
        if usual is None or kind == usual or self.rows.source[row] != self.source:
            return Shape.USUAL  # another source has another Via and Contact anyway
        if kind.is_large and not usual.is_large:
            return Shape.LARGE
        for name, shape in _SHAPES.items():
            if replace(kind, **{name: getattr(usual, name)}) == usual:
                return shape
        return None


_SHAPES = {
    "user_agent": Shape.OTHER_AGENT,
    "contact_host": Shape.OTHER_CONTACT,
    "from_host": Shape.OTHER_DOMAIN,
    "via_host": Shape.OTHER_VIA,
    "event": Shape.OTHER_EVENT,
    "names_user": Shape.USUAL,
    "target": Shape.USUAL,
    "is_large": Shape.USUAL,
}


def find_contrasts(
    rows: Rows,
    marks: bytearray,
    outcomes: bytearray,
    arrivals: Arrivals,
    part: Part,
    excluded: frozenset[int],
    frame: Frame,
) -> Contrasts:
    """The trials of one part. ``excluded`` are the troubled rows of other parts."""
    reader = _Reader(rows, marks, arrivals, part, frame.large_from)
    reader.fails_at_rest |= frame.in_force is not None
    cells: dict[Probe, _Cell] = {}
    beside: Counter[bool] = Counter()
    for row in arrivals.order:
        if row in excluded or (frame.in_force is not None and not frame.in_force(rows.at[row])):
            continue
        probe = reader.probe(row)
        if probe is None:
            continue
        is_beside = reader.is_beside(probe, row)
        beside[marks[row] == TROUBLE] += is_beside
        if reader.is_ramp(probe, row):
            continue
        if frame.is_troubled_hour is not None and probe.load is Load.SINGLE:
            hour = Hour.TROUBLED if frame.is_troubled_hour(rows.at[row]) else Hour.QUIET
            probe = replace(probe, hour=hour)
        cell = cells.setdefault(probe, _Cell())
        cell.beside += is_beside
        outcome = OUTCOMES[outcomes[row]]
        cell.counts[outcome] += 1
        places = cell.places.setdefault(outcome, [])
        if len(places) < MOST_PLACES and (place := rows.place(row)) is not None:
            places.append(place)
    _leave_what_got_through(cells)
    _leave_luck(cells, beside[False] / max(1, beside.total()))
    trials = tuple(trial for probe, cell in cells.items() for trial in _trials(probe, cell))
    return Contrasts(trials, reader.recovered_after, reader.refused_after, reader.sources, reader.accounts)


def _leave_what_got_through(cells: dict[Probe, _Cell]) -> None:
    """Where a load is refused before the login, what got through to the login says nothing."""
    for probe, cell in list(cells.items()):
        if probe.credentials is Credentials.NONE and _is_refused_load(probe, cell):
            for credentials in CREDENTIALS[1:]:
                beyond = cells.get(replace(probe, credentials=credentials))
                if beyond is not None and not _is_refused_load(probe, beyond):
                    del cells[replace(probe, credentials=credentials)]


def _is_refused_load(probe: Probe, cell: _Cell) -> bool:
    refused = sum(count for outcome, count in cell.counts.items() if outcome in REFUSALS)
    return probe.load in _LOADED and refused >= max(2, _UNDER_LOAD * cell.counts.total())


def _leave_luck(cells: dict[Probe, _Cell], share: float) -> None:
    """In a burst of which a ``share`` passes, a few passages of another sort are no sign that it may pass."""
    for probe, cell in list(cells.items()):
        is_lucky = share**cell.beside > _NO_LUCK
        if 0 < cell.beside == cell.counts.total() and not _has_refusals(cell) and is_lucky:
            del cells[probe]


def _has_refusals(cell: _Cell) -> bool:
    return any(outcome in REFUSALS for outcome in cell.counts)


def _is_near(times: Sequence[float], now: float) -> bool:
    place = bisect_left(times, now - _WINDOW_SECONDS)
    return place < len(times) and times[place] <= now + _WINDOW_SECONDS


def _trials(probe: Probe, cell: _Cell) -> Iterable[Trial]:
    total = cell.counts.total()
    refused = sum(count for outcome, count in cell.counts.items() if outcome in REFUSALS)
    is_refused_load = _is_refused_load(probe, cell)
    for outcome, count in cell.counts.items():
        if is_refused_load:  # the outcome under a load is the worst that any of it met
            keep = outcome in REFUSALS and count >= 0.2 * refused
        else:
            is_series = outcome in REFUSALS and count >= max(_SERIES, _SERIES_SHARE * total)
            keep = is_series or count >= _WORTH_NOTING * total
        if keep:
            yield Trial(probe=probe, outcome=outcome, count=count, places=tuple(cell.places.get(outcome, ())))


def _own(values: Iterable[int], part: Part) -> frozenset[int]:
    """What the trouble has in common; all of it, where it always fails."""
    counts = Counter(values)
    if part.key:
        return frozenset(counts)
    total = counts.total()
    most, _ = counts.most_common(1)[0]
    return frozenset({most, *(value for value, count in counts.items() if count >= _OWN_SHARE * total)})


def _least_sizes(rows: Rows) -> dict[tuple[int, str, bool], int]:
    """The smallest request of each sort: headers that come with every one make it larger."""
    least: dict[tuple[int, str, bool], int] = {}
    seen = set(zip(rows.size, rows.source, rows.kind, map(bool, rows.login), strict=True))
    for size, source, kind, has_login in seen:
        method = rows.kinds.values[kind].method  # type: ignore[attr-defined]
        if size and size < least.get((source, method, has_login), 0x10000):
            least[source, method, has_login] = size
    return least


def _sized(rows: Rows, source: int, row: int) -> tuple[int, str, bool]:
    return source, rows.kind_of(row).method, rows.login[row] != 0


def _own_kinds(rows: Rows, part: Part, source: int) -> dict[Method, Kind]:
    """The commonest kind of message in trouble from the most troubled source, for each method."""
    counts: dict[Method, Counter[Kind]] = {}
    for row in part.rows:
        if rows.source[row] == source:
            kind = rows.kind_of(row)
            counts.setdefault(_method(kind), Counter())[kind] += 1
    return {method: found.most_common(1)[0][0] for method, found in counts.items()}


def _sort(probe: Probe) -> tuple[str, str, bool]:
    return str(probe.method), str(probe.account), probe.credentials is not Credentials.NONE


def _method(kind: Kind) -> Method:
    if kind.method == Method.REGISTER and kind.contact_host:
        return Method.REGISTER_CONTACT
    return _METHODS.get(kind.method, Method.OTHER)
