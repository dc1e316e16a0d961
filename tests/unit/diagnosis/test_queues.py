"""Records of a PBX that works off a queue after a burst, and of one that bans in silence."""

from __future__ import annotations

import random

import pytest
from tests.unit.diagnosis.records import BEGIN, Answer, Fault, Pbx
from tests.unit.diagnosis.test_rows import diagnosed, reported

from shiftline.diagnosis.exchange import Exchange

BURST = BEGIN + 60.0
LOST = Answer(None)


def queue(request: Exchange) -> Answer | None:
    """A hundred of a burst are answered, one each quarter of a second; what comes meanwhile finds no room."""
    since = request.at - BURST
    place = round(since * 50.0)
    if 0.0 <= since <= 2.0:
        return Answer(200, "OK", 0.15 + place * 0.25 - since)
    return LOST if 2.0 < since < 24.0 else Answer(200, "OK", 0.15)


def ban(request: Exchange) -> Answer | None:
    """From the tenth request of the burst on, for a minute and a half."""
    return LOST if BURST + 0.2 < request.at < BURST + 90.0 else Answer(200, "OK", 0.002)


def asked(fault: Fault, *, until: float) -> list[Exchange]:
    """A question each 1.7 s, and a burst of 50 a second for 5 s."""
    chance, pbx = random.Random(7), Pbx(fault)
    at = [BEGIN + 1.7 * number + chance.random() for number in range(int(until / 1.7))]
    at += [BURST + number / 50.0 for number in range(250)]
    return [
        one for number, moment in enumerate(sorted(at)) for one in pbx.ask(moment, user=f"agent{number:04d}")
    ]


@pytest.mark.parametrize("until", [82.0, 180.0], ids=["cut short", "to its end"])
def test_silence_while_earlier_questions_are_answered_is_a_queue_and_no_ban(until: float) -> None:
    assert not reported(diagnosed(asked(queue, until=until))) & {"ban.source", "ban.user"}


def test_silence_in_which_nothing_is_answered_is_a_ban() -> None:
    assert "ban.source" in reported(diagnosed(asked(ban, until=240.0)))
