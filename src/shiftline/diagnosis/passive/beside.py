"""Requests that passed between refused ones, where what is suspected would have met them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from shiftline.diagnosis.evidence import Mark
from shiftline.diagnosis.passive.arrivals import Arrivals
from shiftline.diagnosis.passive.rows import Rows
from shiftline.diagnosis.passive.subjects import Part
from shiftline.diagnosis.passive.verdicts import PASSED, TROUBLE

OPTIONS_BESIDE = "traffic.options-beside-registers"
_NEAR_SECONDS = 0.5
_LEAST = 10
_MOST_REFUSED, _LEAST_REFUSED = 0.02, 0.5
"""Share of the OPTIONS, at most, and of the REGISTERs meanwhile, at least."""
PASSED_AMID = "traffic.passed-amid"
_SAME_TROUBLE_SECONDS = 20.0
_LEAST_SHARE = 0.02
"""Of what was asked in that time; a job that refuses everything lets none pass."""


def options_beside(rows: Rows, marks: bytearray, arrivals: Arrivals, part: Part) -> Iterator[Mark]:
    """OPTIONS about users that passed between REGISTERs of the same source that were refused."""
    if {rows.kind_of(row).method for row in part.rows} != {"REGISTER"}:
        return
    source = Counter(rows.source[row] for row in part.rows).most_common(1)[0][0]
    mine = [row for row in arrivals.order if rows.source[row] == source and rows.kind_of(row).is_question]
    refused = [rows.at[row] for row in mine if row in part.rows]
    near: dict[str, list[bool]] = {"REGISTER": [], "OPTIONS": []}
    place = 0
    for row in mine:
        now = rows.at[row]
        while place < len(refused) and refused[place] <= now:
            place += 1
        before, after = refused[place - 1 : place] if place else [], refused[place : place + 1]
        is_between = before and after and after[0] - before[0] <= 2.0 * _NEAR_SECONDS
        if is_between and rows.kind_of(row).method in near:
            near[rows.kind_of(row).method].append(marks[row] == TROUBLE)
    asked, bound = near["OPTIONS"], near["REGISTER"]
    if len(asked) < _LEAST or sum(asked) > _MOST_REFUSED * len(asked):
        return
    if sum(bound) < _LEAST_REFUSED * len(bound) or not bound:
        return
    yield Mark(kind=OPTIONS_BESIDE, count=len(asked))


def passed_amid(rows: Rows, marks: bytearray, arrivals: Arrivals, part: Part) -> Iterator[Mark]:
    """Requests that differ in nothing from refused ones, and passed between two refusals of just these.

    Who is asked about counts as well: one user who is always refused says nothing of the others.
    """
    sorts = rows.sorts
    who = list(zip(sorts.source, sorts.account, sorts.kind, sorts.asked, strict=True))
    ends: dict[tuple[int, ...], tuple[float, int]] = {}
    """By what was asked: when it was last refused, and how many passed since."""
    passed = 0
    for row in arrivals.order:
        question = who[rows.sort[row]]
        if row in part.rows:
            last, since = ends.get(question, (float("-inf"), 0))
            if rows.at[row] - last <= _SAME_TROUBLE_SECONDS:
                passed += since
            ends[question] = rows.at[row], 0
        elif marks[row] == PASSED and question in ends:
            last, since = ends[question]
            ends[question] = last, since + 1
    if passed >= max(_LEAST, _LEAST_SHARE * (passed + len(part.rows))):
        yield Mark(kind=PASSED_AMID, count=passed, text=f"{passed} beside {len(part.rows)}")
