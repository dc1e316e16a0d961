"""What was named is tried before a verdict is sure, and a rule of the PBX is not taken for something else."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from tests.unit.diagnosis.loop import Examined, examine

from shiftline.diagnosis.belief import believe
from shiftline.diagnosis.catalogue.header_marks import HEADERS
from shiftline.diagnosis.conclude import conclude
from shiftline.diagnosis.evidence import Evidence, Mark, Trial
from shiftline.diagnosis.experiment import Done, Means, Permission
from shiftline.diagnosis.families import Family
from shiftline.diagnosis.finding import Diagnosis
from shiftline.diagnosis.named_means import untried
from shiftline.diagnosis.outcome import Outcome
from shiftline.diagnosis.probe import Account, Credentials, Method, Path, Probe, Shape
from shiftline.diagnosis.programme import PROGRAMME, programme_of
from shiftline.diagnosis.statements import statements_for
from shiftline.diagnosis.stopping import DECIDED

USUAL = frozenset(
    {
        Means.CREDENTIALS,
        Means.SECOND_SOURCE,
        Means.OTHER_TRANSPORT,
        Means.KNOWN_GOOD_ACCOUNT,
        Means.OTHER_HOST,
    }
)
NAMED = {
    Means.WORKING_AGENT: Shape.OTHER_AGENT,
    Means.SERVED_DOMAIN: Shape.OTHER_DOMAIN,
    Means.OTHER_CALLER: Shape.OTHER_CALLER,
    Means.METADATA: Shape.WITH_METADATA,
}
QUERY = PROGRAMME["p2.challenge"]


def well(probe: Probe) -> Outcome:
    """A healthy trunk."""
    if probe.account is Account.NONEXISTENT or probe.credentials is Credentials.WRONG:
        return Outcome.CHALLENGE_AGAIN
    asks = probe.credentials is Credentials.NONE and probe.account is not Account.NOBODY
    return Outcome.CHALLENGE if asks else Outcome.OK


def by_agent(probe: Probe) -> Outcome:
    """A list of User-Agents behind the answer to OPTIONS. The shortest message has none."""
    is_options = probe.method is Method.OPTIONS
    passes = probe.changes & {Shape.OTHER_AGENT, Shape.INVENTED_AGENT, Shape.MINIMAL}
    return well(probe) if is_options or passes else Outcome.SILENCE


def by_transport(probe: Probe) -> Outcome:
    """403 over UDP."""
    return well(probe) if probe.path is Path.OTHER_TRANSPORT else Outcome.FORBIDDEN


def by_domain(probe: Probe) -> Outcome:
    """403 to whoever writes another domain in From, OPTIONS to the box among them."""
    return well(probe) if Shape.OTHER_DOMAIN in probe.changes else Outcome.FORBIDDEN


def diagnosed(ended: Examined, permission: Permission) -> Diagnosis:
    return conclude([ended.belief], permission)


@pytest.mark.parametrize(
    ("pbx", "means", "cause"),
    [
        (by_agent, Means.WORKING_AGENT, "policy.user-agent"),
        (by_agent, None, "policy.user-agent"),
        (by_transport, None, "policy.transport"),
        (by_domain, Means.SERVED_DOMAIN, "policy.domain"),
    ],
)
def test_rules_of_a_script_are_named(
    pbx: Callable[[Probe], Outcome], means: Means | None, cause: str
) -> None:
    """They stand behind the answer to OPTIONS, or strike those who name no user as well."""
    permission = Permission(means=USUAL | ({means} if means else set()))
    found = diagnosed(examine(pbx, permission), permission).findings[0]
    assert cause in {found.cause, *found.indistinguishable_from}
    assert found.cause == cause


@pytest.mark.parametrize(
    ("needed", "cause"),
    [(Means.WORKING_AGENT, "policy.user-agent"), (Means.METADATA, "message.missing-metadata")],
)
def test_two_faults_that_were_both_named_are_both_found(needed: Means, cause: str) -> None:
    """Each alone changes nothing; all together pass, and neither is excluded by that."""

    def wants_both(probe: Probe) -> Outcome:
        if needed is Means.WORKING_AGENT and Shape.OTHER_AGENT not in probe.changes:
            return Outcome.FORBIDDEN  # ahead of the answer to OPTIONS about the box itself
        is_ping = probe.method is Method.OPTIONS and probe.account is Account.NOBODY
        is_right = {Shape.OTHER_DOMAIN, NAMED[needed]} <= probe.changes
        return well(probe) if is_ping or is_right else Outcome.FORBIDDEN

    permission = Permission(means=USUAL | {Means.SERVED_DOMAIN, needed})
    ended = examine(wants_both, permission)
    named = {
        name
        for finding in diagnosed(ended, permission).findings
        for name in (finding.cause, *finding.indistinguishable_from)
    }
    assert {"policy.domain", cause} <= named
    alone = {trial.probe.shape for trial in ended.belief.evidence.trials}
    assert {Shape.OTHER_DOMAIN, NAMED[needed], Shape.ALL_CHANGED} <= alone


def test_what_passed_with_two_that_were_named_is_tried_with_each_alone() -> None:
    """Or nobody knows which of them was needed."""
    permission = Permission(means=USUAL | {Means.WORKING_AGENT, Means.SERVED_DOMAIN})
    several = programme_of(permission.means)["p3.all-changed"].probe
    assert {Shape.OTHER_AGENT, Shape.OTHER_DOMAIN} <= several.changes
    only_agent = programme_of(USUAL | {Means.WORKING_AGENT})["p3.all-changed"].probe
    assert Shape.OTHER_DOMAIN not in only_agent.changes  # no domain was named
    passed = Evidence(
        trials=(
            Trial(probe=QUERY.probe, outcome=Outcome.FORBIDDEN),
            Trial(probe=several, outcome=Outcome.OK, experiment="p3.all-changed"),
        )
    )
    one = untried(believe(passed), permission, (), budget=9, now=0.0)
    assert one is not None
    assert one.probe.shape in (Shape.OTHER_AGENT, Shape.OTHER_DOMAIN)


@pytest.mark.parametrize("means", NAMED)
def test_whatever_was_named_is_tried_before_the_run_is_sure(means: Means) -> None:
    """A message that is disliked for its length alone: nothing that could be named plays a part in it."""

    def disliked(probe: Probe) -> Outcome:
        passes = probe.changes & {Shape.MINIMAL} or probe.method is not Method.REGISTER
        return well(probe) if passes else Outcome.BAD_REQUEST

    permission = Permission(means=USUAL | {means})
    ended = examine(disliked, permission)
    assert ended.belief.leading.probability >= 0.9
    tried = {shape for trial in ended.belief.evidence.trials for shape in trial.probe.changes}
    assert NAMED[means] in tried


def test_nothing_is_tried_where_nothing_was_refused_or_it_was_tried() -> None:
    permission = Permission(means=USUAL | {Means.WORKING_AGENT})
    belief = believe(Evidence(trials=(Trial(probe=QUERY.probe, outcome=Outcome.CHALLENGE),)))
    assert untried(belief, permission, (), budget=9, now=0.0) is None
    refused = Evidence(trials=(Trial(probe=QUERY.probe, outcome=Outcome.FORBIDDEN, experiment=QUERY.id),))
    one = untried(believe(refused), permission, (), budget=9, now=0.0)
    assert one is not None
    assert one.probe.shape is Shape.OTHER_AGENT
    assert untried(believe(refused), permission, (), budget=0, now=0.0) is None
    again = believe(refused.with_trials(Trial(probe=one.probe, outcome=Outcome.FORBIDDEN)))
    done = Done(experiment=one.id, at=0.0, outcome=Outcome.FORBIDDEN, requests=1)
    assert untried(again, permission, (done,), budget=9, now=0.0) is None


def test_what_is_only_silent_is_left_alone_while_nobody_is_sure() -> None:
    """It may be a ban."""
    permission = Permission(means=USUAL | {Means.WORKING_AGENT})
    silent = Evidence(trials=(Trial(probe=QUERY.probe, outcome=Outcome.SILENCE, experiment=QUERY.id),))
    assert believe(silent).leading.probability < DECIDED
    assert untried(believe(silent), permission, (), budget=9, now=0.0) is None


def test_a_refused_change_of_many_tries_none_of_them() -> None:
    """Nobody knows which of them was wrong."""
    permission = Permission(means=USUAL | {Means.WORKING_AGENT})
    several = programme_of(permission.means)["p3.all-changed"].probe
    evidence = Evidence(
        trials=(
            Trial(probe=QUERY.probe, outcome=Outcome.FORBIDDEN),
            Trial(probe=several, outcome=Outcome.FORBIDDEN),
        )
    )
    assert untried(believe(evidence), permission, (), budget=9, now=0.0) is not None
    passed = replace(evidence, trials=(evidence.trials[0], replace(evidence.trials[1], outcome=Outcome.OK)))
    assert untried(believe(passed), permission, (), budget=9, now=0.0) is None


def test_a_phrase_that_names_another_cause_speaks_against_the_verdict() -> None:
    """A weak one does not: it names nobody."""
    evidence = Evidence(
        trials=(Trial(probe=QUERY.probe, outcome=Outcome.FORBIDDEN),),
        marks=(Mark(kind="phrase.domain", text="Domain not served here"), Mark(kind="phrase.policy")),
    )
    belief = believe(evidence)
    against = [one.sentence for one in statements_for(belief, "acl.source") if not one.speaks_for]
    assert [one for one in against if "Domain not served here" in one]
    assert not [one for one in against if "switched off" in one]
    beside = statements_for(belief, "acl.source", beside=("policy.domain",))
    assert not [one for one in beside if "Domain not served here" in one.sentence]


@pytest.mark.parametrize(("header", "is_known"), [("ACME-SBC/4.2", False), ("Audiocodes-Sip-Gateway", True)])
def test_a_server_header_without_a_product_says_little(header: str, is_known: bool) -> None:
    kinds = {one.mark.kind for one in HEADERS if one.header == "server" and one.pattern.search(header)}
    belief = believe(Evidence(marks=tuple(Mark(kind=kind) for kind in kinds)))
    bare = believe(Evidence()).families[Family.SBC]
    assert bare <= belief.families[Family.SBC]
    assert (belief.families[Family.SBC] > 0.5) == is_known


def test_a_rule_by_the_clock_may_be_about_some_methods_only() -> None:
    """REGISTER and SUBSCRIBE are refused, OPTIONS pass: the hour explains that as well as a rule for good."""

    def by_clock(probe: Probe) -> Outcome:
        return well(probe) if probe.method is Method.OPTIONS else Outcome.FORBIDDEN

    permission = Permission(means=USUAL)
    found = diagnosed(examine(by_clock, permission), permission).findings[0]
    assert "schedule.time-of-day" in {found.cause, *found.indistinguishable_from}


@pytest.mark.parametrize(
    ("method", "name"), [(Method.OPTIONS, "p0.metadata"), (Method.SUBSCRIBE, "p7.metadata")]
)
def test_a_header_is_tried_on_the_method_that_is_refused(method: Method, name: str) -> None:
    """REGISTER passes without it, with it, and says nothing of the others; and the run is not sure before."""

    def wants_it(probe: Probe) -> Outcome:
        is_refused = probe.method is method and Shape.WITH_METADATA not in probe.changes
        return Outcome.FORBIDDEN if is_refused else well(probe)

    permission = Permission(means=USUAL | {Means.METADATA, Means.SUBSCRIPTIONS})
    ended = examine(wants_it, permission)
    tried = {trial.experiment: trial.outcome for trial in ended.belief.evidence.trials}
    assert tried[name] is Outcome.OK


def test_of_questions_that_are_refused_alike_one_is_enough() -> None:
    """A login that is refused is not spent on a second method."""
    permission = Permission(means=USUAL | {Means.METADATA, Means.SUBSCRIPTIONS})
    again = Outcome.CHALLENGE_AGAIN
    names = ("p3.credentials", "p7.subscribe", "p10.with-metadata.login")
    trials = tuple(Trial(probe=PROGRAMME[name].probe, outcome=again, experiment=name) for name in names)
    assert untried(believe(Evidence(trials=trials)), permission, (), budget=9, now=0.0) is None
    assert untried(believe(Evidence(trials=trials[:2])), permission, (), budget=9, now=0.0) is not None


@pytest.mark.parametrize("known_good", [frozenset[Means](), frozenset({Means.KNOWN_GOOD_ACCOUNT})])
def test_the_name_that_was_told_is_tried_alone_before_any_guess(known_good: frozenset[Means]) -> None:
    """Every login passes with the one number in From; the good account without it fares no better."""

    def by_number(probe: Probe) -> Outcome:
        is_login = probe.credentials is Credentials.FRESH and probe.account is not Account.NONEXISTENT
        has_number = Shape.OTHER_CALLER in probe.changes and probe.account is Account.OWN
        return Outcome.FORBIDDEN_AFTER_CHALLENGE if is_login and not has_number else well(probe)

    means = (USUAL - {Means.KNOWN_GOOD_ACCOUNT}) | known_good | {Means.OTHER_CALLER}
    permission = Permission(means=means)
    ended = examine(by_number, permission)
    asked = [one.experiment for one in ended.done]
    together = [number for number, name in enumerate(asked) if name.startswith("p3.all-changed")]
    assert not together or asked.index("p10.other-caller.login") <= together[0] + 1
    found = diagnosed(ended, permission).findings[0]
    assert "credentials.identity-mismatch" in {found.cause, *found.indistinguishable_from}
    assert "credentials.digest-uri" not in {found.cause, *found.indistinguishable_from}
