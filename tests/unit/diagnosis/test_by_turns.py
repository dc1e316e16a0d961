"""Records of several servers behind one address of which one refuses, and of what only looks like that."""

from __future__ import annotations

import random
from itertools import count

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.diagnosis.records import BEGIN, Answer, Fault, Pbx, Window
from tests.unit.diagnosis.test_rows import diagnosed, reported

from shiftline.diagnosis.by_turns import BY_TURNS, are_by_turns, whichever_was_refused
from shiftline.diagnosis.evidence import Trial
from shiftline.diagnosis.exchange import Exchange
from shiftline.diagnosis.observe import observe
from shiftline.diagnosis.outcome import Outcome
from shiftline.diagnosis.probe import Credentials, Probe

FORBIDDEN, BUSY = Answer(403, "Forbidden", 0.0005), Answer(503, "Busy", 0.0005)
CAUSE = "network.uneven-nodes"


def by_lot(nodes: int, answer: Answer = FORBIDDEN) -> Fault:
    chance = random.Random(nodes)
    return lambda request: answer if request.method and chance.randrange(nodes) == 0 else None


def in_turn(nodes: int) -> Fault:
    turn = count()
    return lambda request: FORBIDDEN if request.method and next(turn) % nodes == 0 else None


def asked(fault: Fault, *, questions: int = 150, burst: int = 0) -> list[Exchange]:
    """A few questions again and again, some seconds apart, and a burst in their middle."""
    chance, pbx = random.Random(5), Pbx(fault)
    moments = [BEGIN + 2.3 * number + chance.random() for number in range(questions)]
    moments += [BEGIN + questions + number / 20 for number in range(burst)]
    found: list[Exchange] = []
    for at in sorted(moments):
        if chance.random() < 0.6:
            found += pbx.ask(at, user=f"agent{chance.randrange(4)}")
        else:
            found += pbx.ask(at, method="REGISTER", user="trunk")
    return found


def is_by_turns(exchanges: list[Exchange]) -> bool:
    return any(mark.kind == BY_TURNS for one in observe(exchanges) for mark in one.marks)


@pytest.mark.parametrize("fault", [by_lot(2), by_lot(3), by_lot(5), in_turn(3), in_turn(5)])
@pytest.mark.parametrize("burst", [0, 60])
def test_a_record_of_one_server_that_refuses_names_it(fault: Fault, burst: int) -> None:
    """Whatever is asked, at rest as in a burst: no limit, no lock, no nonce."""
    exchanges = asked(fault, burst=burst)
    assert is_by_turns(exchanges)
    assert reported(diagnosed(exchanges)) == {CAUSE}


def test_503_by_turns_may_be_a_pbx_that_cannot_keep_up() -> None:
    assert {CAUSE, "capacity.overload"} <= reported(diagnosed(asked(by_lot(3, BUSY))))


FAILED = Answer(500, "Server error occurred", 0.0005)


def about_many(fault: Fault) -> list[Exchange]:
    """Questions about 300 users, few of whom are asked about twice, at rest and in a burst."""
    chance, pbx = random.Random(5), Pbx(fault)
    moments = [BEGIN + 2.3 * number for number in range(120)]
    moments += [BEGIN + 120.0 + number / 40 for number in range(120)]
    moments.sort()
    return [one for at in moments for one in pbx.ask(at, user=f"agent{chance.randrange(300)}")]


@pytest.mark.parametrize("one_of", [3, 12])
def test_500_to_a_share_of_everything_is_no_overload(one_of: int) -> None:
    """As often at rest as in a burst: a server of several fails, or what stands behind the one."""
    found = reported(diagnosed(about_many(by_lot(one_of, FAILED))))
    assert found == {CAUSE, "method.failing"}


def test_a_user_who_may_not_be_asked_about_is_not_by_turns() -> None:
    """Of many users asked about again, some are always refused."""
    fault: Fault = lambda request: FORBIDDEN if request.user.endswith(("3", "7")) else None  # noqa: E731
    assert not is_by_turns(about_many(fault))


class Bucket:
    """So many a second flow in, and it holds few: at our beat it refuses by turns."""

    def __init__(self, rate: float, holds: float) -> None:
        self._rate, self._holds, self._level, self._at = rate, holds, holds, BEGIN

    def __call__(self, request: Exchange) -> Answer | None:
        self._level = min(self._holds, self._level + self._rate * (request.at - self._at))
        self._at = request.at
        if self._level < 1.0:
            return FORBIDDEN
        self._level -= 1.0
        return None


def a_lock(request: Exchange) -> Answer | None:
    """For 40 s of each minute."""
    return FORBIDDEN if request.carried and (request.at - BEGIN) % 60.0 > 20.0 else None


def a_method(request: Exchange) -> Answer | None:
    return FORBIDDEN if request.method == "REGISTER" else None


def lost() -> Fault:
    chance = random.Random(9)
    return lambda request: Answer(None) if request.method and chance.random() < 0.3 else None


@pytest.mark.parametrize(
    "fault", [Window(5, 1.0), Window(2, 10.0), Bucket(0.5, 2.0), Bucket(0.6, 1.0), a_lock, a_method, lost()]
)
def test_what_keeps_to_a_rate_a_time_or_a_kind_is_none_of_it(fault: Fault) -> None:
    exchanges = asked(fault, burst=60)
    assert not is_by_turns(exchanges)
    assert CAUSE not in reported(diagnosed(exchanges))


@given(st.lists(st.booleans(), max_size=60), st.integers(0, 60), st.integers(0, 60))
def test_one_spell_is_never_by_turns(line: list[bool], begin: int, length: int) -> None:
    """What begins and ends, twice at most, in as many lines as one likes."""
    spell = [begin <= place < begin + length for place in range(len(line))]
    assert not are_by_turns([spell, spell])


@given(st.integers(3, 40), st.integers(1, 6))
def test_every_so_many_is_by_turns(times: int, served: int) -> None:
    assert are_by_turns([[*[False] * served, True] * times])


def test_a_long_lock_that_comes_again_is_not_by_turns() -> None:
    assert not are_by_turns([[*[False] * 10, *[True] * 10] * 8])


def test_which_request_of_a_login_was_refused_says_nothing() -> None:
    """With a nonce in hand there is only one."""
    login, ahead = (Probe(credentials=one) for one in (Credentials.FRESH, Credentials.CACHED))
    refused = Outcome.FORBIDDEN_AFTER_CHALLENGE
    found = whichever_was_refused([Trial(probe=one, outcome=refused) for one in (login, ahead)])
    assert [one.outcome for one in found] == [Outcome.FORBIDDEN, refused]
