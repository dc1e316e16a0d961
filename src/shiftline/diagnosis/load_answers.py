"""What a limiter saw of our requests: which passed, and between which two moments it decided.

Requests that are under way together are decided in any order: a PBX has several workers, and the road
reorders. That one was before another is certain only where its answer came before the other left.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

ROUNDING = 1e-6
"""Seconds by which a moment may be wrong for its being a number."""


@dataclass(frozen=True, slots=True)
class LoadAnswer:
    """One request: seconds of one clock. What was not answered counts as refused, or as nothing."""

    sent_at: float
    answered_at: float
    """For one that was not answered: when an answer would have been there."""
    passed: bool


class LoadAnswers:
    """Counts of what passed, in spans of time: at least so many, and at most."""

    def __init__(self, seen: Sequence[LoadAnswer]) -> None:
        self.seen = sorted(seen, key=lambda one: (one.sent_at, one.answered_at))
        self.passed = [one for one in self.seen if one.passed]
        self.begins = [one.sent_at - ROUNDING for one in self.passed]
        self.ends = sorted(one.answered_at + ROUNDING for one in self.passed)

    def certainly(self, start: float, end: float) -> int:
        """So many passed within, whenever they were decided."""
        return max(0, bisect_left(self.ends, end) - bisect_left(self.begins, start))

    def possibly(self, start: float, end: float) -> int:
        """At most so many passed within."""
        return max(0, bisect_left(self.begins, end) - bisect_left(self.ends, start))

    @cached_property
    def refusals(self) -> tuple[LoadAnswer, ...]:
        """The first and the last of each row of refusals: those between them say nothing more."""
        found: list[LoadAnswer] = []
        row: list[LoadAnswer] = []
        for one in self.seen:
            if not one.passed:
                row.append(one)
            elif row:
                found += [row[0], row[-1]]
                row = []
        return tuple(dict.fromkeys([*found, *row[:1], *row[-1:]]))

    def everything(self) -> LoadAnswers:
        """The same as if all had passed: for limiters that count what they refuse."""
        return LoadAnswers([LoadAnswer(one.sent_at, one.answered_at, passed=True) for one in self.seen])

    def episodes(self, gap_seconds: float) -> Iterator[LoadAnswers]:
        """The parts between which nothing was asked for longer than that."""
        part: list[LoadAnswer] = []
        until = float("-inf")
        for one in self.seen:
            if part and one.sent_at - until > gap_seconds:
                yield LoadAnswers(part)
                part = []
            part.append(one)
            until = max(until, one.answered_at)
        if part:
            yield LoadAnswers(part)

    def passed_before(self, end: float) -> int:
        """At most so many passed before a moment."""
        return bisect_right(self.begins, end)
