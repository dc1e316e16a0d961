"""In whose words requests were refused."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shiftline.diagnosis.exchange import Exchange
from shiftline.diagnosis.passive.sorts import Said
from shiftline.diagnosis.refusals import Counted, own_words, refusals_of
from shiftline.diagnosis.statistics import statistics_of

USUAL = Said(403, "Forbidden")


def asked(status: int | None, reason: str = "", **hints: str) -> Exchange:
    told = {name.replace("_", "-"): text for name, text in hints.items()}
    return Exchange(at=1.0, source="192.0.2.7", method="REGISTER", status=status, reason=reason, hints=told)


def test_they_are_counted_by_status_and_phrase_with_what_stands_beside() -> None:
    locked = "Account temporarily locked"
    exchanges = [asked(403, locked, retry_after="30", warning='399 pbx "too often"') for _ in range(3)]
    exchanges += [asked(403, "Use TCP or TLS"), asked(200, "OK"), asked(401, "Unauthorized"), asked(None)]
    first, second = statistics_of(exchanges).refusals
    assert (first.status, first.reason, first.count) == (403, locked, 3)
    assert first.headers == {"warning": '399 pbx "too often"', "retry-after": "30"}
    assert str(first) == (
        '403 Account temporarily locked, 3 times; Warning: 399 pbx "too often"; Retry-After: 30'
    )
    assert str(second) == "403 Use TCP or TLS, once"


def test_a_challenge_with_words_of_its_own_is_told() -> None:
    """Some say there that the account is locked."""
    told = refusals_of(
        [Counted(Said(401, "Account locked"), 2), Counted(Said(407, "Proxy Authentication Required"), 5)]
    )
    assert [one.words for one in told] == ["401 Account locked"]


def test_what_is_said_of_an_agent_is_no_refusal_of_ours() -> None:
    """A publish-day burst is full of agents who are busy or unknown."""
    told = refusals_of(
        [
            Counted(Said(486, "Busy Here"), 535),
            Counted(Said(404, "Not Found"), 468),
            Counted(USUAL, 2),
            Counted(Said(480, ""), 9),
        ]
    )
    assert [one.words for one in told] == ["403 Forbidden"]
    assert [one.words for one in refusals_of([Counted(Said(404, "Unknown tenant"), 3)])] == [
        "404 Unknown tenant"
    ]


def test_a_plain_480_to_a_register_or_to_the_server_itself_is_a_refusal() -> None:
    """There is no agent of whom it could speak."""
    register = asked(480, "Temporarily Unavailable")
    server = replace(register, method="OPTIONS", user="")
    agent = replace(register, method="OPTIONS", user="4711")
    (told,) = statistics_of([register, server, agent]).refusals
    assert (told.words, told.count) == ("480 Temporarily Unavailable", 2)


@pytest.mark.parametrize(("refused_at_rest", "is_told"), [(False, True), (True, False)])
def test_a_plain_480_that_only_the_load_brings_is_a_refusal(refused_at_rest: bool, is_told: bool) -> None:
    """A limit may say 480 as agents' phones do; those say it at rest as well."""
    status = {False: 200, True: 480}
    ask = replace(asked(200), method="OPTIONS", user="4711")
    rest = [
        replace(ask, at=10.0 * number, status=status[refused_at_rest and number % 2 == 0])
        for number in range(40)
    ]
    burst = [replace(ask, at=1000.0 + number / 50.0, status=status[number % 2 == 0]) for number in range(50)]
    refusals = statistics_of([*rest, *burst]).refusals
    assert [(one.status, one.count) for one in refusals] == ([(480, 25)] if is_told else [])


def test_what_is_said_of_an_absent_user_at_rest_is_no_refusal_under_a_load() -> None:
    """Whatever its words, if it was asked at rest; what else the load brings is one."""
    ask = replace(asked(480, "Not Registered"), method="OPTIONS", user="199")
    load = [replace(ask, at=1000.0 + number / 50.0) for number in range(50)]
    load += [replace(one, reason="Flood") for one in load[:20]] + [replace(ask, status=403, reason="No")]
    at_rest = {(480, "Not Registered"), (403, "No")}
    words = [one.words for one in statistics_of([ask, *load], at_rest).refusals]
    assert words == ["480 Flood", "403 No"]
    assert "480 Not Registered" in [one.words for one in statistics_of([ask, *load]).refusals]


def test_of_several_texts_of_a_header_the_most_frequent_is_told() -> None:
    counted = [
        Counted(Said(503, "Busy", (("retry-after", text),)), count) for text, count in (("9", 1), ("5", 4))
    ]
    (told,) = refusals_of(counted)
    assert (told.headers["retry-after"], told.count) == ("5 …", 5)


def test_the_phrase_of_every_stack_is_not_told_beside_its_status() -> None:
    assert own_words(asked(403, "Forbidden")) == own_words(asked(200, "OK")) == own_words(asked(None)) == ""
    assert own_words(asked(403, "Domain not served here")) == "Domain not served here"


def test_no_secret_and_nothing_that_moves_a_cursor_is_told() -> None:
    said = Said(403, "No\x1b[2J sip:bob:geheim@pbx.example" + " x" * 200)
    (told,) = refusals_of([Counted(said, 1)])
    assert "geheim" not in told.reason
    assert told.reason.startswith("No [2J sip:bob")
    assert len(told.reason) == 160


@given(st.lists(st.tuples(st.sampled_from([0, 200, 302, 401, 403, 603]), st.text(max_size=8)), max_size=12))
def test_each_refusal_is_counted_once(answers: list[tuple[int, str]]) -> None:
    told = refusals_of([Counted(Said(status, text), 1) for status, text in answers])
    least = sum(status in (302, 403, 603) for status, _ in answers)
    most = sum(status in (302, 401, 403, 603) for status, _ in answers)
    assert least <= sum(one.count for one in told) <= most
    assert all(one.status not in (0, 200) and one.words.isprintable() for one in told)
