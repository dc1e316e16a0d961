"""Lists of addresses that may talk to the PBX."""

from __future__ import annotations

from shiftline.diagnosis.catalogue.cause import Cause, Remedy, Stage, when
from shiftline.diagnosis.catalogue.lists import ANYWHERE, lists
from shiftline.diagnosis.catalogue.words import (
    CHALLENGED_AGAIN,
    CHAN_SIP,
    FORBIDDEN,
    FOREIGN,
    FREESWITCH,
    OTHER,
    PJSIP,
    SBC,
    SERS,
    read,
    recalled,
    shows,
    vendor,
)
from shiftline.diagnosis.families import Family
from shiftline.diagnosis.outcome import Outcome
from shiftline.diagnosis.probe import Method, Shape, Source

_SHOW = {
    Family.PJSIP: (
        "Look for `did not pass ACL test` (global list) or `Not match Endpoint ACL` in the log.",
        (
            "`asterisk -rx 'acl show'`, `pjsip show endpoint NAME`: add our address to permit, then "
            "`asterisk -rx 'module reload res_pjsip.so'`."
        ),
    ),
    Family.CHAN_SIP: (
        "Look for `Device does not match ACL` in the log.",
        (
            "`asterisk -rx 'sip show peer NAME'` shows permit and deny; correct them in sip.conf, then "
            "`sip reload`."
        ),
    ),
    Family.FREESWITCH: (
        "Look for `Rejected by register acl` or `Rejected by acl` in the log.",
        "`fs_cli -x 'acl ADDRESS LIST'` says whether it matches; correct acl.conf.xml, then `reloadacl`.",
    ),
    Family.KAMAILIO: (
        "`kamcmd permissions.addressDump`; add the address, then `kamcmd permissions.addressReload`.",
    ),
}

CAUSES = (
    Cause(
        id="acl.source",
        meaning="Our address is not on the list of addresses that the PBX talks to.",
        seen=(
            'Everything from one server is refused, at any hour; "IP is whitelisted and still refused" '
            "after a move."
        ),
        tells=(
            "Refused ahead of the challenge (or challenged for ever) at any rate, and only from this source."
        ),
        refuted_by="One request from this source that was accepted.",
        remedy=Remedy(
            steps=(
                (
                    "Find the address the PBX sees: a capture there, or its log. Behind NAT it is not the"
                    " one we have."
                ),
                "Have that address added to the PBX's list, and say so to whoever moves servers.",
            ),
            by_family=_SHOW,
        ),
        sources=("A2, A4, C2, F1, F2, F5, K12, V1: lists of Asterisk, FreeSWITCH, Kamailio and Oracle SBC",),
        signatures=(
            *lists("", Source.OWN, weight=0.65),
            *lists("b.", *ANYWHERE, weight=0.35),
        ),
        prior=2.5,
    ),
    Cause(
        id="acl.partial",
        meaning="Some of the peer's addresses are on the PBX's list and some are not.",
        seen="A part of the requests fails at any hour, as if by chance; it follows the server that sends.",
        tells="With the same account and method, some of our addresses pass and some never do.",
        refuted_by="A refused address that was accepted at another time.",
        remedy=Remedy(
            steps=(
                "Write down every address the peer sends from (all nodes, both data centres, the failover).",
                "Have the missing ones added to the PBX's list.",
            ),
            by_family=_SHOW,
        ),
        sources=("as acl.source; Genesys Cloud BYOC address lists, V14",),
        signatures=lists("p.", Source.OWN),
        prior=1.2,
    ),
    Cause(
        id="acl.contact",
        meaning="The PBX does not accept the host that our Contact names.",
        seen="Registrations are refused although the login is right; questions without Contact pass.",
        tells="The refusal goes away with another host in Contact.",
        refuted_by="The same refusal with a public host in Contact.",
        remedy=Remedy(
            steps=(
                "Put the address into Contact that the PBX may call back: the public one behind NAT.",
                "Or extend the PBX's list for contacts.",
            ),
            by_family={
                Family.PJSIP: ("`contact_permit` and `contact_deny`, or `contact_acl`, of the endpoint.",),
                Family.CHAN_SIP: ("`contactpermit` and `contactdeny` in sip.conf.",),
                Family.KAMAILIO: ("`allow_register()` and its files register.allow and register.deny.",),
            },
        ),
        sources=("Asterisk res_pjsip_acl, A2, A4; Kamailio permissions README, K12",),
        signatures=(
            shows(
                "A4c",
                PJSIP,
                Stage.SOURCE_LIST,
                (
                    when(0.0, shape=(Shape.OTHER_CONTACT, Shape.MINIMAL)),
                    when(method=(Method.REGISTER_CONTACT, Method.SUBSCRIBE, Method.INVITE)),
                    when(0.9, method=Method.OPTIONS),
                ),
                FORBIDDEN,
                "403 without a challenge to what names this host in Contact.",
                read("Asterisk res_pjsip_acl, A4"),
            ),
            shows(
                "A2c",
                PJSIP,
                Stage.CHALLENGE,
                (
                    when(0.0, shape=(Shape.OTHER_CONTACT, Shape.MINIMAL)),
                    when(method=(Method.REGISTER_CONTACT, Method.SUBSCRIBE, Method.INVITE)),
                    when(0.9, method=Method.OPTIONS),
                ),
                CHALLENGED_AGAIN,
                "401 for ever: the endpoint's contact_acl.",
                read("Asterisk res_pjsip, A2"),
            ),
            shows(
                "K12c",
                SERS,
                Stage.RULE,
                (when(0.0, shape=Shape.OTHER_CONTACT), when(method=Method.REGISTER_CONTACT)),
                FORBIDDEN,
                "403 Forbidden from allow_register.",
                read("Kamailio permissions README, K12"),
            ),
            shows(
                "V12c",
                SBC | OTHER | CHAN_SIP | FREESWITCH,
                Stage.ACCOUNT_RULE,
                (when(0.0, shape=Shape.OTHER_CONTACT), when(method=Method.REGISTER_CONTACT)),
                {Outcome.FORBIDDEN_AFTER_CHALLENGE: 0.8, Outcome.BAD_REQUEST: 0.2},
                "Refused by a rule about Contact.",
                recalled("Avaya Session Manager's firewall, V12; others known in the field"),
            ),
            shows(
                "V12d",
                FOREIGN,
                Stage.SOURCE_BAN,
                (
                    when(0.0, shape=Shape.OTHER_CONTACT),
                    when(0.0, shape=Shape.MINIMAL, method=Method.OPTIONS),
                    when(method=(Method.REGISTER_CONTACT, Method.SUBSCRIBE, Method.INVITE)),
                    when(0.9, method=Method.OPTIONS),
                ),
                {Outcome.SILENCE: 0.5, Outcome.FORBIDDEN: 0.5},
                "A firewall that looks at Contact in whatever has one.",
                vendor("Avaya Session Manager, V12: keys are remote address, Contact and From"),
            ),
        ),
        prior=0.8,
    ),
    Cause(
        id="acl.via-source",
        meaning="The PBX judges by the address in Via, not by the packet's source.",
        seen='"The IP is whitelisted and still refused", behind NAT or a border controller.',
        tells="The refusal goes away with the listed address in Via.",
        refuted_by="The same refusal with the listed address in Via.",
        remedy=Remedy(
            steps=(
                "Genesys Cloud: set `Use Source Address` to Yes on the trunk.",
                "Or write the listed (public) address into Via, or list the one that stands there.",
            )
        ),
        sources=("Genesys Cloud help, external trunk settings, V14",),
        signatures=(
            shows(
                "V14",
                SBC | OTHER,
                Stage.SOURCE_LIST,
                (
                    when(0.0, shape=Shape.OTHER_VIA),
                    when(),
                ),
                {Outcome.FORBIDDEN: 0.75, Outcome.SILENCE: 0.15, Outcome.UNAVAILABLE: 0.1},
                "Refused by the originating address in Via.",
                vendor("Genesys Cloud help, V14; the status is not documented"),
            ),
            shows(
                "V14x",
                CHAN_SIP | PJSIP | FREESWITCH | SERS,
                Stage.SOURCE_LIST,
                (
                    when(0.0, shape=Shape.OTHER_VIA),
                    when(),
                ),
                FORBIDDEN,
                "Refused by the address in Via, by a script or a box in front.",
                recalled("as V14, in front of another PBX"),
            ),
        ),
        prior=0.7,
    ),
)
