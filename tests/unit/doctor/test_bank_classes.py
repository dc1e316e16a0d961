"""What the bank's classes hold, against which a reported set is measured."""

from __future__ import annotations

from benchmarks.doctor_bank import BankCase
from benchmarks.doctor_lab_classes import Vector, classes_by_lab

from shiftline.diagnosis.experiment import Risk
from shiftline.diagnosis.outcome import Outcome

CASE = BankCase(faults=("network.filtered",), personality="chan_sip", seed=1, allow=Risk.HARMLESS)
UNHEARD: Vector = (Outcome.SILENCE, None, Outcome.ICMP)


def test_a_pbx_that_says_nothing_may_be_of_any_kind() -> None:
    """chan_sip's own lists answer; those of other kinds may be as silent as this firewall."""
    alike = classes_by_lab([(CASE, UNHEARD)])[CASE]
    assert alike >= {"network.filtered", "network.unreachable", "acl.source"}
    assert not [cause for cause in alike if cause.startswith(("throttle.", "registrar.", "policy.method"))]
    assert "ban.source" not in alike  # the second source would be answered


def test_one_answer_says_which_kind_it_is() -> None:
    assert classes_by_lab([(CASE, (*UNHEARD, Outcome.OK))])[CASE] == {"network.filtered"}
