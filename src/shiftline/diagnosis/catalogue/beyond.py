"""Causes that no question to a PBX shows: clients, clocks, the APIs of the WFM. Marks speak for them."""

from __future__ import annotations

from shiftline.diagnosis.catalogue.cause import Cause, Remedy, Stage, when
from shiftline.diagnosis.catalogue.words import EVERY, SBC, recalled, rfc, shows, vendor
from shiftline.diagnosis.outcome import Outcome
from shiftline.diagnosis.probe import Aim, Method

UNSEEN = 0.08
"""Prior of what no question shows: without its mark nothing speaks for it."""

HEALTH = (
    Cause(
        id="healthy",
        meaning="Nothing is wrong with the trunk.",
        seen="Everything passes.",
        tells="Every question was answered as a healthy trunk does, at every rate that was tried.",
        refuted_by="Any refusal that lasts.",
        remedy=Remedy(
            steps=(
                (
                    "If trouble comes at certain hours only, record one: `tcpdump -w trunk.pcap port "
                    "5060`, and have `shiftline doctor read trunk.pcap` look at it."
                ),
            )
        ),
        sources=("the healthy answers of each family",),
    ),
)

CAUSES = (
    Cause(
        id="http.permission",
        meaning="The 403 came from the WFM's REST API, not over SIP: a permission is missing.",
        seen='"403 although the role or scope is there"; everything over the phone works.',
        tells="The log has an HTTP 403 with missing.permission or missing.division.permission.",
        refuted_by="A SIP 403 on the trunk at the same time.",
        remedy=Remedy(
            steps=(
                "Give the OAuth client's role the permission, in the right division.",
                "Wait up to five minutes: permissions take that long to spread.",
            )
        ),
        sources=("Genesys Cloud Resource Center; users' reports",),
        prior=UNSEEN,
    ),
    Cause(
        id="http.rate",
        meaning="The 429 or 403 came from the WFM's REST API: too many calls in a minute.",
        seen="429 with Retry-After at publish time; tickets and trades are late.",
        tells="The log has HTTP 429.",
        refuted_by="No HTTP refusal in the log of that hour.",
        remedy=Remedy(
            steps=(
                (
                    "Ask in bulk and less often; honour Retry-After; five shift-trading calls a minute is"
                    " the limit."
                ),
                "Give each integration its own OAuth client.",
            )
        ),
        sources=("Genesys Cloud API limits; users' reports",),
        prior=UNSEEN,
    ),
    Cause(
        id="wfm.version-conflict",
        meaning=(
            "Two writers changed the same trade or schedule; the WFM took the first and refused the second."
        ),
        seen="409 on approval or publish, more often across midnight and in bulk.",
        tells="HTTP 409 with a version in it.",
        refuted_by="A single writer.",
        remedy=Remedy(
            steps=(
                "Read the version anew and decide on the new state. Shiftline does.",
                "Decide or release trades before the publish; find the second writer.",
            )
        ),
        sources=("Genesys Cloud shift trades, metadata.version; users' reports",),
        prior=UNSEEN,
    ),
    Cause(
        id="wfm.not-asked",
        meaning="The WFM reviews trades automatically, so nobody is asked.",
        seen="Trades are approved or denied before any check; the check's verdict has no effect.",
        tells="Trades never stay Matched.",
        refuted_by="A trade that waits in Matched.",
        remedy=Remedy(
            steps=("Switch automatic review off for the business unit, or accept that no check decides.",)
        ),
        sources=("Genesys Cloud workforce management settings",),
        prior=UNSEEN,
    ),
    Cause(
        id="clock.skew",
        meaning="The clocks of the two sides are minutes apart.",
        seen='403 `Stale Date`, ms-diagnostics 1013; certificates that are "not valid yet".',
        tells="The Date header or a diagnostic speaks of time; every login fails alike.",
        refuted_by="Clocks that agree within seconds.",
        remedy=Remedy(
            steps=("`chronyc tracking` or `timedatectl` on both sides; let both follow the same servers.",)
        ),
        sources=("MS-OCER 1013, V13; STIR verification, V29",),
        signatures=(
            shows(
                "V13",
                SBC,
                Stage.ACCOUNT_RULE,
                (when(),),
                {Outcome.FORBIDDEN_AFTER_CHALLENGE: 0.7, Outcome.CHALLENGE_AGAIN: 0.3},
                "Every login is refused, with a diagnostic about time.",
                vendor("MS-OCER 1013, V13"),
            ),
            shows(
                "V29",
                EVERY,
                Stage.ACCOUNT_RULE,
                (when(method=Method.INVITE),),
                {Outcome.FORBIDDEN_AFTER_CHALLENGE: 1.0},
                "Calls are refused with Stale Date.",
                recalled("STIR verification, V29"),
            ),
        ),
        prior=0.4,
    ),
    Cause(
        id="client.no-credentials",
        meaning="The client never answers the challenge: it has no credentials, or does not use them.",
        seen="401 or 407 to every request of one system and nothing after it.",
        tells="A challenge, and no further request in the same call.",
        refuted_by="A request with credentials in the same call.",
        remedy=Remedy(
            steps=(
                "Configure user and password of the client; some never send them with OPTIONS.",
                (
                    "Or let the PBX answer this method without a login: "
                    "`allow_unauthenticated_options=yes` (PJSIP)."
                ),
            )
        ),
        sources=("RFC 3261 section 22.2; users' reports",),
        prior=UNSEEN,
    ),
    Cause(
        id="client.wrong-control",
        meaning="A control is not what it is called: the absent user is there, or the present one is not, or "
        "is forwarded elsewhere.",
        seen="A method is given up as blind although phones that are off are reported as off; or every check "
        "says absent, also of a phone that is said to be on.",
        tells=(
            "The absent control gets 200 and an invented user does not, or the present one gets 480, 404 or "
            "302."
        ),
        refuted_by="A 200 about an invented user as well; the phone of the present control, registered.",
        remedy=Remedy(
            steps=(
                (
                    "Name another user as that control (`--absent`, `--present`; `absent`, `present` of the "
                    "trunk), and ask again."
                ),
                (
                    "302 about the present control: take the forwarding off that phone. Of agents who are "
                    "forwarded checks cannot tell."
                ),
            )
        ),
        sources=("RFC 3261 section 11.2",),
        signatures=(
            shows(
                "R11.2",
                EVERY,
                Stage.SERVICE,
                (when(method=Method.OPTIONS, aim=Aim.ABSENT),),
                {Outcome.OK: 1.0},
                "200 about a user who is called absent, another answer about one who was invented.",
                rfc("RFC 3261 section 11.2: OPTIONS about a user are answered as a call would be"),
            ),
            shows(
                "R11.2p",
                EVERY,
                Stage.SERVICE,
                (when(method=Method.OPTIONS, aim=Aim.PRESENT),),
                {
                    Outcome.UNAVAILABLE_NOW: 0.5,
                    Outcome.NOT_FOUND: 0.25,
                    Outcome.TIMEOUT: 0.1,
                    Outcome.REDIRECTED: 0.15,
                },
                "480, 404 or 408 about a user who is called present, or 302 where his calls go elsewhere.",
                rfc("RFC 3261 sections 11.2, 21.3, 21.4.5, 21.4.9 and 21.4.18"),
                weight=0.5,
            ),
        ),
        prior=0.5,
    ),
    Cause(
        id="client.retry-too-short",
        meaning="The client gives up, or asks anew, before the PBX can have answered.",
        seen="Time-outs at busy hours that vanish when the client waits longer; twice the load.",
        tells="Answers arrive after the client has given up; the same question comes again meanwhile.",
        refuted_by="A client that waited for 32 s (64*T1) and got nothing.",
        remedy=Remedy(
            steps=(
                (
                    "Wait for a final answer as long as a transaction lives, 32 s, or at least twice the "
                    "usual time."
                ),
                "Do not ask anew for the same agent meanwhile: join the question that is under way.",
            )
        ),
        sources=("RFC 3261 section 17.1.2; RFC 4321",),
        prior=UNSEEN,
    ),
)
