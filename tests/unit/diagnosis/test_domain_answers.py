"""A 404 that says that the domain is not served is a refusal; a plain one speaks of the user."""

from __future__ import annotations

import pytest
from tests.unit.diagnosis.records import BEGIN, Answer, Pbx

from shiftline.diagnosis.belief import believe
from shiftline.diagnosis.conclude import conclude
from shiftline.diagnosis.exchange import Exchange
from shiftline.diagnosis.experiment import Permission
from shiftline.diagnosis.finding import Diagnosis
from shiftline.diagnosis.observe import observe

NEW = "new.example"


def read(words: str) -> Diagnosis:
    """Checks of one account, every third of them in a domain that gets 404."""

    def judge(one: Exchange) -> Answer | None:
        return Answer(404, words) if one.from_host == NEW else None

    pbx = Pbx(judge)
    found: list[Exchange] = []
    for number in range(90):
        domain = NEW if number % 3 == 0 else "pbx.example"
        found += pbx.ask(BEGIN + 2.0 * number, user=f"agent{number:04d}", domain=domain)
    beliefs = [believe(one, is_recorded=True) for one in observe(found)]
    return conclude(beliefs, Permission(), is_recorded=True)


@pytest.mark.parametrize("words", ["Domain not served", "Invalid domain"])
def test_a_domain_that_is_not_served_is_no_health(words: str) -> None:
    diagnosis = read(words)
    assert not diagnosis.shows_no_fault
    assert diagnosis.cause == "policy.domain"
    assert diagnosis.findings[0].subject.refused == 30


def test_a_user_who_is_not_there_is_none_of_the_trunks() -> None:
    diagnosis = read("Not Found")
    assert diagnosis.shows_no_fault
    assert diagnosis.findings[0].subject.refused == 0
