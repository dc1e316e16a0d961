"""Counts the tests of each ring, so that a run says what it tried and what it skipped."""

from __future__ import annotations

from collections import Counter, defaultdict
from pathlib import Path

import pytest

RINGS = ("unit", "property", "docs", "contract", "interop", "demo", "durable")
QUIET = "demo"
"""Where `make test` looks for the tests marked ``alone``."""
HERE = Path(__file__).parent


def _ring(node_id: str) -> str:
    parts = Path(node_id.split("::", maxsplit=1)[0]).parts
    return parts[1] if len(parts) > 2 and parts[0] == HERE.name else "other"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Refuse a test marked ``alone`` that `make test` would never run."""
    for item in items:
        if item.get_closest_marker("alone") and _ring(item.nodeid) != QUIET:
            raise pytest.UsageError(
                f"{item.nodeid} is marked alone, which is only looked for in tests/{QUIET}."
            )


@pytest.hookimpl(trylast=True)
def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print one line for each ring that ran."""
    counts: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for word in ("passed", "failed", "skipped", "error"):
        for report in terminalreporter.stats.get(word, ()):
            counts[_ring(report.nodeid)][word] += 1
    terminalreporter.section("rings")
    for ring in sorted(counts, key=lambda name: RINGS.index(name) if name in RINGS else len(RINGS)):
        shown = ", ".join(f"{count} {word}" for word, count in sorted(counts[ring].items()))
        terminalreporter.write_line(f"{ring:10} {shown}")
