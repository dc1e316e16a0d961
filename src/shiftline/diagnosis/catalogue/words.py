"""Short names for what many signatures have in common."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from shiftline.diagnosis.catalogue.cause import Acts, Grounds, Signature, Stage, when
from shiftline.diagnosis.families import Family
from shiftline.diagnosis.outcome import Outcome
from shiftline.diagnosis.probe import Credentials, Load, Shape, Source

EVERY = frozenset(Family)
CHAN_SIP = frozenset({Family.CHAN_SIP})
PJSIP = frozenset({Family.PJSIP})
FREESWITCH = frozenset({Family.FREESWITCH})
KAMAILIO = frozenset({Family.KAMAILIO})
OPENSIPS = frozenset({Family.OPENSIPS})
SBC = frozenset({Family.SBC})
OTHER = frozenset({Family.OTHER})
ASTERISK = CHAN_SIP | PJSIP
SERS = KAMAILIO | OPENSIPS
"""Kamailio and OpenSIPS, the heirs of SER."""
FOREIGN = SBC | OTHER

LOGGED_IN = (Credentials.FRESH, Credentials.CACHED, Credentials.AGED)
USED_NONCE = (Credentials.CACHED, Credentials.AGED)
LOADED = (Load.BRISK, Load.RAISED, Load.STORM)

FORBIDDEN: Mapping[Outcome, float] = {Outcome.FORBIDDEN: 1.0}
FORBIDDEN_LOGIN: Mapping[Outcome, float] = {Outcome.FORBIDDEN_AFTER_CHALLENGE: 1.0}
CHALLENGED_AGAIN: Mapping[Outcome, float] = {Outcome.CHALLENGE_AGAIN: 1.0}
SILENT: Mapping[Outcome, float] = {Outcome.SILENCE: 1.0}

ELSEWHERE = when(0.0, source=Source.OTHER, shape=Shape.FOREIGN)
"""What another program sends from elsewhere, as records show it: no address of ours, and not struck."""
OWN_SOURCE: tuple[Acts, ...] = (when(source=Source.OWN),)


@dataclass(frozen=True, slots=True)
class Basis:
    """Where something was learned, and how surely."""

    source: str
    grounds: Grounds


def measured(source: str) -> Basis:
    """Measured by ourselves."""
    return Basis(source, Grounds.MEASURED)


def read(source: str) -> Basis:
    """Read in the source code or README."""
    return Basis(source, Grounds.SOURCE)


def rfc(source: str) -> Basis:
    """Read in the RFC."""
    return Basis(source, Grounds.RFC)


def vendor(source: str) -> Basis:
    """Read in a vendor's document."""
    return Basis(source, Grounds.VENDOR)


def thread(source: str) -> Basis:
    """Read in an issue with a trace."""
    return Basis(source, Grounds.THREAD)


def recalled(source: str) -> Basis:
    """Known in the field."""
    return Basis(source, Grounds.RECALLED)


def shows(
    identity: str,
    families: frozenset[Family],
    stage: Stage,
    acts: tuple[Acts, ...],
    answers: Mapping[Outcome, float],
    words: str,
    basis: Basis,
    weight: float = 1.0,
) -> Signature:
    """A signature, in the order of its columns."""
    return Signature(
        id=identity,
        families=families,
        stage=stage,
        acts=acts,
        answers=answers,
        grounds=basis.grounds,
        source=basis.source,
        words=words,
        weight=weight,
    )


def anywhere_too(*signatures: Signature, weight: float = 0.5) -> tuple[Signature, ...]:
    """What strikes our own address, and the same where none of our addresses is right."""
    return (*signatures, *(_anywhere(one, weight) for one in signatures))


def _anywhere(one: Signature, weight: float) -> Signature:
    acts = tuple(
        replace(act, on={name: values for name, values in act.on.items() if name != "source"})
        for act in one.acts
    )
    return replace(one, id=f"b.{one.id}", acts=(ELSEWHERE, *acts), weight=one.weight * weight)


def spares_others_too(*signatures: Signature) -> tuple[Signature, ...]:
    """What strikes everybody, and as likely the same where others elsewhere are spared: a rule for one peer.

    Only records show the difference.
    """
    return tuple(
        half
        for one in signatures
        for half in (
            replace(one, weight=one.weight / 2.0),
            replace(one, id=f"{one.id}.peer", acts=(ELSEWHERE, *one.acts), weight=one.weight / 2.0),
        )
    )
