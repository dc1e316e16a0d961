"""One of several servers behind the address refuses what the others serve: asked, in virtual time."""

from __future__ import annotations

from dataclasses import replace

import pytest
from tests.unit.doctor.trunk import CASE, trunk

from shiftline.diagnosis.again import MOST_EQUAL, equal_again
from shiftline.diagnosis.belief import believe
from shiftline.diagnosis.by_turns import BARE, BY_TURNS, TOLD_APART
from shiftline.diagnosis.evidence import Evidence, Mark
from shiftline.diagnosis.exchange import Exchange
from shiftline.diagnosis.experiment import Done, Means, Permission
from shiftline.diagnosis.outcome import Outcome
from shiftline.diagnosis.programme import PROGRAMME
from shiftline.doctor.examination.turns import turns_mark
from shiftline.lab.pbx.personalities import FAMILIES
from shiftline.lab.virtual_examination import examine

CAUSE = "network.uneven-nodes"
HARMLESS = Permission()


@pytest.mark.parametrize("personality", FAMILIES)
@pytest.mark.parametrize(("nodes", "chosen"), [(2, "by lot"), (3, "in turn")])
def test_a_server_that_refuses_is_found_with_harmless_questions(
    personality: str, nodes: int, chosen: str
) -> None:
    """Few logins are spent, and no other cause is sure beside it."""
    found = examine(trunk(CAUSE, personality=personality, nodes=nodes, chosen=chosen), CASE, HARMLESS)
    diagnosis = found.diagnosis()
    assert diagnosis.cause == CAUSE
    assert [one.cause for one in diagnosis.findings if one.confidence >= 0.9] == [CAUSE]
    assert diagnosis.requests_sent <= 60


def test_what_can_be_asked_with_a_login_only_is_asked_bare() -> None:
    """One SUBSCRIBE refused and served, by lot: no limit is sure of it before a bare question has told."""
    subscribe = PROGRAMME["p7.subscribe"]
    told = Mark(kind=TOLD_APART, count=1, text=subscribe.id)
    belief = believe(Evidence(marks=(told,)))
    permission = Permission(means=frozenset({Means.CREDENTIALS}))
    once_more = equal_again(belief, permission, ())
    assert once_more is not None
    assert once_more.id == BARE
    past = [
        Done(experiment=BARE, at=float(at), outcome=Outcome.CHALLENGE, requests=1)
        for at in range(MOST_EQUAL + 1)
    ]
    assert equal_again(belief, permission, past) is None


def test_equal_questions_are_asked_only_where_answers_contradict_each_other() -> None:
    done = [past.experiment for past in examine(trunk(), CASE, HARMLESS).done]
    assert len(done) == len({*done})


def asked(*statuses: int, probe: str = "p2.challenge", user: str = "shiftline") -> list[Exchange]:
    one = Exchange(at=0.0, source="127.0.0.2", method="REGISTER", user=user, probe=probe)
    return [replace(one, at=float(at), status=status) for at, status in enumerate(statuses)]


def kind(*exchanges: Exchange, may_be_a_limit: bool = False) -> str:
    mark = turns_mark(exchanges, may_be_a_limit=may_be_a_limit)
    return "" if mark is None else mark.kind


TURNS = (401, 403, 401, 401, 403, 401, 403)


@pytest.mark.parametrize(
    ("exchanges", "says"),
    [
        (asked(401, 401, 401), ""),
        (asked(403, 403), ""),
        (asked(401, 403), TOLD_APART),
        (asked(401, 403, 401, 401, 403), TOLD_APART),
        (asked(*TURNS), BY_TURNS),
        (asked(401, 403, *[401] * 10), ""),
        (asked(401, 403, *[403] * 10), ""),
        ([*asked(401, 401), *asked(403, 403, user="agent0001")], ""),
        (asked(*TURNS, probe="p8.register.brisk"), ""),
    ],
)
def test_what_equal_questions_show(exchanges: list[Exchange], says: str) -> None:
    """Ten that are alike in the end refute it; other questions, and loads, are not equal."""
    assert kind(*exchanges) == says


def test_nothing_is_by_turns_while_a_limit_may_explain_it() -> None:
    assert kind(*asked(*TURNS), may_be_a_limit=True) == TOLD_APART


def test_a_slow_limit_is_asked_so_often_at_most() -> None:
    """And is not called a server that refuses."""
    pbx = trunk("throttle.source", limit=3, window_seconds=10, form="window")
    found = examine(pbx, CASE, HARMLESS)
    assert max(map([past.experiment for past in found.done].count, ("p2.challenge", "p0.options"))) <= (
        MOST_EQUAL + 1
    )
    assert CAUSE not in {one.cause for one in found.diagnosis().findings}
