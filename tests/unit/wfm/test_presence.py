"""The table from presence and routing status to evidence, row by row."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from shiftline.connector.reading import Reading
from shiftline.trades.model import EvidenceKind
from shiftline.wfm.presence import (
    CONTRADICTION,
    LONGEST_SESSION,
    NO_WORD,
    NOT_RESPONDING,
    OUT_OF_OFFICE,
    STALE,
    Shown,
    read_presence,
)

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
AVAILABLE, BUSY = Reading(EvidenceKind.AVAILABLE), Reading(EvidenceKind.BUSY)
NOT_REGISTERED = Reading(EvidenceKind.NOT_REGISTERED)


def unverifiable(cause: str) -> Reading:
    return Reading(EvidenceKind.UNVERIFIABLE, cause)


def read(presence: str, routing: str = "", **more: object) -> Reading:
    return read_presence(Shown(presence=presence, routing=routing, **more), NOON)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("presence", "routing", "reading"),
    [
        ("OnQueue", "IDLE", AVAILABLE),
        ("OnQueue", "INTERACTING", BUSY),
        ("OnQueue", "COMMUNICATING", BUSY),
        ("OnQueue", "NOT_RESPONDING", unverifiable(NOT_RESPONDING)),
        ("OnQueue", "OFF_QUEUE", AVAILABLE),
        ("Available", "OFF_QUEUE", AVAILABLE),
        ("Available", "", AVAILABLE),
        ("Available", "COMMUNICATING", BUSY),
        ("Idle", "OFF_QUEUE", AVAILABLE),
        ("Away", "OFF_QUEUE", AVAILABLE),
        ("Break", "OFF_QUEUE", AVAILABLE),
        ("Meal", "OFF_QUEUE", AVAILABLE),
        ("Busy", "OFF_QUEUE", BUSY),
        ("Meeting", "OFF_QUEUE", BUSY),
        ("Training", "__EMPTY__", BUSY),
        ("Offline", "OFF_QUEUE", NOT_REGISTERED),
        ("Offline", "OFFLINE", NOT_REGISTERED),
        ("Offline", "", NOT_REGISTERED),
        ("Offline", "INTERACTING", unverifiable(CONTRADICTION)),
        ("Offline", "IDLE", unverifiable(CONTRADICTION)),
        ("Available", "OFFLINE", unverifiable(CONTRADICTION)),
        ("", "IDLE", unverifiable(NO_WORD)),
        ("Sabbatical", "IDLE", unverifiable(NO_WORD)),
        ("Available", "LEVITATING", unverifiable(NO_WORD)),
        ("Offline", "LEVITATING", unverifiable(NO_WORD)),
    ],
)
def test_each_row_of_the_table(presence: str, routing: str, reading: Reading) -> None:
    """Written out once more, so that a change of the table has to be made twice on purpose."""
    assert read(presence, routing) == reading


def test_a_routing_status_alone_says_nothing() -> None:
    """The platform shows OFF_QUEUE even of users who do not exist."""
    assert read("", "OFF_QUEUE") == unverifiable(NO_WORD)


@pytest.mark.parametrize("spelling", ["OnQueue", "ON_QUEUE", "On Queue", "onqueue"])
def test_one_word_has_several_spellings(spelling: str) -> None:
    """Topics, routes and pages do not agree on one."""
    assert read(spelling, "idle") == AVAILABLE


def test_somebody_out_of_office_is_not_there() -> None:
    """His calls go to voicemail, whatever else is shown; who is logged off is so in either case."""
    assert read("Available", "OFF_QUEUE", out_of_office=True) == unverifiable(OUT_OF_OFFICE)
    assert read("Offline", "OFF_QUEUE", out_of_office=True) == NOT_REGISTERED


def test_a_session_left_behind_says_nothing() -> None:
    """Nobody is on queue for more than a day; being logged off may last for weeks."""
    long_ago = NOON - LONGEST_SESSION - timedelta(seconds=1)
    assert read("OnQueue", "IDLE", since=long_ago) == unverifiable(STALE)
    assert read("OnQueue", "IDLE", since=NOON - LONGEST_SESSION) == AVAILABLE
    assert read("Offline", "OFF_QUEUE", since=long_ago) == NOT_REGISTERED
