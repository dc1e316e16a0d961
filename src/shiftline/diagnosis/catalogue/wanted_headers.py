"""Headers that a PBX wants of some questions only: a script may ask for the method, or for a user, first.

Rules of this file: many rules refuse one method and let another pass, and few of them look at a header. So
these weigh next to nothing, until a header that somebody named was tried and helped: the mark
`message.passed-with-header` stands for both.
"""

from __future__ import annotations

from shiftline.diagnosis.catalogue.cause import Stage, when
from shiftline.diagnosis.catalogue.words import EVERY, recalled, shows
from shiftline.diagnosis.outcome import Outcome
from shiftline.diagnosis.probe import Aim, Method, Shape

_REGISTERS = (Method.REGISTER, Method.REGISTER_CONTACT)
_NAMED = tuple(one for one in Aim if one is not Aim.SERVER)
_QUESTIONS = (
    ("options", when(method=Method.OPTIONS)),
    ("subscribe", when(method=Method.SUBSCRIBE)),
    ("all-but-register", when(method=tuple(one for one in Method if one not in _REGISTERS))),
    ("register", when(method=_REGISTERS)),
    ("users", when(method=Method.OPTIONS, aim=_NAMED)),
)
_STAGES = (
    ("M1m", Stage.RULE, Outcome.FORBIDDEN, "before"),
    ("M2m", Stage.ACCOUNT_RULE, Outcome.FORBIDDEN_AFTER_CHALLENGE, "after"),
)

WANTED_BY_SOME_METHODS = tuple(
    shows(
        f"{row}.{name}",
        EVERY,
        stage,
        (when(0.0, shape=Shape.WITH_METADATA), these),
        {forbidden: 0.7, Outcome.BAD_REQUEST: 0.3},
        f"Refused {place} the login, with some methods or about users only.",
        recalled("scripts that ask for the method first, K20"),
        weight=0.004,
    )
    for row, stage, forbidden, place in _STAGES
    for name, these in _QUESTIONS
)
"""Of `message.missing-metadata`."""
