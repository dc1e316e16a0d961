"""Scanners: they ask every SIP server that they find, and are rightly refused.

What refuses them says nothing of the trunk. Kamailio's stock configuration knows them by the same names.
"""

from __future__ import annotations

import re

from shiftline.diagnosis.passive.rows import Rows
from shiftline.diagnosis.passive.sorts import Kind
from shiftline.diagnosis.passive.subjects import Part
from shiftline.diagnosis.passive.verdicts import PASSED

_NAMES = re.compile(
    r"friendly-scanner|sipvicious|sipcli|vaxsipuseragent|sundayddr|sip-scan|pplsip", re.IGNORECASE
)


def scanner_of(rows: Rows, marks: bytearray, part: Part) -> str:
    """What a part calls itself, if that is a scanner's name and its sources were never served; else ""."""
    names = {_agent(rows, number) for number in {rows.kind[row] for row in part.rows}}
    if not names or not all(map(_NAMES.search, names)):
        return ""
    sources = {rows.source[row] for row in part.rows}
    if any(mark == PASSED and source in sources for source, mark in zip(rows.source, marks, strict=True)):
        return ""
    return min(names)


def _agent(rows: Rows, number: int) -> str:
    kind = rows.kinds.values[number]
    return kind.user_agent if isinstance(kind, Kind) else ""
