"""What holds of every belief, whatever the evidence."""

from __future__ import annotations

import math

from hypothesis import given, settings
from hypothesis import strategies as st

from shiftline.diagnosis.belief import believe, worth
from shiftline.diagnosis.evidence import Evidence, Trial
from shiftline.diagnosis.outcome import Outcome
from shiftline.diagnosis.programme import PROGRAMME

PROBES = st.sampled_from(sorted({one.probe for one in PROGRAMME.values()}, key=str))
TRIALS = st.builds(
    Trial, probe=PROBES, outcome=st.sampled_from(Outcome), count=st.integers(min_value=1, max_value=500)
)
LISTS = st.lists(TRIALS, max_size=6)
FEW = settings(max_examples=25, deadline=None)


def _of(trials: list[Trial]) -> dict[tuple[str, ...], float]:
    belief = believe(Evidence(trials=tuple(trials)))
    return {one.causes: one.probability for one in belief.explanations}


@FEW
@given(LISTS)
def test_probabilities_sum_to_one(trials: list[Trial]) -> None:
    """Whatever came back, all explanations together are certain, and so are all families."""
    belief = believe(Evidence(trials=tuple(trials)))
    assert math.isclose(sum(one.probability for one in belief.explanations), 1.0, abs_tol=1e-9)
    assert math.isclose(sum(belief.families.values()), 1.0, abs_tol=1e-9)


@FEW
@given(LISTS)
def test_order_plays_no_role(trials: list[Trial]) -> None:
    """The same evidence in another order is the same belief."""
    shuffled = sorted(trials, key=lambda trial: (str(trial.outcome), str(trial.probe)), reverse=True)
    one, other = _of(trials), _of(shuffled)
    assert all(math.isclose(one[key], other[key], abs_tol=1e-9) for key in one)


@given(st.integers(min_value=1, max_value=10**9))
def test_a_repeat_is_worth_less_than_the_first_time(count: int) -> None:
    """However often a thing is seen, it never weighs twice as much as once."""
    assert 1.0 <= worth(count) < worth(count + 1) + 1e-12
    assert worth(count) < 2.0
