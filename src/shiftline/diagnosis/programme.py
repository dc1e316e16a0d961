"""All experiments the doctor knows, in the order from safe to risky. The ids are stable.

``p0`` path and parser, ``p1`` the path once more, ``p2`` the challenge, ``p3`` credentials, ``p4`` another
account, ``p5`` another source, ``p6`` what is certainly refused, ``p7`` methods, ``p8`` rate, ``p9``
concurrency, ``p10`` the message, ``p11`` Via. What a clock or a log tells costs no question.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from types import MappingProxyType

from shiftline.diagnosis.experiment import Experiment, LoadPlan, Means, Risk
from shiftline.diagnosis.outcome import REFUSALS, Outcome
from shiftline.diagnosis.probe import (
    Account,
    Aim,
    Credentials,
    Load,
    Method,
    Path,
    Probe,
    Shape,
    Source,
)

_LOGIN = frozenset({Means.CREDENTIALS})
_OTHER_LOGIN = frozenset({Means.KNOWN_GOOD_ACCOUNT})
_SOURCE = frozenset({Means.SECOND_SOURCE})
_PING = Probe(method=Method.OPTIONS, account=Account.NOBODY)
_QUERY = Probe(method=Method.REGISTER)
_LOGGED_IN = Probe(method=Method.REGISTER, credentials=Credentials.FRESH)

_SINGLE_QUESTIONS = (
    Experiment(
        id="p0.options",
        title="ask the server itself whether it is there",
        reads="whether the path is open and the message is read",
        probe=_PING,
        risk=Risk.HARMLESS,
        cost=1,
    ),
    Experiment(
        id="p0.minimal",
        title="ask the same with the shortest message that is allowed",
        reads="whether something in the usual message is disliked",
        probe=Probe(method=Method.OPTIONS, account=Account.NOBODY, shape=Shape.MINIMAL),
        risk=Risk.HARMLESS,
        cost=1,
    ),
    Experiment(
        id="p0.agent",
        title="ask the same under another User-Agent",
        reads="whether our User-Agent is on a list",
        probe=Probe(method=Method.OPTIONS, account=Account.NOBODY, shape=Shape.OTHER_AGENT),
        risk=Risk.HARMLESS,
        cost=1,
    ),
    Experiment(
        id="p1.source",
        title="ask the same from the second source",
        reads="whether it is our address that is refused",
        probe=Probe(method=Method.OPTIONS, account=Account.NOBODY, source=Source.OTHER),
        risk=Risk.HARMLESS,
        cost=1,
        needs=_SOURCE,
    ),
    Experiment(
        id="p1.transport",
        title="ask the same over the other transport",
        reads="whether something on the way drops or rewrites it",
        probe=Probe(method=Method.OPTIONS, account=Account.NOBODY, path=Path.OTHER_TRANSPORT),
        risk=Risk.HARMLESS,
        cost=1,
        needs=frozenset({Means.OTHER_TRANSPORT}),
    ),
    Experiment(
        id="p2.challenge",
        title="ask for our bindings without credentials",
        reads="whether the challenge comes before any refusal",
        probe=_QUERY,
        risk=Risk.HARMLESS,
        cost=1,
    ),
    Experiment(
        id="p2.source",
        title="the same from the second source",
        reads="whether a refusal ahead of the challenge is bound to our address",
        probe=Probe(method=Method.REGISTER, source=Source.OTHER),
        risk=Risk.HARMLESS,
        cost=1,
        needs=_SOURCE,
    ),
    Experiment(
        id="p3.credentials",
        title="ask for our bindings with the configured credentials",
        reads="whether they are accepted",
        probe=_LOGGED_IN,
        risk=Risk.HARMLESS,
        cost=2,
        needs=_LOGIN,
    ),
    Experiment(
        id="p3.cached",
        title="ask once more with the same nonce and a risen count",
        reads="whether nonces may be used again",
        probe=Probe(method=Method.REGISTER, credentials=Credentials.CACHED),
        risk=Risk.HARMLESS,
        cost=2,
        needs=_LOGIN,
        after=("p3.credentials",),
    ),
    Experiment(
        id="p3.aged",
        title="ask with a nonce that is 35 s old",
        reads="whether an old nonce is told from a wrong password",
        probe=Probe(method=Method.REGISTER, credentials=Credentials.AGED),
        risk=Risk.HARMLESS,
        cost=2,
        needs=_LOGIN,
        after=("p3.credentials",),
        wait_seconds=35.0,
    ),
    Experiment(
        id="p3.digest-uri",
        title="log in with the digest computed over the other form of the address",
        reads="whether the server checks the digest's URI",
        probe=Probe(method=Method.REGISTER, credentials=Credentials.FRESH, shape=Shape.OTHER_DIGEST_URI),
        risk=Risk.HARMLESS,
        cost=2,
        needs=_LOGIN,
    ),
    Experiment(
        id="p4.account",
        title="log in as the account that is known to be good",
        reads="whether it is our account that is refused",
        probe=Probe(method=Method.REGISTER, credentials=Credentials.FRESH, account=Account.OTHER),
        risk=Risk.HARMLESS,
        cost=2,
        needs=_OTHER_LOGIN,
    ),
    Experiment(
        id="p5.source",
        title="log in as ourselves from the second source",
        reads="whether account or address decides",
        probe=Probe(method=Method.REGISTER, credentials=Credentials.FRESH, source=Source.OTHER),
        risk=Risk.HARMLESS,
        cost=2,
        needs=_LOGIN | _SOURCE,
    ),
    Experiment(
        id="p5.both",
        title="log in as the good account from the second source",
        reads="whether anything is accepted at all",
        probe=Probe(
            method=Method.REGISTER,
            credentials=Credentials.FRESH,
            source=Source.OTHER,
            account=Account.OTHER,
        ),
        risk=Risk.HARMLESS,
        cost=2,
        needs=_OTHER_LOGIN | _SOURCE,
    ),
    Experiment(
        id="p6.unknown",
        title="log in once as a user who does not exist",
        reads="how the server answers unknown users",
        probe=Probe(method=Method.REGISTER, credentials=Credentials.FRESH, account=Account.NONEXISTENT),
        risk=Risk.COUNTS_AS_FAILURE,
        cost=2,
    ),
    Experiment(
        id="p6.wrong",
        title="log in once with a password that is certainly wrong",
        reads="how the server answers wrong passwords",
        probe=Probe(method=Method.REGISTER, credentials=Credentials.WRONG),
        risk=Risk.COUNTS_AS_FAILURE,
        cost=2,
        needs=_LOGIN,
    ),
    Experiment(
        id="p6.present",
        title="ask about the user who is known to be there",
        reads="what the method says of a present user",
        probe=Probe(method=Method.OPTIONS, credentials=Credentials.FRESH, aim=Aim.PRESENT),
        risk=Risk.HARMLESS,
        cost=2,
        needs=_LOGIN | {Means.CONTROLS},
    ),
    Experiment(
        id="p6.absent",
        title="ask about the user who is known to be absent",
        reads="whether the method tells users apart",
        probe=Probe(method=Method.OPTIONS, credentials=Credentials.FRESH, aim=Aim.ABSENT),
        risk=Risk.HARMLESS,
        cost=2,
        needs=_LOGIN | {Means.CONTROLS},
    ),
    Experiment(
        id="p7.options",
        title="send OPTIONS with our credentials",
        reads="whether OPTIONS is refused where REGISTER passes",
        probe=Probe(method=Method.OPTIONS, credentials=Credentials.FRESH),
        risk=Risk.HARMLESS,
        cost=2,
        needs=_LOGIN,
    ),
    Experiment(
        id="p7.subscribe",
        title="subscribe to presence with Expires 0",
        reads="whether SUBSCRIBE or the event package is refused",
        probe=Probe(method=Method.SUBSCRIBE, credentials=Credentials.FRESH),
        risk=Risk.HARMLESS,
        cost=2,
        needs=_LOGIN,
    ),
    Experiment(
        id="p7.other-event",
        title="subscribe to dialog with Expires 0",
        reads="whether it is the event package or the method",
        probe=Probe(method=Method.SUBSCRIBE, credentials=Credentials.FRESH, shape=Shape.OTHER_EVENT),
        risk=Risk.HARMLESS,
        cost=2,
        needs=_LOGIN,
        after=("p7.subscribe",),
    ),
    Experiment(
        id="p7.bind",
        title="register a contact for a minute, then remove it",
        reads="whether the registrar accepts another binding",
        probe=Probe(method=Method.REGISTER_CONTACT, credentials=Credentials.FRESH),
        risk=Risk.MAY_TRIP,
        cost=4,
        needs=_LOGIN,
    ),
    Experiment(
        id="p7.bind-other",
        title="the same as the account that is known to be good",
        reads="whether the registrar's refusal is bound to our account",
        probe=Probe(method=Method.REGISTER_CONTACT, credentials=Credentials.FRESH, account=Account.OTHER),
        risk=Risk.MAY_TRIP,
        cost=4,
        needs=_OTHER_LOGIN,
        after=("p7.bind",),
        after_outcomes=REFUSALS,
    ),
    Experiment(
        id="p7.once-registered",
        title="send OPTIONS while a contact of ours is registered",
        reads="whether only registered sources may ask",
        probe=Probe(method=Method.OPTIONS, credentials=Credentials.FRESH, shape=Shape.ONCE_REGISTERED),
        risk=Risk.MAY_TRIP,
        cost=5,
        needs=_LOGIN,
        after=("p7.options",),
    ),
    Experiment(
        id="p7.invite",
        title="call a user and hang up at once",
        reads="whether calls are refused where questions pass",
        probe=Probe(method=Method.INVITE, credentials=Credentials.FRESH, aim=Aim.PRESENT),
        risk=Risk.MAY_RING,
        cost=4,
        needs=_LOGIN,
    ),
)


def _bisection(
    shape: Shape, title: str, reads: str, needs: frozenset[Means] = frozenset()
) -> list[Experiment]:
    """The same change to the message, ahead of the challenge and behind it."""
    return [
        Experiment(
            id=f"p10.{shape}",
            title=f"ask for our bindings {title}",
            reads=reads,
            probe=Probe(method=Method.REGISTER, shape=shape),
            risk=Risk.HARMLESS,
            cost=1,
            needs=needs,
        ),
        Experiment(
            id=f"p10.{shape}.login",
            title=f"log in {title}",
            reads=reads,
            probe=Probe(method=Method.REGISTER, credentials=Credentials.FRESH, shape=shape),
            risk=Risk.HARMLESS,
            cost=2,
            needs=needs | _LOGIN,
        ),
        Experiment(
            id=f"p10.{shape}.options",
            title=f"send OPTIONS with our credentials {title}",
            reads=reads,
            probe=Probe(method=Method.OPTIONS, credentials=Credentials.FRESH, shape=shape),
            risk=Risk.HARMLESS,
            cost=2,
            needs=needs | _LOGIN,
        ),
    ]


_MESSAGE = (
    *_bisection(Shape.MINIMAL, "with the shortest message", "whether something in the message is disliked"),
    *_bisection(Shape.OTHER_AGENT, "under another User-Agent", "whether our User-Agent is refused"),
    *_bisection(
        Shape.OTHER_CONTACT,
        "with another host in Contact",
        "whether the host in Contact is refused",
        frozenset({Means.OTHER_ADDRESS}),
    ),
    *_bisection(Shape.OTHER_DOMAIN, "with the server's address as domain", "whether the domain is refused"),
    *_bisection(Shape.OTHER_CALLER, "with the login's name in From", "whether From must name the account"),
    *_bisection(
        Shape.WITH_METADATA,
        "with the headers that production adds",
        "whether the server wants headers that were missing",
        frozenset({Means.METADATA}),
    ),
    *_bisection(Shape.LARGE, "in a message of 1,500 bytes", "whether large messages are lost or refused"),
    *_bisection(
        Shape.OTHER_VIA,
        "with the other address in Via",
        "whether the address in Via is what the server looks at",
        frozenset({Means.OTHER_ADDRESS}),
    ),
)

BRISK = LoadPlan(rate=10.0, requests=12)
RAISED = LoadPlan(rate=50.0, requests=60)
STORM = LoadPlan(rate=200.0, requests=220)
CONCURRENT = LoadPlan(rate=200.0, requests=20, at_once=20)

_PASSED = frozenset(Outcome) - REFUSALS | {Outcome.NOT_FOUND, Outcome.NO_METHOD}
"""It was answered as a question, whatever the answer."""
_TRIPPED = REFUSALS - {Outcome.NOT_FOUND, Outcome.NO_METHOD}
_LOADS = (
    (Load.BRISK, BRISK, "10 a second", ""),
    (Load.RAISED, RAISED, "50 a second", "brisk"),
    (Load.STORM, STORM, "200 a second", "raised"),
)
_BURNED = {
    "options": ("questions to the server itself", _PING, frozenset[Means]()),
    "register": (
        "questions for our bindings",
        Probe(method=Method.REGISTER, credentials=Credentials.CACHED),
        _LOGIN,
    ),
}
"""What a load is made of: the same, without and with an account."""


def _loads() -> Iterator[Experiment]:
    for kind, (words, probe, needs) in _BURNED.items():
        proven = ("p3.credentials",) if needs else ("p0.options",)
        for load, plan, rate, rung in _LOADS:
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
            )
        yield Experiment(
            id=f"p9.{kind}",
            title=f"{words}, 20 at once",
            reads="whether the number under way decides",
            probe=replace(probe, load=Load.CONCURRENT),
            risk=Risk.MAY_TRIP,
            cost=CONCURRENT.requests,
            needs=needs,
            after=(f"p8.{kind}.brisk",),
            after_outcomes=_PASSED,
            plan=CONCURRENT,
        )


def _tripping(kind: str) -> tuple[str, ...]:
    return (*(f"p8.{kind}.{load}" for load, *_ in _LOADS), f"p9.{kind}")


_EITHER = (*_tripping("options"), *_tripping("register"))


def _during(word: str, title: str, reads: str, probe: Probe, needs: frozenset[Means]) -> Experiment:
    return Experiment(
        id=f"p8.during.{word}",
        title=f"{title}, while the load is refused",
        reads=reads,
        probe=replace(probe, load=Load.DURING),
        risk=Risk.MAY_TRIP,
        cost=BRISK.requests + 2,
        needs=needs,
        after=_EITHER,
        after_outcomes=_TRIPPED,
    )


_RATE = (
    *_loads(),
    _during(
        "source",
        "one question from the second source",
        "whether the limit counts each source apart",
        replace(_PING, source=Source.OTHER),
        _SOURCE,
    ),
    _during(
        "account",
        "one login as the good account",
        "whether the limit counts each account apart",
        replace(_LOGGED_IN, account=Account.OTHER),
        _OTHER_LOGIN,
    ),
    _during("options", "one OPTIONS", "whether the limit is the method's", _PING, frozenset()),
    _during(
        "register",
        "one REGISTER without credentials",
        "whether the limit is the method's",
        _QUERY,
        frozenset(),
    ),
    Experiment(
        id="p8.pause",
        title="one question, 12 s after the refusal",
        reads="whether it is over with the rate, or a ban",
        probe=replace(_PING, load=Load.AFTER_PAUSE),
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
        probe=replace(_PING, load=Load.AFTER_BAN),
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
        probe=replace(_LOGGED_IN, load=Load.AFTER_PAUSE),
        risk=Risk.HARMLESS,
        cost=2,
        needs=_LOGIN,
        after=_tripping("register"),
        after_outcomes=_TRIPPED,
        wait_seconds=12.0,
    ),
)

PROGRAMME: Mapping[str, Experiment] = MappingProxyType(
    {experiment.id: experiment for experiment in (*_SINGLE_QUESTIONS, *_MESSAGE, *_RATE)}
)
"""Experiments by id, from safe to risky within each question."""
