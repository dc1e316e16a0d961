"""Users about whom every question is refused, while questions about others pass.

One user is asked about a few times a day, so no single one shows a rule. All together do: if chance, a rate
or an hour refused, users who are asked about again would have both answers.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from math import lgamma, log
from typing import TypeVar

from shiftline.diagnosis.by_turns import are_by_turns
from shiftline.diagnosis.passive.rows import Rows
from shiftline.diagnosis.passive.verdicts import PASSED, TROUBLE

_APART_SECONDS = 10.5
"""What is asked anew within one window of a limit has the answer of the first time."""
_LEAST_EVIDENCE = log(1000.0)
_MOST_MIXED = 0.02
"""Share of all that is refused: a few that met something else as well."""
_LEAST_SERVED = 3

User = TypeVar("User")
Fates = Mapping[User, Sequence[bool]]
"""By user, whether questions at different times were refused, in their order."""


def users_refused(
    rows: Rows, marks: bytearray, order: Sequence[int], asked: Callable[[int], User]
) -> frozenset[User]:
    """These users; none unless it is they who tell what is refused.

    ``asked`` tells whom a row is about, 0 for nobody; ``order`` has all rows in the order of time.
    """
    fates: defaultdict[User, list[bool]] = defaultdict(list)
    last: dict[User, float] = {}
    every: list[bool] = []
    for row in order:
        user = asked(row)
        if not user or marks[row] not in (PASSED, TROUBLE):
            continue
        is_refused = marks[row] == TROUBLE
        every.append(is_refused)
        if rows.at[row] - last.get(user, -_APART_SECONDS) >= _APART_SECONDS or fates[user][-1] != is_refused:
            fates[user].append(is_refused)
            last[user] = rows.at[row]
    refused = frozenset(user for user, line in fates.items() if all(line))
    if not refused or not _is_theirs(fates, refused) or not are_by_turns([every]):
        return frozenset()
    return refused


def _is_theirs(fates: Fates[User], refused: frozenset[User]) -> bool:
    """Whether to name the users says more than to say how often was refused.

    The logarithm of the likelihood of all fates under one share for everybody, against that of choosing these
    users out of all (minimum description length).
    """
    served = sum(not any(line) for line in fates.values())
    troubled = sum(map(sum, fates.values()))
    mixed = sum(sum(line) for line in fates.values() if any(line) and not all(line))
    if served < _LEAST_SERVED or mixed > _MOST_MIXED * troubled:
        return False
    total = sum(map(len, fates.values()))
    share = troubled / total
    by_chance = -(troubled * log(share) + (total - troubled) * log(1.0 - share))
    return by_chance - _log_choices(len(fates), len(refused)) >= _LEAST_EVIDENCE


def _log_choices(of: int, some: int) -> float:
    return lgamma(of + 1) - lgamma(some + 1) - lgamma(of - some + 1)
