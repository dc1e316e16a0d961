"""From exchanges and remarks to evidence, one for each part of the traffic that is in trouble."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime, tzinfo
from email.utils import parsedate_to_datetime

from shiftline.diagnosis.by_turns import whichever_was_refused
from shiftline.diagnosis.catalogue.header_marks import NAMING_HEADERS
from shiftline.diagnosis.evidence import MOST_PLACES, Evidence, Mark, Subject
from shiftline.diagnosis.exchange import Brief, Exchange, Remark, brief
from shiftline.diagnosis.notice import kinds_of
from shiftline.diagnosis.passive.arrivals import Arrivals, count_arrivals
from shiftline.diagnosis.passive.beside import options_beside, passed_amid
from shiftline.diagnosis.passive.cells import crowded
from shiftline.diagnosis.passive.contrasts import Frame, find_contrasts
from shiftline.diagnosis.passive.dropped import tell_dropped
from shiftline.diagnosis.passive.habits import (
    account_marks,
    blind_marks,
    contact_marks,
    message_marks,
    question_marks,
    rate_marks,
    repeat_marks,
    time_marks,
)
from shiftline.diagnosis.passive.headers import find_header_rule, served_mark
from shiftline.diagnosis.passive.hours import HourBand, burst_mark, find_hours, told_mark
from shiftline.diagnosis.passive.limit import RateLimit, find_limit
from shiftline.diagnosis.passive.limiter_words import LimiterWords
from shiftline.diagnosis.passive.nonces import NonceBook
from shiftline.diagnosis.passive.pace import Pace, find_pace
from shiftline.diagnosis.passive.passed import passed_sorts
from shiftline.diagnosis.passive.rows import Rows
from shiftline.diagnosis.passive.scanners import scanner_of
from shiftline.diagnosis.passive.sizes import size_mark
from shiftline.diagnosis.passive.spans import find_spans
from shiftline.diagnosis.passive.subjects import Part, find_parts
from shiftline.diagnosis.passive.told import Noticed, Told
from shiftline.diagnosis.passive.turns import Turns, find_turns
from shiftline.diagnosis.passive.under_way import UNDER_WAY, concurrency_marks
from shiftline.diagnosis.passive.verdicts import TROUBLE, verdicts
from shiftline.diagnosis.statistics import Statistics
from shiftline.trades.windows import PublishWindow

_LEAST_SKEW_SECONDS = 120.0
_LEAST_UNANSWERED = 3
_OWN_ANSWERS = frozenset({401, 407, 403})
"""What a PBX says itself; other answers may come from a phone behind it."""
_QUOTED = re.compile(
    r"\bSIP (?:response|status)[: ]+([3-6]\d\d)\s+(.{1,300}?)(?:\.\s+Transaction|$)", re.IGNORECASE
)
"""A response as a console tells it: status and reason phrase, before its numbers."""
_BATCH = 50
"""Exchanges whose columns are filled at once. Of more, the first are no longer in the processor's cache."""
_EPOCH_SINCE = 1e8
"""Times beyond this are seconds since 1970; below it, a driver's clock that no Date can be compared with."""


def observe(
    exchanges: Iterable[Exchange], remarks: Iterable[Remark] = (), *, zone: tzinfo = UTC
) -> tuple[Evidence, ...]:
    """The evidence of each part in trouble, the most troubled first; of all, if nothing is."""
    observer = Observer(zone=zone)
    for exchange in exchanges:
        observer.add(exchange)
    for remark in remarks:
        observer.remark(remark)
    return observer.evidence()


class Observer:
    """Takes exchanges one by one, as their final answers come, and says in the end what they show.

    ``zone`` is the civil time in which hours of the day are told; ``windows`` are those in which schedules
    are published, as far as that is known.
    """

    def __init__(self, *, zone: tzinfo = UTC, windows: Sequence[PublishWindow] = ()) -> None:
        self._zone = zone
        self._windows = windows
        self._rows = Rows()
        self._nonces = NonceBook()
        self._told = Told()
        self._told_at: list[float] = []
        self._skews: list[float] = []
        self._waiting: list[Brief] = []

    @property
    def statistics(self) -> Statistics:
        """The figures of all that was added until now."""
        self._settle()
        return Statistics(self._rows)

    def add(self, exchange: Exchange) -> None:
        """One exchange more."""
        self.note(brief(exchange))

    def note(self, one: Brief) -> None:
        """One exchange more, in brief."""
        self._waiting.append(one)
        if len(self._waiting) >= _BATCH:
            self._settle()

    def _settle(self) -> None:
        """Judge what waits: a batch at a time, because its columns are filled at once."""
        waiting, self._waiting = self._waiting, []
        self._rows.add(waiting, map(self._nonces.judge, waiting))
        if len(self._skews) < MOST_PLACES:
            for one in waiting:
                if one.date and one.at > _EPOCH_SINCE and len(self._skews) < MOST_PLACES:
                    self._note_clock(one)

    def remark(self, remark: Remark) -> None:
        """What a log line said, and what a reason phrase in it speaks of."""
        self._told.add(remark, (remark.kind, *_spoken(remark.text)))
        if self._windows and remark.at is not None:
            self._told_at.append(remark.at)

    def evidence(self) -> tuple[Evidence, ...]:
        """What all of it shows, by part, and then what logs say of others."""
        self._settle()
        rows = self._rows
        if not len(rows):
            _, others = self._told.of_parts(rows, ())
            at = told_mark(self._told_at, self._zone, self._windows)
            general = tuple(self._general_marks())
            if general and at is not None:
                general = (*general, at)
            return (*([Evidence(marks=general)] if general or not others else []), *others)
        outcomes, marks = verdicts(rows)
        arrivals = count_arrivals(rows)
        words = LimiterWords(rows, arrivals)
        words.tell(marks, outcomes)
        tell_dropped(rows, arrivals, marks, outcomes)
        passed = passed_sorts(rows, marks)
        parts, order = self._parts(marks, outcomes, arrivals, passed)
        general = (
            *self._general_marks(),
            *question_marks(rows, marks, arrivals),
            *contact_marks(rows, arrivals),
            *blind_marks(rows, outcomes),
            *repeat_marks(rows, arrivals),
        )
        said, others = self._told.of_parts(rows, parts)
        if not parts:
            whole = Part("", (), frozenset(range(len(rows))))
            evidence = self._of_part(whole, frozenset(), general, arrivals, marks, outcomes, passed, None)
            return (words.heard_in(evidence), *others)
        found = [
            self._of_part(
                part,
                part.beside.union(*(other.rows | other.beside for other in parts if other is not part)),
                (*general, *said[number]),
                arrivals,
                marks,
                outcomes,
                passed,
                None if part.key else order,
            )
            for number, part in enumerate(parts)
        ]
        return (*map(words.heard_in, found), *others)

    def _parts(
        self, marks: bytearray, outcomes: bytearray, arrivals: Arrivals, passed: Counter[int]
    ) -> tuple[list[Part], Pace | Turns | None]:
        """One part if the size, one limit or chance tells all that is refused; else by what they share."""
        rows = self._rows
        refused = Part("", (), frozenset([row for row, mark in enumerate(marks) if mark == TROUBLE]))
        if refused.rows and size_mark(rows, marks, refused) is not None:
            return [refused], None
        pace = find_pace(rows, marks, arrivals, frozenset())
        if pace is not None:
            return [refused], pace
        parts = find_parts(rows, marks, outcomes, arrivals, passed)
        bound = frozenset[int]().union(*(part.rows | part.beside for part in parts if part.key))
        pace = find_pace(rows, marks, arrivals, bound) if bound else None
        turns = find_turns(rows, marks, arrivals) if pace is None else None
        return ([refused], turns) if turns is not None else (parts, pace)

    def _of_part(
        self,
        part: Part,
        excluded: frozenset[int],
        general: tuple[Mark, ...],
        arrivals: Arrivals,
        marks: bytearray,
        outcomes: bytearray,
        passed: Counter[int],
        order: Pace | Turns | None,
    ) -> Evidence:
        """``order``: what explains which were refused at rest, if one thing does."""
        pace = order if isinstance(order, Pace) else None
        turns = order if isinstance(order, Turns) else None
        rows = self._rows
        hours = find_hours(rows, marks, arrivals, part, self._zone)
        header = find_header_rule(rows, passed, part)
        # A header that is refused makes a message larger as well: either may be the reason.
        size = size_mark(rows, marks, part) if header is None or not header.is_wanted else None
        is_built = header is not None or size is not None
        is_otherwise = hours is not None or is_built or order is not None
        spans = None if is_otherwise else find_spans(rows, marks, arrivals, part)
        large_from = None if size is None else size.figures["bytes"]
        contrasts = find_contrasts(
            rows,
            marks,
            outcomes,
            arrivals,
            part,
            excluded,
            Frame(hours, large_from, header, spans, _by_age(general), pace),
        )
        limit = None
        if not (part.key or turns):
            limit = pace.limit if pace else find_limit(rows, marks, arrivals, contrasts.own_sources, None)
        found = [*general, *self._said(part), *time_marks(rows, marks, arrivals, part)]
        troubled = sum(1 for row in part.rows if marks[row] == TROUBLE)
        if troubled:
            under_way = tuple(concurrency_marks(rows, marks, arrivals, contrasts.own_sources))
            if any(mark.kind == "traffic.follows-concurrency" for mark in under_way) and limit is not None:
                limit = RateLimit(flips_at=limit.flips_at)  # how fast places become free is none
            found += (*under_way, *rate_marks(part, contrasts, limit, arrivals))
            found += account_marks(rows, marks, outcomes, arrivals, part, contrasts.own_accounts)
            found += (*message_marks(rows, part), *options_beside(rows, marks, arrivals, part))
            found += passed_amid(rows, marks, arrivals, part)
            if (served := served_mark(rows, passed, part)) is not None:
                found.append(served)
        found += [one.mark for one in (turns, spans, header) if one is not None]
        if size is not None:
            found.append(size)
        if isinstance(hours, HourBand):
            found.append(hours.mark)
        if limit is not None and (window := burst_mark(rows, part, self._zone, self._windows)) is not None:
            found.append(window)
        scanner = scanner_of(rows, marks, part) if troubled else ""
        subject = Subject(
            name=f"{part.name}, a scanner: {scanner}" if scanner else part.name,
            is_scanner=bool(scanner),
            key=part.key,
            values=part.values,
            requests=len(rows),
            refused=troubled,
            seconds=max(rows.at) - min(rows.at),
        )
        is_crowded = any(mark.kind in UNDER_WAY for mark in found)
        trials = crowded(contrasts.trials) if is_crowded else contrasts.trials
        if turns is not None:
            trials = whichever_was_refused(trials)
        return Evidence(subject=subject, trials=trials, marks=tuple(found))

    def _general_marks(self) -> Iterator[Mark]:
        yield from self._told.of_nobody()
        limits = tuple(self._nonces.limit_marks())
        yield from limits
        # Where age tells all reuses, a young nonce that was refused had a short life, and was not used up.
        by_age = _by_age(limits)
        for kind, places in self._nonces.places.items():
            if not (by_age and kind == "traffic.reuse-refused-young"):
                yield Mark(kind=kind, count=self._nonces.seen[kind], places=tuple(places))
        unanswered, challenges = self._nonces.unanswered(), self._nonces.seen["challenges"]
        if unanswered >= _LEAST_UNANSWERED and unanswered >= 0.8 * challenges:
            yield Mark(
                kind="traffic.challenge-unanswered", count=unanswered, text=f"{unanswered} of {challenges}"
            )
        skew = sorted(self._skews)[len(self._skews) // 2] if self._skews else 0.0
        if abs(skew) >= _LEAST_SKEW_SECONDS:
            yield Mark(kind="clock.offset", text=f"{skew:.0f} s", figures={"seconds": skew})

    def _said(self, part: Part) -> Iterator[Mark]:
        """What the answers in trouble, and all headers that name a server, say of themselves."""
        numbers = self._rows.said
        in_trouble = Counter([numbers[row] for row in part.rows])
        found: dict[str, Noticed] = {}
        unnamed, is_named = 0, False
        for number, said in enumerate(self._rows.all_said()):
            names_itself = any(header in NAMING_HEADERS for header, _ in said.hints)
            is_named |= names_itself
            unnamed += said.status in _OWN_ANSWERS and not names_itself
            for header, text in (("phrase", said.phrase), *said.hints):
                if text and (number in in_trouble or header in NAMING_HEADERS):
                    for kind in kinds_of(header, text, said.status):
                        found.setdefault(kind, Noticed()).add(text, count=in_trouble.get(number, 1))
        for kind, noticed in found.items():
            yield noticed.mark(kind)
        if unnamed and not is_named:
            yield Mark(kind="server.unnamed", count=unnamed)

    def _note_clock(self, one: Brief) -> None:
        try:
            told = parsedate_to_datetime(one.date)
        except ValueError:
            return  # a date that nobody can read says nothing about clocks
        if told.tzinfo is None:
            told = told.replace(tzinfo=UTC)
        answered = one.at + (one.answered_after or 0.0)
        self._skews.append((told - datetime.fromtimestamp(answered, UTC)).total_seconds())


def _by_age(marks: Iterable[Mark]) -> bool:
    return any(mark.kind == "traffic.nonce-by-age" for mark in marks)


def _spoken(text: str) -> tuple[str, ...]:
    """The marks of a reason phrase that a line quotes with its status."""
    found = _QUOTED.search(text)
    return () if found is None else kinds_of("phrase", found[2], int(found[1]))
