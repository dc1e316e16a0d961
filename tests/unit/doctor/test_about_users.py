"""What checks of agents ask is what is loaded, and asked about, before a trunk is called healthy."""

from __future__ import annotations

from dataclasses import replace

import pytest
from tests.unit.doctor.trunk import CASE, ask, outcomes, trunk

from shiftline.diagnosis.belief import believe
from shiftline.diagnosis.beside import beside
from shiftline.diagnosis.conclude import conclude
from shiftline.diagnosis.evidence import Evidence, Trial
from shiftline.diagnosis.exchange import Exchange
from shiftline.diagnosis.experiment import Means, Permission, Risk
from shiftline.diagnosis.finding import Diagnosis, SuspectVerdict
from shiftline.diagnosis.loads_passed import loads_passed
from shiftline.diagnosis.outcome import Outcome, outcome_of
from shiftline.diagnosis.probe import Account, Aim, Credentials, Load, Method, Probe, Source
from shiftline.diagnosis.programme import PROGRAMME, programme_of
from shiftline.doctor.examination.at_rest import AtRest
from shiftline.doctor.report.wording import verdict
from shiftline.lab.pbx.bank.access import COVERED
from shiftline.lab.pbx.bank.limits import STANDINGS
from shiftline.lab.virtual_examination import examine

MAY_TRIP = Permission(risk=Risk.MAY_TRIP)
LOGIN = Probe(method=Method.OPTIONS, credentials=Credentials.FRESH, aim=Aim.USER)
ABOUT_PRESENT = Probe(method=Method.OPTIONS, credentials=Credentials.FRESH, aim=Aim.PRESENT)


@pytest.mark.parametrize("stands", STANDINGS)
@pytest.mark.parametrize("fault", ["throttle.source", "throttle.user"])
def test_a_limit_is_met_wherever_it_stands(fault: str, stands: str) -> None:
    """Behind the keepalive, and with REGISTER exempt, as many scripts have it."""
    pbx = trunk(fault, limit=10, window_seconds=1, form="window", stands=stands)
    assert fault in {one.cause for one in examine(pbx, CASE, MAY_TRIP).diagnosis().findings}


def test_a_load_on_the_server_itself_would_not_meet_such_a_limit() -> None:
    """And one without a login does, where the limit stands ahead of the login."""
    pbx = trunk("throttle.source", limit=10, window_seconds=1, form="window", stands=STANDINGS[-1])
    found = outcomes(ask(pbx, "p0.options", "p2.challenge", "p8.options.brisk", "p8.options.raised"))
    assert found["p8.options.raised"] in {Outcome.FORBIDDEN, Outcome.UNAVAILABLE, Outcome.SILENCE}


def test_the_load_without_a_login_is_put_on_where_none_with_it_can_be() -> None:
    """Else it would meet nothing more."""
    asked = {one.experiment for one in examine(trunk(), CASE, MAY_TRIP).done}
    assert "p8.users.storm" in asked
    assert not any(name.startswith("p8.options.") for name in asked)
    without = examine(trunk(), replace(CASE, account=None), MAY_TRIP)
    assert "p8.options.raised" in {one.experiment for one in without.done}


def about(status: int, reason: str) -> Exchange:
    """An answer to the question about the user of the loads."""
    return Exchange(
        at=1.0, source="a", method="OPTIONS", user="199", status=status, reason=reason, probe="p8.users.brisk"
    )


def test_what_an_absent_user_gets_at_rest_is_no_refusal_and_other_words_are() -> None:
    """A limiter may say 480 as well."""
    at_rest = AtRest()
    at_rest.learn(LOGIN, Outcome.UNAVAILABLE_NOW, about(480, "Not Registered"))
    there = about(480, "Not Registered")
    assert at_rest.compare(LOGIN, Outcome.UNAVAILABLE_NOW, there) is Outcome.OK
    refused = about(480, "Temporarily Unavailable")
    assert at_rest.compare(LOGIN, Outcome.UNAVAILABLE_NOW, refused) is Outcome.LIMITED
    other = replace(LOGIN, aim=Aim.OTHER_USER)
    assert at_rest.compare(other, Outcome.UNAVAILABLE_NOW, refused) is Outcome.UNAVAILABLE_NOW
    assert at_rest.compare(other, Outcome.NOT_FOUND, about(404, "Not Found")) is Outcome.OK


def test_a_refusal_of_a_load_about_an_invented_user_is_one_where_limits_are_looked_for() -> None:
    """The login ahead of the load is all that is known of him at rest."""
    at_rest = AtRest()
    at_rest.learn(LOGIN, Outcome.UNAVAILABLE_NOW, about(480, "Not Registered"))
    refused = about(480, "Flood")
    assert at_rest.outcome(refused, Outcome.UNAVAILABLE_NOW) is Outcome.LIMITED
    assert at_rest.in_plain_words(refused).status == 429
    assert at_rest.words == {(480, "Not Registered")}


def test_a_refusal_at_rest_is_learned_by_nobody() -> None:
    """Then a load about the user would tell nothing."""
    at_rest = AtRest()
    at_rest.learn(LOGIN, Outcome.FORBIDDEN_AFTER_CHALLENGE, about(403, "Forbidden"))
    assert not at_rest.is_known(LOGIN)
    assert at_rest.is_known(ABOUT_PRESENT)


def test_both_controls_are_asked_before_all_is_well() -> None:
    """And before any load."""
    asked = [one.experiment for one in examine(trunk(), CASE, MAY_TRIP).done]
    assert max(map(asked.index, ("p6.present", "p6.absent"))) < asked.index("p8.users.brisk")


def logged_in() -> list[Trial]:
    """REGISTER passes with our login."""
    return [
        Trial(probe=one.probe, outcome=Outcome.OK, experiment=one.id)
        for one in PROGRAMME.values()
        if one.probe.method is Method.REGISTER
        and one.probe.account is Account.OWN
        and one.probe.credentials in (Credentials.FRESH, Credentials.CACHED)
    ]


def told_of_controls(present: Outcome, absent: Outcome, *sources: Source) -> Diagnosis:
    """Where these are the answers about the two, from each source."""
    asked = [
        Trial(probe=replace(ABOUT_PRESENT, aim=aim, source=source), outcome=outcome)
        for aim, outcome in ((Aim.PRESENT, present), (Aim.ABSENT, absent))
        for source in sources or (Source.OWN,)
    ]
    return conclude([believe(Evidence(trials=(*logged_in(), *asked)))], MAY_TRIP)


@pytest.mark.parametrize("outcome", [Outcome.SERVER_ERROR, Outcome.OTHER])
def test_controls_that_all_fail_are_no_health(outcome: Outcome) -> None:
    """However much else passes."""
    assert told_of_controls(outcome, outcome).cause == "method.failing"


def test_a_present_control_that_is_forwarded_is_a_wrong_control() -> None:
    """302 says where his calls go (RFC 3261 section 21.3): nothing fails."""
    answered = Exchange(at=0.0, source="127.0.0.2", method="OPTIONS", status=302)
    assert outcome_of(answered) is Outcome.REDIRECTED
    found = told_of_controls(Outcome.REDIRECTED, Outcome.UNAVAILABLE_NOW, *Source)
    assert found.cause == "client.wrong-control"


def test_a_refusal_about_the_absent_alone_is_told() -> None:
    """It is no fault of the trunk, and a check cannot tell it from one."""
    told = told_of_controls(Outcome.OK, Outcome.FORBIDDEN_AFTER_CHALLENGE)
    assert told.findings[0].cause == "healthy"
    assert told.beside[0].startswith("About the absent control it says 403")
    assert told.beside[0] in verdict(told)
    assert not told_of_controls(Outcome.OK, Outcome.UNAVAILABLE_NOW).beside


def test_a_refusal_by_pace_is_not_said_of_the_absent() -> None:
    """It was the limit's, which may have refused a question about anybody."""
    present = Trial(probe=Probe(method=Method.OPTIONS, aim=Aim.PRESENT), outcome=Outcome.OK)
    absent = Probe(method=Method.OPTIONS, aim=Aim.ABSENT)
    refused = Trial(probe=absent, outcome=Outcome.FORBIDDEN_AFTER_CHALLENGE)
    paced = replace(refused, probe=replace(absent, load=Load.PACED))
    assert beside((present, refused), ())
    assert not beside((present, paced), ())


def test_a_registrar_that_is_none_leaves_checks_by_options() -> None:
    """405 to REGISTER: the verdict says which method it is, and by which to check."""
    not_taken = [
        Trial(probe=Probe(credentials=credentials, source=source), outcome=Outcome.NO_METHOD)
        for credentials in (Credentials.NONE, Credentials.FRESH)
        for source in Source
    ]
    asked = Trial(probe=ABOUT_PRESENT, outcome=Outcome.OK)
    found = conclude([believe(Evidence(trials=(*not_taken, asked)))], MAY_TRIP)
    assert found.cause == "policy.method"
    assert verdict(found).endswith(
        "It is REGISTER that it does not take; OPTIONS passed: check with `--method options`."
    )
    checks = next(one for one in found.suspicions if one.suspect.startswith("only the verification"))
    assert (checks.verdict, "OPTIONS" in checks.sentence) == (SuspectVerdict.IT_IS_NOT, True)


def test_a_load_that_was_logged_in_is_none_without_a_login() -> None:
    """What counts requests without credentials alone is not met by it, and that is told."""
    loads = [
        Trial(probe=PROGRAMME[name].probe, outcome=Outcome.OK, experiment=name)
        for name in ("p8.users.storm", "p8.options.raised")
    ]
    assert loads_passed(loads[:1]).endswith("No load was put on requests without a login.")
    assert "No load was put on" not in loads_passed(loads)


def test_an_absent_user_may_be_forwarded() -> None:
    """To a mailbox."""
    assert told_of_controls(Outcome.OK, Outcome.REDIRECTED).findings[0].cause == "healthy"


def test_a_throttle_is_not_cleared_where_no_question_about_a_user_was_loaded() -> None:
    """Nor is it said that no limit was met, without what was not tried."""
    harmless = examine(trunk(), CASE, Permission()).diagnosis()
    throttle = next(one for one in harmless.suspicions if one.suspect == "burst throttle")
    assert throttle.verdict is SuspectVerdict.CANNOT_TELL
    assert "OPTIONS about users" in throttle.sentence
    register = Trial(
        probe=Probe(credentials=Credentials.CACHED, load=Load.STORM),
        outcome=Outcome.OK,
        experiment="p8.register.storm",
    )
    assert loads_passed([register]).endswith(
        "No load was put on OPTIONS about users or requests without a login."
    )


def test_with_controls_a_change_is_tried_on_the_question_that_checks_ask() -> None:
    """The server itself lets anything pass."""
    name = "p10.other-caller.options"
    assert programme_of(frozenset({Means.CONTROLS, Means.OTHER_CALLER}))[name].probe.aim is Aim.PRESENT
    assert programme_of(frozenset({Means.OTHER_CALLER}))[name].probe.aim is Aim.SERVER


@pytest.mark.parametrize("covers", COVERED)
@pytest.mark.parametrize("personality", ["kamailio", "sbc"])
def test_a_rule_about_users_is_told_from_rules_about_us(personality: str, covers: str) -> None:
    """It meets SUBSCRIBE as well, which was taken for a binding or a caller that is wanted (K10)."""
    pbx = trunk("policy.asked-user", personality=personality, covers=covers)
    found = examine(pbx, CASE, MAY_TRIP).diagnosis()
    assert (found.cause, found.confidence > 0.9) == ("policy.asked-user", True)


@pytest.mark.parametrize("seed", [1, 2])
def test_what_fails_behind_the_pbx_is_told(seed: int) -> None:
    """500 with the one seed, 100 Trying and no more with the other."""
    pbx = trunk("method.failing", seed=seed)
    assert pbx.truth[0].status == (500, 100)[seed - 1]
    assert examine(pbx, CASE, MAY_TRIP).diagnosis().cause == "method.failing"


def test_a_limit_of_each_user_is_told_by_another_user() -> None:
    """Who is spared."""
    pbx = trunk("throttle.callee", limit=10, window_seconds=1, form="window", status=403)
    assert examine(pbx, CASE, MAY_TRIP).diagnosis().cause == "throttle.callee"


def test_a_limit_of_each_user_may_stand_behind_the_login() -> None:
    """A bucket lets bare questions through now and then: all is refused after the login, as by a limit of
    the method that stands there. Another user tells them apart.
    """
    asked = [
        ("p9.users", Outcome.FORBIDDEN_AFTER_CHALLENGE),
        ("p8.during.user.source", Outcome.FORBIDDEN_AFTER_CHALLENGE),
        ("p8.during.user.account", Outcome.FORBIDDEN_AFTER_CHALLENGE),
        *((f"p8.during.{name}", Outcome.OK) for name in ("user.other", "login", "account", "options")),
        ("p8.during.register", Outcome.CHALLENGE),
        *((name, Outcome.OK) for name in ("p3.credentials", "p8.register.raised", "p6.present")),
    ]
    trials = [Trial(probe=PROGRAMME[name].probe, outcome=found) for name, found in asked]
    causes = believe(Evidence(trials=tuple(trials))).causes
    assert causes["throttle.callee"] > causes["throttle.method"]
