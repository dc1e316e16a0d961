"""A part of the lab that does not come up: what its starter is told."""

from __future__ import annotations

import asyncio
from pathlib import Path
from unittest.mock import MagicMock

import pytest

from shiftline.errors import UnavailableError
from shiftline.lab.process import Child


@pytest.mark.parametrize("own_words", ["", "The port is taken."])
async def test_one_that_is_late_says_what_to_do(tmp_path: Path, own_words: str) -> None:
    """Its own words say more, if it had any."""
    errors = tmp_path / "org.err"
    errors.write_text(own_words)
    child = Child(MagicMock(stdout=asyncio.StreamReader()), "")
    with pytest.raises(UnavailableError) as caught:
        await child._wait_ready("shiftline.lab.org", errors, 0.01)
    if own_words:
        assert own_words in caught.value.message
    else:
        assert caught.value.message == "A part of the lab (org) was not ready within 0.01 s."
        assert caught.value.remedy
