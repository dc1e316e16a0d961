"""Habits of the traffic that no single answer shows, and what each speaks for."""

from __future__ import annotations

from shiftline.diagnosis.by_turns import (
    BUSY_BY_TURNS,
    BY_TURNS,
    FAILING_BY_TURNS,
    FAILING_IN_LOADS,
    TOLD_APART,
)
from shiftline.diagnosis.catalogue.marks import AGAINST, CERTAIN, FAIR, STRONG, WEAK, row
from shiftline.diagnosis.families import Family

_RATES = (
    "throttle.source", "throttle.shared", "throttle.user", "throttle.method", "throttle.registration-rate",
)  # fmt: skip
_LASTING = (
    "healthy", "acl.source", "acl.partial", "acl.contact", "acl.via-source", "network.nat-source",
    "credentials.wrong-password", "credentials.unknown-user", "credentials.identity-mismatch",
    "credentials.realm", "credentials.digest-uri", "policy.account-disabled", "policy.method",
    "policy.domain", "policy.user-agent", "policy.no-trunk-match", "policy.caller-identity",
    "method.blind", "message.malformed", "message.missing-metadata",
)  # fmt: skip
"""What is there all the time, or not at all."""
_BY_CHANCE = ("capacity.overload", "method.failing", "network.uneven-nodes")
"""What refuses a share of all, in no order: the first of a load as well as any."""
_BANS = ("ban.source", "ban.user", "credentials.shared-lockout")

ROWS = (
    row(
        "traffic.flips-with-rate",
        "a rate above which requests are refused, and below which they pass",
        "the arrivals before each request",
        {
            **dict.fromkeys(_RATES, FAIR),
            "throttle.concurrency": WEAK,
            "capacity.overload": WEAK,
            "ban.source": WEAK,
            "schedule.time-of-day": AGAINST,
            "acl.source": AGAINST,
        },
    ),
    row(
        "traffic.refused-at-rest",
        "a refusal of single requests, when nothing else was under way",
        "the arrivals before each request",
        {**dict.fromkeys(_RATES, AGAINST), "throttle.concurrency": AGAINST, "capacity.overload": 0.3},
    ),
    row(
        BY_TURNS,
        "requests that asked the same and were refused and served by turns, whatever their rate",
        "the order of answers to equal requests: of two servers one refuses (RFC 3263 section 4.2)",
        {"network.uneven-nodes": CERTAIN},
    ),
    row(
        BUSY_BY_TURNS,
        "requests that asked the same and got 503 and an answer by turns, whatever their rate",
        "the order of answers to equal requests: one server of several is busy, or the only one",
        {"network.uneven-nodes": STRONG, "capacity.overload": STRONG},
    ),
    row(
        FAILING_BY_TURNS,
        "requests that asked the same and got 500 and an answer by turns, whatever their rate",
        "the order of answers to equal requests: 500 is a failure (RFC 3261 section 21.5.1), overload 503",
        {"network.uneven-nodes": STRONG, "method.failing": STRONG, "capacity.overload": AGAINST},
    ),
    row(
        FAILING_IN_LOADS,
        "requests of loads that got 500 and an answer by turns, no oftener than single ones may have",
        "the order and the share of failures: a chance, or a load that is just too much",
        {"capacity.overload": STRONG, "method.failing": WEAK, "network.uneven-nodes": WEAK},
    ),
    row(
        TOLD_APART,
        "requests that asked the same and were refused once and served once",
        "answers to equal requests at rest",
        {"network.uneven-nodes": WEAK},
    ),
    row(
        "traffic.refused-in-spans",
        "times in which single requests were always refused, between others in which they passed",
        "the order of passed and refused requests at rest",
        {
            **dict.fromkeys(_BANS, STRONG),
            **dict.fromkeys((*_RATES, *_LASTING), 0.02),
            "schedule.time-of-day": STRONG,
            "capacity.overload": 0.3,
        },
    ),
    row(
        "traffic.refused-since",
        "a moment up to which single requests passed, and since which they are refused",
        "the order of passed and refused requests at rest",
        {
            **dict.fromkeys((*_RATES, *_LASTING), 0.05),
            **dict.fromkeys(("credentials.rotated", "schedule.time-of-day", *_BANS), FAIR),
        },
    ),
    row(
        "traffic.refused-after",
        "a time of refusals that went on after the rate had fallen",
        "the pauses between refusals",
        {**dict.fromkeys(_BANS, FAIR), **dict.fromkeys(_RATES, AGAINST)},
    ),
    row(
        "traffic.recovered-soon",
        "a first accepted request within a minute of the last refusal at speed",
        "the pauses between refusals",
        {"ban.source": AGAINST, "ban.user": AGAINST, **dict.fromkeys(_RATES, WEAK)},
    ),
    row(
        "server.unnamed",
        "no answer that says who made it",
        "the programs' defaults: Asterisk, FreeSWITCH, Kamailio and OpenSIPS name themselves",
        {},
        {
            Family.CHAN_SIP: 0.05,
            Family.PJSIP: 0.05,
            Family.FREESWITCH: 0.05,
            Family.KAMAILIO: 0.5,
            Family.OPENSIPS: 0.5,
        },
    ),
    row(
        "traffic.answered-on-repeat",
        "single requests at rest that were answered only when they were sent again",
        "copies of single requests: A10, a road that loses",
        {
            "capacity.overload": STRONG,
            **dict.fromkeys(_RATES, AGAINST),
            # What passes when it is sent again is neither too long nor rewritten.
            **dict.fromkeys(("network.fragmentation", "network.alg"), AGAINST),
        },
    ),
    row(
        "traffic.refused-from-the-first",
        "loads of which the first requests were refused already, where a limit lets the first pass",
        "the order of answers in loads after a rest: windows and buckets begin full",
        {**dict.fromkeys(_BY_CHANCE, STRONG), **dict.fromkeys(_RATES, AGAINST)},
    ),
    row(
        "traffic.outside-limits",
        "a load refused in an order that no window of 1 to 10 s explains, nor a bucket that holds something",
        "the order of answers in loads: limits of a rate count in windows (K2, K3, K4, O2), or fill a bucket",
        dict.fromkeys(_RATES, AGAINST),
    ),
    row(
        "traffic.fewer-refused",
        "a load that was refused, though a faster one passed and that kind of load was refused as well",
        "the loads of one source: a limit for it counts them all alike",
        {
            **dict.fromkeys(_BY_CHANCE, FAIR),
            **dict.fromkeys(
                ("throttle.source", "throttle.shared", "throttle.concurrency", "ban.source"), AGAINST
            ),
        },
    ),
    row(
        "traffic.faster-passed",
        "a load that was kept up at well over a rate that was refused, and hardly refused",
        "the loads of one source, method and account: a limit passes no more than the rate it refused, K4",
        {**dict.fromkeys(_BY_CHANCE, FAIR), **dict.fromkeys((*_RATES, "ban.source"), AGAINST)},
    ),
    row(
        "traffic.refused-alone",
        "requests of a load that were refused while nothing that had passed was under way",
        "the answers to loads: places are taken by what passed and has no answer yet (C5, F9, V19)",
        {"throttle.concurrency": 0.02},
    ),
    row(
        "traffic.options-beside-registers",
        "requests by OPTIONS that all passed between REGISTERs of the same source that were refused",
        "the answers in a load: a limit of a source, of a number under way or of an hour meets them as well",
        dict.fromkeys(
            (
                "throttle.source",
                "throttle.shared",
                "throttle.concurrency",
                "ban.source",
                "schedule.time-of-day",
            ),
            0.02,
        ),
    ),
    row(
        "traffic.passed-amid",
        "requests that passed between refused ones of their kind, within seconds",
        "the order of answers: a rule of the hour, or a job that stops all, refuses until it is over",
        {"schedule.time-of-day": 0.02},
    ),
    row(
        "traffic.two-agents-one-account",
        "one account that two programs log in with",
        "User-Agent, Call-ID shape and source port of one digest username",
        {"credentials.shared-lockout": FAIR, "registrar.shared-aor": WEAK, "throttle.user": WEAK},
    ),
    row(
        "traffic.foreign-failures",
        "another program whose logins for this account failed before",
        "User-Agent and outcome of one digest username",
        {"credentials.shared-lockout": STRONG, "ban.user": WEAK},
    ),
    row(
        "traffic.failures-before-lock",
        "a series of failed logins of this account before the refusals",
        "outcomes of one digest username, Kamailio htable README, K5",
        {"ban.user": FAIR, "credentials.shared-lockout": WEAK},
    ),
    row(
        "traffic.worked-before",
        "a time before which the same account was accepted",
        "outcomes of one digest username in time",
        {"credentials.rotated": STRONG, "credentials.wrong-password": 0.3, "credentials.unknown-user": 0.3},
    ),
    row(
        "traffic.hour-only",
        "a time of day to which refusals keep, at loads that pass at other times",
        "the hour of each refusal",
        {"schedule.time-of-day": STRONG, **dict.fromkeys(_RATES, AGAINST)},
    ),
    row(
        "traffic.burst",
        "a burst during which requests were refused",
        "arrivals before each refusal",
        {**dict.fromkeys(_RATES, WEAK)},
    ),
    row(
        "traffic.publish-window",
        "a burst in the declared publish window during which requests were refused",
        "the hour of each arrival in the unit's zone",
        {**dict.fromkeys(_RATES, WEAK)},
    ),
    row(
        "traffic.count-repeated",
        "a nonce count that was used twice with one nonce",
        "nc of the Authorization headers, RFC 7616 section 3.4",
        {"credentials.nonce-count": STRONG},
    ),
    row(
        "traffic.reuse-refused-young",
        "a nonce that was accepted, and was challenged anew within a second of it",
        "age and use of the nonce at each challenge, RFC 7616 section 3.3",
        {"credentials.nonce-count": STRONG, "credentials.stale-nonce": 0.05},
    ),
    row(
        "traffic.nonce-by-use",
        "nonces that are challenged anew after so many uses, however old they are",
        "use and age of the nonce at each login, RFC 7616 section 3.3",
        {"credentials.nonce-count": CERTAIN, "credentials.stale-nonce": 0.001},
    ),
    row(
        "traffic.nonce-by-age",
        "nonces that are challenged anew from an age on, however often they were used",
        "use and age of the nonce at each login, K8",
        {"credentials.stale-nonce": CERTAIN, "credentials.nonce-count": 0.001},
    ),
    row(
        "traffic.reuse-passed",
        "a nonce that was accepted again within a second",
        "age and use of the nonce",
        {"credentials.nonce-count": 0.05},
    ),
    row(
        "traffic.follows-concurrency",
        "a number of requests under way from which on others were refused, better than any rate",
        "requests that were accepted and not yet answered when each came",
        {"throttle.concurrency": CERTAIN, "capacity.overload": FAIR, **dict.fromkeys(_RATES, 0.05)},
    ),
    row(
        "traffic.follows-either",
        "a number of requests under way from which on others were refused, as well told by a limit of a rate",
        "requests that were accepted and not yet answered when each came: short loads fit both",
        # What else such a record holds speaks for any limit, and the tables give it to those of a rate.
        {"throttle.concurrency": STRONG, "capacity.overload": WEAK},
    ),
    row(
        "traffic.old-nonce-refused",
        "a challenge to credentials with an old nonce, that says nothing of stale",
        "age of the nonce at each second challenge, K8",
        {"credentials.stale-nonce": STRONG, "credentials.wrong-password": AGAINST},
        {Family.KAMAILIO: WEAK},
    ),
    row(
        "traffic.new-nonce-refused",
        "a login that answered a fresh challenge in time and was challenged again",
        "age of the nonce at each second challenge",
        {"credentials.stale-nonce": AGAINST, "credentials.nonce-count": AGAINST},
    ),
    row(
        "traffic.challenge-unanswered",
        "a challenge that the client never answered",
        "requests after each 401 or 407 in one call",
        {"client.no-credentials": CERTAIN, "credentials.algorithm": WEAK},
    ),
    row(
        "traffic.resent-early",
        "a question that was asked anew, or given up, before the server's usual time of answer",
        "times of answers and of further requests",
        {"client.retry-too-short": CERTAIN},
    ),
    row(
        "traffic.latency-grows",
        "an answer that comes the later, the more is under way",
        "times of answers against arrivals",
        {"capacity.overload": FAIR, "throttle.concurrency": WEAK, **dict.fromkeys(_RATES, 0.3)},
    ),
    row(
        "traffic.refused-at-once",
        "a refusal that comes in far less time than an accepted login takes",
        "times of answers by outcome: a policer does not look into the database",
        {**dict.fromkeys(_RATES, WEAK), "credentials.wrong-password": 0.5, "capacity.overload": 0.5},
    ),
    row(
        "traffic.contact-churn",
        "an address-of-record that is bound from different places in turn",
        "Contact hosts of one user",
        {"registrar.shared-aor": CERTAIN, "registrar.max-contacts": WEAK},
    ),
    row(
        "via.seen-elsewhere",
        "an answer whose `received` names an address that is neither ours nor the one given as public",
        "RFC 3261 section 18.2.1; one trunk in twenty is behind a translation that nobody declared",
        {"network.nat-source": 20.0},
    ),
    row(
        "via.seen-as-sent",
        "a server that sees us at the address that Via names",
        "RFC 3261 section 18.2.1: it must say so if it sees another",
        {"network.nat-source": 0.01},
    ),
    row(
        "traffic.some-sources-refused",
        "a part of the peer's addresses that is refused, while the others pass with the same account",
        "outcomes by source",
        {"acl.partial": FAIR, "acl.source": 0.7},
    ),
    row(
        "traffic.large-lost",
        "a size above which requests get no answer",
        "sizes of answered and unanswered requests, RFC 3261 section 18.1.1",
        {"network.fragmentation": STRONG, "message.too-large": WEAK},
    ),
    row(
        "traffic.large-refused",
        "a size above which requests are refused",
        "sizes of accepted and refused requests, K11",
        {"message.too-large": STRONG, "network.fragmentation": WEAK},
    ),
    row(
        "via.differs",
        "a Via that names another address than the packets came from",
        "sent-by against the packet's source, RFC 3581",
        {"network.nat-source": FAIR, "acl.via-source": FAIR, "network.alg": WEAK},
    ),
    row(
        "clock.offset",
        "a Date header that differs from the record's clock by minutes",
        "Date of the answers",
        {"clock.skew": FAIR},
    ),
    row(
        "challenge.realm-differs",
        "a challenge for another realm than the one that is configured",
        "realm of the challenge",
        {"credentials.realm": STRONG},
    ),
    row(
        "challenge.unknown-algorithm",
        "a challenge that offers no algorithm the client can do",
        "algorithms of the challenge, RFC 8760",
        {"credentials.algorithm": STRONG},
    ),
    row(
        "method.blind",
        "one and the same answer about the absent and the present control",
        "the two controls: the method is blind, or the absent one is there",
        {"method.blind": STRONG, "client.wrong-control": STRONG},
    ),
    row(
        "traffic.metadata-tells",
        "a header that all accepted requests have and all refused ones lack",
        "headers by outcome",
        {"message.missing-metadata": STRONG},
    ),
    row(
        "message.passed-with-header",
        "a question that was refused as usual, and passed with the headers that were named",
        "two questions of ours that differ in nothing else; whoever names a header thinks that it may matter",
        {"message.missing-metadata": STRONG},
    ),
    row(
        "traffic.header-refused",
        "a header that all refused requests have and all accepted ones of the same kind lack",
        "headers by outcome, Kamailio K15",
        {"message.malformed": STRONG, "policy.user-agent": 0.02},
    ),
    row(
        "traffic.contact-refused",
        "a Contact in all refused requests and in no accepted one of the same senders",
        "headers by outcome: res_pjsip_acl A4, Kamailio permissions K12 look at it",
        {
            "acl.contact": STRONG,
            # What has a Contact binds: it may be one binding too many.
            "registrar.max-contacts": STRONG,
            "message.malformed": STRONG,
            "policy.user-agent": 0.02,
        },
    ),
    row(
        "traffic.headers-served",
        "no header that all refused requests have and accepted ones of the same senders lack",
        "headers by outcome: what a PBX dislikes about a message is nearly always a header (K15, K16, V5)",
        {"message.malformed": 0.02},
    ),
    row(
        "traffic.all-available",
        "one and the same 200 to OPTIONS about every one of many agents",
        "answers by the user asked about, RFC 3261 section 11.2, K19",
        {"method.blind": STRONG},
    ),
)
