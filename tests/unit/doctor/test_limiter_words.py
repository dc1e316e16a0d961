"""A limiter's status is a setting: what it limits is told by anything else, whatever it says."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from tests.unit.doctor.test_own_pace import MAY_TRIP, PLAIN
from tests.unit.doctor.trunk import PASSWORD

from shiftline.diagnosis.exchange import Carried, Exchange
from shiftline.diagnosis.outcome import Outcome, outcome_of
from shiftline.diagnosis.wording import trial_sentence
from shiftline.doctor.examination import Examination
from shiftline.doctor.examination.at_rest import AtRest
from shiftline.lab.pbx.config import PracticePbxConfig
from shiftline.lab.pbx.faults import Faults
from shiftline.lab.virtual import VirtualPbx
from shiftline.lab.virtual_examination import examine


def answer(status: int, probe: str = "p0.options", *, reason: str = "", user: str = "") -> Exchange:
    """To one OPTIONS of an experiment."""
    return Exchange(
        at=1.0, source="127.0.0.2", method="OPTIONS", user=user, status=status, reason=reason, probe=probe
    )


def told(*answers: Exchange) -> list[Outcome]:
    """What each shows, in the order of their coming."""
    words = AtRest()
    return [words.outcome(one, outcome_of(one)) for one in answers]


@pytest.mark.parametrize("status", [400, 404, 480, 486, 488, 500, 600])
def test_what_only_a_load_brings_is_a_limiters_word(status: int) -> None:
    """And it is that wherever it comes from then on: a slow limit refuses single questions as well."""
    load, question = answer(status, "p8.options.raised"), answer(status)
    assert told(answer(200), load, question) == [Outcome.OK, Outcome.LIMITED, Outcome.LIMITED]


@pytest.mark.parametrize(
    "answers",
    [
        (answer(480), answer(480, "p8.options.raised")),  # it is what the question gets
        (answer(480, "p8.options.raised"),),  # nobody knows what it gets at rest
        (answer(200, user="100"), answer(480, "p8.options.raised")),  # that was another question
        (answer(200), answer(408, "p8.options.raised")),  # late is late
    ],
)
def test_the_answer_of_a_question_is_no_limiters_word(answers: tuple[Exchange, ...]) -> None:
    """Whatever the load."""
    assert Outcome.LIMITED not in told(*answers)


@pytest.mark.parametrize("refused", [403, 429, 503])
def test_what_was_only_refused_at_rest_has_no_answer_there(refused: int) -> None:
    """A slow limit took the question after its challenge: the first answer comes with the load."""
    login = Carried(username="shiftline", realm="lab", nonce="1")
    at_rest = answer(401, "p6.absent", user="199"), answer(refused, "p6.absent", user="199")
    first = replace(answer(404, "p8.users.brisk", user="199"), carried=login)
    assert told(*at_rest, first)[-1] is Outcome.NOT_FOUND
    answered = replace(answer(480, "p6.absent", user="199"), carried=login)
    assert told(*at_rest, answered, first)[-1] is Outcome.LIMITED


def test_a_challenge_at_rest_is_the_answer_to_what_has_no_login() -> None:
    load = answer(480, "p8.options.raised", user="199")
    assert told(answer(401, user="199"), load)[-1] is Outcome.LIMITED


def test_a_limiters_word_is_one_to_whoever_was_not_asked_at_rest() -> None:
    """Such as the other account, beside the load; but not to a user who gets it at rest."""
    load, beside = "p8.options.raised", "p8.during.account"
    answers = answer(200), answer(404, user="199"), answer(404, load)
    others = answer(404, beside, user="reception"), answer(404, beside, user="199")
    assert told(*answers, *others)[2:] == [Outcome.LIMITED, Outcome.LIMITED, Outcome.NOT_FOUND]


def test_one_status_with_two_phrases_is_two_words() -> None:
    """A user who is absent, and a limit that says so in the same status."""
    absent = answer(480, reason="Not Registered", user="199")
    flood = answer(480, "p8.options.raised", reason="Flood", user="199")
    assert told(absent, flood, absent) == [Outcome.UNAVAILABLE_NOW, Outcome.LIMITED, Outcome.UNAVAILABLE_NOW]


@pytest.mark.parametrize("status", [403, 429, 503, 603])
def test_a_refusal_is_one_at_rest_as_well(status: int) -> None:
    """429 says that it was too much, whoever says it."""
    [outcome] = told(answer(status))
    assert (outcome is Outcome.LIMITED) is (status == 429)


def examined(status: int, key: str = "source") -> Examination:
    """What comes of a trunk that lets 20 a second pass."""
    config = PracticePbxConfig(
        log_path=Path("unused"),
        agents={},
        password=PASSWORD,
        accounts=("shiftline", "agent0002"),
        personality="kamailio",
        faults=Faults(limiter=f"window:20/1s,key={key},status={status}"),
        seed=1,
    )
    return examine(VirtualPbx(config), PLAIN, MAY_TRIP, seed=1)


@pytest.mark.parametrize("status", [404, 429, 480, 486, 488, 500, 603])
def test_the_status_of_a_limit_does_not_say_what_it_counts(status: int) -> None:
    """The second source and the 20 at once do."""
    examination = examined(status)
    [finding] = examination.diagnosis().findings
    assert (finding.cause, finding.confidence >= 0.9) == ("throttle.source", True)
    refused = [one for one in examination.trials if one.outcome is Outcome.LIMITED]
    assert status == 603 or all(f"was refused with {status}" in trial_sentence(one) for one in refused)
    assert refused or status == 603
