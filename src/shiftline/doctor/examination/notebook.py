"""What an examination found out by now: trials, marks, what was done, and what a refused load leaves behind.

Rules of this file: what could not be asked as it should is done, but no fact. What a load alone did not show
when it came again is taken back. Times are seconds of the driver's clock.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from shiftline.diagnosis.by_turns import (
    BY_TURNS,
    FAILING_BY_TURNS,
    FAILING_IN_LOADS,
    TOLD_APART,
    whichever_was_refused,
)
from shiftline.diagnosis.evidence import Evidence, Mark, Trial
from shiftline.diagnosis.experiment import Done, Experiment
from shiftline.diagnosis.outcome import Outcome
from shiftline.diagnosis.partners import without_refused_at_rest
from shiftline.diagnosis.probe import Load
from shiftline.doctor.examination.desk import Desk
from shiftline.doctor.examination.during import Asked, DuringRun
from shiftline.doctor.examination.failures import as_failures, failures_mark
from shiftline.doctor.examination.limits import limits_noticed
from shiftline.doctor.examination.load import TRIPPED, LoadRun
from shiftline.doctor.examination.load_habits import faster_passed, refused_alone
from shiftline.doctor.examination.noticing import notice_habits
from shiftline.doctor.examination.own_pace import OwnPace
from shiftline.doctor.examination.presence import Presence
from shiftline.doctor.examination.question import Question
from shiftline.doctor.examination.turns import turns_mark

REST_SECONDS = 12.0
"""After a load that was refused: limiters count in windows of up to ten seconds."""
CALM_SECONDS = 3.0
"""After a load that was not."""
_CANARIES = {"users": "p8.pause.user", "options": "p8.pause", "register": "p8.pause.login"}

Running = Question | LoadRun | DuringRun


@dataclass(frozen=True, slots=True)
class Ourselves:
    """What is ours in an exchange: the account, and the addresses that we say we have."""

    account: str
    hosts: frozenset[str]


class Notebook:
    """Takes in each experiment when it has ended. Read it at any time."""

    def __init__(self, desk: Desk, presence: Presence, ours: Ourselves) -> None:
        self.trials: list[Trial] = []
        self.done: list[Done] = []
        self.tripped: Experiment | None = None
        """The last load that was refused, and not taken back."""
        self.canary = ""
        """What is to be asked before all else, to know whether a refused load banned us."""
        self.rests_until = 0.0
        """No load before that, and no single question, unless it belongs to a load."""
        self._desk, self._presence, self._ours = desk, presence, ours
        self._turns: Mark | None = None
        self._habits: tuple[Mark, ...] = ()
        self._of_loads: tuple[Mark, ...] = ()
        self._pace = OwnPace()
        self._from_the_first: list[tuple[float, Mark]] = []
        """When those loads began, and what is to be said if they began at rest."""

    @property
    def evidence(self) -> Evidence:
        """All of it that belief rests on."""
        trials = without_refused_at_rest(self._pace.as_asked(self.trials))
        if self._turns is not None and self._turns.kind == BY_TURNS:
            trials = whichever_was_refused(trials)
        if self._turns is not None and self._turns.kind in (FAILING_BY_TURNS, FAILING_IN_LOADS):
            trials = as_failures(trials)
        return Evidence(trials=trials, marks=self.marks)

    @property
    def marks(self) -> tuple[Mark, ...]:
        """What was noticed beside the outcomes."""
        exchanges = self._desk.exchanges
        at_rest = [mark for at, mark in self._from_the_first if self._pace.is_after_a_rest(at, exchanges)]
        turns = () if self._turns is None else (self._turns,)
        return (*self._desk.marks, *at_rest[:1], *turns, *self._habits, *self._of_loads)

    def take(self, one: Experiment, ended: Running, now: float) -> None:
        """Write down how an experiment ended."""
        before = len(self.trials)
        if isinstance(ended, DuringRun):
            self._take_during(ended, now)
        else:
            self._note(one, ended, now, requests=ended.requests, figures=ended.figures)
        if isinstance(ended, LoadRun):
            self._rest_after(one, ended, now)
        elif isinstance(ended, Question):
            self._presence.take(one, ended.outcome, before)
            if self._presence.is_gone:
                # What it answered while it ran tells nothing of why it does not answer now.
                self.trials = self.trials[self._presence.since :]
        is_of_loads = not isinstance(ended, Question) or one.probe.load is Load.AFTER_PAUSE
        self._look_again(is_of_loads=is_of_loads)

    def _look_again(self, *, is_of_loads: bool) -> None:
        """What all of it shows together, now that there is more of it."""
        exchanges = self._desk.in_plain_words
        self._pace.look(exchanges)
        self._turns = turns_mark(self._desk.exchanges, may_be_a_limit=self._pace.may_be_a_limit)
        if self._turns is None or self._turns.kind == TOLD_APART:
            self._turns = failures_mark(self._desk.exchanges) or self._turns
        if is_of_loads:
            found = (faster_passed(self.trials, exchanges), refused_alone(exchanges))
            limits = limits_noticed(self.trials, exchanges)
            self._of_loads = (*limits, *(mark for mark in found if mark is not None))
        self._habits = notice_habits(self.trials, self._desk.exchanges, self._ours.account, self._ours.hosts)

    def _note(
        self,
        one: Experiment,
        ended: Question | LoadRun | Asked,
        now: float,
        *,
        requests: int,
        figures: Mapping[str, float],
    ) -> None:
        """Make a fact of it. What could not be asked as it should is no fact, but done."""
        if ended.outcome is not None:
            trial = Trial(
                probe=one.probe,
                outcome=ended.outcome,
                carried=self._has_carried(one),
                experiment=one.id,
                places=ended.places,
                figures=figures,
                heard=ended.heard,
            )
            self.trials.append(trial)
        self.done.append(
            Done(
                experiment=one.id,
                at=now,
                outcome=ended.outcome,
                why_not="" if ended.outcome is not None else ended.why_not,
                requests=requests,
                refused_credentials=ended.refused_credentials,
                account=one.probe.account,
                places=ended.places,
                heard=ended.heard,
            )
        )

    def _has_carried(self, one: Experiment) -> bool:
        """Whether a request of it went out with credentials."""
        method = one.probe.method.partition("-")[0]
        return any(
            sent.carried is not None
            for sent in self._desk.exchanges
            if sent.probe == one.id and sent.method == method
        )

    def _take_during(self, ended: DuringRun, now: float) -> None:
        """All that was asked under one load, whose price stands with the first of them."""
        load = ended.load_requests
        for one in ended.asked:
            self._note(one.experiment, one, now, requests=load + one.requests, figures=ended.figures)
            load = 0
        self.rests_until = now + REST_SECONDS
        tripped = self.tripped
        if tripped is None:
            return
        if ended.load_outcome in TRIPPED:
            again = Trial(
                probe=tripped.probe, outcome=ended.load_outcome, experiment=tripped.id, heard=ended.load_heard
            )
            self.trials.append(again)
        elif ended.calm_outcome is not None:
            self._take_silence_back(tripped, ended.load_requests, ended.calm_outcome)

    def _take_silence_back(self, load: Experiment, again: int, outcome: Outcome) -> None:
        """What is lacking under a load once, and not when it comes again, was lost on the way, or by us."""
        lost = [one for one in self.trials if one.experiment == load.id and one.outcome is Outcome.SILENCE]
        first = max((past.requests for past in self.done if past.experiment == load.id), default=0)
        if lost and again >= first:
            self.trials = [one for one in self.trials if one not in lost]
            self.trials.append(Trial(probe=load.probe, outcome=outcome, experiment=load.id))
            self.tripped = None

    def _rest_after(self, one: Experiment, ended: LoadRun, now: float) -> None:
        outcome = ended.outcome
        is_refused = outcome in TRIPPED
        if ended.is_refused_from_the_first:
            mark = Mark(kind="traffic.refused-from-the-first", text=one.name, places=ended.places[:2])
            self._from_the_first.append((ended.began, mark))
        self.rests_until = now + (REST_SECONDS if is_refused else CALM_SECONDS)
        if is_refused:
            self.tripped = one
            self.canary = next((canary for kind, canary in _CANARIES.items() if kind in one.id), "")
