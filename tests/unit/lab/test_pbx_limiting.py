"""The practice PBX behind any limiter of the bank."""

from __future__ import annotations

import pytest
from tests.unit.lab.test_pbx_core import VirtualPbx, ask_options, client

from shiftline.errors import ConfigurationError
from shiftline.lab.pbx.faults import Faults
from shiftline.sip.overload import ADVERTISED, read_overload_control

OTHER = "127.0.0.3"


def limited(text: str, seed: int = 1) -> VirtualPbx:
    return VirtualPbx(Faults(limiter=text), seed=seed)


def test_a_refusal_has_the_limiters_status_and_retry_after() -> None:
    """Before any challenge."""
    pbx = limited("retry-after:1/60s,seconds=7")
    assert pbx.ask(ask_options()).status == 401
    refused = pbx.ask(ask_options())
    assert (refused.status, refused.headers.get("Retry-After")) == (503, "7")
    assert [record.reason for record in pbx.records] == ["challenge", "throttled"]


def test_what_is_dropped_is_judged_anew_when_it_comes_again() -> None:
    """Pike took no note of it: a retransmission is an arrival of its own, and is counted."""
    pbx = limited("window:1/2s,status=silent")
    pbx.ask(ask_options())
    data, branch = pbx.send(ask_options())
    pbx.wait(0.1)
    assert branch not in pbx.arrived
    pbx.wait(2)
    pbx.send_bytes(data)
    pbx.wait(0.1)
    assert pbx.arrived[branch][0].status == 401
    assert [record.status for record in pbx.records] == [401, None, 401]


def test_a_lock_is_the_users_and_nobody_elses() -> None:
    """Without credentials there is still a challenge, from wherever the user comes it is locked (K5)."""
    pbx = limited("lockout:2/600s,lock=900s")
    account, other = client(), client("campaign")
    statuses = [pbx.ask_authorized(ask_options(), account).status for _ in range(3)]
    assert statuses == [200, 200, 403]
    assert pbx.ask_authorized(ask_options(), account, OTHER).status == 403
    assert pbx.ask(ask_options()).status == 401
    assert pbx.ask_authorized(ask_options(), other).status == 200


def test_a_place_is_taken_for_as_long_as_an_answer_takes() -> None:
    """Two at a time; the third gets 503, and once they are answered there is room."""
    pbx = limited("concurrency:2")
    assert pbx.statuses(ask_options() for _ in range(3)) == {401: 2, 503: 1}
    pbx.wait(1)
    assert pbx.statuses(ask_options() for _ in range(2)) == {401: 2}


def test_a_busy_processor_answers_later() -> None:
    """Each of ten waits for those before it, a tenth of a second each."""
    pbx = limited("cpu:10/s")
    sent_at = pbx.now
    branches = [pbx.send(ask_options())[1] for _ in range(10)]
    pbx.wait(3)
    taken = [pbx.arrived[branch][1] - sent_at for branch in branches]
    assert all(0.1 * (n + 1) + 0.02 <= seconds <= 0.1 * (n + 1) + 0.06 for n, seconds in enumerate(taken))


def test_a_limiters_windows_begin_by_chance_of_the_seed() -> None:
    """The same seed, the same answers; another seed, another phase."""

    def statuses(seed: int) -> tuple[int | None, ...]:
        pbx = limited("window:3/1s", seed)
        for _ in range(12):
            pbx.send(ask_options())
            pbx.wait(0.13)
        return tuple(record.status for record in pbx.records)

    assert statuses(1) == statuses(1)
    assert len({statuses(seed) for seed in range(1, 6)}) > 1


def test_a_limiter_that_cannot_be_read_is_told_before_it_serves() -> None:
    """With what to write instead."""
    with pytest.raises(ConfigurationError, match="Did you mean window"):
        limited("windw:5/1s")


def test_a_pbx_with_overload_control_tells_whoever_asks() -> None:
    """In its own Via, with the algorithm it has; who does not ask gets an answer like any other."""
    pbx = limited("oc-rate:5/s,validity=2s")
    quiet = pbx.ask(ask_options())
    asked = ask_options()
    branch = "z9hG4bKoc"
    asked.headers.prepend("Via", f"SIP/2.0/UDP 127.0.0.2:5062;branch={branch}{ADVERTISED}")
    pbx.send_bytes(bytes(asked))
    pbx.wait(0.1)
    told = read_overload_control(pbx.arrived[branch][0])
    assert read_overload_control(quiet) is None
    assert told is not None
    assert (told.algorithm, told.value, told.validity_seconds) == ("rate", 5, 2.0)
    assert 0.1 <= told.sequence <= 0.2


def test_a_refusal_tells_it_too() -> None:
    """It is what the sender needs most then."""
    pbx = limited("oc-loss:1/s")
    branches = [f"z9hG4bKoc{number}" for number in range(3)]
    for branch in branches:
        asked = ask_options()
        asked.headers.prepend("Via", f"SIP/2.0/UDP 127.0.0.2:5062;branch={branch}{ADVERTISED}")
        pbx.send_bytes(bytes(asked))
    pbx.wait(0.5)
    answers = [pbx.arrived[branch][0] for branch in branches]
    assert [answer.status for answer in answers] == [401, 503, 503]
    assert all(read_overload_control(answer) is not None for answer in answers)
