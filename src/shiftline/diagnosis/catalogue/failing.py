"""A PBX that takes questions and fails to answer them: something behind it does not work."""

from __future__ import annotations

from collections.abc import Iterator

from shiftline.diagnosis.catalogue.cause import Cause, Remedy, Signature, Stage, when
from shiftline.diagnosis.catalogue.words import EVERY, LOADED, rfc, shows
from shiftline.diagnosis.families import Family
from shiftline.diagnosis.outcome import Outcome
from shiftline.diagnosis.probe import Aim, Credentials, Load, Method

SHARES = (("2", 1 / 2, "each second"), ("5", 1 / 5, "some"))
"""One of ten is as near to one of five as single questions can tell."""


def fails_by_chance(
    letter: str, stage: Stage, shares: tuple[tuple[str, float, str], ...], source: str
) -> Iterator[Signature]:
    """500 to a share of all requests, at rest and at any rate. Overload says 503 (RFC 3261 section 21.5.4).

    A login that answers a challenge is two requests. A load is many, and its outcome the worst of them; so is
    that of a question beside one, which is asked until it has passed thrice.
    """
    for end, share, which in shares:
        yield shows(
            f"{letter}.{end}",
            EVERY,
            stage,
            (
                when(0.95, load=(*LOADED, Load.CONCURRENT, Load.CROWD, Load.DURING)),
                when(1.0 - (1.0 - share) ** 2, credentials=Credentials.FRESH),
                when(share),
            ),
            {Outcome.SERVER_ERROR: 1.0},
            f"500 to {which} of all requests, whatever they ask and how often.",
            rfc(source),
            weight=0.2,
        )


CAUSES = (
    Cause(
        id="method.failing",
        meaning="The PBX takes questions and fails to answer: all about users, or a share of all.",
        seen=(
            "Every check fails, whoever is asked about, and nothing is refused: 500, 503, or 100 and no more;"
            " or a share of everything gets 500, at any time and rate."
        ),
        tells=(
            "OPTIONS about each of the controls get a server error or no final answer, and REGISTER passes; "
            "or equal questions at rest get 500 and an answer by turns."
        ),
        refuted_by="Questions about users at rest that all got 200, 404 or 480.",
        remedy=Remedy(
            steps=(
                (
                    "Look into the PBX's log at the second of the question: a database or a service behind it"
                    " does not answer."
                ),
                "Until it is mended, check otherwise: `--method registration`, `presence` or `dialog`.",
            ),
            by_family={
                Family.KAMAILIO: (
                    "`sl_reply_error` in the script says 500 where `lookup` or `t_relay` failed.",
                ),
            },
        ),
        sources=("RFC 3261 sections 11.2, 21.5.1 and 21.5.4; Kamailio sl",),
        signatures=(
            shows(
                "R21.5",
                EVERY,
                Stage.SERVICE,
                (when(method=Method.OPTIONS, aim=(Aim.PRESENT, Aim.ABSENT, Aim.INVENTED, Aim.ANOTHER)),),
                {Outcome.SERVER_ERROR: 0.45, Outcome.UNAVAILABLE: 0.2, Outcome.OTHER: 0.35},
                "A server error about every user, or nothing after 100 Trying.",
                rfc("RFC 3261 sections 21.5.1 and 21.5.4; Kamailio `sl_reply_error`"),
            ),
            *fails_by_chance("R21.5c", Stage.CAPACITY, SHARES, "RFC 3261 section 21.5.1"),
        ),
        prior=0.5,
    ),
)
