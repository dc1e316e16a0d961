"""How ``shiftline trunk`` words a registration."""

from __future__ import annotations

from typing import Any

import pytest

from shiftline.cli.trunk import _registration


@pytest.mark.parametrize(
    ("known", "expected"),
    [
        (None, "-"),
        (
            {"state": "refreshing", "registered_until": "2026-11-23T15:50:00.25+00:00", "last_failure": None},
            "until 2026-11-23 15:50:00",
        ),
        ({"state": "registering", "registered_until": None, "last_failure": None}, "registering"),
        (
            {"state": "refused", "registered_until": None, "last_failure": {"why": "It forbids it."}},
            "refused It forbids it.",
        ),
    ],
)
def test_a_registration_is_worded(known: dict[str, Any] | None, expected: str) -> None:
    """Until when, else where it stands and why."""
    assert _registration(known) == expected
