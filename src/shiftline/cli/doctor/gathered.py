"""All that was read of captures and logs, and what it speaks for."""

from __future__ import annotations

import gc
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import tzinfo
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from shiftline.diagnosis.finding import Diagnosis
    from shiftline.diagnosis.observe import Observer
    from shiftline.diagnosis.statistics import Statistics
    from shiftline.doctor.reading.reading import Reading
    from shiftline.trades.windows import PublishWindow

_NEW_OBJECTS = 200_000
"""Between two looks of Python's cycle collector: what is read makes no cycles, and there is much of it.
Looking as often as Python does costs the conclusion a tenth of its time more, the JSON's figures a fifth."""


@dataclass(slots=True, kw_only=True)
class Gathered:
    """All that was read, as far as it is kept."""

    reading: Reading
    statistics: Statistics
    observer: Observer


def gather(reading: Reading, zone: tzinfo, windows: Sequence[PublishWindow] = ()) -> Gathered:
    """Read everything once. Hours of the day are told in ``zone``; schedules are published in ``windows``."""
    from shiftline.diagnosis.exchange import Brief
    from shiftline.diagnosis.observe import Observer

    observer = Observer(zone=zone, windows=windows)
    note, remark = observer.note, observer.remark
    with few_collections():
        for one in reading.briefs():
            if isinstance(one, Brief):
                note(one)
            else:
                remark(one)
    return Gathered(reading=reading, statistics=observer.statistics, observer=observer)


def conclude(gathered: Gathered) -> Diagnosis | None:
    """What it all speaks for; None when nothing was read."""
    from shiftline.diagnosis.belief import believe
    from shiftline.diagnosis.conclude import conclude as conclude_from
    from shiftline.diagnosis.experiment import Permission

    if not gathered.statistics.total and not gathered.reading.ledger.remarks:
        return None
    beliefs = [believe(evidence, is_recorded=True) for evidence in gathered.observer.evidence()]
    return conclude_from(beliefs, Permission(), is_recorded=True)


@contextmanager
def few_collections() -> Iterator[None]:
    """Let Python look for cycles less often in the block."""
    before = gc.get_threshold()
    gc.set_threshold(_NEW_OBJECTS, *before[1:])
    try:
        yield
    finally:
        gc.set_threshold(*before)
