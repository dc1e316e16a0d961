"""What storm hands to the doctor: exchanges that it can weigh, and causes that it knows."""

from __future__ import annotations

from dataclasses import replace
from itertools import product

import pytest
from tests.unit.storm.examinations import PLAN, of_a_window

from shiftline.diagnosis.belief import believe
from shiftline.diagnosis.catalogue import CATALOGUE
from shiftline.diagnosis.conclude import conclude
from shiftline.diagnosis.experiment import Permission
from shiftline.diagnosis.observe import observe
from shiftline.storm.examine import Examination, Phase
from shiftline.storm.for_doctor import causes_of, exchanges_of
from shiftline.storm.sample import Result, Sample
from shiftline.storm.verdict.arrivals import Key
from shiftline.storm.verdict.judge import invalid_verdict
from shiftline.storm.verdict.verdict import Kind, Limit, Verdict
from shiftline.storm.watch import Asked, Watch


def test_the_doctor_reads_a_storm_and_names_the_same_cause() -> None:
    _, examination = of_a_window()
    assert examination.verdict is not None
    assert causes_of(examination.verdict) == ("throttle.source",)
    diagnosis = conclude(list(map(believe, observe(exchanges_of(examination)))), Permission())
    named = {cause for found in diagnosis.findings for cause in (found.cause, *found.indistinguishable_from)}
    assert "throttle.source" in named


def test_an_exchange_has_what_the_answer_said() -> None:
    watch = Watch(
        asked=[Asked(5.0, 5.2, 503, "127.0.0.2", "agent1", "REGISTER", carried=True),
               Asked(6.0, None, 0, "127.0.0.2", "agent2", "OPTIONS", carried=False)],
        examples={503: "SIP/2.0 503 Limiting Here\r\nRetry-After: 5\r\nServer: pbx\r\nVia: x"},
    )  # fmt: skip
    result = Result(samples=[], whole=Sample(second=0), sending_seconds=1.0, watch=watch)
    refused, silent = exchanges_of(Examination([Phase(purpose="", plan=PLAN, result=result)]))
    assert (refused.status, refused.reason) == (503, "Limiting Here")
    assert dict(refused.hints) == {"retry-after": "5", "server": "pbx"}
    assert refused.carried is not None
    assert refused.answered_after == pytest.approx(0.2)
    assert (silent.status, silent.carried, silent.answered_after) == (None, None, None)


def test_every_cause_that_a_verdict_speaks_for_is_in_the_catalogue() -> None:
    limit = Limit(model="", spec="window:1/1s", count=1, seconds=1.0, key=Key.ALL, agreement=1.0)
    told = [invalid_verdict(["late"]), Verdict(kind=Kind.CAPACITY, sentence="", advice="")]
    for key, ban, methods in product(Key, (None, 20.0), ((), ("REGISTER",))):
        changed = replace(limit, key=key, ban_seconds=ban, methods=methods)
        told.append(Verdict(kind=Kind.LIMITER, sentence="", advice="", limit=changed))
    causes = [causes_of(verdict) for verdict in told]
    assert causes[0] == ()
    assert all(causes[1:])
    assert {cause for some in causes for cause in some} <= set(CATALOGUE)
