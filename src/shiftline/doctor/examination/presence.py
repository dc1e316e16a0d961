"""Whether the server is still there: one that stops in mid run is no list and no ban of ours.

Rules of this file: silence to a single question, after answers, is followed by the plainest question that was
answered, once; if that is not answered either, by the same from the second source. Only then is the server
taken for gone.
"""

from __future__ import annotations

from shiftline.diagnosis.experiment import Experiment
from shiftline.diagnosis.outcome import Outcome
from shiftline.diagnosis.probe import Load, Path, Source
from shiftline.diagnosis.programme import PROGRAMME

UNANSWERED = frozenset({Outcome.SILENCE, Outcome.ICMP, Outcome.CONNECTION_REFUSED})
_PLAIN = {
    PROGRAMME["p0.options"]: PROGRAMME["p1.source"],
    PROGRAMME["p2.challenge"]: PROGRAMME["p2.source"],
}
"""The plainest questions, each with the same from the second source. What never had an answer, as OPTIONS
behind a firewall that drops them, cannot show that nobody is there."""
_MOST = 3
"""So often in a run it is looked whether the server is there: each time is one request more."""


class Presence:
    """Follows the answers of one examination."""

    def __init__(self, *, has_second_source: bool) -> None:
        self.is_gone = False
        """Whether it answered, and then nothing more, whoever asked."""
        self.since: int | None = None
        """How many trials there were before the first that was not answered."""
        self._has_second_source = has_second_source
        self._answered: set[Experiment] = set()
        self._looks = 0
        self._next: Experiment | None = None

    @property
    def question(self) -> Experiment | None:
        """What is to be asked before all else."""
        return self._next

    def take(self, one: Experiment, outcome: Outcome | None, trials_before: int) -> None:
        """Take in what came of an experiment."""
        asked, self._next = self._next, None
        probe = one.probe
        if outcome is None or probe.load is not Load.SINGLE or probe.path is not Path.USUAL:
            return
        if asked is one:
            self._looked(one, outcome)
        elif probe.source is Source.OWN and outcome in UNANSWERED:
            self._missed(trials_before)
        elif outcome not in UNANSWERED:
            self._answered.add(one)

    def _missed(self, trials_before: int) -> None:
        plain = next((one for one in _PLAIN if one in self._answered), None)
        if plain is not None and self._looks < _MOST:
            self._looks += 1
            self.since = trials_before
            self._next = plain

    def _looked(self, one: Experiment, outcome: Outcome) -> None:
        if outcome not in UNANSWERED:
            self.since = None
        elif one in _PLAIN and self._has_second_source:
            self._next = _PLAIN[one]
        else:
            # A ban looks the same from its own address, ICMP included: that is how fail2ban rejects.
            self.is_gone = one not in _PLAIN
