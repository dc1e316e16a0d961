"""Shortcuts of the log reader change nothing that it reads."""

from __future__ import annotations

from zoneinfo import ZoneInfo

from hypothesis import given, settings
from hypothesis import strategies as st

from shiftline.doctor.reading.phrases import _PREFILTER, _WORDS
from shiftline.doctor.reading.times import LogClock

ZONE = ZoneInfo("America/Chicago")
WRITTEN = 1_800_000_000.0

moments = st.sampled_from(
    ["2026-11-01 01:30:0", "2026-03-08 02:30:0", "2026-11-26 15:04:2", "Nov 26 10:00:0", "Nov  1 01:59:5"]
)
rests = st.sampled_from(
    [
        "",
        ".5",
        ".50",
        ",123 x",
        "Z",
        " UTC",
        " -0600 rest",
        "] NOTICE[1] c: what was said",
        " pbx kamailio",
    ]
)
lines = st.builds("{}{}{}{}".format, st.sampled_from(["", "["]), moments, st.integers(0, 9), rests)


@settings(deadline=None)
@given(st.lists(st.tuples(lines, st.integers(1, 4)), max_size=12))
def test_a_time_that_is_known_from_the_line_before_is_the_same(written: list[tuple[str, int]]) -> None:
    """And counts as often: of local times, of those that come twice, of those that are skipped."""
    quick, plain = (LogClock(ZONE, written=WRITTEN) for _ in range(2))
    for line, times in written:
        for _ in range(times):
            assert quick.at_start(line) == plain._read_at_start(line)
    assert quick.notes() == plain.notes()
    assert (quick.zoneless, quick.is_fine) == (plain.zoneless, plain.is_fine)


@given(st.from_regex(_PREFILTER))
def test_no_line_that_the_filter_lets_through_is_without_its_words(line: str) -> None:
    assert any(word in line for word in _WORDS)
