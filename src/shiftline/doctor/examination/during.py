"""Questions while a load is refused: what of the PBX does the limit count?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from shiftline.diagnosis.exchange import Place
from shiftline.diagnosis.experiment import Experiment, LoadPlan
from shiftline.diagnosis.outcome import Outcome
from shiftline.diagnosis.probe import Probe
from shiftline.doctor.examination.desk import Desk
from shiftline.doctor.examination.load import TRIPPED, LoadRun
from shiftline.doctor.examination.question import Question

DURING_SECONDS = 1.2
"""How long the answer is waited for, one repetition included: the load has to last as long."""
_SILENT_SECONDS, _PATIENCE = 0.25, 5.0
"""How long where refusals are silent, at least, and in times of the longest answer."""
_REFUSED_BEFORE = 2
"""So many refusals have to be seen before the question is asked."""
_KNOWN_BESIDE = 4
"""So many requests of the load have to have ended beside it, or..."""
_SENT_BESIDE = 16
"""...have left, where refusals are silent."""
_REFUSED_SHARE = 0.5
"""So much of the load has to be refused beside the question for it to count."""
_MOST_BESIDE = 300
"""So many requests of the load at most for each question, beyond those that trip it."""
_PASSES, _TRIES = 3, 5
"""A bucket lets some pass all the while, and a window may end just then: so often it has to pass, and so
often it is asked at most."""
_MOST_OF_A_QUESTION = 2 * _TRIES
"""Requests, with the answers to challenges."""


@dataclass(slots=True)
class Asked:
    """One experiment beside the load."""

    experiment: Experiment
    questions: list[Question] = field(default_factory=list)
    """The same, until enough of the load was refused beside it."""
    outcome: Outcome | None = None
    """None if the load was not refused meanwhile: then the answer tells nothing."""

    why_not_loaded: str = ""
    """Why the load tells nothing."""

    @property
    def why_not(self) -> str:
        """Why it tells nothing."""
        told = [one.why_not for one in self.questions] + [self.why_not_loaded]
        return next((one for one in told if one), "the load was not refused again")

    @property
    def requests(self) -> int:
        """What its questions cost, the load not counted."""
        return sum(one.requests for one in self.questions)

    @property
    def refused_credentials(self) -> int:
        """Of its account."""
        return sum(one.refused_credentials for one in self.questions)

    @property
    def heard(self) -> str:
        """In which words its outcome came, where that does not say."""
        return next((one.heard for one in self.questions if one.outcome is self.outcome), "")

    @property
    def places(self) -> tuple[Place, ...]:
        """Of the questions."""
        return tuple(place for one in self.questions for place in one.places)


class DuringRun:
    """Keeps a load up until it is refused, asks beside it, and ends the load with the last answer."""

    def __init__(
        self,
        desk: Desk,
        experiments: Sequence[Experiment],
        load: Probe,
        plan: LoadPlan,
        *,
        most: int,
        is_silent: bool,
    ) -> None:
        """``is_silent`` if the load was not answered when it was refused: then a repetition of the question
        would escape into the next window, and is not made. ``most`` requests in all at most.
        """
        self.is_over = False
        self._desk = desk
        self._is_silent = is_silent
        most = max(1, most - _MOST_OF_A_QUESTION * len(experiments))
        most = min(most, plan.requests + _MOST_BESIDE * len(experiments))
        self._load = LoadRun(desk, load, experiments[0].id, plan, most=most, keeps_up=True)
        self._all = [Asked(one) for one in experiments]
        self._turn = 0
        self._refusals_wanted: int | None = _REFUSED_BEFORE
        """With so many refusals the next question is asked; None while one stands."""

    @property
    def asked(self) -> list[Asked]:
        """What came to be asked; the first of all in any case."""
        return [one for number, one in enumerate(self._all) if one.questions or not number]

    @property
    def load_outcome(self) -> Outcome | None:
        """What the load met, if it was refused again."""
        return self._load.outcome if self._load.is_tripped else None

    @property
    def load_heard(self) -> str:
        """In which words it was refused, where that outcome does not say."""
        return self._load.heard

    @property
    def calm_outcome(self) -> Outcome | None:
        """What the load met if nothing was refused or lacking, as far as this machine could tell."""
        is_calm = not (self._load.is_tripped or self._load.is_late)
        return self._load.outcome if is_calm and self._load.outcome not in TRIPPED else None

    @property
    def load_requests(self) -> int:
        """What the load cost so far."""
        return self._load.requests

    @property
    def figures(self) -> dict[str, float]:
        """Of the load."""
        return self._load.figures

    def begin(self, now: float) -> None:
        """Put the load on."""
        self._load.begin(now)

    def next_timer(self) -> float | None:
        """When the load goes on."""
        return self._load.next_timer()

    def handle_timer(self, now: float) -> None:
        """Go on with the load; ask as soon as it is refused, and end it some requests after the answer."""
        load, standing = self._load, self._standing
        load.handle_timer(now)
        if not load.is_over and standing and standing.is_over:
            self._look_beside(standing)
        wanted = self._refusals_wanted
        if not load.is_over and wanted is not None and load.refused >= wanted:
            self._ask(now)
        if load.is_over and (not self._standing or self._standing.is_over):
            self._end()

    @property
    def _standing(self) -> Question | None:
        questions = self._all[self._turn].questions
        return questions[-1] if questions else None

    def _ask(self, now: float) -> None:
        self._refusals_wanted = None
        silence = max(_SILENT_SECONDS, _PATIENCE * self._load.longest_answer)
        turn = self._all[self._turn]
        question = Question(
            self._desk,
            turn.experiment.probe,
            turn.experiment.id,
            timeout_seconds=silence if self._is_silent else DURING_SECONDS,
            repeats=not self._is_silent,
        )
        turn.questions.append(question)
        question.begin(now)

    def _look_beside(self, question: Question) -> None:
        """Enough was refused beside it: go on. Hardly anything was: ask again when there is a refusal."""
        known, sent = self._load.known_since(question.began), self._load.sent_since(question.began)
        if self._refusals_wanted is not None or (known < _KNOWN_BESIDE and sent < _SENT_BESIDE):
            return
        passed = known >= _KNOWN_BESIDE and self._load.refused_since(question.began) < _REFUSED_SHARE
        # What is not answered is not known to be refused before it is given up: silence goes on.
        more = 0 if self._is_silent and not passed else _REFUSED_BEFORE
        if not self._is_settled(self._all[self._turn].questions):
            self._refusals_wanted = self._load.refused + more
        elif self._turn + 1 < len(self._all):
            self._turn += 1
            self._refusals_wanted = self._load.refused + more
        else:
            self._load.stop()

    def _is_settled(self, questions: Sequence[Question]) -> bool:
        """Whether it was asked often enough: of what a limit counts, some passes."""
        refused = sum(one.outcome in TRIPPED for one in questions)
        passed = len(questions) - refused if self._is_silent else sum(map(self._passed, questions))
        return refused >= self._refusals_needed or passed >= _PASSES or len(questions) >= _TRIES

    def _passed(self, question: Question) -> bool:
        """Whether it passed while the load was refused: else that tells nothing."""
        is_beside = self._load.refused_since(question.began, most=_SENT_BESIDE) >= _REFUSED_SHARE
        return is_beside and question.outcome not in {None, *TRIPPED}

    @property
    def _refusals_needed(self) -> int:
        """A datagram may be lost; what says that it refuses does not lie."""
        return 2 if self._is_silent else 1

    def _end(self) -> None:
        self.is_over = True
        for one in self._all:
            one.why_not_loaded = self._load.why_not
            refused = [question.outcome for question in one.questions if question.outcome in TRIPPED]
            passed = [question.outcome for question in one.questions if self._passed(question)]
            if len(refused) >= self._refusals_needed or not passed:
                one.outcome = refused[0] if refused else None
            else:
                one.outcome = passed[0]
