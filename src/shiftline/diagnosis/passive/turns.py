"""Equal questions of a record that were refused and served by turns, whatever else went on."""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import compress, islice
from statistics import median

from shiftline.diagnosis.by_turns import TURNING, are_by_turns, kind_by_turns
from shiftline.diagnosis.evidence import MOST_PLACES, Mark
from shiftline.diagnosis.load_answers import LoadAnswer, LoadAnswers
from shiftline.diagnosis.passive.arrivals import AT_REST, Arrivals
from shiftline.diagnosis.passive.rows import UNANSWERED, Rows
from shiftline.diagnosis.passive.sorts import IN_DIALOGS
from shiftline.diagnosis.passive.verdicts import TROUBLE
from shiftline.diagnosis.possible_limits import possible_limits

_LEAST_REFUSED = 5
_MOST = 0.8
"""Share of all that is in trouble: the rest may be another fault's."""
_LEAST_LOADED = 10
_MORE, _SLACK = 2.0, 0.1
"""So many times as often, and a little, a load may be refused by chance."""
_STRETCH, _MOST_STRETCHES = 60, 5
_ALIKE = 0.5
_LATELY_SECONDS = 2.0
"""Arrivals of all senders are counted for so long: a limit for all of them sees them all."""


@dataclass(frozen=True, slots=True)
class Turns:
    """What was refused by turns: nearly all of the trouble."""

    mark: Mark


def find_turns(rows: Rows, marks: bytearray, arrivals: Arrivals) -> Turns | None:
    """None where something else explains it: a kind of question, a time, a load."""
    troubled = marks.count(TROUBLE)
    if troubled < _LEAST_REFUSED:
        return None
    turned = _turned(rows, marks, arrivals)
    refused = [row for row in turned if marks[row] == TROUBLE]
    if len(refused) < max(_LEAST_REFUSED, _MOST * troubled):
        return None
    at_rest = [row for row in turned if arrivals.by_source[row] <= AT_REST]
    loaded = [row for row in turned if arrivals.by_source[row] > AT_REST]
    share = _share(at_rest, marks)
    if len(loaded) >= _LEAST_LOADED and _share(loaded, marks) > _MORE * share + _SLACK:
        return None
    if not (are_by_turns(_lines(rows, marks, at_rest)) and _is_always(rows, marks, arrivals, at_rest)):
        return None
    if _may_be_a_limit(rows, arrivals, refused):
        return None
    places = [rows.place(row) for row in refused[:MOST_PLACES]]
    return Turns(
        Mark(
            kind=kind_by_turns([rows.said_of(row).status for row in refused]),
            count=len(refused),
            text=f"{len(refused)} of {len(turned)} refused",
            places=tuple(place for place in places if place is not None),
        )
    )


def _turned(rows: Rows, marks: bytearray, arrivals: Arrivals) -> list[int]:
    """The rows of questions that had both answers, in the order of time."""
    lines = _questions(rows, marks, arrivals, by_user=True)
    both = [line for line in lines if _has_both(marks, line)]
    again = [line for line in lines if len(line) > 1 and any(marks[row] == TROUBLE for row in line)]
    # Many users are asked about once: if it is not the user, such questions are equal as well.
    if len(both) >= max(_LEAST_REFUSED, _MOST * len(again)):
        wide = _questions(rows, marks, arrivals, by_user=False)
        both = [line for line in wide if _has_both(marks, line)]
    return sorted((row for line in both for row in line), key=rows.at.__getitem__)


def _has_both(marks: bytearray, line: Sequence[int]) -> bool:
    refused = sum(marks[row] == TROUBLE for row in line)
    return 0 < refused < len(line)


def _questions(rows: Rows, marks: bytearray, arrivals: Arrivals, *, by_user: bool) -> list[array[int]]:
    """The answered rows of each question of which any was refused, in the order of time.

    ``by_user``: questions about two users are two.
    """
    sorts = rows.sorts
    by_question: dict[tuple[int, ...], int] = {}
    users = sorts.asked if by_user else bytes(len(sorts))
    asked = [
        by_question.setdefault(key, len(by_question))
        for key in zip(sorts.source, sorts.kind, users, sorts.login, sorts.headers, strict=True)
    ]
    is_refusal = [sorts.said_of(sort).status in TURNING for sort in range(len(sorts))]
    is_asked = [sorts.kind_of(sort).method not in IN_DIALOGS for sort in range(len(sorts))]
    troubled = bytes(mark == TROUBLE for mark in marks)
    sort_of, credentials = rows.sort, rows.credentials
    wanted = {
        (asked[sort_of[row]], credentials[row])
        for row in compress(range(len(rows)), troubled)
        if is_refusal[sort_of[row]] and is_asked[sort_of[row]]
    }
    questions = {question for question, _ in wanted}
    of_sort = [question in questions for question in asked]
    by_key: defaultdict[tuple[int, int], array[int]] = defaultdict(lambda: array("L"))
    for row in arrivals.order:
        sort = sort_of[row]
        if of_sort[sort] and rows.latency[row] != UNANSWERED and (not troubled[row] or is_refusal[sort]):
            by_key[asked[sort], credentials[row]].append(row)
    return [line for key, line in by_key.items() if key in wanted]


def _lines(rows: Rows, marks: bytearray, some: Sequence[int]) -> list[list[bool]]:
    """Their fates, of each account at each address apart: a lock is that of one."""
    found: defaultdict[tuple[int, int], list[bool]] = defaultdict(list)
    for row in some:
        sort = rows.sort[row]
        found[rows.sorts.source[sort], rows.sorts.account[sort]].append(marks[row] == TROUBLE)
    return list(found.values())


def _is_always(rows: Rows, marks: bytearray, arrivals: Arrivals, at_rest: Sequence[int]) -> bool:
    """Whether as many are refused while all senders together ask little."""
    moments = [rows.at[row] for row in arrivals.order]
    lately = [
        bisect_left(moments, rows.at[row]) - bisect_left(moments, rows.at[row] - _LATELY_SECONDS)
        for row in at_rest
    ]
    middle = median(lately)
    quiet = [row for row, count in zip(at_rest, lately, strict=True) if count <= middle]
    busy = [row for row, count in zip(at_rest, lately, strict=True) if count > middle]
    return not busy or _share(quiet, marks) >= _ALIKE * _share(busy, marks)


def _may_be_a_limit(rows: Rows, arrivals: Arrivals, refused: Sequence[int]) -> bool:
    """Whether a window or a bucket explains each stretch, of the most refused sender or of all."""
    sorts, source = rows.sorts, rows.source
    is_counted = [sorts.kind_of(sort).method not in IN_DIALOGS for sort in range(len(sorts))]
    most = Counter(source[row] for row in refused).most_common(1)[0][0]
    every = [row for row in arrivals.order if is_counted[rows.sort[row]] and rows.latency[row] != UNANSWERED]
    turned = frozenset(refused)
    readings = ([row for row in every if source[row] == most], every)
    return any(
        all(_explained(rows, stretch, turned) for stretch in _stretches(line, turned)) for line in readings
    )


def _stretches(line: Sequence[int], refused: frozenset[int]) -> list[Sequence[int]]:
    """A timer drifts, so no limit explains a whole day: pieces of it in which something was refused."""
    pieces = (line[begin : begin + _STRETCH] for begin in range(0, len(line), _STRETCH))
    return list(islice((piece for piece in pieces if not refused.isdisjoint(piece)), _MOST_STRETCHES))


def _explained(rows: Rows, stretch: Sequence[int], refused: frozenset[int]) -> bool:
    answers = [
        LoadAnswer(rows.at[row], rows.at[row] + rows.latency[row], passed=row not in refused)
        for row in stretch
    ]
    return bool(possible_limits(LoadAnswers(answers), is_strict=True))


def _share(some: Sequence[int], marks: bytearray) -> float:
    return sum(marks[row] == TROUBLE for row in some) / max(1, len(some))
