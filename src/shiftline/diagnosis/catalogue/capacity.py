"""A PBX that cannot, or not now."""

from __future__ import annotations

from dataclasses import replace

from shiftline.diagnosis.catalogue.cause import Acts, Cause, Remedy, Stage, when
from shiftline.diagnosis.catalogue.words import (
    CHAN_SIP,
    EVERY,
    FOREIGN,
    FREESWITCH,
    LOGGED_IN,
    PJSIP,
    SERS,
    SILENT,
    read,
    recalled,
    shows,
    vendor,
)
from shiftline.diagnosis.families import Family
from shiftline.diagnosis.outcome import Outcome
from shiftline.diagnosis.probe import Account, Aim, Credentials, Hour, Load, Method, Path, Shape

_UNDER_LOAD = (
    when(0.6, load=Load.BRISK),
    when(0.8, load=Load.RAISED),
    when(0.95, load=(Load.STORM, Load.DURING)),
    when(0.7, load=Load.CONCURRENT),
    when(0.35, load=Load.CROWD),  # what is kept up was borne
)
_TURNS_AWAY = (*_UNDER_LOAD, when(0.35))
"""By chance, whatever the rate: what others send is the load."""
_TURNS_AWAY_MOST = (*_UNDER_LOAD, when(0.85, credentials=Credentials.FRESH), when(0.6))
"""The same under a load of more than twice what it can do; a login is two requests."""
_LOSES = (*_UNDER_LOAD, when(0.2, path=Path.OTHER_TRANSPORT), when(0.03))
"""A single request is sent again until one copy is answered; over TCP it is sent once."""
_REGISTERS = (Method.REGISTER, Method.REGISTER_CONTACT)
_CALLS = (Method.INVITE, Method.SUBSCRIBE, Method.OTHER)

_IN_THE_HOUR = {
    Outcome.FORBIDDEN: 0.5,
    Outcome.UNAVAILABLE: 0.15,
    Outcome.UNAVAILABLE_RETRY_AFTER: 0.1,
    Outcome.SILENCE: 0.15,
    Outcome.SERVER_ERROR: 0.1,
}

CAUSES = (
    Cause(
        id="capacity.overload",
        meaning="The PBX cannot keep up, and loses or turns away what it cannot do.",
        seen="Answers come ever later at publish time, then 503, 408 or nothing; calls suffer as well.",
        tells="Latency grows with the load before anything is refused; every source and method suffers.",
        refuted_by="Refusals that come as fast as ever, or only to one source.",
        remedy=Remedy(
            steps=(
                (
                    "Keep the trunk below the knee: `shiftline storm SERVER --find-knee` in a quiet hour "
                    "shows where it is."
                ),
                "Look at the PBX's processor, its database, its queues, at that time.",
                "Give it more processes or a faster user database.",
            ),
            by_family={
                Family.PJSIP: (
                    (
                        "`asterisk -rx 'core show taskprocessors'`: which queue is long; "
                        "`taskprocessor_overload_trigger`."
                    ),
                ),
                Family.FREESWITCH: ("`fs_cli -x status`: sessions per second and peak; `fsctl sps`.",),
                Family.KAMAILIO: (
                    "`kamcmd core.shmmem`, `kamcmd mod.stats`; more `children` in kamailio.cfg.",
                ),
            },
        ),
        sources=("PJSIP A10; FreeSWITCH F9, F10; AudioCodes V5",),
        signatures=(
            replace(
                shows(
                    "A10",
                    PJSIP,
                    Stage.CAPACITY,
                    (*_UNDER_LOAD, when(0.35, path=Path.OTHER_TRANSPORT), when(0.03)),
                    SILENT,
                    "Silence over UDP, where what is sent again may pass; 503 over TCP.",
                    read("Asterisk res_pjsip, A10"),
                ),
                over_other=Outcome.UNAVAILABLE,
            ),
            shows(
                "A10t",
                PJSIP,
                Stage.CAPACITY,
                (when(0.03, path=Path.OTHER_TRANSPORT), *_TURNS_AWAY),
                {Outcome.UNAVAILABLE: 1.0},
                "503 over TCP; what is sent over UDP meanwhile passes when it is sent again.",
                read("Asterisk res_pjsip, A10"),
                weight=0.2,
            ),
            shows(
                "A10u",
                PJSIP,
                Stage.CAPACITY,
                tuple(
                    Acts(chance=one.chance, on={**one.on, "path": frozenset({Path.OTHER_TRANSPORT})})
                    for one in _TURNS_AWAY
                ),
                {Outcome.UNAVAILABLE: 1.0},
                "503 to what is too large for UDP, and so goes over TCP; UDP passes when it is sent again.",
                read("Asterisk res_pjsip, A10"),
                weight=0.2,
            ),
            shows(
                "F10",
                FREESWITCH,
                Stage.CAPACITY,
                _TURNS_AWAY,
                {Outcome.UNAVAILABLE_RETRY_AFTER: 1.0},
                "503 System Busy with Retry-After: 300.",
                read("FreeSWITCH mod_sofia, F10"),
            ),
            shows(
                "F9o",
                FREESWITCH,
                Stage.CAPACITY,
                tuple(
                    Acts(
                        chance=one.chance, on={**one.on, "method": frozenset({Method.OPTIONS, Method.INVITE})}
                    )
                    for one in _TURNS_AWAY
                ),
                {Outcome.UNAVAILABLE_RETRY_AFTER: 1.0},
                "503 Maximum Calls In Progress to calls and, if it is set so, OPTIONS; REGISTER passes.",
                read("FreeSWITCH mod_sofia, F9"),
                weight=0.4,
            ),
            shows(
                "F10s",
                FREESWITCH,
                Stage.CAPACITY,
                _LOSES,
                SILENT,
                "Late, then lost.",
                read("FreeSWITCH mod_sofia, F10"),
                weight=0.2,
            ),
            shows(
                "X5",
                CHAN_SIP | SERS | FOREIGN,
                Stage.CAPACITY,
                _LOSES,
                SILENT,
                "Late, then lost.",
                recalled("AudioCodes V5; others known in the field"),
            ),
            shows(
                "X5t",
                CHAN_SIP | SERS | FOREIGN,
                Stage.CAPACITY,
                _TURNS_AWAY,
                {
                    Outcome.UNAVAILABLE: 0.55,
                    Outcome.UNAVAILABLE_RETRY_AFTER: 0.15,
                    Outcome.SERVER_ERROR: 0.1,
                    Outcome.TIMEOUT: 0.1,
                    Outcome.LIMITED: 0.1,
                },
                "Late, then 5xx, or what else is set for it.",
                recalled("AudioCodes V5; others known in the field"),
            ),
            shows(
                "X5m",
                CHAN_SIP | SERS | FOREIGN,
                Stage.CAPACITY,
                _TURNS_AWAY_MOST,
                {Outcome.UNAVAILABLE: 0.8, Outcome.UNAVAILABLE_RETRY_AFTER: 0.2},
                "503 to most of all: what others send is more than twice what it can do.",
                recalled("AudioCodes V5; others known in the field"),
                weight=0.2,
            ),
        ),
        prior=1.2,
    ),
    Cause(
        id="capacity.maintenance",
        meaning="The PBX has been taken out of service, or is shutting down.",
        seen="503 to everything since a moment; `System Paused`, `Board Is Locked`.",
        tells="503 or 500 to single requests of every kind, from every source.",
        refuted_by="An accepted request at the same time.",
        remedy=Remedy(
            steps=("Ask the operator; honour Retry-After; use the second address of the trunk meanwhile.",),
            by_family={
                Family.FREESWITCH: ("`fs_cli -x 'fsctl pause_check'`; `fsctl resume`.",),
                Family.PJSIP: ("`asterisk -rx 'core show uptime'`; `core abort shutdown`.",),
            },
        ),
        sources=("FreeSWITCH F11; PJSIP A11; AudioCodes V5",),
        signatures=(
            shows(
                "F11",
                FREESWITCH,
                Stage.CAPACITY,
                (when(0.5, method=Method.OPTIONS), when()),
                {Outcome.UNAVAILABLE: 0.55, Outcome.UNAVAILABLE_RETRY_AFTER: 0.45},
                "503 System Paused.",
                read("FreeSWITCH mod_sofia, F11"),
            ),
            shows(
                "A11o",
                PJSIP,
                Stage.CAPACITY,
                (when(method=(Method.OPTIONS, Method.INVITE)),),
                {Outcome.UNAVAILABLE: 1.0},
                "503 to OPTIONS and calls while it shuts down; REGISTER passes.",
                read("Asterisk res_pjsip, A11"),
            ),
            shows(
                "A11",
                EVERY - FREESWITCH,
                Stage.CAPACITY,
                (when(),),
                {Outcome.UNAVAILABLE: 0.65, Outcome.UNAVAILABLE_RETRY_AFTER: 0.25, Outcome.SERVER_ERROR: 0.1},
                "503 to everything.",
                vendor("Asterisk res_pjsip, A11; AudioCodes V5"),
            ),
            shows(
                "F9",
                FREESWITCH,
                Stage.CAPACITY,
                (when(method=_CALLS),),
                {Outcome.UNAVAILABLE_RETRY_AFTER: 1.0},
                "503 Maximum Calls In Progress to calls; OPTIONS and REGISTER pass.",
                read("FreeSWITCH mod_sofia, F9"),
                weight=0.3,
            ),
        ),
        prior=0.8,
    ),
    Cause(
        id="schedule.time-of-day",
        meaning="Something else runs at that hour: a job, a rule by the clock, a rotation, a backup.",
        seen="Failures every week at the same hour, also in weeks with few trades.",
        tells="Refusals keep to the hour, at loads that pass at other hours.",
        refuted_by="A week without the job and with the failures, or the failures at another hour.",
        remedy=Remedy(
            steps=(
                (
                    "Ask what runs at that hour, in the PBX's own time zone: cron, backup, config reload,"
                    " rules by time."
                ),
                "Compare two weeks: `shiftline doctor read` on captures of a quiet and a busy hour.",
                "Move the job or the publish by an hour, and look which of the two the failures follow.",
            )
        ),
        sources=("users' reports",),
        signatures=(
            shows(
                "T1",
                EVERY,
                Stage.RULE,
                (when(0.97, hour=Hour.TROUBLED),),
                _IN_THE_HOUR,
                "Refused in the hour, whatever the load.",
                recalled("users' reports"),
            ),
            shows(
                "T1n",
                EVERY,
                Stage.CAPACITY,
                (when(0.0, hour=Hour.QUIET), when()),
                _IN_THE_HOUR,
                "The hour is now.",
                recalled("users' reports"),
                0.6,
            ),
            shows(
                "T1s",
                EVERY,
                Stage.CAPACITY,
                (when(0.0, hour=Hour.QUIET), when(account=Account.OWN)),
                _IN_THE_HOUR,
                "The hour is now, and the rule is for this trunk.",
                recalled("users' reports"),
                0.3,
            ),
            shows(
                "T1o",
                EVERY,
                Stage.CAPACITY,
                (when(0.0, hour=Hour.QUIET), when(0.0, shape=Shape.FOREIGN), when()),
                _IN_THE_HOUR,
                "The hour is now, and some programs are exempt.",
                recalled("users' reports"),
                0.3,
            ),
            *(
                shows(
                    f"T1m{end}",
                    EVERY,
                    Stage.RULE,
                    (when(0.0, hour=Hour.QUIET), when(method=methods)),
                    _IN_THE_HOUR,
                    words,
                    recalled("users' reports"),
                    0.15,
                )
                for end, methods, words in (
                    ("", _REGISTERS, "The hour is now, and the rule is about REGISTER."),
                    (
                        "s",
                        (*_REGISTERS, Method.SUBSCRIBE, Method.INVITE),
                        "The hour is now, and OPTIONS are exempt.",
                    ),
                )
            ),
            shows(
                "T1c",
                EVERY,
                Stage.SERVICE,
                (
                    when(0.0, hour=Hour.QUIET),
                    when(
                        method=Method.OPTIONS,
                        aim=(Aim.PRESENT, Aim.ABSENT, Aim.INVENTED, Aim.USER, Aim.ANOTHER),
                    ),
                ),
                {Outcome.UNAVAILABLE_NOW: 1.0},
                "The hour is now, and nobody is there in it: 480 about every user.",
                recalled("users' reports; RFC 3261 section 21.4.18"),
                0.15,
            ),
            shows(
                "T2",
                EVERY,
                Stage.ACCOUNT_RULE,
                (when(0.97, hour=Hour.TROUBLED, credentials=LOGGED_IN),),
                {Outcome.FORBIDDEN_AFTER_CHALLENGE: 0.6, Outcome.CHALLENGE_AGAIN: 0.4},
                "Logins are refused in the hour.",
                recalled("users' reports"),
                0.5,
            ),
        ),
        prior=2.0,
    ),
)
