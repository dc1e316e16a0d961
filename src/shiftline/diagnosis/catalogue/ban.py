"""Refusals that go on after their reason is over."""

from __future__ import annotations

from shiftline.diagnosis.catalogue.cause import Cause, Remedy, Stage, when
from shiftline.diagnosis.catalogue.rates import in_any_status
from shiftline.diagnosis.catalogue.words import (
    EVERY,
    FORBIDDEN_LOGIN,
    KAMAILIO,
    LOGGED_IN,
    OWN_SOURCE,
    measured,
    read,
    shows,
    vendor,
)
from shiftline.diagnosis.families import Family
from shiftline.diagnosis.outcome import Outcome
from shiftline.diagnosis.probe import Account, Load, Source

_LATER = (
    when(0.4, source=Source.OWN, load=Load.BRISK),
    when(0.85, source=Source.OWN, load=Load.RAISED),
    when(0.97, source=Source.OWN, load=(Load.STORM, Load.DURING, Load.AFTER_PAUSE)),
    when(0.6, source=Source.OWN, load=Load.CONCURRENT),
    when(0.1, source=Source.OWN, load=Load.CROWD),
    when(0.1, source=Source.OWN, load=Load.AFTER_BAN),
)
_NOW = (when(0.3, source=Source.OWN, load=Load.AFTER_BAN), *OWN_SOURCE)

CAUSES = (
    Cause(
        id="ban.source",
        meaning="The PBX has banned our address for a time, after a burst or after failed logins.",
        seen=(
            "After the burst nothing is answered for five minutes or more, calls of the same server included."
        ),
        tells="Our source is refused or unanswered long after the rate has fallen; another source passes.",
        refuted_by="An answer to our source within seconds of the burst.",
        remedy=Remedy(
            steps=(
                "Send nothing until the ban is over: with many bans every packet prolongs it.",
                "Have our address released and put on the list of those that are never banned.",
                "Then pace: `max_rate` below the limit that set it off.",
            ),
            by_family={
                Family.KAMAILIO: (
                    (
                        "`kamcmd htable.dump ipban` shows who is banned; `kamcmd htable.delete ipban "
                        "ADDRESS` releases."
                    ),
                    (
                        "pike's limit: `reqs_density_per_unit` (16 in 2 s, as delivered); it bans from one "
                        "to three times that on."
                    ),
                ),
                Family.PJSIP: (
                    "`fail2ban-client set asterisk unbanip ADDRESS`, and `ignoreip` in jail.local.",
                ),
                Family.CHAN_SIP: (
                    "`fail2ban-client set asterisk unbanip ADDRESS`, and `ignoreip` in jail.local.",
                ),
                Family.FREESWITCH: ("`fail2ban-client set freeswitch unbanip ADDRESS`, and `ignoreip`.",),
                Family.SBC: (
                    "Oracle: the endpoint was demoted until deny-period ends; raise its trust or limits.",
                ),
            },
        ),
        sources=("Kamailio pike with ipban, K1; fail2ban, A14; Oracle V3; AudioCodes V6",),
        signatures=(
            shows(
                "K1",
                KAMAILIO,
                Stage.SOURCE_BAN,
                _LATER,
                {Outcome.SILENCE: 0.95, Outcome.FORBIDDEN: 0.03, Outcome.LIMITED: 0.02},
                "A burst is answered up to some 20 to 40 requests, then nothing for 300 s.",
                measured("Kamailio 5.6.3 stock configuration, K1"),
            ),
            shows(
                "K1n",
                KAMAILIO,
                Stage.SOURCE_BAN,
                _NOW,
                {Outcome.SILENCE: 0.97, Outcome.FORBIDDEN: 0.03},
                "The ban is on: silence.",
                measured("Kamailio 5.6.3 stock configuration, K1"),
            ),
            shows(
                "A14b",
                EVERY - KAMAILIO,
                Stage.SOURCE_BAN,
                _LATER,
                {Outcome.SILENCE: 0.75, Outcome.ICMP: 0.05, Outcome.FORBIDDEN: 0.17, Outcome.LIMITED: 0.03},
                "Banned after a burst: silence, ICMP, or 403.",
                vendor("fail2ban A14; Oracle V3; AudioCodes V6"),
            ),
            shows(
                "A14n",
                EVERY - KAMAILIO,
                Stage.SOURCE_BAN,
                _NOW,
                {Outcome.SILENCE: 0.78, Outcome.ICMP: 0.05, Outcome.FORBIDDEN: 0.17},
                "The ban is on.",
                vendor("fail2ban A14; Oracle V3; AudioCodes V6"),
            ),
        ),
        prior=1.5,
    ),
    Cause(
        id="ban.user",
        meaning="The PBX has locked the account for a time, after failed logins or too many requests.",
        seen="403 `Try later` for a quarter of an hour although the password is right, for one account only.",
        tells="This account is refused from every source while others pass; without credentials it is still "
        "challenged; it ends by itself.",
        refuted_by="An account that stays refused for a day, or another that is refused with it.",
        remedy=Remedy(
            steps=(
                (
                    "Do not try again before the lock is over: 900 s in the usual recipe; some grow with "
                    "every try."
                ),
                (
                    "Find what failed: an old password on a phone, another system (see "
                    "credentials.shared-lockout)."
                ),
                "Have the account released.",
            ),
            by_family={
                Family.KAMAILIO: ("`kamcmd htable.dump userban`, `kamcmd htable.delete userban NAME`.",)
            },
        ),
        sources=("Kamailio htable README, K5; a Fritz!Box, V22",),
        signatures=(
            shows(
                "K5b",
                EVERY,
                Stage.ACCOUNT_LIMIT,
                (when(account=Account.OWN),),
                FORBIDDEN_LOGIN,
                "403 to right credentials of this account from any source.",
                measured("Kamailio 5.6.3 with the htable README's recipe, K5; V22"),
            ),
            shows(
                "K5d",
                EVERY,
                Stage.ACCOUNT_LIMIT,
                (when(0.5, account=Account.OWN),),
                FORBIDDEN_LOGIN,
                "Locked for a part of a record.",
                measured("Kamailio 5.6.3 with the htable README's recipe, K5; V22"),
                weight=0.3,
            ),
            shows(
                "K5c",
                EVERY,
                Stage.ACCOUNT_LIMIT,
                (
                    when(0.4, account=Account.OWN, credentials=LOGGED_IN, load=Load.BRISK),
                    when(0.85, account=Account.OWN, credentials=LOGGED_IN, load=Load.RAISED),
                    when(
                        0.97,
                        account=Account.OWN,
                        credentials=LOGGED_IN,
                        load=(Load.STORM, Load.DURING, Load.AFTER_PAUSE),
                    ),
                ),
                in_any_status(FORBIDDEN_LOGIN),
                "Locked after too many requests with this account.",
                read("Kamailio htable README, K5"),
                weight=0.5,
            ),
        ),
        prior=1.0,
    ),
)
