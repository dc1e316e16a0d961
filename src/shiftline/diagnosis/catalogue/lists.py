"""How PBXs refuse addresses that are not on their lists, as signatures."""

from __future__ import annotations

from shiftline.diagnosis.catalogue.cause import Acts, Signature, Stage, when
from shiftline.diagnosis.catalogue.words import (
    CHALLENGED_AGAIN,
    CHAN_SIP,
    ELSEWHERE,
    FORBIDDEN,
    FORBIDDEN_LOGIN,
    FREESWITCH,
    KAMAILIO,
    OPENSIPS,
    OTHER,
    PJSIP,
    SBC,
    SERS,
    SILENT,
    read,
    recalled,
    shows,
    vendor,
)
from shiftline.diagnosis.outcome import Outcome
from shiftline.diagnosis.probe import Account, Method, Source

_REGISTERS = (Method.REGISTER, Method.REGISTER_CONTACT)


ANYWHERE = (Source.OWN, Source.OTHER)


def lists(
    prefix: str, *sources: Source, weight: float = 1.0, is_of_all: bool = False
) -> tuple[Signature, ...]:
    """How addresses that are not listed are refused; ``sources`` says which of ours these are.

    What another program sends from elsewhere, as records show it, is not ours: it is listed, unless
    ``is_of_all``.
    """
    listed = () if is_of_all else (ELSEWHERE,)
    own = (*listed, when(source=sources))
    account = (*listed, when(source=sources, account=Account.OWN))

    def of_method(*methods: Method) -> tuple[Acts, ...]:
        return (*listed, when(source=sources, method=methods))

    return (
        shows(
            f"{prefix}A4",
            PJSIP,
            Stage.SOURCE_LIST,
            own,
            FORBIDDEN,
            "403 to every method, without a challenge: the global list (type=acl).",
            read("Asterisk res_pjsip_acl, A4"),
            weight,
        ),
        shows(
            f"{prefix}A2",
            PJSIP,
            Stage.CHALLENGE,
            account,
            CHALLENGED_AGAIN,
            "401 for ever: the endpoint's own list.",
            read("Asterisk res_pjsip, A2"),
            weight,
        ),
        shows(
            f"{prefix}C2",
            CHAN_SIP,
            Stage.CHALLENGE,
            account,
            CHALLENGED_AGAIN,
            "A fake 401 for ever: permit and deny of the peer.",
            read("Asterisk chan_sip, C2"),
            weight,
        ),
        shows(
            f"{prefix}A2g",
            PJSIP,
            Stage.CHALLENGE,
            own,
            CHALLENGED_AGAIN,
            "401 for ever to every account: all their lists lack it.",
            read("Asterisk res_pjsip, A2"),
            weight * 0.7,
        ),
        shows(
            f"{prefix}C2g",
            CHAN_SIP,
            Stage.CHALLENGE,
            own,
            CHALLENGED_AGAIN,
            "A fake 401 for ever to every account.",
            read("Asterisk chan_sip, C2"),
            weight * 0.7,
        ),
        shows(
            f"{prefix}F1",
            FREESWITCH,
            Stage.SOURCE_LIST,
            of_method(*_REGISTERS),
            FORBIDDEN,
            "403 to REGISTER before the challenge: apply-register-acl.",
            read("FreeSWITCH mod_sofia, F1"),
            weight,
        ),
        shows(
            f"{prefix}F2",
            FREESWITCH,
            Stage.SOURCE_LIST,
            of_method(Method.INVITE, Method.OTHER),
            FORBIDDEN,
            "403 to calls: apply-inbound-acl without auth-calls.",
            read("FreeSWITCH mod_sofia, F2, F4"),
            weight * 0.4,
        ),
        shows(
            f"{prefix}F5",
            FREESWITCH,
            Stage.CHALLENGE,
            account,
            FORBIDDEN_LOGIN,
            "403 after the challenge: the user's auth-acl.",
            read("FreeSWITCH mod_sofia, F5"),
            weight * 0.6,
        ),
        shows(
            f"{prefix}F5g",
            FREESWITCH,
            Stage.CHALLENGE,
            own,
            FORBIDDEN_LOGIN,
            "403 after the challenge, to every account.",
            read("FreeSWITCH mod_sofia, F5"),
            weight * 0.5,
        ),
        shows(
            f"{prefix}K12",
            KAMAILIO,
            Stage.SOURCE_LIST,
            own,
            FORBIDDEN,
            "403 Forbidden from allow_source_address or allow_trusted.",
            read("Kamailio permissions README, K12"),
            weight,
        ),
        shows(
            f"{prefix}O3",
            OPENSIPS,
            Stage.SOURCE_LIST,
            own,
            FORBIDDEN,
            "403 from the permissions module.",
            recalled("OpenSIPS permissions, as Kamailio's, O3"),
            weight,
        ),
        shows(
            f"{prefix}K12s",
            SERS,
            Stage.SOURCE_LIST,
            own,
            SILENT,
            "Scripts that drop what is not listed.",
            read("Kamailio secfilter samples, K14"),
            weight * 0.3,
        ),
        shows(
            f"{prefix}K12n",
            SERS,
            Stage.SOURCE_LIST,
            own,
            {Outcome.NOT_FOUND: 0.5, Outcome.UNAVAILABLE: 0.5},
            "The module only says no; scripts that answer as if nobody were there.",
            recalled("Kamailio permissions: the script chooses the answer, K12, K14"),
            weight * 0.3,
        ),
        shows(
            f"{prefix}V1",
            SBC,
            Stage.SOURCE_LIST,
            own,
            FORBIDDEN,
            "403 to everything from outside the class, without a challenge.",
            vendor("Oracle SBC allow-anonymous, V1"),
            weight,
        ),
        shows(
            f"{prefix}V5",
            SBC,
            Stage.SOURCE_LIST,
            own,
            {Outcome.SERVER_ERROR: 0.4, Outcome.UNAVAILABLE: 0.3, Outcome.FORBIDDEN: 0.3},
            "Other boxes: 500, 503 or 403.",
            recalled("AudioCodes V5, CUCM V8"),
            weight * 0.4,
        ),
        shows(
            f"{prefix}V12",
            SBC,
            Stage.SOURCE_LIST,
            own,
            SILENT,
            "A firewall for SIP, or a list of trusted addresses, that drops what is not on it.",
            vendor("Avaya Session Manager V12; Cisco CUBE V7"),
            weight * 0.5,
        ),
        shows(
            f"{prefix}X1",
            OTHER,
            Stage.SOURCE_LIST,
            own,
            {Outcome.FORBIDDEN: 0.7, Outcome.SILENCE: 0.2, Outcome.UNAVAILABLE: 0.1},
            "Refused before any challenge.",
            recalled("known in the field"),
            weight,
        ),
    )
