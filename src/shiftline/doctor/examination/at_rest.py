"""What is said of a user at rest, so that a load about him shows what is said otherwise.

An absent user gets 480 or 404 at any rate: that is his answer, and no refusal. A limiter may say 480 as well,
in its own words. Of another user nobody knows the answer; but the words of the refusal are known.
"""

from __future__ import annotations

from shiftline.diagnosis.outcome import NO_LIMITERS, REFUSALS, REFUSED_OTHERWISE, Outcome
from shiftline.diagnosis.probe import Aim, Credentials, Probe
from shiftline.sip.message import Response

REFUSED_AT_REST = "a question about a user is refused at rest, so a load of them would tell nothing"
_CHALLENGED = frozenset({Outcome.CHALLENGE})
_ANSWERS = frozenset({Outcome.OK, Outcome.NOT_FOUND, Outcome.UNAVAILABLE_NOW, Outcome.BUSY})
"""What a PBX says of users (RFC 3261 section 11.2)."""
_AIMS = (Aim.USER, Aim.OTHER_USER)


class AtRest:
    """Learns the answer once, and compares."""

    def __init__(self) -> None:
        self._usual: dict[bool, tuple[int, str]] = {}
        """By whether a login was to be sent."""
        self._refusals: set[tuple[int, str]] = set()

    def is_known(self, probe: Probe) -> bool:
        """Whether the answer at rest was learned; of what asks about no such user, none is needed."""
        return probe.aim not in _AIMS or _logs_in(probe) in self._usual

    def learn(self, probe: Probe, outcome: Outcome | None, response: Response | None) -> None:
        """Take in the answer to a single question, unless that is a refusal."""
        is_answer = outcome in (_ANSWERS if _logs_in(probe) else _ANSWERS | _CHALLENGED)
        if probe.aim is Aim.USER and response is not None and is_answer:
            self._usual.setdefault(_logs_in(probe), _words(response))

    def compare(self, probe: Probe, outcome: Outcome, response: Response | None) -> Outcome:
        """`Outcome.OK` if it is the answer at rest; else what it is."""
        if response is None or probe.aim not in _AIMS:
            return outcome
        words, usual = _words(response), self._usual.get(_logs_in(probe))
        if probe.aim is Aim.OTHER_USER or usual is None:
            is_answer = outcome in (_ANSWERS if _logs_in(probe) else _ANSWERS | _CHALLENGED)
            return Outcome.OK if is_answer and words not in self._refusals else outcome
        if words == usual:
            return Outcome.OK
        if outcome not in REFUSALS:
            return outcome
        self._refusals.add(words)
        return outcome if response.status in NO_LIMITERS | REFUSED_OTHERWISE else Outcome.LIMITED


def _logs_in(probe: Probe) -> bool:
    return probe.credentials is not Credentials.NONE


def _words(response: Response) -> tuple[int, str]:
    return response.status, response.reason
