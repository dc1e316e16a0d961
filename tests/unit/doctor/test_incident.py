"""The incident, read from a capture; all personalities and more seeds in ``tests.accept --only incident``."""

from __future__ import annotations

from dataclasses import replace

import pytest
from tests.accept.incident import read_incident

from shiftline.lab.recordings import incident


@pytest.mark.parametrize(("personality", "seed"), [("kamailio", 5), ("chan_sip", 2), ("practice", 2)])
def test_the_incident_is_read_as_what_it_was(personality: str, seed: int) -> None:
    """A bucket that answers 403, a sliding window that drops, and a window behind the keepalive."""
    scene = replace(
        incident(seed, personality, trades=60), seconds=180.0, published_after_seconds=70.0, phones=10
    )
    found = read_incident(scene)
    assert not found.missed, found.figures
