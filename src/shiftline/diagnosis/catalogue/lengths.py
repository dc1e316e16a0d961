"""Which of our messages a limit of size meets: they are not of one length, and a limit lies anywhere.

From short to long: a question for bindings, a binding, OPTIONS about a user, SUBSCRIBE and INVITE;
credentials add some 230 bytes to each. A limit that a plain login meets is met by all that are longer.
"""

from __future__ import annotations

from collections.abc import Iterator

from shiftline.diagnosis.catalogue.cause import Acts, when
from shiftline.diagnosis.catalogue.words import LOGGED_IN
from shiftline.diagnosis.probe import Credentials, Method, Path, Shape

_BY_LENGTH = (Method.REGISTER_CONTACT, Method.OPTIONS, Method.SUBSCRIBE, Method.INVITE)
_ENDS = ("b", "o", "s")
"""Of the ids of signatures: bindings and longer, OPTIONS and longer, SUBSCRIBE and longer."""


def with_a_login(paths: tuple[Path, ...] = tuple(Path)) -> tuple[Acts, ...]:
    """The credentials make any message too long."""
    return (
        when(shape=Shape.LARGE, path=paths),
        when(0.3, shape=Shape.MINIMAL, credentials=LOGGED_IN, path=paths),
        when(0.95, credentials=(*LOGGED_IN, Credentials.WRONG), path=paths),
    )


def longest(paths: tuple[Path, ...] = tuple(Path)) -> Iterator[tuple[str, tuple[Acts, ...]]]:
    """The credentials make the longer kinds too long only: an end for the id, and what it acts on."""
    for number, end in enumerate(_ENDS):
        methods = _BY_LENGTH[number:]
        yield (
            end,
            (
                when(shape=Shape.LARGE, path=paths),
                when(0.3, shape=Shape.MINIMAL, credentials=LOGGED_IN, method=methods, path=paths),
                when(0.95, credentials=LOGGED_IN, method=methods, path=paths),
            ),
        )
