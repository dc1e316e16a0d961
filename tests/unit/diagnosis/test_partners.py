"""Who is compared with beside a load is asked for at rest as well, and counts only if he is served there."""

from __future__ import annotations

from shiftline.diagnosis.evidence import Trial
from shiftline.diagnosis.outcome import Outcome
from shiftline.diagnosis.partners import unknown_at_rest, without_refused_at_rest
from shiftline.diagnosis.programme import PROGRAMME

ELSEWHERE, ANOTHER = "p8.during.user.source", "p8.during.user.account"
AT_REST = "p6.present.source"


def trial(name: str, outcome: Outcome) -> Trial:
    return Trial(probe=PROGRAMME[name].probe, outcome=outcome, experiment=name)


def test_who_was_refused_beside_a_load_only_is_asked_for_at_rest() -> None:
    refused = {PROGRAMME[ELSEWHERE].probe: Outcome.FORBIDDEN}
    assert unknown_at_rest(refused)[0] == AT_REST
    assert not unknown_at_rest({PROGRAMME[ELSEWHERE].probe: Outcome.OK})
    assert not unknown_at_rest({**refused, PROGRAMME[AT_REST].probe: Outcome.FORBIDDEN})


def test_a_source_that_no_list_has_tells_nothing_of_a_limit() -> None:
    """A limit of our address, and a second address that is refused always: that is no limit of all."""
    beside, another = trial(ELSEWHERE, Outcome.FORBIDDEN), trial(ANOTHER, Outcome.OK)
    refused, served = trial(AT_REST, Outcome.FORBIDDEN), trial(AT_REST, Outcome.OK)
    assert without_refused_at_rest((beside, another, refused)) == (another, refused)
    assert without_refused_at_rest((beside, another, served)) == (beside, another, served)
    assert without_refused_at_rest((beside, another)) == (beside, another)
