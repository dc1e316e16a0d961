"""A worker's loops: every fault has its pause, none ends them, and none lasts longer than it must."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest
from structlog.testing import capture_logs

from shiftline.connector import worker
from shiftline.errors import (
    ConfigurationError,
    MisuseError,
    PeerError,
    RefusedError,
    UnavailableError,
)


class LastStepError(Exception):
    """The script is over."""


async def pauses(monkeypatch: pytest.MonkeyPatch, *script: Exception | float) -> list[float]:
    """Run a loop over this script; return how long it rested after each step."""
    rests: list[float] = []
    steps: Iterator[Exception | float] = iter(script)

    async def step() -> float:
        outcome = next(steps)
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    async def sleep(seconds: float) -> None:
        rests.append(seconds)
        if len(rests) == len(script):
            raise LastStepError

    monkeypatch.setattr(asyncio, "sleep", sleep)
    with pytest.raises(LastStepError):
        await worker._for_ever("step", step)
    return rests


async def test_an_outage_is_waited_for_ever_longer(monkeypatch: pytest.MonkeyPatch) -> None:
    """Up to a limit; a success starts anew."""
    away = [UnavailableError("It is away.")] * 7
    assert await pauses(monkeypatch, *away, 0.2, away[0]) == [0.5, 1, 2, 4, 8, 15, 15, 0.2, 0.5]


async def test_nonsense_passes_as_an_outage_does(monkeypatch: pytest.MonkeyPatch) -> None:
    """A proxy's page in the place of an answer costs no quarter of a minute."""
    assert await pauses(monkeypatch, *[PeerError("It made no sense.")] * 2) == [0.5, 1]


async def test_a_wish_to_be_left_alone_is_granted(monkeypatch: pytest.MonkeyPatch) -> None:
    """But not for ever: Retry-After may be anybody's nonsense."""
    wishes = (UnavailableError("Not now.", retry_after_seconds=wish) for wish in (7.0, 1e9, float("inf")))
    assert await pauses(monkeypatch, *wishes) == [7, 300, 300]


async def test_a_refusal_is_no_outage(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is asked about again at long intervals: somebody may mend it meanwhile."""
    with capture_logs() as log:
        assert await pauses(monkeypatch, RefusedError("No."), ConfigurationError("None.")) == [15, 15]
    assert [line["log_level"] for line in log] == ["error", "error"]


async def test_a_defect_in_one_step_does_not_end_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """The others would end with it, and trades must be referred in time; it is logged with its place."""
    with capture_logs() as log:
        assert await pauses(monkeypatch, MisuseError("Broken."), KeyError("x"), 0.0) == [0.5, 1, 0]
    assert [(line["event"], line["exc_info"]) for line in log] == [("defect", True), ("defect", True)]


async def test_being_told_to_end_ends_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """Cancellation is no defect."""

    async def step() -> float:
        raise asyncio.CancelledError

    with pytest.raises(asyncio.CancelledError):
        await worker._for_ever("step", step)
