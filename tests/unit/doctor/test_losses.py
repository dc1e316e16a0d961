"""A way that loses packets is told first, with how many of how many; one lost packet is not."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.doctor.trunk import CASE, trunk

from shiftline.diagnosis.experiment import Permission
from shiftline.diagnosis.finding import Diagnosis
from shiftline.diagnosis.losses import ASKED, LOST, losses
from shiftline.doctor.report.wording import headline, title, verdict
from shiftline.lab.virtual import Road
from shiftline.lab.virtual_examination import examine


def harmless(loss: float, seed: int) -> Diagnosis:
    pbx = trunk(road=Road(loss=loss, seed=seed))
    return examine(pbx, CASE, Permission()).diagnosis()


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_a_way_that_loses_a_fifth_is_told_first(seed: int) -> None:
    found = harmless(0.2, seed)
    figures = found.findings[0].figures
    many = f"{figures[LOST]:.0f} of {figures[ASKED]:.0f}"
    assert figures[LOST] >= 0.15 * figures[ASKED]
    for told in (headline(found), title(found), verdict(found)):
        assert told.startswith(many)
    assert "loses packets" in verdict(found)
    assert not found.is_clean


@pytest.mark.parametrize("seed", range(1, 7))
def test_a_good_way_is_accused_of_nothing(seed: int) -> None:
    found = harmless(0.01, seed)
    assert LOST not in found.findings[0].figures
    assert headline(found).startswith("no fault at single questions")


@given(st.integers(1, 100))
def test_one_lost_packet_is_chance(asked: int) -> None:
    assert not losses(1, asked)


@given(st.integers(1, 60), st.data())
def test_what_is_told_of_some_is_told_of_more(asked: int, data: st.DataObject) -> None:
    lost = data.draw(st.integers(0, asked))
    if losses(lost, asked):
        assert losses(min(lost + 1, asked), asked)
