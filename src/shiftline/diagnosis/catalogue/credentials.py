"""Logins that fail."""

from __future__ import annotations

from shiftline.diagnosis.catalogue.baseline import REFUSED_LOGIN
from shiftline.diagnosis.catalogue.cause import Cause, Grounds, Remedy, Signature, Stage, when
from shiftline.diagnosis.probe import Account

CAUSES = (
    Cause(
        id="credentials.wrong-password",
        meaning="The password that is configured is not the one the PBX has.",
        seen="401 or 403 to every login of one account, while others work.",
        tells="The challenge comes, the answer to it is refused, and another account passes.",
        refuted_by="One login of this account that is accepted.",
        remedy=Remedy(steps=("Set the password anew on both sides.",)),
        sources=("Asterisk chan_sip, Kamailio auth, FreeSWITCH mod_sofia sources",),
        signatures=tuple(
            Signature(
                id=f"login.{family}",
                families=frozenset({family}),
                stage=Stage.CHALLENGE,
                acts=(when(account=Account.OWN),),
                answers=answers,
                grounds=Grounds.SOURCE,
                source="see the healthy answers to a wrong password",
                words="Challenged, then refused.",
            )
            for family, answers in REFUSED_LOGIN.items()
        ),
        prior=3.0,
    ),
)
