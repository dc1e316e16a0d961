"""When requests are refused: at a rate, in turns, for a time; and what that speaks for."""

from __future__ import annotations

from shiftline.diagnosis.by_turns import (
    BUSY_BY_TURNS,
    BY_TURNS,
    FAILING_BY_TURNS,
    FAILING_IN_LOADS,
    TOLD_APART,
)
from shiftline.diagnosis.catalogue.marks import AGAINST, CERTAIN, FAIR, STRONG, WEAK, row

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
        "requests that passed between two refusals of just the same, within seconds",
        "the order of answers: a rule of the hour, or a job that stops all, refuses until it is over",
        {"schedule.time-of-day": 0.02},
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
)
