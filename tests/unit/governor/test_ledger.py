"""What an operator is told of a governor."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shiftline.governor.controller import Answer, Send
from shiftline.governor.governor import Governor
from shiftline.governor.ledger import KEPT, Ledger, what_it_waits_for
from shiftline.governor.policy import GovernorPolicy
from shiftline.governor.state import Mode


def test_what_leaves_is_counted_to_its_answer() -> None:
    """Passed and refused are counted apart; a challenge or a silence is neither."""
    ledger = Ledger()
    for _ in range(6):
        ledger.left()
    for answer in (
        Answer.PASSED,
        Answer.CHALLENGED,
        Answer.REFUSED,
        Answer.CREDENTIALS_REFUSED,
        Answer.SILENT,
    ):
        ledger.came(1.0, answer, 403, 20.0)
    told = ledger.knowledge(1.0)
    assert (told["sent"], told["passed"], told["refused"], told["in_flight"]) == (6, 1, 2, 1)


def test_refusals_of_one_moment_are_one_entry() -> None:
    """An overshoot of nine would push all others out of the list; the rate is that of the first."""
    ledger = Ledger()
    for number in range(9):
        ledger.note(10.0 + number / 10, 403, 60.0 - number)
    ledger.note(10.9, 503, 50.0)
    ledger.note(12.5, 503, 40.0)
    assert ledger.knowledge(13.0)["refusals"] == [
        {"ago": 2.2, "class": "undecided", "status": 403, "rate": 60.0, "count": 9},
        {"ago": 2.1, "class": "undecided", "status": 503, "rate": 50.0, "count": 1},
        {"ago": 0.5, "class": "undecided", "status": 503, "rate": 40.0, "count": 1},
    ]


def test_only_the_last_ten_are_kept() -> None:
    """The newest last."""
    ledger = Ledger()
    for second in range(0, 100, 5):
        ledger.note(float(second), 403, 1.0)
    told = ledger.knowledge(100.0)["refusals"]
    assert len(told) == KEPT
    assert [told[0]["ago"], told[-1]["ago"]] == [50.0, 5.0]


def test_a_refusal_is_classed_when_the_governor_has_decided() -> None:
    """Undecided until then; what had a class keeps it."""
    ledger = Ledger()
    ledger.note(1.0, 403, 1.0)
    ledger.decided("undecided")
    ledger.decided("none")
    assert [one["class"] for one in ledger.knowledge(1.0)["refusals"]] == ["undecided"]
    ledger.decided("throttle")
    ledger.note(60.0, None, 1.0)
    ledger.decided("ban")
    assert [one["class"] for one in ledger.knowledge(60.0)["refusals"]] == ["throttle", "ban"]


@pytest.mark.parametrize(
    ("mode", "refusal", "canary_in", "words"),
    [
        ("listening", "ban", 12.4, "canary in 12 s: silent after a ban"),
        ("listening", "undecided", 0.3, "canary in 0 s: silent after a refusal"),
        ("listening", "unreachable", None, "answer to a canary: the trunk does not answer"),
        ("listening", "capacity", -1.0, "canary in 0 s: silent after a refusal (capacity)"),
        ("proving", "none", None, "one request to be accepted"),
        ("proving", "undecided", 0.2, "one request to be accepted"),
        ("proving", "undecided", 901.0, "one check in 901 s: a canary passed, checks did not"),
        ("stopped", "policy", None, "somebody to mend it and re-arm the trunk (policy)"),
        ("holding", "throttle", None, None),
        ("climbing", "none", None, None),
    ],
)
def test_what_it_waits_for_is_a_sentence(
    mode: str, refusal: str, canary_in: float | None, words: str | None
) -> None:
    """Nothing while it sends."""
    assert what_it_waits_for(mode, refusal, canary_in) == words


def test_every_mode_of_the_governor_has_its_words() -> None:
    """A mode that is added here has to be said what it waits for."""
    known = {mode: what_it_waits_for(mode, "ban", 1.0) for mode in Mode}
    assert {mode for mode, words in known.items() if words is None} == {Mode.CLIMBING, Mode.HOLDING}


def test_the_refusals_of_the_life_before_are_shown_as_well() -> None:
    """Older by the time that lay between; what was undecided then stays so, and the counters begin anew."""
    before = Ledger()
    before.note(100.0, 403, 50.0)
    before.decided("throttle")
    before.note(130.0, None, 40.0)
    known = before.knowledge(160.0) | {"age_seconds": 3600.0}
    after = Governor(GovernorPolicy(learn=True, max_rate=0.0), 7.0, known | {"learned": False, "rate": 5.0})
    after.ledger.note(9.0, 503, 5.0)
    after.ledger.decided("capacity")
    told = after.told(17.0)
    assert told["refusals"] == [
        {"ago": 3670.0, "class": "throttle", "status": 403, "rate": 50.0, "count": 1},
        {"ago": 3640.0, "class": "undecided", "status": None, "rate": 40.0, "count": 1},
        {"ago": 8.0, "class": "capacity", "status": 503, "rate": 5.0, "count": 1},
    ]
    assert (told["sent"], told["refused"]) == (0, 0)


def test_a_record_of_before_is_borne_whatever_it_lacks() -> None:
    """An older version kept less of a refusal, or none at all."""
    after = Ledger()
    after.recall({"refusals": None}, 1.0)
    after.recall({"refusals": [{}]}, 1.0)
    assert after.knowledge(3.0)["refusals"] == [
        {"ago": 2.0, "class": "undecided", "status": None, "rate": 0.0, "count": 1}
    ]


answers = st.lists(
    st.tuples(st.sampled_from(Answer), st.floats(-5, 5), st.sampled_from([403, 503, None])), max_size=60
)


@given(answers=answers)
def test_whatever_comes_back_the_figures_add_up(answers: list[tuple[Answer, float, int | None]]) -> None:
    """Also with time going backwards: no age is negative, nothing is lost, all of it is JSON."""
    ledger, now = Ledger(), 0.0
    for answer, step, status in answers:
        now += step
        ledger.left()
        ledger.came(now, answer, status, 1.0)
    told = json.loads(json.dumps(ledger.knowledge(now), allow_nan=False))
    assert told["in_flight"] == 0
    assert told["sent"] == len(answers)
    assert len(told["refusals"]) <= KEPT
    assert all(one["ago"] >= 0 for one in told["refusals"])


def test_a_governor_keeps_its_ledger() -> None:
    """Sent and answered are counted, a refusal has the rate of its moment and, once open again, its class."""
    governor = Governor(GovernorPolicy(learn=True, max_rate=0.0), 0.0)
    now = 0.0
    for _ in range(4):
        now += 1.0
        assert governor.permission(now).send is Send.CHECK
        ticket = governor.sent(now, Send.CHECK, credentials=False)
        governor.answered(ticket, now, Answer.PASSED)
    rate = governor.rate
    ticket = governor.sent(now, Send.CHECK, credentials=False)
    governor.answered(ticket, now, Answer.REFUSED, status=503)
    told = governor.told(now)
    assert (told["sent"], told["passed"], told["refused"], told["in_flight"]) == (5, 4, 1, 0)
    assert told["refusals"] == [
        {"ago": 0.0, "class": "undecided", "status": 503, "rate": round(rate, 3), "count": 1}
    ]
    assert governor.waiting_for(now) == "canary in 0 s: silent after a refusal"
    while governor.permission(now).send is not Send.CANARY:
        now += 0.05
    ticket = governor.sent(now, Send.CANARY, credentials=False)
    assert governor.waiting_for(now) == "answer to a canary: silent after a refusal"
    governor.answered(ticket, now, Answer.PASSED)
    assert governor.waiting_for(now) == "one request to be accepted"
    now += 1.0
    assert governor.permission(now).send is Send.CHECK
    governor.answered(governor.sent(now, Send.CHECK, credentials=False), now, Answer.PASSED)
    assert governor.waiting_for(now) is None
    # One request a second is far below the rate: what was refused then was not refused for it.
    assert [one["class"] for one in governor.told(now)["refusals"]] == ["undecided"]


def test_a_trunk_that_falls_silent_leaves_an_entry() -> None:
    """Without a status, and as what it is."""
    governor = Governor(GovernorPolicy(learn=True, max_rate=0.0), 0.0)
    ticket = governor.sent(0.0, Send.CHECK, credentials=False)
    governor.answered(ticket, 4.0, Answer.SILENT)
    (told,) = governor.told(4.0)["refusals"]
    assert (told["class"], told["status"]) == ("unreachable", None)
