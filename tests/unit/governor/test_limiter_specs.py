"""Limiters from a text: what it builds, what it promises, and how a mistake is answered."""

from __future__ import annotations

import pytest

from shiftline.errors import ConfigurationError
from shiftline.governor.limiters.form import Kind
from shiftline.governor.limiters.forms import FORMS
from shiftline.governor.limiters.model import Arrival, Fate, Limiter
from shiftline.governor.limiters.spec import parse_limiter


def fates(limiter: Limiter, *times: float, account: str | None = "trunk") -> list[Fate]:
    return [limiter.judge(Arrival(at=at, source="127.0.0.2", account=account)).fate for at in times]


@pytest.mark.parametrize("name", FORMS)
def test_every_example_can_be_read_and_built(name: str) -> None:
    """The first request of all passes, and an all-knowing sender gets something through."""
    spec = parse_limiter(FORMS[name].example)
    assert spec.name == name
    assert fates(spec.build(0.5), 0.0) == [Fate.PASS]
    assert spec.ideal_rate() > 0


@pytest.mark.parametrize(
    ("text", "kind", "ideal"),
    [
        ("window:50/10s", Kind.RATE, 5.0),
        ("red:50/10s", Kind.RATE, 9.9),
        ("bucket:40/s", Kind.RATE, 40.0),
        ("pike:30/2s", Kind.BAN, 14.5),
        ("lockout:120/1m", Kind.LOCKOUT, 2.0),
        ("concurrency:20", Kind.CAPACITY, 200.0),
        ("oc-loss:50/s", Kind.FEEDBACK, 50.0),
        ("shared:50/1s,others=20/s", Kind.RATE, 30.0),
    ],
)
def test_it_knows_what_an_all_knowing_sender_gets(text: str, kind: Kind, ideal: float) -> None:
    """Requests per second that are never refused, with answers of 100 ms."""
    spec = parse_limiter(text)
    assert spec.kind is kind
    assert spec.ideal_rate(answer_seconds=0.1) == pytest.approx(ideal)


def test_a_changing_limit_has_a_rate_of_its_time() -> None:
    """From each of its moments on, and over a stretch the sum of its parts."""
    spec = parse_limiter("changing:50/1s,25/1s@2m,100/1s@300s")
    assert [spec.ideal_rate(at) for at in (0, 119.9, 120, 299, 300, 1000)] == [50, 50, 25, 25, 100, 100]
    assert spec.ideal_requests(310) == pytest.approx(120 * 50 + 180 * 25 + 10 * 100)
    assert spec.ideal_requests(130, since=110) == pytest.approx(10 * 50 + 10 * 25)


def test_a_changing_limit_changes_at_its_moment() -> None:
    """The window that the change falls into begins anew."""
    limiter = parse_limiter("changing:2/1s,1/1s@5s").build()
    assert fates(limiter, 4.0, 4.1, 4.2) == [Fate.PASS, Fate.PASS, Fate.REFUSE]
    assert fates(limiter, 5.0, 5.1) == [Fate.PASS, Fate.REFUSE]


def test_the_phase_is_a_share_of_the_window() -> None:
    """At half a window of 10 s, the first boundary is at 5 s."""
    limiter = parse_limiter("window:1/10s").build(0.5)
    assert fates(limiter, 0.0, 4.9, 5.0, 14.9, 15.0) == [
        Fate.PASS,
        Fate.REFUSE,
        Fate.PASS,
        Fate.REFUSE,
        Fate.PASS,
    ]


def test_the_key_says_what_is_counted_together() -> None:
    """A count per user lets pass what carries no credentials; a count for all does not."""
    per_user = parse_limiter("window:1/1s,key=user").build()
    assert fates(per_user, 0.0, 0.1, account=None) == [Fate.PASS, Fate.PASS]
    for_all = parse_limiter("window:1/1s,key=all").build()
    assert for_all.judge(Arrival(at=0.0, source="a")).fate is Fate.PASS
    assert for_all.judge(Arrival(at=0.1, source="b")).fate is Fate.REFUSE


def test_a_refusal_says_what_the_text_says() -> None:
    """Status, Retry-After, or nothing at all."""
    honest = parse_limiter("retry-after:1/1s,seconds=7").build()
    fates(honest, 0.0)
    verdict = honest.judge(Arrival(at=0.1, source="127.0.0.2"))
    assert (verdict.status, verdict.retry_after) == (503, 7.0)
    mute = parse_limiter("window:1/1s,status=silent").build()
    assert fates(mute, 0.0, 0.1) == [Fate.PASS, Fate.DROP]


def test_others_arrive_evenly_or_by_chance() -> None:
    """Without a random source every run is the same; with one, they keep their mean rate."""
    even = parse_limiter("shared:10/1s,others=9").build()
    assert fates(even, 0.99, 0.995) == [Fate.PASS, Fate.PASS]
    assert fates(even, 1.999) == [Fate.PASS]
    bunched = parse_limiter("shared:10/1s,others=9").build(random=lambda: 0.1)
    assert fates(bunched, 0.99) == [Fate.REFUSE]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("windw:50/1s", "Did you mean window?"),
        ("zzz", "Known are window, red"),
        ("window", "Write it like window:50/1s."),
        ("window:50", "cannot have the amount '50'"),
        ("window:50/0s", "per no time at all"),
        ("window:2.5/1s", "cannot have the amount"),
        ("concurrency:20/s", "Write it like concurrency:20."),
        ("window:nan/1s", "'nan' is no number"),
        ("window:-5/1s", "'-5' is no number"),
        ("pike:30/2s,bann=3s", "Did you mean ban?"),
        ("pike:30/2s,ban=soon", "'soon' is no duration such as 300s"),
        ("window:50/1s,key=moon", "'moon' is none of source, user, all"),
        ("window:50/1s,status=200", "neither a refusal's status such as 403 nor silent"),
        ("window:50/1s,25/1s@20s", "does not know '25/1s@20s'"),
        ("changing:50/1s,25/1s@20s,30/1s@20s", "is not later than the amount before it"),
        ("cpu:200/s,status=403", "It has queue."),
    ],
)
def test_a_mistake_is_answered_with_what_to_write(text: str, says: str) -> None:
    """What is wrong, and the nearest right thing."""
    with pytest.raises(ConfigurationError) as told:
        parse_limiter(text)
    assert says in str(told.value)
