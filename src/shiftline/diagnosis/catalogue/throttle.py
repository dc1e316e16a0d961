"""Refusals that depend on a rate or a number under way, and are over with it."""

from __future__ import annotations

from dataclasses import replace

from shiftline.diagnosis.catalogue.cause import Acts, Cause, Remedy, Stage, when
from shiftline.diagnosis.catalogue.every_request import on_every_request
from shiftline.diagnosis.catalogue.rates import (
    PIPE_BEHIND_LOGIN,
    REGISTERS,
    REGISTRAR_BEHIND_LOGIN,
    in_any_status,
    limited,
)
from shiftline.diagnosis.catalogue.words import (
    EVERY,
    LOGGED_IN,
    SBC,
    SERS,
    read,
    shows,
    vendor,
)
from shiftline.diagnosis.families import Family
from shiftline.diagnosis.outcome import Outcome
from shiftline.diagnosis.probe import Account, Load, Method, Source

PACE = (
    (
        "Hold the trunk below the limit: `max_rate` in its section, or `learn = true` to find it in a "
        "quiet hour."
    ),
    "Let checks be asked ahead of the publish window (`policy.prefetch`), so that the burst is smaller.",
)


def _crowded(**fields: str | tuple[str, ...]) -> tuple[Acts, ...]:
    """A number under way, some 3 to 10: brisk traffic stays below it, 20 at once do not."""
    return (
        when(0.97, load=(Load.CONCURRENT, Load.CROWD), **fields),
        when(0.03, load=Load.BRISK, **fields),
        when(0.15, load=Load.RAISED, **fields),
        when(0.7, load=Load.STORM, **fields),
        when(0.92, load=Load.DURING, **fields),
    )


def _roomy(**fields: str | tuple[str, ...]) -> tuple[Acts, ...]:
    """Some 10 to 20: a place is taken only while a request is handled.

    What leaves at once comes spread by the way, and the first are answered before the last are there: half of
    them are held together, or fewer. Between two such bursts the places are free.
    """
    return (
        when(0.4, load=Load.CONCURRENT, **fields),
        when(0.95, load=Load.CROWD, **fields),
        when(0.01, load=Load.BRISK, **fields),
        when(0.05, load=Load.RAISED, **fields),
        when(0.4, load=Load.STORM, **fields),
        when(0.5, load=Load.DURING, **fields),
    )


_BUSY_ANSWERS = in_any_status(
    {
        Outcome.FORBIDDEN: 0.44,
        Outcome.UNAVAILABLE: 0.31,
        Outcome.UNAVAILABLE_RETRY_AFTER: 0.19,
        Outcome.SILENCE: 0.06,
    }
)
_SOURCE = limited(source=Source.OWN)
_USER = limited(account=Account.OWN, credentials=LOGGED_IN)
_SHOW_LIMIT = {
    Family.KAMAILIO: (
        "`kamcmd pl.stats` (pipelimit) or `kamcmd rl.stats` (ratelimit) shows pipes, limits and counts.",
        (
            "Raise the pipe's limit for the trunk, or leave its address out: `if (!allow_trusted()) "
            'pl_check("$si")`.'
        ),
    ),
    Family.OPENSIPS: (
        "`opensips-cli -x mi rl_list` shows the pipes; their counts may be shared with other nodes.",
    ),
    Family.SBC: (
        (
            "Look at the session agent's rate constraints (burst and sustained, by method) and at its "
            "state `constraint violation`."
        ),
    ),
}

CAUSES = (
    Cause(
        id="throttle.source",
        meaning="The PBX answers only so many requests a second from one address and refuses the rest.",
        seen="403 in the minutes after a schedule publish and none for the rest of the week; trades hang in "
        '"Pending"; ordinary calls go through.',
        tells=(
            "Single requests pass, many a second do not, whichever account and method; another source "
            "passes meanwhile, and it is over within seconds of a lower rate."
        ),
        refuted_by="A refusal of a single request at rest, or a passage at a higher rate than was refused.",
        remedy=Remedy(
            steps=(
                *PACE,
                "Ask the operator of the PBX to raise the limit for this address, or to leave it out.",
            ),
            by_family=_SHOW_LIMIT,
        ),
        sources=("Kamailio pipelimit, K4, and pike without a ban, K2; OpenSIPS O2; Telnyx D24, V19",),
        signatures=(
            *on_every_request(_SOURCE),
            shows(
                "K2",
                SERS,
                Stage.RATE,
                _SOURCE,
                in_any_status({Outcome.SILENCE: 0.7, Outcome.FORBIDDEN: 0.2, Outcome.UNAVAILABLE: 0.1}, 0.05),
                "pike without a table of banned addresses: silence until the next 2 s below the limit.",
                read("Kamailio pike README, K2; OpenSIPS pike, O1"),
                weight=0.5,
            ),
        ),
        prior=4.0,
    ),
    Cause(
        id="throttle.shared",
        meaning="The PBX answers only so many requests a second of all senders together.",
        seen="As a limit of one address; it is worse while others send, and a second address does not help.",
        tells="A second source is refused as well while a load from the first one is.",
        refuted_by="Another source that passes while ours is refused for its rate.",
        remedy=Remedy(
            steps=(
                *PACE,
                "Find out who else sends: what they send is taken from the same limit.",
                "Ask the operator of the PBX to count each address apart, or to raise the limit.",
            ),
            by_family={
                **_SHOW_LIMIT,
                Family.KAMAILIO: (
                    _SHOW_LIMIT[Family.KAMAILIO][0],
                    'Give each address a pipe of its own: `pl_check("$si")` instead of one fixed name.',
                ),
            },
        ),
        sources=("Kamailio pipelimit with one pipe for all, K4; OpenSIPS O2; Oracle SBC, V2",),
        signatures=on_every_request(limited(), "a"),
        prior=0.19,
    ),
    Cause(
        id="throttle.user",
        meaning="The PBX takes only so many requests a second of one account.",
        seen="One login that all checks share is refused in bursts; phones with their own accounts are not.",
        tells=(
            "Refused above a rate with this account only; what carries no credentials still gets a "
            "challenge, unless the name in From is counted."
        ),
        refuted_by="Another account that is refused in the same second, or no refusal with this one.",
        remedy=Remedy(
            steps=(*PACE, "Spread the checks over several accounts, if the operator agrees."),
            by_family=_SHOW_LIMIT,
        ),
        sources=("Kamailio pipelimit keyed on $au, K4; OpenSIPS O2; Twilio 32008, V17",),
        signatures=(
            shows(
                "K4u",
                SERS,
                Stage.ACCOUNT_LIMIT,
                _USER,
                in_any_status(
                    {
                        Outcome.FORBIDDEN_AFTER_CHALLENGE: 0.6,
                        Outcome.UNAVAILABLE: 0.25,
                        Outcome.UNAVAILABLE_RETRY_AFTER: 0.15,
                    }
                ),
                "A pipe for each login name.",
                read("Kamailio pipelimit README, K4; OpenSIPS O2"),
            ),
            shows(
                "V17",
                EVERY - SERS,
                Stage.ACCOUNT_LIMIT,
                _USER,
                in_any_status(
                    {
                        Outcome.FORBIDDEN_AFTER_CHALLENGE: 0.6,
                        Outcome.FORBIDDEN_RETRY_AFTER: 0.1,
                        Outcome.UNAVAILABLE: 0.18,
                        Outcome.UNAVAILABLE_RETRY_AFTER: 0.12,
                    }
                ),
                "More than some requests a second for one address-of-record.",
                vendor("Twilio 32008, V17"),
            ),
            shows(
                "K4f",
                EVERY,
                Stage.RATE,
                limited(account=Account.OWN),
                in_any_status(
                    {Outcome.FORBIDDEN: 0.5, Outcome.UNAVAILABLE: 0.3, Outcome.UNAVAILABLE_RETRY_AFTER: 0.2}
                ),
                "A pipe for each user in From, ahead of the login, from whichever address.",
                read("Kamailio pipelimit README: a pipe has any name, such as $fU, K4"),
                weight=0.03,
            ),
        ),
        prior=1.2,
    ),
    Cause(
        id="throttle.method",
        meaning="The PBX takes only so many requests a second of one method, whoever sends them.",
        seen="OPTIONS are refused in bursts while REGISTERs pass in the same second, or the other way round.",
        tells="Refused above a rate, for every source and account, with this method only.",
        refuted_by="Another method that is refused in the same second.",
        remedy=Remedy(
            steps=(*PACE, "Ask by another method (`--method registration`), which has its own limit."),
            by_family=_SHOW_LIMIT,
        ),
        sources=("Kamailio ratelimit README, K3; Oracle SBC rate constraints, V2; FortiGate, V23",),
        signatures=(
            *(
                shows(
                    f"{row}.{name}",
                    families,
                    Stage.RATE,
                    limited(method=methods),
                    in_any_status(answers),
                    words,
                    basis,
                    weight,
                )
                for name, methods, weight in (("options", Method.OPTIONS, 1.0), ("register", REGISTERS, 0.5))
                for row, families, answers, words, basis in (
                    (
                        "K3",
                        SERS,
                        {
                            Outcome.UNAVAILABLE_RETRY_AFTER: 0.6,
                            Outcome.UNAVAILABLE: 0.25,
                            Outcome.FORBIDDEN: 0.15,
                        },
                        "503 Limiting with Retry-After, for all together.",
                        read("Kamailio ratelimit README, K3"),
                    ),
                    (
                        "V2",
                        SBC,
                        {
                            Outcome.UNAVAILABLE: 0.45,
                            Outcome.UNAVAILABLE_RETRY_AFTER: 0.15,
                            Outcome.FORBIDDEN: 0.2,
                            Outcome.SILENCE: 0.2,
                        },
                        "Burst and sustained rates for each method.",
                        vendor("Oracle SBC, V2; FortiGate, V23"),
                    ),
                    (
                        "V23",
                        EVERY - SERS - SBC,
                        {
                            Outcome.FORBIDDEN: 0.3,
                            Outcome.FORBIDDEN_RETRY_AFTER: 0.05,
                            Outcome.UNAVAILABLE: 0.15,
                            Outcome.UNAVAILABLE_RETRY_AFTER: 0.1,
                            Outcome.SILENCE: 0.4,
                        },
                        "A limit for each method in front of the PBX.",
                        vendor("FortiGate VoIP profiles, V23"),
                    ),
                )
            ),
            replace(PIPE_BEHIND_LOGIN, weight=0.25),
        ),
        prior=1.0,
    ),
    Cause(
        id="throttle.concurrency",
        meaning="The PBX handles only so many requests or calls at a time.",
        seen=(
            "A burst is refused even when there are few requests in a minute; sent one after the other "
            "they pass."
        ),
        tells="Many at once are refused, the same rate one by one is not.",
        refuted_by="A refusal with one request under way.",
        remedy=Remedy(
            steps=(
                (
                    "Keep fewer under way at a time: the governor does when it learns; a declared "
                    "`max_rate` helps."
                ),
                "Raise the limit on the PBX: sessions, channels, call-limit.",
            ),
            by_family={
                Family.FREESWITCH: ("`fs_cli -x 'fsctl max_sessions'` and `fsctl sps`.",),
                Family.CHAN_SIP: ("`call-limit` of the peer, `maxcalls` in asterisk.conf.",),
            },
        ),
        sources=("Telnyx D1, D2, D3, D22, V19; chan_sip C5; FreeSWITCH F9",),
        signatures=(
            *(
                shows(
                    f"{row}{size}",
                    EVERY,
                    Stage.RATE,
                    acts(source=Source.OWN) if row == "V19c" else acts(),
                    _BUSY_ANSWERS,
                    f"{words}{more}",
                    basis,
                    weight=share * weight,
                )
                for size, acts, share, more in (
                    ("", _crowded, 0.6, ""),
                    ("m", _roomy, 0.4, " So many that 20 sent at once are hardly held together."),
                )
                for row, words, basis, weight in (
                    (
                        "V19c",
                        "Refused while too many of one address are under way.",
                        vendor("Telnyx V19, D1 to D3"),
                        1.0,
                    ),
                    (
                        "F9c",
                        "Refused while too many are under way, whosever they are.",
                        vendor("chan_sip C5, FreeSWITCH F9"),
                        0.6,
                    ),
                )
            ),
        ),
        prior=1.0,
    ),
    Cause(
        id="throttle.registration-rate",
        meaning="The PBX or carrier takes only so many REGISTERs in a time, on the whole trunk.",
        seen=(
            "A login storm after the publish, or all phones at once after a restart, is refused; calls "
            "are not."
        ),
        tells="REGISTERs are refused above a rate, from every source; OPTIONS pass in the same second.",
        refuted_by="OPTIONS that are refused in the same second.",
        remedy=Remedy(
            steps=(
                "Spread registrations: jitter, longer expiries, refreshes before the publish window.",
                "Ask by OPTIONS or a subscription instead of REGISTER.",
                "Raise the limit: Genesys Cloud `Max Registration Rate` (such as 40/5s).",
            ),
            by_family=_SHOW_LIMIT,
        ),
        sources=(
            "Genesys Cloud Max Registration Rate, V15; a German carrier, V21; Twilio, V17; Kamailio, K4",
        ),
        signatures=(
            shows(
                "V15",
                EVERY,
                Stage.RATE,
                limited(method=REGISTERS),
                in_any_status(
                    {
                        Outcome.FORBIDDEN: 0.35,
                        Outcome.FORBIDDEN_RETRY_AFTER: 0.2,
                        Outcome.UNAVAILABLE: 0.15,
                        Outcome.UNAVAILABLE_RETRY_AFTER: 0.15,
                        Outcome.SILENCE: 0.15,
                    }
                ),
                "REGISTERs above the average are refused, or dropped.",
                vendor("Genesys Cloud V15; a carrier's trace, V21; recipes that drop, V23, V24"),
            ),
            PIPE_BEHIND_LOGIN,
            REGISTRAR_BEHIND_LOGIN,
        ),
        prior=1.0,
    ),
)
