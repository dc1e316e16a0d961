"""What is said at rest, so that a load shows what is said otherwise: in which words a limiter refuses.

Rules of this file: a word is a status with its phrase. A limiter's status is a setting, and may be any
(facts K4): one that names no refusal is a limiter's if a load brought it while the same question at rest is
answered, and never so. From then on it is that wherever it comes, and that of questions as well that were
never asked at rest. What the same question gets at rest as well is its answer: a user who is absent gets his
480 at any rate, and a limiter may say 480 as well, in its own words.
"""

from __future__ import annotations

from dataclasses import replace

from shiftline.diagnosis.exchange import Exchange
from shiftline.diagnosis.outcome import (
    LIMITER_STATUSES,
    NO_LIMITERS,
    REFUSALS,
    REFUSED_OTHERWISE,
    Outcome,
)
from shiftline.diagnosis.probe import Aim, Credentials, Load, Probe
from shiftline.diagnosis.programme import PROGRAMME

REFUSED_AT_REST = "a question about a user is refused at rest, so a load of them would tell nothing"
TOO_MANY = 429
"""The status that says so (RFC 6585 section 4, and SIP servers that took it over)."""
_Question = tuple[str, str]
"""Method, and the user who is asked about."""
_Word = tuple[int, str]
_LEAST_STATUS = 400
_CHALLENGED = frozenset({Outcome.CHALLENGE})
_ANSWERS = frozenset(
    {Outcome.OK, Outcome.NOT_FOUND, Outcome.REDIRECTED, Outcome.UNAVAILABLE_NOW, Outcome.BUSY}
)
"""What a PBX says of users (RFC 3261 section 11.2), a redirection to another phone of theirs among it."""
_AIMS = (Aim.USER, Aim.OTHER_USER)


class AtRest:
    """Learns from all that is answered, in the order of its coming, and compares."""

    def __init__(self) -> None:
        self._said: dict[_Question, set[_Word]] = {}
        self._usual: dict[bool, _Word] = {}
        """Of the user about whom loads ask, by whether a login was to be sent."""
        self._limiters: set[tuple[_Question, _Word]] = set()

    def outcome(self, exchange: Exchange, outcome: Outcome) -> Outcome:
        """Take in one answer, and say what it shows: ``outcome`` if it is no limiter's word."""
        if exchange.status is None:
            return outcome
        question, word = _asked_and_told(exchange)
        if not _is_of_a_load(exchange.probe):
            if (question, word) in self._limiters:
                return Outcome.LIMITED
            self._said.setdefault(question, set()).add(word)
        elif word[0] >= _LEAST_STATUS and word[0] not in NO_LIMITERS | REFUSED_OTHERWISE:
            said = self._said.get(question, set())
            if word not in said and (_has_answer(said, exchange) or self._is_a_limiters(word)):
                self._limiters.add((question, word))
                return Outcome.LIMITED
        return outcome

    def in_plain_words(self, exchange: Exchange) -> Exchange:
        """The same with 429 in place of another status, if it was taken in and is a refusal of a limiter."""
        # A person may decline a call.
        is_otherwise = exchange.status in REFUSED_OTHERWISE and exchange.method != "INVITE"
        is_known = _asked_and_told(exchange) in self._limiters
        return replace(exchange, status=TOO_MANY) if is_otherwise or is_known else exchange

    def is_known(self, probe: Probe) -> bool:
        """Whether the answer at rest was learned; of what asks about no such user, none is needed."""
        return probe.aim not in _AIMS or _logs_in(probe) in self._usual

    def learn(self, probe: Probe, outcome: Outcome, exchange: Exchange) -> None:
        """Take in the answer to the single question ahead of a load, unless that is a refusal."""
        if probe.aim is Aim.USER and exchange.status is not None and _is_answer(probe, outcome):
            question, word = _asked_and_told(exchange)
            self._usual.setdefault(_logs_in(probe), word)
            self._said.setdefault(question, set()).add(word)

    def compare(self, probe: Probe, outcome: Outcome, exchange: Exchange) -> Outcome:
        """`Outcome.OK` if it is the answer about a user at rest; else what it is.

        Of another user nobody knows the answer; but the words of the refusal are known.
        """
        if exchange.status is None or probe.aim not in _AIMS:
            return outcome
        question, word = _asked_and_told(exchange)
        usual = self._usual.get(_logs_in(probe))
        if probe.aim is Aim.OTHER_USER or usual is None:
            is_answer = _is_answer(probe, outcome) and not self._is_a_limiters(word)
            return Outcome.OK if is_answer else outcome
        if word == usual:
            return Outcome.OK
        if outcome not in REFUSALS or exchange.status in NO_LIMITERS | REFUSED_OTHERWISE:
            return outcome
        self._limiters.add((question, word))
        return Outcome.LIMITED

    @property
    def words(self) -> frozenset[tuple[int, str]]:
        """Status and phrase of all that is said at rest, and by no limiter."""
        return frozenset[_Word]().union(*self._said.values()) - {word for _, word in self._limiters}

    def _is_a_limiters(self, word: _Word) -> bool:
        return any(word == told for _, told in self._limiters)


def _has_answer(said: set[_Word], exchange: Exchange) -> bool:
    """Whether such a question was answered at rest, and not only refused: a slow limit refuses there as well.

    What carries a login is not answered by a challenge.
    """
    none = LIMITER_STATUSES if exchange.carried is None else NO_LIMITERS
    return any(status not in none for status, _ in said)


def _is_answer(probe: Probe, outcome: Outcome) -> bool:
    return outcome in (_ANSWERS if _logs_in(probe) else _ANSWERS | _CHALLENGED)


def _logs_in(probe: Probe) -> bool:
    return probe.credentials is not Credentials.NONE


def _asked_and_told(exchange: Exchange) -> tuple[_Question, _Word]:
    return (exchange.method, exchange.user), (exchange.status or 0, exchange.reason)


def _is_of_a_load(name: str) -> bool:
    one = PROGRAMME.get(name)
    return one is not None and one.probe.load is not Load.SINGLE
