"""Whatever the limiter, an examination in virtual time finds it, with its amount."""

from __future__ import annotations

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from tests.unit.storm.examinations import SPARES, verdict_of
from tests.unit.storm.virtual import OWN, VirtualServer

from shiftline.governor.limiters.model import Arrival as Judged
from shiftline.governor.limiters.model import Fate
from shiftline.governor.limiters.spec import parse_limiter
from shiftline.storm.shapes import steps
from shiftline.storm.verdict.arrivals import Arrival, Key, Trial
from shiftline.storm.verdict.fits import fits
from shiftline.storm.verdict.phases import RATES
from shiftline.storm.verdict.words import MODELS


@st.composite
def limiters(draw: st.DrawFn) -> tuple[str, float, float]:
    """A limiter that goes on letting something through: its text, its requests per second, its window."""
    count = draw(st.integers(min_value=15, max_value=30))
    key = draw(st.sampled_from(["source", "all"]))
    name = draw(st.sampled_from(["window", "sliding", "red", "bucket"]))
    if name == "bucket":
        burst = draw(st.integers(min_value=1, max_value=30))
        return f"bucket:{count}/s,burst={burst},key={key}", float(count), 1.0
    seconds = draw(st.sampled_from([1.0, 2.0]))
    return f"{name}:{count}/{seconds:g}s,key={key}", count / seconds, seconds


@st.composite
def other_limiters(draw: st.DrawFn) -> tuple[str, str, float]:
    """One that shuts, or a cap: its text, its key, and how many requests it takes to be refused."""
    count = draw(st.integers(min_value=8, max_value=30))
    seconds = draw(st.sampled_from([1, 2, 5]))
    key = draw(st.sampled_from(["source", "all"]))
    status = draw(st.sampled_from([403, 503]))
    return draw(
        st.sampled_from(
            [
                (f"concurrency:{count},key={key},status={status}", key, float(count)),
                (f"escalating:{count}/{seconds}s,ban=12s,growth=1", "source", count / seconds),
                (f"pike:{count + 4}/2s,ban=12s,status=403", "source", (count + 4) / 2.0),
                (f"lockout:{count // 6 + 2}/5s,lock=12s", "user", (count // 6 + 2) / 5.0),
            ]
        )
    )


# Shrinking a failure would play hundreds of limiters: the drawn one says enough.
@settings(max_examples=8, deadline=None, phases=[Phase.explicit, Phase.reuse, Phase.generate])
@given(limiters(), st.floats(min_value=0.0, max_value=1.0), st.floats(min_value=0.0, max_value=50.0))
def test_any_limiter_is_found_within_a_tenth(
    drawn: tuple[str, float, float], phase: float, began: float
) -> None:
    text, rate, seconds = drawn
    limiter = parse_limiter(text).build(phase)
    sources, arrivals = [OWN, OWN, SPARES[0], OWN, SPARES[0], OWN], []
    length = 3.5 * seconds
    shape = steps([times * rate for times in RATES], length)
    for number, moment in enumerate(shape.moments()):
        if moment > len(RATES) * length:
            break
        source, user = sources[number % len(sources)], f"agent{number * number % 37 % 11}"
        fate = limiter.judge(Judged(at=began + moment, source=source, account=user)).fate
        arrivals.append(Arrival(began + moment, source, user, ("REGISTER", True), fate is Fate.PASS))
    best = fits([Trial(arrivals)], {Key(key): _passes(text, rate) for key in ("all", "source")})[0]
    assert best.key.value in text
    assert best.rate == pytest.approx(rate, rel=0.1)


@settings(max_examples=4, deadline=None, phases=[Phase.explicit, Phase.reuse, Phase.generate])
@given(other_limiters(), st.integers(min_value=1, max_value=1000))
def test_any_ban_and_any_cap_is_found_within_a_tenth(drawn: tuple[str, str, float], seed: int) -> None:
    """Whole examinations; of a cap the places count, of a ban its requests per second.

    Nothing wrong is stated as a fact. What waits in the server's queue is counted later than it was sent, by
    a time that nobody outside sees: then two counts of users may foretell as much, the verdict says so, and
    the truth is among what it lists.
    """
    text, key, wanted = drawn
    rate = 3000.0 if text.startswith("concurrency") else 600.0  # else its capacity, not the cap, is met first
    verdict = verdict_of(VirtualServer(text, rate=rate, delay=0.03, spread=0.03, seed=seed))
    limit = verdict.limit
    assert limit is not None, verdict.sentence
    assert limit.key.value == key
    name = text.partition(":")[0]
    found = limit.rate if limit.seconds else limit.count
    if limit.model != MODELS[name] or found != pytest.approx(wanted, rel=0.1):
        assert "not certain" in verdict.sentence
        assert name == "lockout"
        others = [parse_limiter(other) for other in verdict.alternatives]
        rates = [spec.amount.per_second for spec in others if spec.name == name]
        assert any(one == pytest.approx(wanted, rel=0.1) for one in rates), verdict.sentence


def _passes(text: str, rate: float) -> float:
    """What passes per second far above the limit, as the load that was asked for shows it."""
    limiter, often, seconds = parse_limiter(text).build(0.3), 40, 20
    arrivals = [
        Judged(at=number / (often * rate), source=OWN) for number in range(int(often * rate * seconds))
    ]
    passed = [arrival for arrival in arrivals if limiter.judge(arrival).fate is Fate.PASS]
    return sum(arrival.at >= seconds / 2 for arrival in passed) / (seconds / 2)
