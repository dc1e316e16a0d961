"""In which words a limiter refused in a record: its status is a setting, and may be any (facts K4).

Rules of this file: a word is a status with its phrase. It is a limiter's if questions that were answered
otherwise at rest got it under load, often, and hardly ever at rest, before the load and after it. What one
question gets at rest as well is its answer: a user who is absent gets his 480 at any rate. A challenge is no
answer to a question. What comes at rest and after no load is no limiter's: he counts.
"""

from __future__ import annotations

from array import array
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import replace
from itertools import compress
from math import inf, sqrt

from shiftline.diagnosis.evidence import Evidence
from shiftline.diagnosis.outcome import CHALLENGES, NO_LIMITERS, Outcome
from shiftline.diagnosis.passive.arrivals import AT_REST, Arrivals
from shiftline.diagnosis.passive.rows import OUTCOMES, Rows
from shiftline.diagnosis.passive.verdicts import TROUBLE, UNTOLD
from shiftline.diagnosis.passive.walk import WINDOW_SECONDS
from shiftline.diagnosis.refusals import shown

Word = tuple[int, str]
_Question = tuple[str, int]
"""Method, and the number of the user who is asked about."""

_LEAST_STATUS = 400
_LEAST = 10
"""So many under load, and so many answers at rest to the same questions: agents come and go."""
_LEAST_AFTERWARDS = 3
_LOW, _HIGH = 0.05, 0.2
"""At rest at most this share of the answers is a limiter's word, under load at least that."""
_FASTER = 1.2
"""So many times as fast as an answer a refusal has to be for its time to tell it."""
_FEW_CHANGES = 0.3
"""Of the changes from one answer to the next about a user that chance would bring."""
_OWN_SHARE = 0.2
"""What so many answers at rest to one question are is its own answer."""
_NO_WORD: Word = (0, "")
_LIMITED = OUTCOMES.index(Outcome.LIMITED)


class LimiterWords:
    """The words of a record, each looked at by the questions that it answered."""

    def __init__(self, rows: Rows, arrivals: Arrivals) -> None:
        self._rows, self._arrivals = rows, arrivals
        self._word_of = _candidates(rows)
        self._at_rest: dict[_Question, Counter[Word]] = defaultdict(Counter)
        self._loaded: dict[_Question, Counter[Word]] = defaultdict(Counter)
        self._heard = ""
        self._near: frozenset[int] = frozenset()
        """Rows at rest so soon after a load that they may be refused for it."""
        self._own: set[tuple[_Question, Word]] = set()
        """Answers that questions get long before and after a load."""
        self.words: frozenset[Word] = frozenset()
        """Those of a limiter."""
        if self._word_of:
            self._count()
            self.words = frozenset(word for word in set(self._word_of.values()) if self._is_limiters(word))

    def tell(self, marks: bytearray, outcomes: bytearray) -> None:
        """Write into both columns that what was answered in these words was refused."""
        sorts = self._rows.sort
        if self.words:
            told = bytes(map(self._mark, range(len(self._rows.sorts))))
            fastest = self._fastest_answer(told)
            for row, (sort, count) in enumerate(zip(sorts, self._arrivals.by_source, strict=True)):
                mark = told[sort]
                if mark and count <= AT_REST and row not in self._near:
                    mark = 0
                elif mark and fastest:
                    mark = TROUBLE if self._rows.latency[row] < fastest else 0
                if mark == TROUBLE:
                    marks[row], outcomes[row] = TROUBLE, _LIMITED
                elif mark == UNTOLD and count > AT_REST:
                    marks[row] = UNTOLD
        if _LIMITED in outcomes:
            of_sorts = Counter(sort for sort, one in zip(sorts, outcomes, strict=True) if one == _LIMITED)
            [(sort, _)] = of_sorts.most_common(1)
            said = self._rows.sorts.said_of(sort)
            self._heard = shown(f"{said.status} {said.phrase}")

    def heard_in(self, evidence: Evidence) -> Evidence:
        """The same, with the commonest of these words where the outcome does not say."""
        told = (
            replace(one, heard=self._heard) if one.outcome is Outcome.LIMITED else one
            for one in evidence.trials
        )
        return replace(evidence, trials=tuple(told)) if self._heard else evidence

    def _fastest_answer(self, told: bytes) -> float:
        """Seconds: what comes sooner in a limiter's words is a refusal, and what comes later an answer about
        the user: a limiter asks no table and no phone. 0.0 where both come as fast.
        """
        refused, answered = array("f"), array("f")
        for latency, sort, count in zip(
            self._rows.latency, self._rows.sort, self._arrivals.by_source, strict=True
        ):
            if told[sort] == TROUBLE:
                refused.append(latency)
            elif told[sort] == UNTOLD and count <= AT_REST:
                answered.append(latency)
        if not answered or not refused:
            return 0.0
        slowest = sorted(refused)[int(0.75 * (len(refused) - 1))]
        fastest = sorted(answered)[int(0.05 * (len(answered) - 1))]
        return sqrt(slowest * fastest) if fastest > _FASTER * slowest > 0.0 else 0.0

    def _mark(self, sort: int) -> int:
        """What an answer of this sort is, under load: refused, or nobody knows; 0 if it is in other words."""
        word = self._word_of.get(sort, _NO_WORD)
        if word not in self.words:
            return 0
        return UNTOLD if (self._question(sort), word) in self._own else TROUBLE

    def _question(self, sort: int) -> _Question:
        sorts = self._rows.sorts
        return sorts.kind_of(sort).method, sorts.asked[sort]

    def _count(self) -> None:
        """Answers to each question. Who asks at rest while another is refused may be refused with him, by
        what counts all senders as one; that tells nothing of the answer at rest, and is left out."""
        sorts = self._rows.sort
        is_loaded = bytearray([count > AT_REST for count in self._arrivals.by_source])
        self._near = frozenset(self._within_a_load(is_loaded))
        near = Counter(sorts[row] for row in self._near)
        loaded = Counter(compress(sorts, is_loaded))
        at_rest = Counter(sorts)
        at_rest.subtract(loaded)
        at_rest.subtract(near)
        for side, counts in ((self._at_rest, at_rest), (self._loaded, loaded)):
            for sort, count in counts.items():
                said = self._rows.sorts.said_of(sort)
                if said.status and said.status not in CHALLENGES and count:
                    side[self._question(sort)][said.status, said.phrase] += count

    def _within_a_load(self, is_loaded: bytearray) -> Iterator[int]:
        """Rows at rest that came within a window of one under load whose answer may be a limiter's."""
        rows = self._rows
        is_word = bytes(sort in self._word_of for sort in range(len(rows.sorts)))
        last = -inf
        for row in self._arrivals.order:
            if not is_loaded[row]:
                if rows.at[row] - last <= WINDOW_SECONDS:
                    yield row
            elif is_word[rows.sort[row]]:
                last = rows.at[row]

    def _is_own(self, question: _Question, word: Word) -> bool:
        at_rest = self._at_rest.get(question, Counter())
        return at_rest[word] > _OWN_SHARE * at_rest.total()

    def _is_limiters(self, word: Word) -> bool:
        """Whether it follows the load, over all questions of which an answer at rest is known."""
        known = [
            question
            for question in self._at_rest
            if question in self._loaded and not self._is_own(question, word)
        ]
        rest = sum(self._at_rest[one].total() for one in known)
        loaded = sum(self._loaded[one].total() for one in known)
        refused = sum(self._loaded[one][word] for one in known)
        is_rare = sum(self._at_rest[one][word] for one in known) <= _LOW * rest
        follows = min(rest, refused) >= _LEAST and refused >= _HIGH * loaded and is_rare
        return follows and self._is_over_with_the_load(word) and not self._stays_with_users(word)

    def _is_over_with_the_load(self, word: Word) -> bool:
        """Whether who was answered otherwise before is so again: users may leave while a burst asks.

        What comes within a window of it may be refused to whoever asks at rest meanwhile.
        """
        rows, by_source = self._rows, self._arrivals.by_source
        questions = [self._question(sort) for sort in range(len(rows.sorts))]
        is_word = bytes(self._word_of.get(sort) == word for sort in range(len(rows.sorts)))
        is_challenge = bytes(rows.sorts.said_of(sort).status in CHALLENGES for sort in range(len(rows.sorts)))
        served: set[_Question] = set()
        answers: defaultdict[_Question, list[int]] = defaultdict(lambda: [0, 0])
        last, again, refused = -inf, 0, 0
        for row in self._arrivals.order:
            sort = rows.sort[row]
            if by_source[row] > AT_REST:
                last = rows.at[row] if is_word[sort] else last
            elif rows.at[row] - last > WINDOW_SECONDS and not is_challenge[sort]:
                answers[questions[sort]][is_word[sort]] += 1
                if last == -inf:
                    (served.discard if is_word[sort] else served.add)(questions[sort])
                elif questions[sort] in served:
                    again += 1
                    refused += is_word[sort]
        self._own |= {
            (question, word)
            for question, (other, mine) in answers.items()
            if mine > _OWN_SHARE * (other + mine)
        }
        return again >= _LEAST_AFTERWARDS and refused <= _LOW * again

    def _stays_with_users(self, word: Word) -> bool:
        """Whether in the loads who got it gets it again, and who did not does not: agents go on a break.

        A limit of a rate does not look who is asked about. A long one, or a ban, refuses many in a row, and
        who is asked about twice meanwhile gets it twice: so neighbours in time have to disagree as well.
        """
        of_users, in_time = _Changes(), _Changes()
        for row, question in self._in_loads(word):
            is_word = self._word_of.get(self._rows.sort[row]) == word
            of_users.add(question, is_word)
            in_time.add(self._rows.source[row], is_word)
        are_few = of_users.by_chance >= _LEAST and of_users.seen < _FEW_CHANGES * of_users.by_chance
        return are_few and in_time.seen >= _FEW_CHANGES * in_time.by_chance

    def _in_loads(self, word: Word) -> Iterator[tuple[int, _Question]]:
        """Rows under load and within a window of the word, and what they asked; without what is its own."""
        rows, by_source = self._rows, self._arrivals.by_source
        questions = [self._question(sort) for sort in range(len(rows.sorts))]
        is_word = bytes(self._word_of.get(sort) == word for sort in range(len(rows.sorts)))
        is_left_out = bytes(
            rows.sorts.said_of(sort).status in CHALLENGES or (questions[sort], word) in self._own
            for sort in range(len(rows.sorts))
        )
        last = -inf
        for row in self._arrivals.order:
            sort = rows.sort[row]
            if by_source[row] <= AT_REST or is_left_out[sort]:
                continue
            last = rows.at[row] if is_word[sort] else last
            if rows.at[row] - last <= WINDOW_SECONDS:
                yield row, questions[sort]


class _Changes:
    """How often the answer changes from one to the next of the same sender, or about the same user."""

    def __init__(self) -> None:
        self._before: dict[object, bool] = {}
        self._firsts: Counter[bool] = Counter()
        self._answers: Counter[bool] = Counter()
        self.seen = 0

    def add(self, of: object, is_word: bool) -> None:  # noqa: FBT001 - the answer itself
        """The next answer."""
        self._answers[is_word] += 1
        if of in self._before:
            self._firsts[self._before[of]] += 1
            self.seen += self._before[of] != is_word
        self._before[of] = is_word

    @property
    def by_chance(self) -> float:
        """So many there would be if each answer were drawn with the share that it has."""
        share = self._answers[True] / max(1, self._answers.total())
        return self._firsts[True] * (1.0 - share) + self._firsts[False] * share


def _candidates(rows: Rows) -> dict[int, Word]:
    """By sort, the words that may be a limiter's though they name no refusal."""
    found = {}
    for sort in range(len(rows.sorts)):
        said = rows.sorts.said_of(sort)
        if said.status >= _LEAST_STATUS and said.status not in NO_LIMITERS:
            found[sort] = said.status, said.phrase
    return found
