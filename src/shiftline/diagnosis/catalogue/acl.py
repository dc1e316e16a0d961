"""Lists of addresses that may talk to the PBX."""

from __future__ import annotations

from shiftline.diagnosis.catalogue.cause import Cause, Grounds, Remedy, Signature, Stage, when
from shiftline.diagnosis.catalogue.signature_words import EVERY
from shiftline.diagnosis.outcome import Outcome
from shiftline.diagnosis.probe import Source

CAUSES = (
    Cause(
        id="acl.source",
        meaning="Our address is not on the list of addresses that the PBX talks to.",
        seen="Everything from one server is refused, at any hour.",
        tells="403 before any challenge, at any rate, from this source only.",
        refuted_by="One request from this source that was challenged or accepted.",
        remedy=Remedy(steps=("Have the address added to the PBX's list.",)),
        sources=("Asterisk res_pjsip_acl, A4",),
        signatures=(
            Signature(
                id="A4",
                families=EVERY,
                stage=Stage.SOURCE_LIST,
                acts=(when(source=Source.OWN),),
                answers={Outcome.FORBIDDEN: 1.0},
                grounds=Grounds.SOURCE,
                source="Asterisk res_pjsip_acl",
                words="403 to every method, without a challenge.",
            ),
        ),
        prior=2.0,
    ),
)
