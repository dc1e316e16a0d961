"""In which words a limiter of this PBX refuses: its status is a setting, and may be any (facts K4).

Rules of this file: a word is a status with its phrase. One that names no refusal is a limiter's if a load
brought it while the same question at rest is answered, and never so. From then on it is that wherever it
comes, and that of questions as well that were never asked at rest. What the same question gets at rest as
well is its answer: a user who is absent gets his 480 at any rate.
"""

from __future__ import annotations

from dataclasses import replace

from shiftline.diagnosis.exchange import Exchange
from shiftline.diagnosis.outcome import NO_LIMITERS, REFUSED_OTHERWISE, Outcome
from shiftline.diagnosis.probe import Load
from shiftline.diagnosis.programme import PROGRAMME

_Question = tuple[str, str]
"""Method, and the user who is asked about."""
_Word = tuple[int, str]
_LEAST_STATUS = 400
TOO_MANY = 429
"""The status that says so (RFC 6585 section 4, and SIP servers that took it over)."""


class LimiterWords:
    """Learns from all that is answered, in the order of its coming."""

    def __init__(self) -> None:
        self._at_rest: dict[_Question, set[_Word]] = {}
        self._known: set[tuple[_Question, _Word]] = set()

    def outcome(self, exchange: Exchange, outcome: Outcome) -> Outcome:
        """Take in one answer, and say what it shows: ``outcome`` if it is no limiter's word."""
        if exchange.status is None:
            return outcome
        question, word = _asked_and_told(exchange)
        if not _is_of_a_load(exchange.probe):
            if (question, word) in self._known:
                return Outcome.LIMITED
            self._at_rest.setdefault(question, set()).add(word)
        elif word[0] >= _LEAST_STATUS and word[0] not in NO_LIMITERS | REFUSED_OTHERWISE:
            seen = self._at_rest.get(question, set())
            is_told_to_others = any(word == told for _, told in self._known)
            if word not in seen and (seen or is_told_to_others):
                self._known.add((question, word))
                return Outcome.LIMITED
        return outcome

    def in_plain_words(self, exchange: Exchange) -> Exchange:
        """The same with 429 in place of another status, if it was taken in and is a refusal of a limiter."""
        # A person may decline a call.
        is_otherwise = exchange.status in REFUSED_OTHERWISE and exchange.method != "INVITE"
        is_known = _asked_and_told(exchange) in self._known
        return replace(exchange, status=TOO_MANY) if is_otherwise or is_known else exchange


def _asked_and_told(exchange: Exchange) -> tuple[_Question, _Word]:
    return (exchange.method, exchange.user), (exchange.status or 0, exchange.reason)


def _is_of_a_load(name: str) -> bool:
    one = PROGRAMME.get(name)
    return one is not None and one.probe.load is not Load.SINGLE
