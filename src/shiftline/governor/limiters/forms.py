"""The limiters that a text can name. A new form is one more entry of `FORMS`."""

from __future__ import annotations

from collections.abc import Mapping

from shiftline.governor.limiters.form import AmountKind, Form, Kind
from shiftline.governor.limiters.makers import (
    bucket,
    bucket_rate,
    changing,
    concurrency,
    cpu,
    escalating,
    feedback,
    left_rate,
    lockout,
    pike,
    pike_rate,
    places_rate,
    policer,
    rate_of,
    red_rate,
    shared,
    window_rate,
)
from shiftline.governor.limiters.spec_text import (
    Option,
    read_answer,
    read_number,
    read_one_of,
    read_others,
    read_seconds,
    read_status,
)


def _refusing(status: str = "403", key: str = "source", **more: Option) -> dict[str, Option]:
    """The options of a form that refuses, its own first; ``seconds`` stands for ``retry-after``."""
    options = {
        **more,
        "key": Option(key, "what is counted together", read_one_of("source", "user", "all")),
        "status": Option(status, "of a refusal; silent: none comes", read_status),
    }
    if "seconds" not in more:
        options["retry-after"] = Option(0.0, "in every refusal; 0: none", read_seconds, "s")
    return options


def _unkeyed(status: str, **more: Option) -> dict[str, Option]:
    """The same without ``key``: pike knows nothing but source addresses."""
    options = _refusing(status, "source", **more)
    del options["key"]
    return options


_PROLONGED = Option(False, "every arrival begins the ban anew", read_answer)  # noqa: FBT003 - a default value
_VALIDITY = Option(0.5, "so long what it says holds", read_seconds, "s")

_OF = Option("window", "which limiter", read_one_of("window", "sliding", "red"))

FORMS: Mapping[str, Form] = {
    "window": Form(
        Kind.RATE,
        "the first N of each fixed window pass, as Kamailio's pipelimit and ratelimit with TAILDROP",
        AmountKind.WINDOW,
        policer("window"),
        window_rate,
        "window:50/1s",
        _refusing(),
    ),
    "red": Form(
        Kind.RATE,
        "after a window with n times N arrivals only every n-th passes: Kamailio's RED",
        AmountKind.WINDOW,
        policer("red"),
        red_rate,
        "red:50/10s",
        _refusing(),
    ),
    "sliding": Form(
        Kind.RATE,
        "at most N passed in any window, wherever it begins",
        AmountKind.WINDOW,
        policer("sliding"),
        window_rate,
        "sliding:50/1s",
        _refusing(counts=Option("passed", "whether what is refused counts", read_one_of("passed", "all"))),
    ),
    "bucket": Form(
        Kind.RATE,
        "a token bucket that fills at the rate up to its burst",
        AmountKind.RATE,
        bucket,
        bucket_rate,
        "bucket:50/s,burst=10",
        _refusing(burst=Option(0.0, "tokens it holds; 0: one second's", read_number)),
    ),
    "pike": Form(
        Kind.BAN,
        "Kamailio's pike: from N hits per unit on, with a ban table behind it",
        AmountKind.WINDOW,
        pike,
        pike_rate,
        "pike:30/2s,ban=300s",
        _unkeyed(
            "silent",
            ban=Option(300.0, "0: no ban table", read_seconds, "s"),
            latency=Option(4.0, "how long each level of its tree remembers an address", read_seconds, "s"),
        ),
    ),
    "lockout": Form(
        Kind.LOCKOUT,
        "counts requests per user and locks whoever exceeds N, for a time",
        AmountKind.WINDOW,
        lockout,
        window_rate,
        "lockout:100/60s,lock=900s,key=user",
        _refusing(key="user", lock=Option(900.0, "how long", read_seconds, "s"), prolonged=_PROLONGED),
    ),
    "escalating": Form(
        Kind.BAN,
        "bans whoever exceeds N in a window, every time for longer",
        AmountKind.WINDOW,
        escalating,
        window_rate,
        "escalating:50/1s,ban=10s,growth=2",
        _refusing(
            ban=Option(10.0, "the first one", read_seconds, "s"),
            growth=Option(2.0, "times as long every time", read_number),
            longest=Option(3600.0, "however often", read_seconds, "s"),
            prolonged=_PROLONGED,
        ),
    ),
    "concurrency": Form(
        Kind.CAPACITY,
        "at most N requests are handled at a time",
        AmountKind.PLACES,
        concurrency,
        places_rate,
        "concurrency:20",
        _refusing("503", "all"),
    ),
    "cpu": Form(
        Kind.CAPACITY,
        "one processor handles requests in order; they wait for it, and are lost when the queue is full",
        AmountKind.RATE,
        cpu,
        window_rate,
        "cpu:200/s",
        {"queue": Option(2.0, "what a request waits at most", read_seconds, "s")},
    ),
    "retry-after": Form(
        Kind.RATE,
        "a fixed window that answers 503 and says how long to wait",
        AmountKind.WINDOW,
        policer("window"),
        window_rate,
        "retry-after:50/1s,seconds=5",
        _refusing("503", seconds=Option(5.0, "in Retry-After", read_seconds, "s")),
    ),
    "oc-rate": Form(
        Kind.FEEDBACK,
        "says in every answer which rate it wants (RFC 7415)",
        AmountKind.RATE,
        feedback("rate"),
        window_rate,
        "oc-rate:50/s",
        _refusing("503", "all", validity=_VALIDITY),
    ),
    "oc-loss": Form(
        Kind.FEEDBACK,
        "says in every answer which share to leave out (RFC 7339)",
        AmountKind.RATE,
        feedback("loss"),
        window_rate,
        "oc-loss:50/s",
        _refusing("503", "all", validity=_VALIDITY),
    ),
    "shared": Form(
        Kind.RATE,
        "a limit that others use as well",
        AmountKind.WINDOW,
        shared,
        left_rate,
        "shared:50/1s,others=20/s",
        _refusing(
            key="all",
            others=Option(20.0, "their requests per second, up to 10,000", read_others, "/s"),
            of=_OF,
        ),
    ),
    "changing": Form(
        Kind.RATE,
        "a limit that changes: each amount holds from the time behind its @ on, the first from the beginning",
        AmountKind.WINDOW,
        changing,
        rate_of,
        "changing:50/1s,25/1s@120s,100/1s@300s",
        _refusing(of=_OF),
    ),
}
CHANGING = "changing"
"""The only form with more than one amount."""
