"""A verdict that hangs by one piece of evidence is not sure; an examination asks what could refute it."""

from __future__ import annotations

from dataclasses import replace

import pytest
from tests.unit.diagnosis.loop import examine
from tests.unit.diagnosis.records import OURS, Answer, Pbx, Window, publish_day
from tests.unit.diagnosis.scene import day

from shiftline.diagnosis.belief import believe
from shiftline.diagnosis.conclude import DECIDED, MOST_SURE_BY_ONE, conclude
from shiftline.diagnosis.evidence import Evidence, Mark, Trial
from shiftline.diagnosis.exchange import Exchange
from shiftline.diagnosis.experiment import Means, Permission
from shiftline.diagnosis.finding import Diagnosis
from shiftline.diagnosis.hypotheses import HEALTHY
from shiftline.diagnosis.observe import observe
from shiftline.diagnosis.outcome import Outcome
from shiftline.diagnosis.probe import Account, Aim, Credentials, Method, Probe, Shape
from shiftline.diagnosis.programme import PROGRAMME
from shiftline.diagnosis.without_one import SURE, confidence_without_one

LOGIN = Probe(method=Method.REGISTER, credentials=Credentials.FRESH)
BY_A_PHRASE = Evidence(
    trials=(
        Trial(probe=replace(LOGIN, credentials=Credentials.NONE), outcome=Outcome.CHALLENGE, count=9),
        Trial(probe=LOGIN, outcome=Outcome.FORBIDDEN_AFTER_CHALLENGE, count=9),
    ),
    marks=(Mark(kind="server.kamailio"), Mark(kind="phrase.disabled")),
)
"""Nothing but what the answer says tells a disabled account from a wrong password."""


def concluded(*evidence: Evidence, is_recorded: bool = True) -> Diagnosis:
    beliefs = [believe(one, is_recorded=is_recorded) for one in evidence]
    return conclude(beliefs, Permission(), is_recorded=is_recorded)


def refuse_ours(request: Exchange) -> Answer | None:
    """A list of addresses that ours is not on."""
    return Answer(403, "Forbidden", 0.002) if request.source == OURS else None


def by_hand(evidence: Evidence, named: frozenset[str]) -> float:
    """The same, from beliefs in what is left of the evidence."""
    facts = {(one.as_sent, one.outcome) for one in evidence.trials}
    left = [
        replace(
            evidence,
            trials=tuple(one for one in evidence.trials if (one.as_sent, one.outcome) != fact),
        )
        for fact in facts
    ]
    left += [
        replace(evidence, marks=tuple(one for one in evidence.marks if one.kind != kind))
        for kind in {mark.kind for mark in evidence.marks}
    ]
    return min(_share(one, named) for one in left)


def _share(evidence: Evidence, named: frozenset[str]) -> float:
    found = {
        one.causes[0]: one.probability
        for one in believe(evidence, is_recorded=True).explanations
        if len(one.causes) == 1 and one.causes[0] not in (HEALTHY, "unknown")
    }
    return sum(share for cause, share in found.items() if cause in named) / sum(found.values())


@pytest.mark.parametrize(
    ("evidence", "named"),
    [
        (BY_A_PHRASE, frozenset({"policy.account-disabled"})),
        (BY_A_PHRASE, frozenset({"credentials.wrong-password", "credentials.realm"})),
        (observe(day(Pbx(refuse_ours)))[0], frozenset({"acl.source", "acl.partial"})),
    ],
)
def test_it_is_what_is_believed_without_that_piece(evidence: Evidence, named: frozenset[str]) -> None:
    found = confidence_without_one(believe(evidence, is_recorded=True), named, is_recorded=True)
    assert found == pytest.approx(by_hand(evidence, named), rel=1e-6, abs=1e-9)


def test_what_one_piece_of_evidence_tells_is_named_and_not_sure() -> None:
    whole = believe(BY_A_PHRASE, is_recorded=True)
    assert whole.causes["policy.account-disabled"] >= SURE
    found = concluded(BY_A_PHRASE)
    assert found.cause == "policy.account-disabled"
    assert found.confidence == MOST_SURE_BY_ONE


def test_what_holds_without_any_one_piece_is_sure() -> None:
    """A burst that was refused by a window, and all that goes with it."""
    found = concluded(*observe(publish_day(Pbx(Window(50)))))
    assert found.cause == "throttle.source"
    assert found.confidence >= SURE


def test_the_log_of_the_pbx_may_be_believed_alone() -> None:
    """It says why it refused."""
    told = replace(BY_A_PHRASE, marks=(Mark(kind="asterisk.wrong-password"),))
    found = concluded(told)
    assert found.cause == "credentials.wrong-password"
    assert found.confidence >= SURE


OK = Outcome.OK
WATCH = PROGRAMME["p7.subscribe"]
CALM = tuple(
    Trial(probe=PROGRAMME[name].probe, outcome=outcome, experiment=name)
    for name, outcome in (
        ("p0.options", OK),
        ("p2.challenge", Outcome.CHALLENGE),
        ("p3.credentials", OK),
        ("p3.aged", OK),
        ("p6.absent", Outcome.NOT_FOUND),
        ("p7.bind", OK),
        ("p7.other-event", OK),
        ("p10.large", Outcome.CHALLENGE),
    )
)
BY_LOADS = tuple(
    Trial(probe=PROGRAMME[name].probe, outcome=outcome, experiment=name)
    for name, outcome in (
        ("p8.options.brisk", OK),
        ("p9.options", Outcome.UNAVAILABLE),
        ("p8.options.raised", Outcome.UNAVAILABLE),
    )
)


def test_what_a_log_or_phrase_says_to_an_experiment_is_left_in() -> None:
    """It was made to tell, with its controls."""
    assert concluded(BY_A_PHRASE, is_recorded=False).confidence > MOST_SURE_BY_ONE


def presence_is_refused(probe: Probe) -> Outcome:
    """A package that the PBX does not have; all else is well."""
    if probe.method is Method.SUBSCRIBE and Shape.OTHER_EVENT not in probe.changes:
        return Outcome.BAD_EVENT
    if probe.aim in (Aim.ABSENT, Aim.INVENTED):
        return Outcome.NOT_FOUND
    if probe.account is Account.NONEXISTENT or probe.credentials is Credentials.WRONG:
        return Outcome.CHALLENGE_AGAIN
    return Outcome.CHALLENGE if probe.credentials is Credentials.NONE and probe.account is Account.OWN else OK


def test_one_observation_makes_no_examination_sure_and_its_repeat_does() -> None:
    """The only answer that speaks for a fault is asked for twice, and nothing more often."""
    ended = examine(presence_is_refused, Permission(means=frozenset(Means)))
    asked = [one.experiment for one in ended.done]
    assert asked.count(WATCH.id) == 2
    assert max(asked.count(name) for name in asked) == 2
    assert all(PROGRAMME[name].risk <= Permission().risk for name in asked)
    whole = ended.belief.evidence
    again = concluded(whole, is_recorded=False)
    assert again.cause == "policy.event-package"
    assert again.confidence >= SURE
    first = next(place for place, one in enumerate(whole.trials) if one.experiment == WATCH.id)
    once = replace(whole, trials=(*whole.trials[:first], *whole.trials[first + 1 :]))
    assert concluded(once, is_recorded=False).confidence <= MOST_SURE_BY_ONE


def refusing(probe: Probe, shapes: frozenset[Shape]) -> Outcome:
    """SUBSCRIBE is forbidden in these shapes, whatever header it has; all else is well."""
    if probe.method is Method.SUBSCRIBE:
        return Outcome.FORBIDDEN if probe.shape in shapes | {Shape.WITH_METADATA} else OK
    return presence_is_refused(probe)


TWO = frozenset({Shape.USUAL, Shape.OTHER_EVENT})


@pytest.mark.parametrize(
    ("shapes", "cause", "least"),
    [(TWO, "policy.event-package", DECIDED), (TWO | {Shape.THIRD_EVENT}, "policy.method", SURE)],
)
def test_where_two_packages_are_refused_a_third_tells_them_from_the_method(
    shapes: frozenset[Shape], cause: str, least: float
) -> None:
    """Without it, a PBX that lacks two packages would do as well, and nobody could be sure."""
    ended = examine(lambda probe: refusing(probe, shapes), Permission(means=frozenset(Means)))
    assert [one.experiment for one in ended.done].count("p7.third-event") >= 1
    found = concluded(ended.belief.evidence, is_recorded=False)
    assert found.cause == cause
    assert found.confidence >= least


def test_what_a_load_alone_tells_is_named_and_not_sure() -> None:
    """Where one answer less would leave two limits, the verdict is told with a doubt."""
    evidence = Evidence(trials=(*CALM, *BY_LOADS))
    found = concluded(evidence, is_recorded=False)
    assert found.findings[0].cause.startswith("throttle.")
    assert DECIDED <= found.confidence <= MOST_SURE_BY_ONE


def test_a_repeat_refutes_nobody_who_would_answer_so_again() -> None:
    """A number under way would refuse the same load twice as well as a rate does."""
    belief = believe(Evidence(trials=(*CALM, *BY_LOADS)))
    named = frozenset({"throttle.source"})
    alone = confidence_without_one(belief, named, is_recorded=False)
    assert alone < SURE
    twice = believe(belief.evidence.with_trials(*BY_LOADS))
    assert confidence_without_one(twice, named, is_recorded=False) < SURE
