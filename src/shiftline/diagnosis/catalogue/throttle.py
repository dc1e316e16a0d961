"""Refusals that depend on a rate or a number under way."""

from __future__ import annotations

from shiftline.diagnosis.catalogue.cause import Cause, Grounds, Remedy, Signature, Stage, when
from shiftline.diagnosis.catalogue.signature_words import EVERY, KAMAILIO
from shiftline.diagnosis.outcome import Outcome
from shiftline.diagnosis.probe import Load, Source

_BY_SOURCE = (
    when(0.35, source=Source.OWN, load=Load.BRISK),
    when(0.85, source=Source.OWN, load=Load.RAISED),
    when(0.97, source=Source.OWN, load=(Load.STORM, Load.DURING)),
    when(0.5, source=Source.OWN, load=Load.CONCURRENT),
)

CAUSES = (
    Cause(
        id="throttle.source",
        meaning="The PBX answers only so many requests a second from one address and refuses the rest.",
        seen="403 in the minutes after a schedule publish, and none for the rest of the week.",
        tells="Single requests pass, many a second do not, and another source passes meanwhile.",
        refuted_by="A refusal of a single request when nothing else is under way.",
        remedy=Remedy(
            steps=(
                "Ask the operator of the PBX for the limit, and set it as the trunk's max_rate.",
                "Or let the trunk learn it: learn = true.",
            )
        ),
        sources=("Kamailio pipelimit README; measured on Kamailio 5.6.3",),
        signatures=(
            Signature(
                id="K4",
                families=KAMAILIO,
                stage=Stage.RATE,
                acts=_BY_SOURCE,
                answers={Outcome.FORBIDDEN: 0.6, Outcome.UNAVAILABLE: 0.4},
                grounds=Grounds.MEASURED,
                source="Kamailio pipelimit README; measured on Kamailio 5.6.3",
                words="Within each window the first N pass; the rest gets 403 or 503 before any login.",
            ),
            Signature(
                id="X1",
                families=EVERY,
                stage=Stage.RATE,
                acts=_BY_SOURCE,
                answers={
                    Outcome.FORBIDDEN: 0.5,
                    Outcome.UNAVAILABLE: 0.2,
                    Outcome.UNAVAILABLE_RETRY_AFTER: 0.3,
                },
                grounds=Grounds.VENDOR,
                source="Telnyx response codes: 403 with D24 is a rate",
                words="Above a rate, 403 or 503 before any login.",
            ),
        ),
        prior=3.0,
    ),
)
