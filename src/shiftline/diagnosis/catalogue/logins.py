"""What each family answers to a login that it does not accept, as signatures."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from shiftline.diagnosis.catalogue.baseline import REFUSED_LOGIN
from shiftline.diagnosis.catalogue.cause import Acts, Signature, Stage
from shiftline.diagnosis.catalogue.words import Basis, read, recalled, shows
from shiftline.diagnosis.families import Family
from shiftline.diagnosis.outcome import Outcome

_BASES: Mapping[Family, Basis] = {
    Family.CHAN_SIP: read("Asterisk chan_sip, C1, C2"),
    Family.PJSIP: read("Asterisk res_pjsip, A1, A3"),
    Family.FREESWITCH: read("FreeSWITCH mod_sofia, F5"),
    Family.KAMAILIO: read("Kamailio auth module, K7"),
    Family.OPENSIPS: read("OpenSIPS auth module, O5"),
    Family.SBC: recalled("Telnyx response codes, V19; others known in the field"),
    Family.OTHER: recalled("known in the field"),
}


def as_refused_login(
    prefix: str,
    acts: tuple[Acts, ...],
    words: str,
    table: Mapping[Family, Mapping[Outcome, float]] = REFUSED_LOGIN,
    families: Iterable[Family] = Family,
) -> tuple[Signature, ...]:
    """On every family, what it answers to credentials that it does not accept."""
    return tuple(
        shows(
            f"{prefix}.{family}",
            frozenset({family}),
            Stage.CHALLENGE,
            acts,
            table[family],
            words,
            _BASES[family],
        )
        for family in families
    )
