"""Logins that fail because of what is sent, or because somebody else failed before."""

from __future__ import annotations

from shiftline.diagnosis.catalogue.baseline import UNKNOWN_LOGIN
from shiftline.diagnosis.catalogue.cause import Cause, Remedy, Stage, when
from shiftline.diagnosis.catalogue.logins import as_refused_login
from shiftline.diagnosis.catalogue.words import (
    EVERY,
    FORBIDDEN_LOGIN,
    FOREIGN,
    measured,
    read,
    recalled,
    shows,
    vendor,
)
from shiftline.diagnosis.families import Family
from shiftline.diagnosis.outcome import Outcome
from shiftline.diagnosis.probe import Account, Method, Shape

_OWN = (when(account=Account.OWN),)
_HERE = (when(0.1, account=Account.OWN, shape=Shape.FOREIGN), when(account=Account.OWN))
"""Another program with this account may have the right password."""
_RESET = (
    "Wait 15 minutes before the next try: each one may count as a failed login.",
    "Set the password anew on both sides; mind the login name (`username`, `auth_user`) and the realm.",
)
_SET_ANEW = Remedy(
    steps=_RESET,
    by_family={
        Family.PJSIP: (
            "`asterisk -rx 'pjsip show auth NAME'`: compare username, realm and auth_type.",
            (
                "`asterisk -rx 'pjsip set logger on'` and look for `Failed to authenticate`: if it says "
                "`Not match Endpoint ACL`, it is the list, not the password."
            ),
        ),
        Family.CHAN_SIP: (
            "`grep 'failed for' /var/log/asterisk/messages`: chan_sip names one of seven reasons there.",
        ),
        Family.FREESWITCH: (
            "`fs_cli -x 'xml_locate directory domain name DOMAIN'` or the user's XML: compare the password.",
            "`fs_cli -x 'console loglevel debug'`: the log parts the seven causes that 403 hides.",
        ),
        Family.KAMAILIO: (
            "`kamctl db show subscriber` or your own table: compare the password, and ha1 with its realm.",
        ),
    },
)

CAUSES = (
    Cause(
        id="credentials.wrong-password",
        meaning="The password that is configured is not the one the PBX has.",
        seen="401 without end, or 401 and then 403, to every login of one account, while others work.",
        tells="The challenge comes, the answer to it is refused at any rate and from any source, and another "
        "account passes.",
        refuted_by="One login of this account that is accepted, or a log line with another reason.",
        remedy=_SET_ANEW,
        sources=("Asterisk chan_sip and res_pjsip, FreeSWITCH mod_sofia, Kamailio auth: C1, A3, F5, K7",),
        signatures=as_refused_login("wrong", _HERE, "Challenged, then refused, for this account only."),
        prior=3.0,
    ),
    Cause(
        id="credentials.unknown-user",
        meaning="The PBX does not know the account at all.",
        seen="401 without end, 403 or 404 to one account after a move or a renaming.",
        tells=(
            "The same answer as a user who certainly does not exist, and another than a wrong password, "
            "where the PBX makes a difference."
        ),
        refuted_by="The account in the PBX's list, under exactly this name and domain.",
        remedy=Remedy(
            steps=(
                "Look the name up in the PBX, with its domain: `agent0001` and `0001` are two accounts.",
                "Create it, or correct the trunk's `user`.",
            ),
            by_family={
                Family.PJSIP: (
                    (
                        "`asterisk -rx 'pjsip show endpoints'`; the log says `No matching endpoint found`"
                        " for it."
                    ),
                ),
                Family.FREESWITCH: ("`fs_cli -x 'user_exists id NAME DOMAIN'`.",),
                Family.KAMAILIO: ("`kamctl db show subscriber`.",),
            },
        ),
        sources=("Asterisk A1, C2, C3; FreeSWITCH F5; Kamailio K7; Telnyx D18, V19",),
        signatures=(
            *as_refused_login("unknown", _OWN, "Challenged, then refused.", UNKNOWN_LOGIN),
            shows(
                "V19u",
                FOREIGN,
                Stage.RULE,
                (when(account=Account.OWN),),
                {Outcome.NOT_FOUND: 0.7, Outcome.FORBIDDEN: 0.3},
                "Refused before any challenge.",
                vendor("Telnyx response codes D18, D19: V19"),
                weight=0.6,
            ),
            shows(
                "C3",
                frozenset({Family.CHAN_SIP}),
                Stage.RULE,
                (when(account=Account.OWN, method=(Method.REGISTER, Method.REGISTER_CONTACT)),),
                {Outcome.NOT_FOUND: 1.0},
                "404 before any challenge, with alwaysauthreject=no.",
                read("Asterisk chan_sip, C3"),
                weight=0.15,
            ),
        ),
        prior=2.0,
    ),
    Cause(
        id="credentials.identity-mismatch",
        meaning="The login name is right, but From or To names another user than the login.",
        seen=(
            "403 `Authentication and To-Header mismatch`, `Fake Identity`, or 401 without end with the "
            "right password."
        ),
        tells="The same login passes when From and To carry the login's own name.",
        refuted_by="A refusal although From, To and login name are the same.",
        remedy=Remedy(
            steps=(
                "Let From name the login: the trunk's `username` and the user the PBX expects must be one.",
                "Or let the PBX accept the pair.",
            ),
            by_family={
                Family.CHAN_SIP: (
                    (
                        "Look for `Username/auth name mismatch` in the log; set `fromuser` or "
                        "`match_auth_username`."
                    ),
                ),
                Family.PJSIP: ("Let the endpoint be found by `auth_username` (`identify_by`).",),
                Family.KAMAILIO: ("The check is `auth_check()` with flag 1, or `$au != $fU` in the script.",),
            },
        ),
        sources=("Kamailio auth_check, K7, and older samples, K21; chan_sip, C2, C4, C8",),
        signatures=(
            *as_refused_login(
                "identity",
                (when(0.0, shape=Shape.OTHER_CALLER), when(account=Account.OWN)),
                "Challenged, then refused, unless From carries the login's name.",
            ),
            shows(
                "K21",
                frozenset({Family.KAMAILIO, Family.OPENSIPS}),
                Stage.ACCOUNT_RULE,
                (when(0.0, shape=Shape.OTHER_CALLER), when(account=Account.OWN)),
                FORBIDDEN_LOGIN,
                "403 after a login that was right.",
                read("older Kamailio samples, K21"),
                weight=0.5,
            ),
            shows(
                "K21a",
                frozenset({Family.KAMAILIO, Family.OPENSIPS}) | FOREIGN,
                Stage.ACCOUNT_RULE,
                (when(0.0, shape=Shape.OTHER_CALLER), when()),
                FORBIDDEN_LOGIN,
                "403 after any login whose From is not the one number of the trunk.",
                recalled("scripts that compare $fU with a number, K21; carriers' rules, V19"),
                weight=0.2,
            ),
        ),
    ),
    Cause(
        id="credentials.rotated",
        meaning="The password was changed on one side, by a rotation or a job, and not on the other.",
        seen="403 at the same hour every week until a restart; it worked an hour ago with the same settings.",
        tells="The account was accepted until a moment, and never since, at any rate.",
        refuted_by="An accepted login after the first refusal.",
        remedy=Remedy(
            steps=(
                (
                    "Ask what ran at the moment of the first refusal: password rotation, provisioning, a "
                    "config refresh."
                ),
                "Give the new password to the trunk, and the rotation a step that does so.",
                *_RESET[:1],
            )
        ),
        sources=("users' reports",),
        signatures=as_refused_login("rotated", _HERE, "Challenged, then refused, since a moment."),
        prior=0.8,
    ),
    Cause(
        id="credentials.shared-lockout",
        meaning="Another system logs in with the same account, fails, and so locks it for us as well.",
        seen=(
            "Our logins are refused although the password is right, and pass again after a quarter of an "
            "hour."
        ),
        tells="The account is refused from every source while others pass; another User-Agent failed with it "
        "just before.",
        refuted_by="A log of the PBX in which only we use this account.",
        remedy=Remedy(
            steps=(
                (
                    "Find the other system: the log or a capture shows its address and User-Agent with "
                    "our user name."
                ),
                "Give each system an account of its own; until then correct the password of the other.",
                "Do not try again before the lock is over (900 s in the usual recipe).",
            ),
            by_family={
                Family.KAMAILIO: (
                    "`kamcmd htable.dump userban`, or the table's own name, shows who is locked.",
                ),
            },
        ),
        sources=("Kamailio htable README, dictionary attack recipe: K5; a Fritz!Box: V22",),
        signatures=(
            shows(
                "K5",
                EVERY,
                Stage.ACCOUNT_LIMIT,
                (when(account=Account.OWN),),
                FORBIDDEN_LOGIN,
                "403 to right credentials of this account from any source; a request without them gets 401.",
                measured("Kamailio 5.6.3 with the htable README's recipe, K5"),
            ),
            shows(
                "K5i",
                EVERY,
                Stage.ACCOUNT_LIMIT,
                (when(0.5, account=Account.OWN),),
                FORBIDDEN_LOGIN,
                "Locked for a part of a record, as the other system fails now and then.",
                measured("Kamailio 5.6.3 with the htable README's recipe, K5"),
                weight=0.3,
            ),
        ),
        prior=1.0,
    ),
)
