"""In how many windows of the throttle somebody was refused, counted and not guessed.

The practice PBX logs the number of its window. Kamailio's timer has a phase that nobody is told, so it is
found: tail drop passes the first N of each window and no more, which only the true phase explains.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from math import floor

from shiftline.lab.demo.measure import is_refusal
from shiftline.lab.pbx.faults import Throttle, ThrottleKey
from shiftline.lab.pbx_log import RequestRecord

_PHASES = 200


def overshoot_windows(records: Iterable[RequestRecord], throttle: Throttle) -> int:
    """How many windows of ``throttle`` turned anybody's request away."""
    ordered = sorted(records, key=lambda record: record.at)
    refused = [record for record in ordered if is_refusal(record)]
    if not refused:
        return 0
    if all(record.window is not None for record in refused):
        return len({record.window for record in refused})
    return _fitted(_near(ordered, refused, throttle.window_seconds), throttle)


def _near(
    ordered: Sequence[RequestRecord], refused: Sequence[RequestRecord], seconds: float
) -> list[RequestRecord]:
    """What the throttle counts (no BYE), from a window before the refusals to a window after."""
    since, until = refused[0].at - seconds, refused[-1].at + seconds
    return [record for record in ordered if since <= record.at <= until and record.method != "BYE"]


def _fitted(counted: Sequence[RequestRecord], throttle: Throttle) -> int:
    """The number of windows by the phase that fits best; by the most windows of those that fit alike."""
    fits = (
        _fit(counted, throttle, phase_seconds=throttle.window_seconds * step / _PHASES)
        for step in range(_PHASES)
    )
    _, windows = min(fits, key=lambda fit: (fit[0], -fit[1]))
    return windows


def _fit(counted: Sequence[RequestRecord], throttle: Throttle, *, phase_seconds: float) -> tuple[int, int]:
    """(requests that such windows do not explain, windows with a refusal)."""
    passed: Counter[tuple[int, str]] = Counter()
    unexplained, windows = 0, set()
    for record in counted:
        window = floor((record.at - phase_seconds) / throttle.window_seconds)
        key = window, record.source if throttle.key is ThrottleKey.SOURCE else ""
        if is_refusal(record):
            unexplained += passed[key] < throttle.limit
            windows.add(window)
        else:
            unexplained += passed[key] >= throttle.limit
            passed[key] += 1
    return unexplained, len(windows)
