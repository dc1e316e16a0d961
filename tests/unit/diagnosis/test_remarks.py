"""What lines of logs and consoles say, and of whom."""

from __future__ import annotations

import pytest

from shiftline.diagnosis.belief import believe
from shiftline.diagnosis.conclude import conclude
from shiftline.diagnosis.exchange import Place, Remark
from shiftline.diagnosis.experiment import Permission
from shiftline.diagnosis.finding import Diagnosis
from shiftline.diagnosis.observe import observe
from shiftline.doctor.reading.phrases import phrase_in

CONSOLE = "SIP Response {}. Transaction ID: 192837465. Timestamp: 2024-05-22T14:30:00Z."


def remarks(*lines: str) -> list[Remark]:
    """As the reader of texts makes them."""
    found = []
    for number, line in enumerate(lines, start=1):
        kind, source, user = phrase_in(line) or pytest.fail(f"nobody knows {line}")
        place = Place(file="pbx.log", number=number)
        found.append(Remark(at=None, kind=kind, source=source, user=user, text=line, place=place))
    return found


def read(*lines: str) -> Diagnosis:
    beliefs = [believe(one, is_recorded=True) for one in observe([], remarks(*lines))]
    return conclude(beliefs, Permission(), is_recorded=True)


@pytest.mark.parametrize(
    ("said", "cause"),
    [
        ("Source address not permitted", "acl.source"),
        ("IP address not in access control list", "acl.source"),
        ("Authentication failed", "credentials.wrong-password"),
        ("Rate limit exceeded", "throttle.source"),
    ],
)
def test_a_refusal_in_a_console_is_not_health_and_its_phrase_is_read(said: str, cause: str) -> None:
    diagnosis = read(CONSOLE.format(f"403 Forbidden: {said}"))
    main = diagnosis.findings[0]
    assert cause in {main.cause, *main.indistinguishable_from}
    assert "healthy" not in {one for finding in diagnosis.findings for one in finding.names.split(" or ")}
    assert any("SIP and not HTTP" in one.sentence and "14:30:00Z" in one.sentence for one in main.statements)


def test_an_answer_that_speaks_of_a_user_tells_nothing_of_the_trunk() -> None:
    assert read(CONSOLE.format("486 Busy Here")).findings[0].cause == "healthy"
