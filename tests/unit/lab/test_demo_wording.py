"""How the demo says reasons and numbers."""

from __future__ import annotations

import pytest

from shiftline.lab.demo.reasons import in_words
from shiftline.lab.demo.wording import NBSP, rate, seconds, share


@pytest.mark.parametrize(
    ("reason", "words"),
    [
        ("initiating.unknown-user", "The PBX does not know the agent who offered the shift"),
        (
            "receiving.unverifiable:credentials.wrong-password",
            "Could not check the agent who takes the shift (the PBX does not accept the trunk's password)",
        ),
        (
            "initiating.not-registered.on-duty",
            "On duty, but no phone registered: the agent who offered the shift",
        ),
        (
            "violation.ReceivingWeeklyMinPaidTime",
            "Breaks a planning rule: weekly minimum paid time (the agent who takes the shift)",
        ),
        ("unevaluated.OneSidedTradeCreation", "The WFM could not evaluate a rule: one sided trade creation"),
        ("late.refer-by", "Checks not complete in time"),
        ("trunk.acl.source", "The trunk had stopped: the PBX does not let this address in"),
        ("something-new.entirely", "something new, entirely"),
        ("", ""),
    ],
)
def test_reasons_are_said_in_words(reason: str, words: str) -> None:
    """A supervisor reads words; a reason that nobody foresaw is still shown."""
    assert in_words(reason) == words


@pytest.mark.parametrize(
    ("part", "words"),
    [
        (0.0, "0 %"),
        (0.0001, "under 0.1 %"),
        (0.0102, "1 %"),
        (0.885, "88 %"),
        (0.9999, "over 99.9 %"),
        (1, "100 %"),
    ],
)
def test_a_share_never_rounds_to_nothing_or_all(part: float, words: str) -> None:
    """0 % means none and 100 % means all."""
    assert share(part).replace(NBSP, " ") == words


def test_times_and_rates_are_short() -> None:
    """One digit after the point at most, and minutes where seconds grow long."""
    said = [seconds(0.0), seconds(0.84), seconds(12.0), seconds(185.2), rate(49.0), rate(37.5), rate(196.4)]
    assert [words.replace(NBSP, " ") for words in said] == [
        "0 s",
        "0.8 s",
        "12 s",
        "3 min 5 s",
        "49 a second",
        "37.5 a second",
        "196 a second",
    ]
