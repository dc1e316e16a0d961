"""Habits of the traffic, as marks: what no single answer shows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import compress
from statistics import median

from shiftline.diagnosis.evidence import MOST_PLACES, Mark
from shiftline.diagnosis.exchange import Place
from shiftline.diagnosis.outcome import Outcome
from shiftline.diagnosis.passive.arrivals import AT_REST, Arrivals
from shiftline.diagnosis.passive.contrasts import Contrasts
from shiftline.diagnosis.passive.dropped import is_dropped
from shiftline.diagnosis.passive.limit import RateLimit
from shiftline.diagnosis.passive.passed import is_passed
from shiftline.diagnosis.passive.rows import OUTCOMES, UNANSWERED, Rows
from shiftline.diagnosis.passive.subjects import Part
from shiftline.diagnosis.passive.verdicts import PASSED, TROUBLE

_FAILED_LOGINS = (Outcome.CHALLENGE_AGAIN, Outcome.FORBIDDEN_AFTER_CHALLENGE)
_SLOWER = 4.0
_SLOW_SECONDS = 0.05
_SOONER = 0.5
_ANEW_SECONDS = 5.0
_STOPPED_SECONDS = 60.0
_SOON_SECONDS = 60.0
_LEAST_REPEATED, _REPEATED_SHARE = 5, 0.1
"""So many of the answered ones: more than any road loses that calls are made over."""
_MANY_AGENTS = 20
"""So many are never all at their phones at the time somebody asks: people trade shifts from home."""


def rate_marks(
    part: Part, contrasts: Contrasts, limit: RateLimit | None, arrivals: Arrivals
) -> Iterator[Mark]:
    """Whether the trouble follows the rate, and how it ends."""
    at_rest = sum(1 for row in part.rows if arrivals.by_source[row] <= AT_REST) - contrasts.refused_after
    if limit is not None:
        figures = limit.figures
        text = f"some are refused from {limit.flips_at:.{1 if limit.flips_at < 3.0 else 0}f} a second on"
        if limit.limit is not None and limit.window_seconds is not None:
            text += f"; {limit.limit:.0f} pass in each {limit.window_seconds:.0f} s"
        elif limit.limit is not None:
            text += f"; about {limit.limit:.{1 if limit.limit < 3.0 else 0}f} a second pass"
        yield Mark(kind="traffic.flips-with-rate", count=len(part.rows), text=text, figures=figures)
    elif at_rest >= 2 and at_rest >= 0.1 * len(part.rows):
        yield Mark(kind="traffic.refused-at-rest", count=at_rest, text=f"{at_rest} of {len(part.rows)}")
    soon = contrasts.recovered_after is not None and contrasts.recovered_after <= _SOON_SECONDS
    if contrasts.recovered_after is not None and soon and not contrasts.refused_after:
        yield Mark(
            kind="traffic.recovered-soon",
            text=f"after {contrasts.recovered_after:.1f} s",
            figures={"recovered_after": contrasts.recovered_after},
        )
    elif contrasts.refused_after >= 2:
        figures = {} if contrasts.recovered_after is None else {"recovered_after": contrasts.recovered_after}
        yield Mark(kind="traffic.refused-after", count=contrasts.refused_after, figures=figures)


def account_marks(
    rows: Rows,
    marks: bytearray,
    outcomes: bytearray,
    arrivals: Arrivals,
    part: Part,
    accounts: frozenset[int],
) -> Iterator[Mark]:
    """Who else uses the account, what failed before, and since when it fails."""
    account = Counter(rows.account(row) for row in part.rows).most_common(1)[0][0]
    login = rows.login
    logged_in = [row for row in arrivals.order if account and login[row] == account]
    programs = Counter(rows.kind_of(row).user_agent for row in logged_in)
    programs = Counter({name: count for name, count in programs.items() if name and count >= 2})
    if len(programs) > 1:
        names = ", ".join(name for name, _ in programs.most_common(3))
        yield Mark(kind="traffic.two-agents-one-account", count=len(logged_in), text=names)
    ours = rows.kind_of(
        max((row for row in part.rows if rows.account(row) == account), key=rows.at.__getitem__)
    ).user_agent
    foreign = [
        row
        for row in logged_in
        if rows.kind_of(row).user_agent != ours and OUTCOMES[outcomes[row]] in _FAILED_LOGINS
    ]
    is_of_account = part.key == "user" or (not part.key and len(accounts) == 1)
    if (
        is_of_account
        and foreign
        and any(
            marks[row] == PASSED and rows.kind_of(row).is_question and rows.kind_of(row).user_agent == ours
            for row in logged_in
        )
    ):
        yield Mark(kind="traffic.foreign-failures", count=len(foreign), places=_places(rows, foreign))
    yield from _since(rows, marks, logged_in, part)


def _since(rows: Rows, marks: bytearray, logged_in: Sequence[int], part: Part) -> Iterator[Mark]:
    """Accepted until a moment, refused ever since."""
    if part.key != "user" or not logged_in:
        return
    passed = [row for row in logged_in if marks[row] == PASSED]
    failed = [row for row in logged_in if marks[row] == TROUBLE]
    if len(passed) < 2 or len(failed) < 2:
        return
    last, since = rows.at[passed[-1]], rows.at[failed[0]]
    if last <= since and rows.at[failed[-1]] - since >= _STOPPED_SECONDS:
        yield Mark(kind="traffic.worked-before", count=len(passed), places=_places(rows, failed[:1]))


def time_marks(rows: Rows, marks: bytearray, arrivals: Arrivals, part: Part) -> Iterator[Mark]:
    """How answers' times speak."""
    at_rest: list[float] = []
    loaded: list[float] = []
    answers = zip(rows.latency, arrivals.by_source, strict=True)
    for after, count in compress(answers, is_passed(marks)):
        if after != UNANSWERED:
            (at_rest if count <= AT_REST else loaded).append(after)
    refused = [
        rows.latency[row] for row in part.rows if marks[row] == TROUBLE and rows.latency[row] != UNANSWERED
    ]
    rest, load = (median(times) if len(times) >= 5 else None for times in (at_rest, loaded))
    if rest is not None and load is not None and load >= _SLOWER * rest and load >= _SLOW_SECONDS:
        text = f"{1000 * rest:.0f} ms alone, {1000 * load:.0f} ms under load"
        yield Mark(kind="traffic.latency-grows", count=len(loaded), text=text)
    usual = rest if at_rest else load
    if usual is not None and len(refused) >= 5 and median(refused) <= _SOONER * usual:
        text = f"{1000 * median(refused):.1f} ms against {1000 * usual:.1f} ms"
        yield Mark(kind="traffic.refused-at-once", count=len(refused), text=text)


def question_marks(rows: Rows, marks: bytearray, arrivals: Arrivals) -> Iterator[Mark]:
    """Questions that were asked anew before the answer to the first could come."""
    sorts = rows.sorts
    questions: dict[tuple[int, int, int], int] = {}
    # Sorts that differ in their answers only ask the same question.
    of_sort = [
        questions.setdefault(key, len(questions))
        for key in zip(sorts.source, sorts.kind, sorts.asked, strict=True)
    ]
    pending: dict[int, int] = {}
    early: list[int] = []
    asked = 0
    for row in arrivals.order:
        if rows.credentials[row]:
            continue  # the answer to a challenge is no new question
        question = of_sort[rows.sort[row]]
        before = pending.get(question)
        pending[question] = row
        if before is None:
            continue
        asked += 1
        if rows.latency[before] != UNANSWERED and is_dropped(rows, before):
            continue  # it was late only because its first copy was dropped
        waited = rows.at[row] - rows.at[before]
        if 0.05 < waited < _ANEW_SECONDS:
            answered = rows.latency[before]
            if answered == UNANSWERED or answered > waited:
                early.append(row)
    answered_late = [row for row in early if marks[row] == PASSED or rows.latency[row] != UNANSWERED]
    if len(early) >= 3 and len(early) >= 0.05 * asked and answered_late:
        yield Mark(kind="traffic.resent-early", count=len(early), places=_places(rows, early))


def blind_marks(rows: Rows, outcomes: bytearray) -> Iterator[Mark]:
    """Many agents were asked about by OPTIONS, and all are said to be there: then the answer is the box's."""
    sorts = rows.sorts
    ok = OUTCOMES.index(Outcome.OK)
    well = {
        sort
        for sort, outcome, after in zip(rows.sort, outcomes, rows.latency, strict=True)
        if outcome == ok and after != UNANSWERED
    }
    told: dict[int, bool] = {}
    for sort in well:
        kind = sorts.kind_of(sort)
        if kind.method == "OPTIONS" and kind.names_user:
            asked, status = sorts.asked[sort], sorts.said_of(sort).status
            told[asked] = told.get(asked, True) and 200 <= status < 300
    if len(told) >= _MANY_AGENTS and all(told.values()):
        yield Mark(kind="traffic.all-available", count=len(told), text=f"{len(told)} agents")


def repeat_marks(rows: Rows, arrivals: Arrivals) -> Iterator[Mark]:
    """Single requests at rest that were answered only when they were sent again."""
    sorts = rows.sorts
    over_udp = bytes(sorts.kind_of(sort).transport == "UDP" for sort in range(len(sorts)))
    copies = [
        copies
        for sort, copies, after, count in zip(
            rows.sort, rows.copies, rows.latency, arrivals.by_source, strict=True
        )
        if count <= AT_REST and after != UNANSWERED and over_udp[sort]
    ]
    answered = len(copies)
    repeated = answered - copies.count(1)
    if repeated >= max(_LEAST_REPEATED, _REPEATED_SHARE * answered):
        yield Mark(kind="traffic.answered-on-repeat", count=repeated, text=f"{repeated} of {answered}")


def contact_marks(rows: Rows, arrivals: Arrivals) -> Iterator[Mark]:
    """Addresses-of-record that are bound from different hosts in turn."""
    sorts = rows.sorts
    bound: dict[int, tuple[int, str]] = {}
    """By sort: address-of-record and host."""
    several: dict[int, set[str]] = {}
    for sort, asked in enumerate(sorts.asked):
        kind = sorts.kind_of(sort)
        if kind.method == "REGISTER" and kind.contact_host:
            bound[sort] = asked, kind.contact_host
            several.setdefault(asked, set()).add(kind.contact_host)
    bound = {sort: pair for sort, pair in bound.items() if len(several[pair[0]]) > 1}
    hosts: dict[int, list[str]] = {}
    for row in arrivals.order if bound else ():
        if rows.sort[row] in bound:
            asked, host = bound[rows.sort[row]]
            line = hosts.setdefault(asked, [])
            if not line or line[-1] != host:
                line.append(host)
    churned = [user for user, line in hosts.items() if len(line) >= 4 and len(set(line)) < len(line)]
    if churned:
        names = ", ".join(rows.users.text(user) for user in churned[:3])
        yield Mark(kind="traffic.contact-churn", count=len(churned), text=names)


def message_marks(rows: Rows, part: Part) -> Iterator[Mark]:
    """What the troubled messages have in common: the address in Via."""
    differs = [row for row in part.rows if _via_differs(rows, row)]
    if len(differs) >= 0.9 * len(part.rows):
        yield Mark(kind="via.differs", count=len(differs), places=_places(rows, differs))


def _via_differs(rows: Rows, row: int) -> bool:
    via, source = rows.kind_of(row).via_host, rows.sources.text(rows.source[row])
    return (
        bool(via) and via != source and via.replace(".", "").replace(":", "").isalnum() and via[0].isdigit()
    )


def _places(rows: Rows, some: Sequence[int]) -> tuple[Place, ...]:
    found = [rows.place(row) for row in some[:MOST_PLACES]]
    return tuple(place for place in found if place is not None)
