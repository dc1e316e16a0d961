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
from shiftline.diagnosis.passive.arrivals import Arrivals
from shiftline.diagnosis.passive.cells import LOADED, Cell, trials_of
from shiftline.diagnosis.passive.headers import HeaderHabits, HeaderRule
from shiftline.diagnosis.passive.rows import CREDENTIALS, OUTCOMES, Kind, Rows
from shiftline.diagnosis.passive.subjects import Part
from shiftline.diagnosis.passive.verdicts import TROUBLE
from shiftline.diagnosis.probe import (
    Account,
    Aim,
    Credentials,
    Hour,
    Load,
    Method,
    Path,
    Probe,
    Shape,
    Source,
)

_OWN_SHARE = 0.3
"""A source or account with at least this share of the trouble is own."""
SETTLING_SECONDS = 2.0
"""So long after a refusal at speed nothing is concluded from a request at rest."""
BAN_SECONDS = 900.0
_DURING_SECONDS = 1.0
_BEFORE = 6
_LONGER = 24
"""Bytes by which the smallest requests of two sources differ if one has headers that the other lacks; where
the names of headers are not known."""
_WINDOW_SECONDS = 10.0
"""The longest window of limiters in use. What passes so near to a refusal under load may only have come
before it; what is refused so soon after the load is refused for the load."""
_IN_DIALOGS = frozenset({"ACK", "BYE", "CANCEL", "INFO", "PRACK", "UPDATE"})
"""Belong to a call that was let in; nobody asks them for a login."""
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
    header: HeaderRule | None = None
    """The header that tells refused from passed, if one does."""
    in_force: Callable[[float], bool] | None = None
    """Where the trouble comes and goes: when it was there. Only that time is compared."""


class _Reader:
    """Walks through the rows in time, and knows whether a burst has just been refused."""

    def __init__(self, rows: Rows, marks: bytearray, arrivals: Arrivals, part: Part, frame: Frame) -> None:
        self.large_from, self.header = frame.large_from, frame.header
        self.rows, self.marks, self.arrivals, self.part = rows, marks, arrivals, part
        self.source = Counter(rows.source[row] for row in part.rows).most_common(1)[0][0]
        self.sources = _own((rows.source[row] for row in part.rows), part)
        self.accounts = _own((rows.account(row) for row in part.rows), part)
        self.kinds = _own_kinds(rows, part, self.source)
        self.programs = frozenset(rows.kind_of(row).user_agent for row in part.rows)
        self.fails_at_rest = bool(part.key) or self._fails_before_load()
        self.refusals = self._refusals()
        self.shapes: dict[tuple[int, int, int, bool], Shape | None] = {}
        self.probes: dict[tuple[object, ...], Probe] = {}
        self.least = _least_sizes(rows)
        self.habits = HeaderHabits(rows)
        transports = Counter(rows.kind_of(row).transport for row in part.rows)
        self.transport = transports.most_common(1)[0][0]
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
        if kind.method in _IN_DIALOGS:
            return None
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
                path=Path.USUAL if kind.transport == self.transport else Path.OTHER_TRANSPORT,
                aim=Aim.PRESENT if kind.method == Method.OPTIONS and kind.names_user else Aim.SERVER,
            )
        return probe

    def is_ramp(self, probe: Probe, row: int) -> bool:
        """Whether it passed under a load that its like was refused for about that time.

        Then it only came before the limit was reached, and says nothing of the load.
        """
        if probe.load not in LOADED or self.marks[row] == TROUBLE:
            return False
        return _is_near(self.refusals.get(_sort(probe), ()), self.rows.at[row])

    def is_beside(self, probe: Probe, row: int) -> bool:
        """Whether it was under the load of a burst of which something was refused."""
        return (
            probe.load in LOADED
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
        # It depends on nothing else.
        key = self.rows.source[row], self.rows.kind[row], self.rows.headers[row], self.rows.login[row] != 0
        if key not in self.shapes:
            self.shapes[key] = self._shape_of(row, kind)
        return self.shapes[key]

    def _shape_of(self, row: int, kind: Kind) -> Shape | None:
        is_elsewhere = self.rows.source[row] not in self.sources
        if self.part.key == "user-agent" and kind.user_agent not in self.part.values:
            return Shape.FOREIGN if is_elsewhere else Shape.OTHER_AGENT
        if self.part.key == "domain":
            return Shape.USUAL if kind.from_host in self.part.values else Shape.OTHER_DOMAIN
        rule = self.header
        if rule is not None and kind.user_agent in self.programs and rule.passes(self.rows, row):
            return Shape.WITH_METADATA if rule.is_wanted else Shape.MINIMAL
        is_sized = self.large_from is not None and self.rows.size[row] > 0
        if is_sized and kind.transport == "UDP" and self.rows.size[row] >= (self.large_from or 0.0):
            return Shape.LARGE
        if is_elsewhere and (other := self._of_another(row, kind)) is not None:
            return other
        if is_sized:
            return Shape.USUAL
        return self._built(row, kind)

    def _of_another(self, row: int, kind: Kind) -> Shape | None:
        """How another source builds it otherwise: with headers that ours lack, or as a foreigner; else None.

        Foreign is what comes from another program, with fewer headers, or behind another Via.
        """
        if kind.user_agent not in self.programs:
            return Shape.FOREIGN
        if (kind.via_host == self.rows.sources.text(self.rows.source[row])) is not self.names_itself:
            return Shape.FOREIGN
        if self.rows.headers[row]:
            added = self.habits.adds(*self._two(row), kind.method)
            return Shape.FOREIGN if added is None else Shape.WITH_METADATA if added else None
        mine, theirs = (self.least.get(_sized(self.rows, source, row)) for source in self._two(row))
        is_longer = mine is not None and theirs is not None and abs(mine - theirs) > _LONGER
        return Shape.FOREIGN if is_longer else None

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
    reader = _Reader(rows, marks, arrivals, part, frame)
    reader.fails_at_rest |= frame.in_force is not None
    cells: dict[Probe, Cell] = {}
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
        cell = cells.setdefault(probe, Cell())
        cell.beside += is_beside
        outcome = OUTCOMES[outcomes[row]]
        cell.counts[outcome] += 1
        places = cell.places.setdefault(outcome, [])
        if len(places) < MOST_PLACES and (place := rows.place(row)) is not None:
            places.append(place)
    trouble = {OUTCOMES[outcomes[row]] for row in part.rows}
    trials = trials_of(cells, trouble, beside[False] / max(1, beside.total()))
    return Contrasts(trials, reader.recovered_after, reader.refused_after, reader.sources, reader.accounts)


def _is_near(times: Sequence[float], now: float) -> bool:
    place = bisect_left(times, now - _WINDOW_SECONDS)
    return place < len(times) and times[place] <= now + _WINDOW_SECONDS


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
