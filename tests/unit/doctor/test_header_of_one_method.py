"""A header that OPTIONS alone wants: named where it helped, and thought of nowhere else."""

from __future__ import annotations

from dataclasses import replace

from shiftline.diagnosis.belief import Belief, believe
from shiftline.diagnosis.evidence import Evidence, Trial
from shiftline.diagnosis.outcome import Outcome
from shiftline.diagnosis.passages import passage
from shiftline.diagnosis.programme import PROGRAMME
from shiftline.diagnosis.suspects import SUSPECTS
from shiftline.doctor.examination.noticing import notice_habits

REFUSED, OK = Outcome.FORBIDDEN, Outcome.OK
SEEN = {
    "p0.options": REFUSED,
    "p0.minimal": REFUSED,
    "p2.challenge": Outcome.CHALLENGE,
    "p3.credentials": OK,
    "p7.options": REFUSED,
    "p7.once-registered": REFUSED,
    "p7.bind": OK,
}
"""A Kamailio whose script refuses OPTIONS."""


def believed(**more: Outcome) -> Belief:
    told = SEEN | {name.replace("_", "."): outcome for name, outcome in more.items()}
    trials = tuple(
        Trial(probe=PROGRAMME[name].probe, outcome=outcome, experiment=name, carried=outcome is not REFUSED)
        for name, outcome in told.items()
    )
    return believe(Evidence(trials=trials, marks=notice_habits(trials, (), "trunk", frozenset())))


def test_a_header_that_helped_is_named() -> None:
    belief = believed(p0_metadata=OK)
    assert belief.leading.causes == ("message.missing-metadata",)
    assert belief.leading.probability >= 0.9
    assert {mark.kind for mark in belief.evidence.marks} == {"message.passed-with-header"}


def test_a_header_that_did_not_help_leaves_the_method_as_sure_as_before() -> None:
    before, after = believed(), believed(p0_metadata=REFUSED)
    assert before.leading.causes == after.leading.causes == ("policy.method",)
    assert after.causes["policy.method"] >= before.causes["policy.method"]
    assert not after.evidence.marks


def test_where_no_header_was_named_hardly_anything_is_believed_of_one() -> None:
    assert believed().causes["message.missing-metadata"] < 0.02


def test_a_question_that_passes_without_it_as_well_says_nothing_of_a_header() -> None:
    named = PROGRAMME["p0.metadata"].probe
    usual = PROGRAMME["p0.options"].probe
    trials = (
        Trial(probe=usual, outcome=REFUSED),
        Trial(probe=usual, outcome=OK),
        Trial(probe=named, outcome=OK),
    )
    assert notice_habits(trials, (), "trunk", frozenset()) == ()


ABOUT_USERS = {
    "p0.options": Outcome.CHALLENGE,
    "p3.credentials": OK,
    "p7.options": OK,
    "p6.present": REFUSED,
    "p6.absent": REFUSED,
    "p7.bind": OK,
    "p10.with-metadata.options": OK,
}
"""A script that asks for a tenant's header where a user is named (`$rU`)."""


def test_a_header_that_is_wanted_about_users_alone_is_named_and_not_cleared_by_a_login() -> None:
    """It was `policy.caller-identity`, and "requests with the same headers pass: REGISTER"."""
    trials = tuple(
        Trial(probe=PROGRAMME[name].probe, outcome=outcome, experiment=name, carried=outcome is OK)
        for name, outcome in ABOUT_USERS.items()
    )
    belief = believe(Evidence(trials=trials, marks=notice_habits(trials, (), "trunk", frozenset())))
    assert belief.leading.causes == ("message.missing-metadata",)
    assert belief.leading.probability >= 0.85
    metadata = next(one for one in SUSPECTS if "message.missing-metadata" in one.causes)
    assert passage(metadata, belief.evidence) is None
    served = tuple(replace(one, outcome=OK) if one.outcome is REFUSED else one for one in trials)
    assert passage(metadata, Evidence(trials=served)) is not None
