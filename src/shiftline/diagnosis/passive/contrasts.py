"""The comparisons that a record contains, as if somebody had asked on purpose.

The troubled rows of one part say what is own: source, account, kind of message. Every other row then is a
probe with another source, account, method, shape or load. Rows of one sort under one load are one probe: it
is made once.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

from shiftline.diagnosis.evidence import MOST_PLACES, Trial
from shiftline.diagnosis.exchange import Place
from shiftline.diagnosis.outcome import Outcome
from shiftline.diagnosis.passive.arrivals import Arrivals
from shiftline.diagnosis.passive.cells import LOADED, Cell, trials_of
from shiftline.diagnosis.passive.headers import HeaderRule
from shiftline.diagnosis.passive.own import Own, method_of, own_of
from shiftline.diagnosis.passive.pace import Pace
from shiftline.diagnosis.passive.rows import CREDENTIALS, CREDENTIALS_NUMBER, OUTCOME_NUMBER, OUTCOMES, Rows
from shiftline.diagnosis.passive.shapes import NO_MATTER, Shapes
from shiftline.diagnosis.passive.sorts import IN_DIALOGS
from shiftline.diagnosis.passive.subjects import ASKED, Part
from shiftline.diagnosis.passive.verdicts import TROUBLE, UNTOLD
from shiftline.diagnosis.passive.walk import Near, RefusedSort, Walk
from shiftline.diagnosis.probe import Aim, Credentials, Hour, Load, Method, Path, Probe, Source

_CACHED, _AGED = CREDENTIALS_NUMBER[Credentials.CACHED], CREDENTIALS_NUMBER[Credentials.AGED]
_STALE = OUTCOME_NUMBER[Outcome.CHALLENGE_STALE]
_LineKey = tuple[int, int, Load, int, Hour]
"""Sort, credentials, load, bulk, hour."""


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
    nonces_end_by_age: bool = False
    """Whether the record shows that nonces are forgotten at an age of their own: then that age is what makes
    one an old one."""
    pace: Pace | None = None
    """The limit that explains what was refused at rest, if one does."""


@dataclass(slots=True)
class _Told:
    """How often one outcome came, and where the first of them are."""

    count: int = 0
    places: list[Place] = field(default_factory=list)


@dataclass(slots=True)
class _Tally:
    """What became of one probe, by number of the outcome."""

    told: dict[int, _Told] = field(default_factory=dict)
    beside: int = 0


@dataclass(slots=True)
class _Line:
    """Rows of one sort that amount to one probe."""

    probe: Probe
    is_loaded: bool
    """Under a load of its own source."""
    is_near: Near
    """Whether its like was refused for the load at about a time."""
    tally: _Tally | None = None
    """That of its probe, once a row of it counts."""


class _Reader:
    """Tells of each row which probe it amounts to."""

    def __init__(self, rows: Rows, part: Part, walk: Walk, own: Own, frame: Frame) -> None:
        self.own, self.walk, self._rows, self._frame = own, walk, rows, frame
        sorts = rows.sorts
        self.is_in_dialog = bytes(sorts.kind_of(sort).method in IN_DIALOGS for sort in range(len(sorts)))
        self._shapes = Shapes(rows=rows, part=part, own=own, large_from=frame.large_from, header=frame.header)
        refusals = walk.refusals(own)
        self.is_beside = Near(sorted(at for moments in refusals.values() for at in moments))
        """Whether something of a burst was refused at about a time."""
        self._near = {sort: Near(moments) for sort, moments in refusals.items()}
        self._never = Near(())
        self._lines: dict[_LineKey, _Line | None] = {}
        self._has_sizes = frame.large_from is not None
        self._asked = {sorts.asked[rows.sort[row]] for row in part.rows} if part.key == ASKED else set()

    def line(self, row: int) -> _Line | None:
        """None where the row could mean two things."""
        sort = self._rows.sort[row]
        if self.is_in_dialog[sort]:
            return None
        load = self.walk.load(row)
        if load is None:
            return None
        is_troubled_hour, hour = self._frame.is_troubled_hour, Hour.ANY
        if is_troubled_hour is not None and load is Load.SINGLE:
            hour = Hour.TROUBLED if is_troubled_hour(self._rows.at[row]) else Hour.QUIET
        credentials, bulk = self._rows.credentials[row], NO_MATTER
        if self._frame.nonces_end_by_age:
            credentials = self._by_age(row, credentials)
        if self._has_sizes:
            bulk = self._shapes.bulk(self._rows.size[row], CREDENTIALS[credentials])
        key = sort, credentials, load, bulk, hour
        try:
            return self._lines[key]
        except KeyError:
            line = self._lines[key] = self._line_of(*key)
            return line

    def _by_age(self, row: int, told: int) -> int:
        """The credentials where nonces end by age: then an old one is one that is forgotten."""
        if told not in (_CACHED, _AGED):
            return told
        return _AGED if self._rows.outcome[row] == _STALE else _CACHED

    def _line_of(self, sort: int, credentials: int, load: Load, bulk: int, hour: Hour) -> _Line | None:
        shape = self._shapes.shape(sort, bulk)
        if shape is None:
            return None
        sorts = self._rows.sorts
        kind = sorts.kind_of(sort)
        probe = Probe(
            method=method_of(kind),
            source=Source.OWN if self.walk.is_own[sort] else Source.OTHER,
            account=self.own.account(sorts, sort),
            credentials=CREDENTIALS[credentials],
            load=load,
            shape=shape,
            path=Path.USUAL if kind.transport == self.own.transport else Path.OTHER_TRANSPORT,
            aim=self._aim(sort),
            hour=hour,
        )
        return _Line(probe, load in LOADED, self._near.get(_sort(probe), self._never))

    def _aim(self, sort: int) -> Aim:
        """Whom it asks for; where one user is what tells the refused, any other is another one."""
        sorts = self._rows.sorts
        kind = sorts.kind_of(sort)
        if kind.method not in (Method.OPTIONS, Method.SUBSCRIBE) or not kind.names_user:
            return Aim.SERVER
        if self._asked and sorts.asked[sort] not in self._asked:
            return Aim.ANOTHER
        return Aim.PRESENT if kind.method == Method.OPTIONS else Aim.SERVER


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
    own = own_of(rows, part)
    walk = Walk(rows, marks, arrivals, own, frame.pace)
    walk.fails_at_rest = bool(part.key) or walk.fails_before_load() or frame.in_force is not None
    reader = _Reader(rows, part, walk, own, frame)
    tallies: dict[Probe, _Tally] = {}
    beside: Counter[bool] = Counter()
    for row in arrivals.order:
        if row in excluded or (frame.in_force is not None and not frame.in_force(rows.at[row])):
            continue
        line = reader.line(row)
        if line is None or marks[row] == UNTOLD:
            continue
        is_beside = line.is_loaded and reader.is_beside(rows.at[row])
        is_trouble = marks[row] == TROUBLE
        if is_beside:
            beside[is_trouble] += 1
            # What passed near to refusals of its like came before the limit was reached, and says nothing.
            if not is_trouble and line.is_near(rows.at[row]):
                continue
        tally = line.tally
        if tally is None:
            tally = line.tally = tallies.setdefault(line.probe, _Tally())
        tally.beside += is_beside
        told = tally.told.get(outcomes[row])
        if told is None:
            told = tally.told[outcomes[row]] = _Told()
        told.count += 1
        if len(told.places) < MOST_PLACES and (place := rows.place(row)) is not None:
            told.places.append(place)
    trouble = {OUTCOMES[outcomes[row]] for row in part.rows}
    cells = {probe: _cell(tally) for probe, tally in tallies.items()}
    trials = trials_of(cells, trouble, beside[False] / max(1, beside.total()))
    return Contrasts(trials, walk.recovered_after, walk.refused_after, own.sources, own.accounts)


def _cell(tally: _Tally) -> Cell:
    cell = Cell()
    cell.beside = tally.beside
    cell.counts = Counter({OUTCOMES[outcome]: told.count for outcome, told in tally.told.items()})
    cell.places = {OUTCOMES[outcome]: told.places for outcome, told in tally.told.items()}
    return cell


def _sort(probe: Probe) -> RefusedSort:
    return str(probe.method), str(probe.account), probe.credentials is not Credentials.NONE
