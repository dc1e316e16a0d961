"""How surely a limit of a rate is met, and limits behind the login that count all accounts as one."""

from __future__ import annotations

from collections.abc import Mapping

from shiftline.diagnosis.catalogue.cause import Acts, Stage, when
from shiftline.diagnosis.catalogue.words import EVERY, LOGGED_IN, SERS, read, shows, thread
from shiftline.diagnosis.outcome import Outcome
from shiftline.diagnosis.probe import Load, Method

REGISTERS = (Method.REGISTER, Method.REGISTER_CONTACT)


def limited(**fields: str | tuple[str, ...]) -> tuple[Acts, ...]:
    """A limit somewhere between 5 and 200 requests a second, as those in use are."""
    return (
        when(0.4, load=Load.BRISK, **fields),
        when(0.8, load=Load.RAISED, **fields),
        when(0.9, load=Load.STORM, **fields),
        when(0.9, load=Load.DURING, **fields),  # a bucket lets some pass all the while
        when(0.5, load=Load.CONCURRENT, **fields),
        when(0.1, load=Load.CROWD, **fields),  # what let 50 a second pass: a bucket that holds little
        when(0.4, load=Load.PACED, **fields),  # few limits are so slow
        when(0.01, load=Load.AFTER_PAUSE, **fields),
    )


def in_any_status(answers: Mapping[Outcome, float], share: float = 0.2) -> dict[Outcome, float]:
    """What a limiter answers where its status is a setting, or a line of a script (K4, K5, V2): whatever it
    is, it says nothing of what is limited, so that every limit has the same ``share`` of it."""
    return {**{one: part * (1.0 - share) for one, part in answers.items()}, Outcome.LIMITED: share}


_LOGINS = limited(method=REGISTERS, credentials=LOGGED_IN)
_PIPE = {
    Outcome.FORBIDDEN_AFTER_CHALLENGE: 0.6,
    Outcome.UNAVAILABLE: 0.25,
    Outcome.UNAVAILABLE_RETRY_AFTER: 0.15,
}

PIPE_BEHIND_LOGIN = shows(
    "K4r",
    SERS,
    Stage.ACCOUNT_LIMIT,
    _LOGINS,
    in_any_status(_PIPE),
    "One pipe for the REGISTERs of all accounts that carry a login; without one the challenge comes.",
    read("Kamailio pipelimit README: a pipe has any name, and the script says where it is asked, K4; O2"),
    weight=0.5,
)
"""Of `throttle.registration-rate`, and of `throttle.method` where that method is REGISTER."""

REGISTRAR_BEHIND_LOGIN = shows(
    "V21r",
    EVERY - SERS,
    Stage.ACCOUNT_LIMIT,
    _LOGINS,
    in_any_status(
        {
            Outcome.FORBIDDEN_AFTER_CHALLENGE: 0.45,
            Outcome.FORBIDDEN_RETRY_AFTER: 0.25,
            Outcome.UNAVAILABLE: 0.15,
            Outcome.UNAVAILABLE_RETRY_AFTER: 0.15,
        }
    ),
    "A registrar authenticates first (RFC 3261 section 10.3) and counts what has a login.",
    thread("a carrier's trace, V21; Genesys Cloud V15 names no status"),
    weight=0.5,
)
"""Limits for each method stand in front of these (V2, V23): of `throttle.registration-rate` alone."""
