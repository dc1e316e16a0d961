"""Records in which those who are asked about tell what is refused, and others in which they only seem to."""

from __future__ import annotations

import random

import pytest
from tests.unit.diagnosis.records import BEGIN, Answer, Fault, Pbx, Window
from tests.unit.diagnosis.test_rows import diagnosed, reported

from shiftline.diagnosis.exchange import Exchange

CAUSE = "policy.asked-user"
FORBIDDEN = Answer(403, "Forbidden", 0.0005)


def asked(fault: Fault, *, each: int = 4, agents: int = 60, spread: float = 1800.0) -> list[Exchange]:
    """Every agent a few times, at any time, and a burst about all of them."""
    chance, pbx = random.Random(7), Pbx(fault)
    moments = [(BEGIN + chance.random() * spread, agent) for agent in range(agents) for _ in range(each)]
    moments += [(BEGIN + spread + chance.random() * 2.0, agent) for agent in range(agents)]
    return [one for at, agent in sorted(moments) for one in pbx.ask(at, user=f"agent{agent:04d}")]


def about(*agents: str) -> Fault:
    return lambda request: FORBIDDEN if request.carried is not None and request.user in agents else None


@pytest.mark.parametrize("count", [1, 2, 20])
def test_users_about_whom_all_is_refused_are_named(count: int) -> None:
    """Though each is asked about a few times only, and others pass in the same seconds."""
    users = [f"agent{number:04d}" for number in range(5, 5 + count)]
    first = diagnosed(asked(about(*users))).findings[0]
    assert {first.cause} == {CAUSE}
    assert first.subject.key == "asked-user"
    assert first.subject.name.startswith("questions about agent0005")
    assert set(first.subject.values) == set(users)


def test_the_passage_of_others_is_the_evidence() -> None:
    first = diagnosed(asked(about("agent0005"))).findings[0]
    said = [one.sentence for one in first.statements if one.weight > 0.0]
    assert any("about another user" in sentence and "let through" in sentence for sentence in said)


def by_chance(request: Exchange, share: float = 0.3) -> Answer | None:
    refused = random.Random(f"{request.at}").random() < share
    return FORBIDDEN if refused and request.carried is not None else None


def while_banned(request: Exchange) -> Answer | None:
    return FORBIDDEN if BEGIN + 700.0 < request.at < BEGIN + 1000.0 else None


@pytest.mark.parametrize(
    "fault",
    [by_chance, while_banned, Window(12), Window(3, 10.0)],
    ids=["chance", "ban", "limit", "slow limit"],
)
def test_what_strikes_everybody_is_no_matter_of_who_is_asked_about(fault: Fault) -> None:
    """Neither where each user is asked about often, nor where hardly anybody is asked about twice."""
    for each in (4, 1):
        assert CAUSE not in reported(diagnosed(asked(fault, each=each)))
