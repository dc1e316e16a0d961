"""What a record shows does not depend on how its requests were sorted, counted or looked up."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.diagnosis.records import Pbx, Window
from tests.unit.diagnosis.scene import day

from shiftline.diagnosis.exchange import Carried, Challenge, Exchange, brief
from shiftline.diagnosis.observe import observe
from shiftline.diagnosis.passive import nonces, sorts
from shiftline.diagnosis.passive.nonces import NonceBook
from shiftline.diagnosis.passive.walk import WINDOW_SECONDS, Near

MOMENTS = st.lists(st.floats(0.0, 60.0) | st.integers(0, 60).map(float), max_size=30).map(sorted)


@given(MOMENTS, MOMENTS)
def test_a_pointer_finds_what_a_search_finds(refused: list[float], asked: list[float]) -> None:
    near = Near(refused)
    for now in asked:
        assert near(now) is any(now - WINDOW_SECONDS <= at <= now + WINDOW_SECONDS for at in refused)


@pytest.mark.parametrize("kept", [1, 3])
def test_sorts_that_were_forgotten_change_no_evidence(kept: int, monkeypatch: pytest.MonkeyPatch) -> None:
    exchanges = day(Pbx(Window(50, 1.0)), burst=300)
    whole = observe(exchanges)
    monkeypatch.setattr(sorts, "_MOST_ALIKE", kept)
    assert observe(exchanges) == whole
    marks: dict[tuple[str, str], object] = {}
    marked = [replace(one, alike=marks.setdefault(_shared_by(one), object())) for one in exchanges]
    assert len(marks) < 0.9 * len(exchanges)
    assert observe(marked) == whole


def _shared_by(one: Exchange) -> tuple[str, str]:
    """All that is not its own (`Exchange.alike`)."""
    login = "" if one.carried is None else one.carried.username
    shared = replace(one, at=0.0, call_id="", carried=None, challenge=None, answered_after=None, size=0)
    return repr(replace(shared, copies=1, copied_after=(), file="", packet=0, answer_packet=0)), login


def test_what_nonces_are_remembered_by_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(nonces, "_MOST", 50)
    book = NonceBook()
    for number in range(500):
        asked = Exchange(at=float(number), source="192.0.2.7", method="REGISTER", call_id=f"c{number}")
        nonce, user = f"n{number}", f"user{number}"
        book.judge(brief(replace(asked, status=401, challenge=Challenge(realm="lab", nonce=nonce))))
        for _ in range(3):
            carried = Carried(username=user, realm="lab", nonce=nonce)
            book.judge(brief(replace(asked, status=200, carried=carried)))
    kept = (book._issued, book._owing, book._fresh, book._reuses)
    assert max(len(one) for one in kept) == 50
