"""The examination: asks what tells most, takes in what came back, and ends with a diagnosis.

Rules of this file: one experiment at a time, and a pause between two. After a load was refused, first a
canary: nothing else is sent before it is known whether we are banned. Nothing is sent that the ledger or
the budget forbids, whatever is proposed. Times are seconds of the driver's clock.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace

from shiftline.diagnosis.belief import Belief, believe
from shiftline.diagnosis.choose import next_experiment
from shiftline.diagnosis.conclude import conclude
from shiftline.diagnosis.evidence import Mark, Trial
from shiftline.diagnosis.exchange import Exchange
from shiftline.diagnosis.experiment import (
    Done,
    Experiment,
    LoadPlan,
    Means,
    Permission,
    Proposal,
    Stop,
    StopReason,
)
from shiftline.diagnosis.finding import Diagnosis
from shiftline.diagnosis.loads import STORM
from shiftline.diagnosis.outcome import Outcome
from shiftline.diagnosis.probe import Account, Load, Source
from shiftline.diagnosis.programme import PROGRAMME, programme_of
from shiftline.diagnosis.stopping import spent_means
from shiftline.doctor.examination.case import Case
from shiftline.doctor.examination.desk import Desk
from shiftline.doctor.examination.during import DuringRun
from shiftline.doctor.examination.ledger import Ledger, SharedLogins
from shiftline.doctor.examination.load import LoadRun
from shiftline.doctor.examination.notebook import Notebook, Ourselves, Running
from shiftline.doctor.examination.presence import Presence
from shiftline.doctor.examination.question import QUESTION_SECONDS, Question
from shiftline.doctor.examination.requests import ContactOf, Writer
from shiftline.doctor.examination.sending import Answer, Sending, Way
from shiftline.errors import MisuseError

DEFAULT_BUDGET = 3200
PAUSE_SECONDS = 1.0
"""Between two questions: singles are at most one a second or so."""
UNDER_WAY_SECONDS = QUESTION_SECONDS + 1.0
"""A login that another run took is refused by then, or given back."""
BESIDE = 2.5
"""A load that is asked beside is so much faster than what was refused: then more than half of it is refused,
wherever the limit lies. It is never faster than the ladder's last rung."""
_CUT_SHORT = frozenset({StopReason.BANNED, StopReason.BUDGET, StopReason.GONE})
"""Ends at which questions were left that would have told."""
_GONE = "It stopped answering while it was asked, whoever asks. Look whether it runs, then ask again."


def _kept_up(plan: LoadPlan) -> LoadPlan:
    """The load to ask beside: of one that only just met its limit too little would be refused."""
    return replace(plan, rate=max(plan.rate, min(BESIDE * plan.rate, STORM.rate)))


Choose = Callable[["Examination", float], Proposal | Stop]
"""Says what to ask next, or why nothing."""


def most_telling(examination: Examination, now: float) -> Proposal | Stop:
    """What tells most for its risk and price (`diagnosis.choose`)."""
    return next_experiment(
        examination.belief,
        examination.permission,
        (*examination.done_before, *examination.done),
        budget=examination.budget - examination.requests_sent,
        now=now,
    )


class Examination:
    """One examination of one case. Feed it as the package says; read it at any time."""

    def __init__(  # noqa: PLR0913 - each is a part of its own, given once
        self,
        case: Case,
        permission: Permission,
        *,
        token: Callable[[], str],
        contact_of: ContactOf,
        budget: int = DEFAULT_BUDGET,
        pause_seconds: float = PAUSE_SECONDS,
        choose: Choose = most_telling,
        refused_before: Mapping[Account, Sequence[float]] | None = None,
        logins: SharedLogins | None = None,
    ) -> None:
        """``permission.means`` is what the case has, whatever it says there.

        ``refused_before`` is when earlier runs had logins refused, on the driver's clock; ``logins`` knows of
        those that run at the same time.
        """
        self._next = choose
        self._case = case
        self._permission = replace(permission, means=case.means)
        self.budget = budget
        self._belief: Belief | None = None
        self.proposal: Proposal | None = None
        """What is being done, or waits for its time."""
        self.stop: Stop | None = None
        writer = Writer(case=case, token=token, contact_of=contact_of, nobody=f"nobody{token()[:8]}")
        self._desk = Desk(case, writer, Ledger(refused_before, logins))
        self._before = tuple(_earlier(refused_before or {}))
        self.done_before = self._before
        """What the choice has to know of earlier runs, and of those at the same time."""
        self._presence = Presence(has_second_source=case.has_second_source)
        self._notebook = Notebook(self._desk, self._presence, _ourselves(case, contact_of))
        self._pause_seconds = pause_seconds
        self._running: Running | None = None
        self._starts_at: float | None = None

    @property
    def permission(self) -> Permission:
        """What is allowed, with all that there is to ask with by now: a realm may be a domain."""
        if Means.OTHER_HOST in self._permission.means or not self._case.other_hosts(self._desk.realms):
            return self._permission
        return replace(self._permission, means=self._permission.means | {Means.OTHER_HOST})

    @property
    def is_over(self) -> bool:
        """Whether there is nothing more to ask, and nothing under way."""
        return self.stop is not None

    @property
    def belief(self) -> Belief:
        """What is believed by now; worked out when it is asked for."""
        if self._belief is None:
            self._belief = believe(self._notebook.evidence)
        return self._belief

    @property
    def requests_sent(self) -> int:
        """So far, repetitions by the transport not counted."""
        return self._desk.requests

    @property
    def refused_logins(self) -> Sequence[tuple[Account, float]]:
        """Whose login was refused in this run, and when, in this order."""
        return self._desk.ledger.refusals

    @property
    def exchanges(self) -> list[Exchange]:
        """All that was asked and answered, in the order of ending."""
        return self._desk.exchanges

    @property
    def words_at_rest(self) -> frozenset[tuple[int, str]]:
        """Status and phrase of what was answered at rest, which is no refusal where it speaks of a user."""
        return self._desk.at_rest.words

    @property
    def done(self) -> Sequence[Done]:
        """What was asked, and what could not be, in the order of ending."""
        return self._notebook.done

    @property
    def trials(self) -> tuple[Trial, ...]:
        """What the experiments showed, in their order."""
        return tuple(self._notebook.trials)

    @property
    def marks(self) -> tuple[Mark, ...]:
        """What was noticed beside the outcomes."""
        return self._notebook.marks

    def begin(self, now: float) -> None:
        """Choose the first question, due at once: that takes a second, and what leaves then is of later."""
        self._choose(now)

    def sendings(self) -> list[Sending]:
        """Hand over what is to leave now."""
        return self._desk.sendings()

    def answered(self, key: int, answer: Answer, now: float) -> None:
        """Take in how a request ended."""
        self._desk.answered(key, answer, now)
        self._go_on(now)

    def next_timer(self) -> float | None:
        """When to call `handle_timer`; None while answers are waited for, or all is over."""
        if self._running is not None:
            return self._running.next_timer()
        return self._starts_at

    def handle_timer(self, now: float) -> None:
        """Begin what is due, and go on with a load."""
        if self._running is None and self._starts_at is not None and self._starts_at <= now:
            self._begin_next(now)
        self._go_on(now)

    def diagnosis(self) -> Diagnosis:
        """What is known by now."""
        spent = spent_means(self.done_before, self.trials, self.permission.means)
        return conclude(
            [self.belief],
            self.permission.without(spent),
            requests_sent=self.requests_sent,
            is_over=self.stop is not None and self.stop.reason not in _CUT_SHORT,
        )

    # One experiment after the other

    def _with_others(self, now: float) -> tuple[Done, ...]:
        return (*self._before, *_earlier(self._desk.ledger.elsewhere(now)))

    def _may_be_given_back(self, now: float) -> bool:
        """Whether a login of another run is young enough to be under way still."""
        others = self.done_before[len(self._before) :]
        return any(now - past.at < UNDER_WAY_SECONDS for past in others)

    def _was_taken(self, one: Experiment, now: float) -> bool:
        """Whether others took a login while we paused before a question that wants one."""
        is_login = one.credentialed > 0 and one.probe.load is Load.SINGLE
        return is_login and len(self._with_others(now)) > len(self.done_before)

    def _choose(self, now: float) -> None:
        self.done_before = self._with_others(now)
        step = self._canary_step(now) or self._presence_step(now) or self._next(self, now)
        if isinstance(step, Stop):
            self.proposal = None
            if step.reason is StopReason.CREDENTIALS_SPENT and self._may_be_given_back(now):
                self._starts_at = now + self._pause_seconds
            else:
                self._starts_at, self.stop = None, step
            return
        self.proposal = step = self._as_asked(step)
        pause = self._pause_seconds if self.done else 0.0
        rest = self._notebook.rests_until if step.experiment.probe.load is not Load.DURING else 0.0
        self._starts_at = max(step.not_before, now + pause, rest)

    def _as_asked(self, proposal: Proposal) -> Proposal:
        """With the probe that will leave: what cannot be changed is not believed to have been."""
        one = proposal.experiment
        probe = programme_of(self.permission.means)[one.id].probe
        return proposal if probe == one.probe else replace(proposal, experiment=replace(one, probe=probe))

    def _canary_step(self, now: float) -> Proposal | None:
        """After a refused load: is it over with the rate?"""
        canary = PROGRAMME.get(self._notebook.canary)
        self._notebook.canary = ""
        if canary is None or not self.permission.permits(canary):
            return None
        if any(past.experiment == canary.id for past in self.done):
            return None
        why = f"{canary.reads}: nothing else is sent before that is known"
        return Proposal(
            experiment=canary, why=why, bits=0.0, not_before=now + canary.wait_seconds, expected={}
        )

    def _presence_step(self, now: float) -> Proposal | Stop | None:
        """After silence: is it there at all?"""
        if self._presence.is_gone:
            return Stop(reason=StopReason.GONE, sentence=_GONE)
        one = self._presence.question
        if one is None:
            return None
        why = f"{one.reads}: it did not answer, though it had before"
        return Proposal(experiment=one, why=why, bits=0.0, not_before=now, expected={})

    def _begin_next(self, now: float) -> None:
        self._starts_at = None
        if self.proposal is None or self._was_taken(self.proposal.experiment, now):
            self._choose(now)
            return
        self._running = self._make(self.proposal)
        self._running.begin(now)

    def _make(self, proposal: Proposal) -> Running:
        one = proposal.experiment
        left = max(1, self.budget - self.requests_sent)
        if one.probe.load is Load.DURING:
            return self._make_during((one, *proposal.beside), left)
        if one.plan is not None:
            return LoadRun(self._desk, one.probe, one.id, one.plan, most=left)
        return Question(self._desk, one.probe, one.id)

    def _make_during(self, experiments: Sequence[Experiment], left: int) -> DuringRun:
        load = self._notebook.tripped
        if load is None or load.plan is None:
            raise MisuseError(f"{experiments[0].id} asks beside a load, and none was refused.")
        outcome = next(past.outcome for past in reversed(self.done) if past.experiment == load.id)
        return DuringRun(
            self._desk,
            experiments,
            load.probe,
            _kept_up(load.plan),
            most=left,
            is_silent=outcome is Outcome.SILENCE,
        )

    def _go_on(self, now: float) -> None:
        running = self._running
        if running is None:
            return
        running.handle_timer(now)
        if running.is_over and self.proposal is not None:
            self._running = None
            self._notebook.take(self.proposal.experiment, running, now)
            self._belief = None
            self._choose(now)


def _ourselves(case: Case, contact_of: ContactOf) -> Ourselves:
    ways = (Way(source=one) for one in Source if one is Source.OWN or case.has_second_source)
    return Ourselves(
        account=case.account.username if case.account else "",
        hosts=frozenset({case.other_address, *(contact_of(way).host for way in ways)}),
    )


def _earlier(refused: Mapping[Account, Sequence[float]]) -> Iterator[Done]:
    for account, times in refused.items():
        for at in times:
            yield Done(experiment="", at=at, outcome=None, requests=0, refused_credentials=1, account=account)
