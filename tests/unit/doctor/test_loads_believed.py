"""What of a load is believed: its own nonces and its own lateness are no limit of the PBX."""

from __future__ import annotations

import heapq
from collections.abc import Callable
from itertools import count

import pytest
from tests.unit.doctor.trunk import ALL, CASE, Script, ask, trunk

from shiftline.diagnosis.belief import believe
from shiftline.diagnosis.evidence import Evidence, Trial
from shiftline.diagnosis.outcome import Outcome
from shiftline.diagnosis.probe import Load
from shiftline.diagnosis.programme import PROGRAMME
from shiftline.doctor.examination import Answer, Examination, Sending
from shiftline.doctor.examination.lateness import TOO_BUSY
from shiftline.sip.message import response_to

STORM = "p8.options.storm"
LADDER = ("p0.options", "p8.options.brisk", "p8.options.raised", STORM)
BESIDE = "p8.during.register"
CANARY = "p8.pause"
ROAD_SECONDS = 0.01


class Clockwork:
    """Drives an examination of a PBX that answers all with 200, some of it late or never.

    ``wakes_at`` says when a timer is noticed that is due then; ``is_lost`` whether a request is, by the
    experiment under way.
    """

    def __init__(
        self,
        *names: str,
        wakes_at: Callable[[float, str], float] = lambda due, _: due,
        is_lost: Callable[[float, str], bool] = lambda *_: False,
    ) -> None:
        tokens = count()
        self._wakes_at, self._is_lost = wakes_at, is_lost
        self._queue: list[tuple[float, int, Callable[[float], None]]] = []
        self._turns = count()
        self._alarm: float | None = None
        self.sent: list[tuple[float, str]] = []
        self.examination = Examination(
            CASE,
            ALL,
            token=lambda: f"{next(tokens):016x}",
            contact_of=lambda _: CASE.server,
            choose=Script(*names),
        )

    def run(self) -> Examination:
        self.examination.begin(0.0)
        self._settle(0.0)
        while self._queue:
            now, _, step = heapq.heappop(self._queue)
            step(now)
            self._settle(now)
        return self.examination

    def _at(self, when: float, step: Callable[[float], None]) -> None:
        heapq.heappush(self._queue, (when, next(self._turns), step))

    def _settle(self, now: float) -> None:
        asked = self.examination.proposal.experiment.id if self.examination.proposal else ""
        for sending in self.examination.sendings():
            self.sent.append((now, asked))
            self._carry(sending, now, asked)
        due = self.examination.next_timer()
        if due is not None and due != self._alarm:
            self._alarm = due
            self._at(max(now, self._wakes_at(due, asked)), lambda then: self._wake(due, then))

    def _wake(self, due: float, now: float) -> None:
        if self._alarm == due:
            self._alarm = None
            self.examination.handle_timer(now)

    def _carry(self, sending: Sending, now: float, asked: str) -> None:
        response = None if self._is_lost(now, asked) else response_to(sending.request, 200)
        after = ROAD_SECONDS if response else sending.timeout_seconds
        answer = Answer(response=response, answered_after=after if response else None)
        self._at(
            self._wakes_at(now + after, asked) if response is None else now + after,
            lambda then: self.examination.answered(sending.key, answer, then),
        )


def found(examination: Examination, name: str) -> list[Outcome]:
    return [trial.outcome for trial in examination.trials if trial.experiment == name]


def test_no_load_carries_a_nonce_that_is_older_than_a_second_or_so() -> None:
    """Six seconds of load outlive some nonces: what is refused then is no limit."""
    examination = ask(trunk(), "p2.challenge", "p3.credentials", "p8.register.storm")
    since = {one.challenge.nonce: one.at for one in examination.exchanges if one.challenge}
    ages = [
        one.at - since[one.carried.nonce]
        for one in examination.exchanges
        if one.probe == "p8.register.storm" and one.carried
    ]
    assert len(ages) > 1000
    assert max(ages) <= 1.2


def test_an_old_nonce_that_is_answered_with_403_has_had_its_life() -> None:
    """Twice, and new logins pass in between."""
    refused = Outcome.FORBIDDEN_AFTER_CHALLENGE
    asked = (
        ("p0.options", Outcome.OK), ("p2.challenge", Outcome.CHALLENGE), ("p3.credentials", Outcome.OK),
        ("p3.aged", refused), ("p3.cached", Outcome.OK), ("p3.transport", Outcome.OK),
        ("p5.source", Outcome.OK), ("p3.aged", refused), ("p7.bind", Outcome.OK),
    )  # fmt: skip
    trials = tuple(
        Trial(probe=PROGRAMME[name].probe, outcome=outcome, experiment=name) for name, outcome in asked
    )
    believed = believe(Evidence(trials=trials))
    assert believed.leading.causes == ("credentials.stale-nonce",)
    assert believed.leading.probability > 0.5


def test_silence_under_a_load_that_came_late_is_not_the_pbx_s() -> None:
    """The answers wait in our own socket meanwhile."""

    def wakes_at(due: float, asked: str) -> float:
        return due + 5.0 if asked == STORM else due

    examination = Clockwork(
        *LADDER, wakes_at=wakes_at, is_lost=lambda _, asked: asked == STORM
    ).run()  # fmt: skip
    done = {one.experiment: one for one in examination.done}
    assert not found(examination, STORM)
    assert done[STORM].why_not == TOO_BUSY
    assert CANARY not in done
    assert done[STORM].requests < 200


def test_what_comes_late_is_not_made_up_for_by_a_heavier_load() -> None:
    """A second's worth of requests at once would trip what the planned load does not."""
    stalls = iter([True])

    def wakes_at(due: float, asked: str) -> float:
        return due + 3.0 if asked == STORM and next(stalls, False) else due

    clockwork = Clockwork(*LADDER, wakes_at=wakes_at)
    examination = clockwork.run()
    assert found(examination, STORM) == [Outcome.OK]
    times = [at for at, asked in clockwork.sent if asked == STORM]
    assert max(sum(at <= other < at + 0.1 for other in times) for at in times) <= 100


@pytest.mark.parametrize("is_lost_again", [False, True])
def test_silence_that_does_not_come_again_is_taken_back(is_lost_again: bool) -> None:
    """The load is put on anew to ask beside it: a limit would be met again."""

    def is_lost(_: float, asked: str) -> bool:
        return asked == STORM or (is_lost_again and asked == BESIDE)

    examination = Clockwork(*LADDER, BESIDE, is_lost=is_lost).run()
    outcomes = found(examination, STORM)
    assert (Outcome.SILENCE in outcomes) is is_lost_again
    assert (Outcome.OK in outcomes) is not is_lost_again
    assert not any(
        trial.probe.load is Load.DURING for trial in examination.trials if not is_lost_again
    )  # fmt: skip
