"""Who scans is refused, and that is no fault of the trunk: it never leads what is."""

from __future__ import annotations

from tests.unit.diagnosis.records import BEGIN, Answer, Pbx
from tests.unit.diagnosis.scene import day

from shiftline.diagnosis.belief import believe
from shiftline.diagnosis.conclude import conclude
from shiftline.diagnosis.exchange import Exchange
from shiftline.diagnosis.experiment import Permission
from shiftline.diagnosis.finding import Diagnosis, SuspectVerdict
from shiftline.diagnosis.observe import observe

SCANNER = "203.0.113.66"


def judge(one: Exchange) -> Answer | None:
    if one.source == SCANNER or (one.carried is not None and one.from_user == "desk"):
        return Answer(403, "Forbidden")
    return None


def read(agent: str) -> Diagnosis:
    """A day on which one of our accounts is refused, and somebody else far more often."""
    pbx = Pbx(judge)
    found = day(pbx)
    for number in range(300):
        found += pbx.ask(
            BEGIN + 2.0 * number, source=SCANNER, method="REGISTER", login=f"{number}", agent=agent
        )
    found.sort(key=lambda one: one.at)
    beliefs = [believe(one, is_recorded=True) for one in observe(found)]
    return conclude(beliefs, Permission(), is_recorded=True)


def test_a_scanner_comes_last_however_often_it_asks() -> None:
    diagnosis = read("friendly-scanner")
    first, *_, last = diagnosis.findings
    assert "desk" in first.subject.values
    assert last.subject.name == f"source {SCANNER}, a scanner: friendly-scanner"
    assert last.subject.refused > first.subject.refused
    assert last.remedy[0] == "Nothing on the trunk: whoever scans is rightly refused."
    verdicts = {one.suspect: one.verdict for one in diagnosis.suspicions}
    assert verdicts["IP allow list"] is not SuspectVerdict.IT_IS


def test_who_does_not_call_himself_one_leads() -> None:
    first = read("connector/2").findings[0]
    assert first.subject.values == (SCANNER,)
    assert not first.subject.is_scanner
