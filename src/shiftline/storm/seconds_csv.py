"""A run's seconds as CSV, for spreadsheets: one row a second."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence

from shiftline.storm.sample import Sample, percentiles_ms, status_words

_COUNTS = ("second", "started", "ended", "ok", "in_flight", "requests", "retransmissions", "late_answers")


def seconds_csv(samples: Sequence[Sample]) -> str:
    """The table with its heading; a column for each status that came."""
    statuses = sorted({status for sample in samples for status in sample.statuses})
    words = list(status_words(dict.fromkeys(statuses, 0)))
    heading = [*_COUNTS, "seconds", *(f"status_{word}" for word in words)]
    heading += [f"{kind}_{name}_ms" for kind in ("latency", "response", "lag") for name in _PERCENTILES]
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow(heading)
    for sample in samples:
        table.writerow(
            [
                *(getattr(sample, name) for name in _COUNTS),
                round(sample.seconds, 3),
                *(sample.statuses[status] for status in statuses),
                *percentiles_ms(sample.latency).values(),
                *percentiles_ms(sample.response).values(),
                *percentiles_ms(sample.lag).values(),
            ]
        )
    return text.getvalue()


_PERCENTILES = ("p50", "p95", "p99", "max")
