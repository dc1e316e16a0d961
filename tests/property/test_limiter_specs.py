"""Limiter texts: what is written can be read again, and no text breaks the reader."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from shiftline.errors import ConfigurationError
from shiftline.governor.limiters.form import AmountKind
from shiftline.governor.limiters.forms import CHANGING, FORMS
from shiftline.governor.limiters.spec import LimiterSpec, Step, parse_limiter
from shiftline.governor.limiters.spec_text import Amount, Option, Value

WORDS = {
    "key": ["source", "user", "all"],
    "status": ["403", "503", "silent"],
    "counts": ["passed", "all"],
    "of": ["window", "sliding", "red"],
}
NUMBERS = st.floats(0, 1e6)
OTHERS = st.floats(0, 1e4)  # each of their requests is simulated
COUNTS = st.integers(1, 100_000).map(float)
SECONDS = st.floats(1e-3, 1e6)


def values(name: str, option: Option) -> st.SearchStrategy[Value]:
    if name in WORDS:
        return st.sampled_from(WORDS[name])
    if isinstance(option.default, bool):
        return st.booleans()
    return OTHERS if name == "others" else NUMBERS


@st.composite
def specs(draw: st.DrawFn) -> LimiterSpec:
    name = draw(st.sampled_from(sorted(FORMS)))
    form = FORMS[name]
    seconds = st.just(0.0) if form.amount is AmountKind.PLACES else SECONDS
    moments = sorted(draw(st.sets(SECONDS, max_size=3))) if name == CHANGING else []
    steps = tuple(Step(Amount(draw(COUNTS), draw(seconds)), since) for since in (0.0, *moments))
    return LimiterSpec(
        name, steps, {word: draw(values(word, option)) for word, option in form.options.items()}
    )


@given(specs())
def test_what_is_written_can_be_read_again(spec: LimiterSpec) -> None:
    """Without loss, whatever its numbers."""
    assert parse_limiter(str(spec)) == spec


@given(specs(), st.floats(0, 1e4), st.floats(0, 1e4))
def test_an_all_knowing_senders_requests_add_up(spec: LimiterSpec, one: float, two: float) -> None:
    """Never fewer by a later moment, and two stretches are as good as one."""
    early, late = sorted((one, two))
    first, second = spec.ideal_requests(early), spec.ideal_requests(late, since=early)
    assert first >= 0
    assert abs(first + second - spec.ideal_requests(late)) <= 1e-6 * max(1.0, first + second)


@given(
    st.text() | st.sampled_from(sorted(FORMS)).flatmap(lambda name: st.text().map(lambda t: f"{name}:{t}"))
)
def test_no_text_breaks_the_reader(text: str) -> None:
    """It is read, or its mistake is explained."""
    try:
        spec = parse_limiter(text)
    except ConfigurationError as error:
        assert error.remedy  # noqa: PT017 - most texts are mistakes; which one it is is not known here
    else:
        assert parse_limiter(str(spec)) == spec
