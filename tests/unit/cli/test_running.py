"""How verbs that are told to end do so."""

from __future__ import annotations

import asyncio
import os
import signal

import pytest

from shiftline.cli.running import Ending


def test_no_second_signal_takes_the_result(capsys: pytest.CaptureFixture[str]) -> None:
    """The first one ends the questions; what is cleaned up and written after it is left alone."""

    async def ask(ending: Ending) -> str:
        with ending.asking():
            os.kill(os.getpid(), signal.SIGTERM)
            await asyncio.sleep(30.0)
            pytest.fail("nobody was told")
        os.kill(os.getpid(), signal.SIGTERM)
        await asyncio.sleep(0.01)
        return "found"

    before = [signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)]
    with Ending() as ending:
        found = asyncio.run(ask(ending))
        assert capsys.readouterr().err.startswith("Ending: ")
        for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT, signal.SIGINT):
            os.kill(os.getpid(), number)
        assert found == "found"
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGINT)
    assert capsys.readouterr().err == ""
    assert [signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)] == before


def test_a_second_interrupt_cuts_the_cleaning_short() -> None:
    """As it does elsewhere; a second SIGTERM does not."""
    cleaned = []

    async def ask(ending: Ending, number: signal.Signals) -> None:
        with ending.asking():
            try:
                os.kill(os.getpid(), number)
                await asyncio.sleep(30.0)
            finally:
                os.kill(os.getpid(), number)
                await asyncio.sleep(0.02)
                cleaned.append(number)

    with Ending() as ending:
        asyncio.run(ask(ending, signal.SIGINT))
    with Ending() as ending:
        asyncio.run(ask(ending, signal.SIGTERM))
    assert cleaned == [signal.SIGTERM]


def test_a_signal_while_the_result_is_written_is_answered_once(capsys: pytest.CaptureFixture[str]) -> None:
    """Nobody asks any more, and still it is not lost."""

    async def ask(ending: Ending) -> None:
        with ending.asking():
            await asyncio.sleep(0.0)

    with Ending() as ending:
        asyncio.run(ask(ending))
        os.kill(os.getpid(), signal.SIGINT)
        os.kill(os.getpid(), signal.SIGTERM)
    assert capsys.readouterr().err.count("Ending") == 1
