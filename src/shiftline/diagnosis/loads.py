"""Experiments that put on a load, look at what happens beside it, and what remains of it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from shiftline.diagnosis.experiment import Experiment, LoadPlan, Means, Risk
from shiftline.diagnosis.outcome import REFUSALS, Outcome
from shiftline.diagnosis.probe import Account, Aim, Credentials, Load, Method, Probe, Source
from shiftline.diagnosis.questions import LOGGED_IN, LOGIN, OTHER_LOGIN, PING, QUERY, SECOND_SOURCE

BRISK = LoadPlan(rate=10.0, requests=12)
RAISED = LoadPlan(rate=50.0, requests=150)
# Limiters count in windows of up to ten seconds (K3, K4, O2). A load has to fill one of them wherever it
# begins: a window that ends in its midst needs twice as much. This fills one of 60 a second.
STORM = LoadPlan(rate=200.0, requests=1200)
SHORT_REQUESTS = 700
"""Of a load that only looks for a limit behind a refused login: it fills such a window as well, unless that
ends in its midst."""
CONCURRENT = LoadPlan(rate=200.0, requests=20, at_once=20)
CROWD = LoadPlan(rate=200.0, requests=40, at_once=40)
"""Twice the places that are usual at most: not all that leave at once are held at once."""

_PASSED = frozenset(Outcome) - REFUSALS | {Outcome.NOT_FOUND, Outcome.NO_METHOD}
"""It was answered as a question, whatever the answer."""
_TRIPPED = REFUSALS - {Outcome.NOT_FOUND, Outcome.NO_METHOD}
_RUNGS = (
    (Load.BRISK, BRISK, "10 a second", ""),
    (Load.RAISED, RAISED, "50 a second", "brisk"),
    (Load.STORM, STORM, "200 a second", "raised"),
)
_CROWDS = (
    (Load.CONCURRENT, CONCURRENT, "p9.{}", "brisk"),
    # A limit of a rate that lets 50 a second pass refuses 40 at once only as a bucket that holds little.
    (Load.CROWD, CROWD, "p9.{}.crowd", "raised"),
)
ABOUT_A_USER = Probe(method=Method.OPTIONS, credentials=Credentials.CACHED, aim=Aim.USER)
"""What checks of agents ask all day. Many a PBX answers OPTIONS to itself ahead of any limit (K19). Nobody's
phone is asked: the user is the absent control, or an invented one."""
UNKNOWN_ASKS = Probe(method=Method.OPTIONS, aim=Aim.USER)
"""The same where our login is refused, or there is none: it meets what stands ahead of the login."""
_ASKED_ONCE = replace(ABOUT_A_USER, credentials=Credentials.FRESH)
_BURNED = {
    "users": ("questions about one user, with our login", ABOUT_A_USER, LOGIN),
    "options": ("questions about one user, without a login", UNKNOWN_ASKS, frozenset[Means]()),
    "register": (
        "questions for our bindings",
        Probe(method=Method.REGISTER, credentials=Credentials.CACHED),
        LOGIN,
    ),
}
"""What a load is made of."""
_INSTEAD = {"options": "users"}
"""Which is not put on where another can be, that meets all it would meet."""


def _loads() -> Iterator[Experiment]:
    for kind, (words, probe, needs) in _BURNED.items():
        proven = ("p3.credentials",) if needs else ("p0.options",)
        for load, plan, rate, rung in _RUNGS:
            yield Experiment(
                id=f"p8.{kind}.{load}",
                title=f"{words}, {rate}, until one is refused",
                reads="whether the rate decides",
                probe=replace(probe, load=load),
                risk=Risk.MAY_TRIP,
                cost=plan.requests,
                needs=needs,
                after=(f"p8.{kind}.{rung}",) if rung else proven,
                after_outcomes=_PASSED,
                plan=plan,
                unless=_twin(f"p8.{kind}.{load}", kind),
            )
        for load, plan, name, rung in _CROWDS:
            yield Experiment(
                id=name.format(kind),
                title=f"{words}, {plan.at_once} at once",
                reads="whether the number under way decides",
                probe=replace(probe, load=load),
                risk=Risk.MAY_TRIP,
                cost=plan.requests,
                needs=needs,
                after=(f"p8.{kind}.{rung}",),
                after_outcomes=_PASSED,
                plan=plan,
                unless=_twin(name.format(kind), kind),
            )


def _twin(name: str, kind: str) -> str:
    return name.replace(kind, _INSTEAD[kind]) if kind in _INSTEAD else ""


def _tripping(kind: str) -> tuple[str, ...]:
    return (*(f"p8.{kind}.{load}" for load, *_ in _RUNGS), *(name.format(kind) for _, _, name, _ in _CROWDS))


_USERS = _tripping("users")
_ANY = (*_USERS, *_tripping("options"), *_tripping("register"))


def _during(
    word: str,
    title: str,
    reads: str,
    probe: Probe,
    needs: frozenset[Means],
    *,
    after: tuple[str, ...] = _ANY,
) -> Experiment:
    return Experiment(
        id=f"p8.during.{word}",
        title=f"{title}, while the load is refused",
        reads=reads,
        probe=replace(probe, load=Load.DURING),
        risk=Risk.MAY_TRIP,
        cost=RAISED.requests + 2,
        needs=needs,
        after=after,
        after_outcomes=_TRIPPED,
    )


LOADS = (
    *_loads(),
    _during(
        "source",
        "one question from the second source",
        "whether the limit counts each source apart",
        replace(UNKNOWN_ASKS, source=Source.OTHER),
        SECOND_SOURCE,
    ),
    _during(
        "account",
        "one login as the good account",
        "whether the limit counts each account apart",
        replace(LOGGED_IN, account=Account.OTHER),
        OTHER_LOGIN,
    ),
    _during("options", "one OPTIONS", "whether the limit is the method's", PING, frozenset()),
    _during(
        "register",
        "one REGISTER without credentials",
        "whether the limit is the method's",
        QUERY,
        frozenset(),
    ),
    _during(
        "user.source",
        "one question about the user from the second source",
        "whether the limit on questions about users counts each source apart",
        replace(_ASKED_ONCE, source=Source.OTHER),
        LOGIN | SECOND_SOURCE,
        after=_USERS,
    ),
    _during(
        "user.account",
        "one question about the user as the good account",
        "whether the limit on questions about users counts each account apart",
        replace(_ASKED_ONCE, account=Account.OTHER),
        OTHER_LOGIN,
        after=_USERS,
    ),
    _during(
        "user.other",
        "one question about another user",
        "whether the limit counts each user who is asked about apart",
        replace(_ASKED_ONCE, aim=Aim.OTHER_USER),
        LOGIN,
        after=_USERS,
    ),
    _during(
        "login",
        "one login",
        "whether logins are exempt from the limit",
        LOGGED_IN,
        LOGIN,
        after=_USERS,
    ),
    Experiment(
        id="p8.pause.user",
        title="one question about the user, 12 s after the refusal",
        reads="whether it is over with the rate, or a ban",
        probe=replace(_ASKED_ONCE, load=Load.AFTER_PAUSE),
        risk=Risk.HARMLESS,
        cost=2,
        needs=LOGIN,
        after=_USERS,
        after_outcomes=_TRIPPED,
        wait_seconds=12.0,
    ),
    Experiment(
        id="p8.pause",
        title="one question, 12 s after the refusal",
        reads="whether it is over with the rate, or a ban",
        probe=replace(UNKNOWN_ASKS, load=Load.AFTER_PAUSE),
        risk=Risk.HARMLESS,
        cost=1,
        after=_tripping("options"),
        after_outcomes=_TRIPPED,
        wait_seconds=12.0,
    ),
    Experiment(
        id="p8.after-ban",
        title="one question, five minutes after the refusal",
        reads="whether a ban is over",
        probe=replace(PING, load=Load.AFTER_BAN),
        risk=Risk.HARMLESS,
        cost=1,
        after=("p8.pause",),
        after_outcomes=_TRIPPED,
        wait_seconds=310.0,
    ),
    Experiment(
        id="p8.pause.login",
        title="one login, 12 s after the refusal",
        reads="whether the account is let in again with the rate, or locked",
        probe=replace(LOGGED_IN, load=Load.AFTER_PAUSE),
        risk=Risk.HARMLESS,
        cost=2,
        needs=LOGIN,
        after=_tripping("register"),
        after_outcomes=_TRIPPED,
        wait_seconds=12.0,
    ),
)
