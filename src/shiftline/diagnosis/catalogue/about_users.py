"""Limits that count questions about users, and none to the server itself.

Stock Kamailio answers OPTIONS without a user before anything else (K19). A script asks a pipe wherever its
author wrote it (K4): behind the keepalive, for OPTIONS or for all but REGISTER, or behind the login.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

from shiftline.diagnosis.catalogue.cause import Acts, Cause, Grounds, Remedy, Signature, Stage, when
from shiftline.diagnosis.catalogue.rates import REGISTERS, in_any_status, limited
from shiftline.diagnosis.catalogue.words import (
    EVERY,
    FORBIDDEN,
    FORBIDDEN_LOGIN,
    FOREIGN,
    LOGGED_IN,
    SERS,
    read,
    recalled,
    shows,
)
from shiftline.diagnosis.families import Family
from shiftline.diagnosis.outcome import Outcome
from shiftline.diagnosis.probe import Account, Aim, Method

_WHERE = "Kamailio's default script answers OPTIONS to itself first, K19; pipes are where the script says, K4"
_KEEPALIVE = when(0.0, account=Account.NOBODY)
_LOGINS = when(0.0, method=REGISTERS)
_EXEMPT = "REGISTER is exempt."
_WEIGHT = 0.25
_NAMES_USER = (
    when(method=(Method.OPTIONS, Method.INVITE), aim=Aim.PRESENT),
    when(method=Method.SUBSCRIBE),  # it is the present control that is subscribed to
)
_BEHIND_LOGIN = {Outcome.FORBIDDEN: Outcome.FORBIDDEN_AFTER_CHALLENGE}


def with_rules_about_users(causes: Iterable[Cause]) -> tuple[Cause, ...]:
    """The same causes, with limits and lists of these kinds that questions about users alone meet."""
    return tuple(replace(cause, signatures=(*cause.signatures, *_about_users(cause))) for cause in causes)


def _about_users(cause: Cause) -> Iterator[Signature]:
    for one in cause.signatures:
        if cause.id == "throttle.source" and one.id in ("K4", "O2", "V19"):
            yield _behind(one, "k", (_KEEPALIVE, *one.acts), "It stands behind the keepalive.")
            yield _behind(one, "x", (_KEEPALIVE, _LOGINS, *one.acts), _EXEMPT)
            rare = replace(one, weight=0.002 * one.weight)  # a pipe is there to spare the login its work
            yield _behind_login(rare, "l", one.acts, "It stands behind the login.")
            yield _behind_login(rare, "lx", (_LOGINS, *one.acts), f"It stands behind the login; {_EXEMPT}")
        elif cause.id == "acl.source" and one.id == "K12":
            yield _behind(one, "x", (_KEEPALIVE, _LOGINS, *one.acts), _EXEMPT)
        elif cause.id == "policy.method" and one.id == "A13.OPTIONS":
            ours = tuple(replace(act, on={**act.on, "account": frozenset({Account.OWN})}) for act in one.acts)
            yield _behind(one, "o", ours, "Of our account only.")
        elif cause.id == "throttle.shared" and one.id in ("K4a", "O2a", "V19a"):
            kept = replace(one, weight=0.2 * one.weight)  # one pipe for all is seldom so carefully placed
            yield _behind(kept, "k", (_KEEPALIVE, *one.acts), "It stands behind the keepalive.")
        elif cause.id == "throttle.user" and one.id in ("K4u", "V17"):
            yield _behind(one, "x", (_LOGINS, *one.acts), _EXEMPT)
            logins = tuple(replace(act, on={**act.on, "method": frozenset(REGISTERS)}) for act in one.acts)
            yield _behind(one, "r", logins, "It counts REGISTER alone.")
        elif cause.id == "throttle.method" and one.id in ("K3.options", "V2.options", "V23.options"):
            yield _behind(one, "k", (_KEEPALIVE, *one.acts), "It stands behind the keepalive.")
            yield _behind_login(one, "l", one.acts, "It stands behind the login.")
        elif cause.id == "throttle.callee":
            yield _behind_login(one, "l", one.acts, "It stands behind the login.")


def _behind(one: Signature, letter: str, acts: tuple[Acts, ...], words: str) -> Signature:
    return replace(
        one,
        id=f"{one.id}.{letter}",
        acts=acts,
        grounds=Grounds.SOURCE,
        source=_WHERE,
        words=f"{one.words} {words}",
        weight=_WEIGHT * one.weight,
    )


def _behind_login(one: Signature, letter: str, acts: tuple[Acts, ...], words: str) -> Signature:
    """It meets only what carries credentials, which were right."""
    logged_in = tuple(
        replace(act, on={**act.on, "credentials": act.on.get("credentials", frozenset(LOGGED_IN))})
        for act in acts
    )
    answers: dict[Outcome, float] = {}
    for answer, share in one.answers.items():
        seen = _BEHIND_LOGIN.get(answer, answer)
        answers[seen] = answers.get(seen, 0.0) + share
    return replace(
        _behind(one, letter, (_KEEPALIVE, *logged_in), words), stage=Stage.ACCOUNT_LIMIT, answers=answers
    )


CAUSES = (
    Cause(
        id="throttle.callee",
        meaning="The PBX takes only so many requests a second about one user, whoever asks.",
        seen="An agent who is asked about again and again, maybe by several programs, is refused; others are "
        "not.",
        tells="Many questions about one user are refused, from every source and account; one about another "
        "user passes meanwhile.",
        refuted_by="A question about another user that is refused in the same second.",
        remedy=Remedy(
            steps=(
                "Ask about each agent once, and share the answer: a check that is repeated meets the limit.",
                "Ask the operator of the PBX to leave the trunk's address out of it.",
            ),
            by_family={
                Family.KAMAILIO: ("Look for `$rU` or `$tU` in the keys of `pl_check` and `$shtinc`.",),
            },
        ),
        sources=("Kamailio pipelimit and htable keyed on $rU, K4, K5",),
        signatures=(
            shows(
                "K4c",
                SERS | FOREIGN,
                Stage.RATE,
                limited(aim=(Aim.USER, Aim.PRESENT, Aim.ABSENT, Aim.INVENTED)),
                in_any_status(
                    {
                        Outcome.FORBIDDEN: 0.55,
                        Outcome.UNAVAILABLE: 0.27,
                        Outcome.UNAVAILABLE_RETRY_AFTER: 0.18,
                    }
                ),
                "A pipe or a counter for each user who is asked about.",
                read("Kamailio pipelimit README: a pipe has any name, K4; htable README, K5"),
            ),
        ),
        prior=0.1,
    ),
    Cause(
        id="policy.asked-user",
        meaning="The PBX lets nobody, or not us, ask about this user.",
        seen="The checks of one agent are always refused, in quiet hours as well; those of others pass.",
        tells="OPTIONS about one user are refused at rest, with a login that is right; about others they are "
        "not.",
        refuted_by="A question about that user that got 200, 404 or 480.",
        remedy=Remedy(
            steps=(
                "Ask the operator which rule covers this user: privacy, a group of numbers, a dial plan.",
                "Name another present control, and see whether the agents' own numbers are covered.",
            )
        ),
        sources=("Kamailio K10 and K12, rules by $rU in the script",),
        signatures=(
            shows(
                "K12u",
                EVERY,
                Stage.SERVICE,
                (when(method=Method.OPTIONS, aim=Aim.PRESENT),),
                {Outcome.FORBIDDEN_AFTER_CHALLENGE: 0.8, Outcome.FORBIDDEN: 0.2},
                "403 about this user alone.",
                recalled("rules by the user who is asked about"),
            ),
            shows(
                "K10u",
                EVERY,
                Stage.SERVICE,
                _NAMES_USER,
                FORBIDDEN_LOGIN,
                "403 after the login to whatever names this user, by whichever method.",
                read("Kamailio stock configuration, K10: its rule is one of the number that is dialled"),
            ),
            shows(
                "K10u.b",
                EVERY,
                Stage.RULE,
                _NAMES_USER,
                FORBIDDEN,
                "The same before any challenge.",
                read("Kamailio stock configuration, K10: its rule is one of the number that is dialled"),
                weight=0.5,
            ),
        ),
        prior=0.5,
    ),
)
