"""Equal questions of ours that were refused and served by turns.

Only what carries no login is looked at: an account that is locked, or a nonce that is used up, has nothing to
do with it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence

from shiftline.diagnosis.by_turns import (
    BARE,
    TOLD_APART,
    TURNING,
    are_by_turns,
    kind_by_turns,
)
from shiftline.diagnosis.evidence import MOST_PLACES, Mark
from shiftline.diagnosis.exchange import Exchange
from shiftline.diagnosis.probe import Load
from shiftline.diagnosis.programme import PROGRAMME

ENOUGH_ALIKE = 10
"""So many equal answers in the end refute it: one of three that refuses is missed by them once in 58 runs."""


def turns_mark(exchanges: Sequence[Exchange], *, may_be_a_limit: bool) -> Mark | None:
    """What equal questions at rest had for answers; None where each had one, or has had one for long."""
    found: defaultdict[tuple[object, ...], list[Exchange]] = defaultdict(list)
    for one in sorted(exchanges, key=lambda one: one.at):
        if one.carried is None and one.status is not None and _is_single(one.probe):
            found[question_of(one)].append(one)
    lines = [line for line in found.values() if len({one.status in TURNING for one in line}) > 1]
    if not lines:
        return _logins_by_turns(exchanges)
    every = sorted((one for line in lines for one in line), key=lambda one: one.at)
    fates = [one.status in TURNING for one in every]
    refused = [one for one in every if one.status in TURNING]
    places = tuple(place for one in refused for place in one.places[:1])[:MOST_PLACES]
    if are_by_turns([fates]) and not may_be_a_limit:
        return Mark(
            kind=kind_by_turns([one.status for one in refused]),
            count=len(refused),
            text=f"{len(refused)} of {len(every)} refused",
            places=places,
        )
    if len(set(fates[-ENOUGH_ALIKE:])) == 1 and len(fates) > ENOUGH_ALIKE:
        return None
    asked = dict.fromkeys(one.probe for line in sorted(lines, key=len, reverse=True) for one in line)
    return Mark(kind=TOLD_APART, count=len(refused), text=", ".join(asked), places=places)


def _logins_by_turns(exchanges: Sequence[Exchange]) -> Mark | None:
    """Logins that were refused and served by turns, each changed in another way.

    A question without one is asked until it shows whether that was the changes, or chance: two requests each,
    in turn to four servers, meet the one that refuses with every second login, never with the first request.
    """
    logins = [one for one in exchanges if one.carried is not None and _is_single(one.probe)]
    answered = sorted((one for one in logins if one.status is not None), key=lambda one: one.at)
    fates = [one.status in TURNING for one in answered]
    if not are_by_turns([fates]):
        return None
    bare = sum(one.probe == BARE for one in exchanges)
    if bare > ENOUGH_ALIKE:
        return None
    places = tuple(place for one in answered for place in one.places[:1])[:MOST_PLACES]
    return Mark(kind=TOLD_APART, count=sum(fates), text=BARE, places=places)


def _is_single(name: str) -> bool:
    one = PROGRAMME.get(name)
    return one is not None and one.plan is None and one.probe.load is Load.SINGLE


def question_of(one: Exchange) -> tuple[object, ...]:
    """What has to be equal: who asks for whom, how."""
    return (
        one.source, one.transport, one.method, one.user, one.uri_host, one.from_user, one.from_host,
        one.contact_host, one.via_host, one.user_agent, one.event, one.headers,
    )  # fmt: skip
