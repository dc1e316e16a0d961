"""What passed, counted by sort: the comparisons need no more of it, and there are few sorts for many rows."""

from __future__ import annotations

from collections import Counter
from itertools import compress

from shiftline.diagnosis.passive.rows import Rows
from shiftline.diagnosis.passive.verdicts import PASSED

_IS_PASSED = bytes(mark == PASSED for mark in range(256))


def is_passed(marks: bytearray) -> bytearray:
    """By row, 1 if it passed."""
    return marks.translate(_IS_PASSED)


def passed_sorts(rows: Rows, marks: bytearray) -> Counter[int]:
    """How many of each sort passed, in the order of their first."""
    return Counter(compress(rows.sort, is_passed(marks)))
