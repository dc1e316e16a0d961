"""What is made of the outcomes of one comparison, and which comparisons say nothing after all."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import replace

from shiftline.diagnosis.evidence import Trial
from shiftline.diagnosis.exchange import Place
from shiftline.diagnosis.outcome import REFUSALS, Outcome
from shiftline.diagnosis.passive.rows import CREDENTIALS
from shiftline.diagnosis.probe import Account, Credentials, Load, Method, Probe

LOADED = (Load.BRISK, Load.RAISED, Load.STORM)
_WORTH_NOTING = 0.15
_SERIES, _SERIES_SHARE = 5, 0.05
"""So many refusals at rest are no lost packets."""
_UNDER_LOAD = 0.03
_NO_LUCK = 0.02
"""As many passages beside refusals as would be met by chance with this probability show something."""
_HARDLY_LUCK = 0.1
"""The same for passages of others meanwhile: limits for addresses are the commoner ones."""


class Cell:
    """The outcomes of one comparison, with where they are; how many were beside a load that was refused."""

    __slots__ = ("beside", "counts", "places")

    def __init__(self) -> None:
        self.beside = 0
        self.counts: Counter[Outcome] = Counter()
        self.places: dict[Outcome, list[Place]] = {}


def trials_of(cells: dict[Probe, Cell], trouble: set[Outcome], share: float) -> tuple[Trial, ...]:
    """The trials of all comparisons, ``cells`` cleared of those that say nothing.

    ``trouble`` are the outcomes of what is in trouble, ``share`` what passed beside refused loads.
    """
    _leave_what_got_through(cells)
    _leave_logins_that_met_it(cells)
    _leave_what_passed_meanwhile(cells, trouble)
    _leave_luck(cells, share)
    return _told_once(trial for probe, cell in cells.items() for trial in _trials(probe, cell))


def crowded(trials: Iterable[Trial]) -> tuple[Trial, ...]:
    """The same where the number under way is what the refusals follow: then that is the load, and no rate."""
    return tuple(
        replace(trial, probe=replace(trial.probe, load=Load.CONCURRENT))
        if trial.probe.load in LOADED
        else trial
        for trial in trials
    )


def _told_once(trials: Iterable[Trial]) -> tuple[Trial, ...]:
    """Whether single OPTIONS are challenged is one habit of a PBX, and one fact, whoever sends them."""
    kept: list[Trial] = []
    challenged: Trial | None = None
    for trial in trials:
        probe = trial.probe
        is_habit = (
            trial.outcome is Outcome.CHALLENGE
            and probe.method is Method.OPTIONS
            and probe.account is not Account.NOBODY
            and probe.load is Load.SINGLE
        )
        if not is_habit:
            kept.append(trial)
        elif challenged is None or trial.count > challenged.count:
            challenged = trial
    return (*kept, challenged) if challenged is not None else tuple(kept)


def _leave_what_got_through(cells: dict[Probe, Cell]) -> None:
    """Where a load is refused before the login, what got through to the login says nothing."""
    for probe, cell in list(cells.items()):
        if probe.credentials is Credentials.NONE and _is_refused_load(probe, cell):
            for credentials in CREDENTIALS[1:]:
                beyond = cells.get(replace(probe, credentials=credentials))
                if beyond is not None and not _is_refused_load(probe, beyond):
                    del cells[replace(probe, credentials=credentials)]


def _leave_logins_that_met_it(cells: dict[Probe, Cell]) -> None:
    """Where one limit explains all and refuses what has no login, a login that it refuses is no other fault.

    It came when its challenge had used up the rest.
    """
    met = [probe for probe in cells if probe.load is Load.PACED]
    if any(probe.credentials is Credentials.NONE for probe in met):
        for probe, cell in list(cells.items()):
            if probe.credentials is Credentials.FRESH and probe.load in (Load.PACED, *LOADED):
                passed = {told: count for told, count in cell.counts.items() if told not in REFUSALS}
                cell.counts = Counter(passed)
                if not passed:
                    del cells[probe]


def _leave_what_passed_meanwhile(cells: dict[Probe, Cell], trouble: set[Outcome]) -> None:
    """Where a request of others was refused for the load as well, those that passed meanwhile say nothing.

    A limit that many share lets some of each through.
    """
    forbidden = {Outcome.FORBIDDEN, Outcome.FORBIDDEN_AFTER_CHALLENGE}
    alike = trouble | (forbidden if trouble & forbidden else set())
    during = [(probe, cell) for probe, cell in cells.items() if probe.load is Load.DURING]
    struck = {_sort_of_method(probe) for probe, cell in during if not alike.isdisjoint(cell.counts)}
    for probe, cell in during:
        if _sort_of_method(probe) in struck:
            cell.counts = Counter({told: count for told, count in cell.counts.items() if told in alike})
            if not cell.counts:
                del cells[probe]


def _sort_of_method(probe: Probe) -> str:
    return probe.method.value.partition("-")[0]


def _is_refused_load(probe: Probe, cell: Cell) -> bool:
    refused = sum(count for outcome, count in cell.counts.items() if outcome in REFUSALS)
    return probe.load in LOADED and refused >= max(2, _UNDER_LOAD * cell.counts.total())


def _leave_luck(cells: dict[Probe, Cell], share: float) -> None:
    """In a burst of which a ``share`` passes, a few passages of another sort are no sign that it may pass.

    Nor are those of others meanwhile: a limit that they share lets some through.
    """
    meanwhile: dict[tuple[bool, str], list[Probe]] = {}
    for probe, cell in cells.items():
        if probe.load is Load.DURING and not _has_refusals(cell):
            meanwhile.setdefault((probe.account is Account.OWN, _sort_of_method(probe)), []).append(probe)
    for probes in meanwhile.values():
        if share ** sum(cells[probe].counts.total() for probe in probes) > _HARDLY_LUCK:
            for probe in probes:
                del cells[probe]
    for probe, cell in list(cells.items()):
        is_lucky = share**cell.beside > _NO_LUCK
        if 0 < cell.beside == cell.counts.total() and not _has_refusals(cell) and is_lucky:
            del cells[probe]


def _has_refusals(cell: Cell) -> bool:
    return any(outcome in REFUSALS for outcome in cell.counts)


def _trials(probe: Probe, cell: Cell) -> Iterable[Trial]:
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
