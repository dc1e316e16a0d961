"""The calls of a line, full and partial."""

from __future__ import annotations

import pytest
from tests.unit.sip.packages.bodies import dialog_info

from shiftline.errors import SipSyntaxError
from shiftline.sip.packages.dialog_info import Dialog, DialogInfo, DialogState, parse_dialog_info


def test_a_document_tells_of_its_calls() -> None:
    """Id, state and direction of each; what is terminated is over."""
    info = parse_dialog_info(dialog_info("confirmed", "Terminated", version=3))
    assert (info.entity, info.version, info.is_full) == ("sip:agent0001@lab", 3, True)
    assert info.live == (Dialog(dialog_id="d0", state=DialogState.CONFIRMED, direction="recipient"),)


def test_no_call_is_a_document_too() -> None:
    """The line is idle."""
    assert parse_dialog_info(dialog_info()).live == ()


@pytest.mark.parametrize("body", [dialog_info("asleep"), dialog_info(state="half"), b"<presence/>"])
def test_words_of_no_standard_are_errors(body: bytes) -> None:
    """An unknown state could mean anything."""
    with pytest.raises(SipSyntaxError):
        parse_dialog_info(body)


def known(*states: str, version: int, state: str = "full") -> DialogInfo:
    return parse_dialog_info(dialog_info(*states, version=version, state=state))


def test_partial_state_is_laid_over_full_state() -> None:
    """Call d0 ends, d1 goes on (RFC 4235 section 4.3)."""
    updated = known("confirmed", "early", version=1).updated_by(
        known("terminated", version=2, state="partial")
    )
    assert updated is not None
    assert ([one.dialog_id for one in updated.live], updated.version, updated.is_full) == (["d1"], 2, True)


def test_a_gap_asks_for_full_state() -> None:
    """A document between was lost; full state needs none before it."""
    first = known("confirmed", version=1)
    assert first.updated_by(known(version=3, state="partial")) is None
    assert first.updated_by(known(version=9)) == known(version=9)


def test_an_old_partial_document_changes_nothing() -> None:
    """Overtaken or doubled; full state is taken even from a notifier that never counts."""
    first = known("confirmed", version=2)
    assert first.updated_by(known(version=2, state="partial")) is first
    assert first.updated_by(known(version=1, state="partial")) is first
    assert first.updated_by(known(version=2)) == known(version=2)
