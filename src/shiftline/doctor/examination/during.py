"""A question while a load is refused: what of the PBX does the limit count?"""

from __future__ import annotations

from shiftline.diagnosis.exchange import Place
from shiftline.diagnosis.experiment import LoadPlan
from shiftline.diagnosis.outcome import Outcome
from shiftline.diagnosis.probe import Probe
from shiftline.doctor.examination.desk import Desk
from shiftline.doctor.examination.load import LoadRun
from shiftline.doctor.examination.question import Question

DURING_SECONDS = 1.2
"""How long the answer is waited for, one repetition included: the load has to last as long."""
_SILENT_SECONDS, _PATIENCE = 0.25, 5.0
"""How long where refusals are silent, at least, and in times of the longest usual answer."""
_REFUSED_BEFORE = 2
"""So many refusals have to be seen before the question is asked."""
_KNOWN_BESIDE = 4
"""So many requests of the load have to have ended beside it, or..."""
_SENT_BESIDE = 16
"""...have left, where refusals are silent."""
_REFUSED_SHARE = 0.5
"""So much of the load has to be refused beside the question for it to count."""
_TRIES = 3
"""A window may end just then; so often it is asked again."""


class DuringRun:
    """Keeps a load up until it is refused, asks beside it, and ends the load with the answer.

    ``outcome`` is None if the load was not refused meanwhile: then the answer tells nothing.
    """

    def __init__(
        self,
        desk: Desk,
        probe: Probe,
        experiment: str,
        load: Probe,
        plan: LoadPlan,
        *,
        most: int,
        is_silent: bool,
    ) -> None:
        """``is_silent`` if the load was not answered when it was refused: then a repetition of the question
        would escape into the next window, and is not made.
        """
        self.outcome: Outcome | None = None
        self.is_over = False
        self.began = 0.0
        self._desk = desk
        self._probe = probe
        self._experiment = experiment
        self._is_silent = is_silent
        self._load = LoadRun(desk, load, experiment, plan, most=most, keeps_up=True)
        self._questions: list[Question] = []
        self._refusals_wanted: int | None = _REFUSED_BEFORE
        """With so many refusals the next question is asked; None while one stands."""

    @property
    def load_outcome(self) -> Outcome | None:
        """What the load met, if it was refused again."""
        return self._load.outcome if self._load.is_tripped else None

    @property
    def requests(self) -> int:
        """What it cost so far."""
        return self._load.requests + sum(one.requests for one in self._questions)

    @property
    def refused_credentials(self) -> int:
        """Of the question's account."""
        return sum(one.refused_credentials for one in self._questions)

    @property
    def places(self) -> tuple[Place, ...]:
        """Of the questions."""
        return tuple(place for one in self._questions for place in one.places)

    @property
    def figures(self) -> dict[str, float]:
        """Of the load."""
        return self._load.figures

    def begin(self, now: float) -> None:
        """Put the load on."""
        self.began = now
        self._load.begin(now)

    def next_timer(self) -> float | None:
        """When the load goes on."""
        return self._load.next_timer()

    def handle_timer(self, now: float) -> None:
        """Go on with the load; ask as soon as it is refused, and end it some requests after the answer."""
        load = self._load
        load.handle_timer(now)
        if not load.is_over and self._questions and self._questions[-1].is_over:
            self._look_beside(self._questions[-1])
        wanted = self._refusals_wanted
        if not load.is_over and wanted is not None and load.refused >= wanted:
            self._ask(now)
        if load.is_over and (not self._questions or self._questions[-1].is_over):
            self._end()

    def _ask(self, now: float) -> None:
        self._refusals_wanted = None
        silence = max(_SILENT_SECONDS, _PATIENCE * self._desk.longest_answer)
        question = Question(
            self._desk,
            self._probe,
            self._experiment,
            timeout_seconds=silence if self._is_silent else DURING_SECONDS,
            repeats=not self._is_silent,
        )
        self._questions.append(question)
        question.begin(now)

    def _look_beside(self, question: Question) -> None:
        """Enough was refused beside it: end. Hardly anything was: ask again when there is a refusal."""
        known, sent = self._load.known_since(question.began), self._load.sent_since(question.began)
        if known < _KNOWN_BESIDE and sent < _SENT_BESIDE:
            return
        passed = known >= _KNOWN_BESIDE and self._load.refused_since(question.began) < _REFUSED_SHARE
        if passed and len(self._questions) < _TRIES:
            if self._refusals_wanted is None:
                self._refusals_wanted = self._load.refused + _REFUSED_BEFORE
        else:
            self._load.stop()

    def _end(self) -> None:
        self.is_over = True
        for question in self._questions:
            if self._load.refused_since(question.began, most=_SENT_BESIDE) >= _REFUSED_SHARE:
                self.outcome = question.outcome
