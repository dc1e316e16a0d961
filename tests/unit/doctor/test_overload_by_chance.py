"""A PBX under a load of others' that turns a share of everything away: asked, in virtual time."""

from __future__ import annotations

import pytest
from tests.unit.doctor.trunk import CASE, trunk

from shiftline.diagnosis.experiment import Permission, Risk
from shiftline.lab.virtual_examination import examine

CAUSE = "capacity.overload"


@pytest.mark.parametrize("seed", [2, 4])
def test_503_to_half_of_all_is_no_server_of_several(seed: int) -> None:
    """It was, where more than a third was turned away."""
    found = examine(
        trunk(CAUSE, personality="sbc", seed=seed, refused_share=0.55), CASE, Permission()
    ).diagnosis()
    assert found.findings[0].cause == CAUSE


def test_calls_and_questions_alone_may_be_turned_away() -> None:
    """FreeSWITCH says Maximum Calls In Progress to INVITE and OPTIONS, and takes REGISTER (facts F9)."""
    pbx = trunk(CAUSE, personality="freeswitch", seed=4, refused_share=0.32)
    found = examine(pbx, CASE, Permission(risk=Risk.MAY_TRIP)).diagnosis()
    assert (found.cause, len(found.findings)) == (CAUSE, 1)
