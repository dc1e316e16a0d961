"""What is said of each suspect of the incident, and from what."""

from __future__ import annotations

from dataclasses import replace

import pytest
from tests.unit.diagnosis.records import OURS, Answer, Pbx
from tests.unit.doctor.trunk import ask, trunk

from shiftline.diagnosis.belief import believe
from shiftline.diagnosis.conclude import conclude
from shiftline.diagnosis.evidence import Evidence, Mark, Subject, Trial
from shiftline.diagnosis.exchange import Exchange
from shiftline.diagnosis.experiment import Permission
from shiftline.diagnosis.finding import Diagnosis, Suspicion
from shiftline.diagnosis.notice import kinds_of
from shiftline.diagnosis.observe import observe
from shiftline.diagnosis.outcome import Outcome
from shiftline.diagnosis.passages import passage
from shiftline.diagnosis.probe import Account, Aim, Credentials, Load, Method, Path, Probe, Shape, Source
from shiftline.diagnosis.suspects import PUBLISH_WINDOW, SUSPECTS
from shiftline.diagnosis.suspicions import suspicions_of

LOGIN = Credentials.FRESH
REFUSED = (
    Trial(probe=Probe(), outcome=Outcome.FORBIDDEN),
    Trial(probe=Probe(credentials=LOGIN), outcome=Outcome.FORBIDDEN, carried=False),
    Trial(probe=Probe(method=Method.SUBSCRIBE, credentials=LOGIN), outcome=Outcome.FORBIDDEN, carried=False),
)
PING = Probe(method=Method.OPTIONS, credentials=LOGIN, aim=Aim.PRESENT)
MEANS_LOGIN = ("credentials mismatch", "account shared with the ticket desk")


def cleared(*trials: Trial) -> set[str]:
    """Suspects whom one of these passages clears."""
    return {one.name for one in SUSPECTS if passage(one, Evidence(trials=trials)) is not None}


def said(diagnosis: Diagnosis, name: str) -> Suspicion:
    return next(one for one in diagnosis.suspicions if one.suspect == name)


def read(exchanges: list[Exchange]) -> Diagnosis:
    return conclude(
        [believe(one, is_recorded=True) for one in observe(exchanges)], Permission(), is_recorded=True
    )


def test_options_that_nobody_challenged_clears_nobody_while_all_else_is_refused() -> None:
    answered = Trial(probe=PING, outcome=Outcome.OK, carried=False)
    assert not cleared(*REFUSED, answered)
    diagnosis = conclude([believe(Evidence(trials=(*REFUSED, answered)))], Permission())
    for name in MEANS_LOGIN:
        assert "logs in" not in said(diagnosis, name).sentence
        assert "locked" not in said(diagnosis, name).sentence
    assert "with credentials" not in "".join(
        one.sentence for one in diagnosis.findings[0].statements if "OPTIONS" in one.sentence
    )


@pytest.mark.parametrize("credentials", [Credentials.CACHED, Credentials.FRESH])
def test_a_login_that_was_accepted_clears_the_credentials(credentials: Credentials) -> None:
    logged_in = Trial(probe=Probe(credentials=credentials), outcome=Outcome.OK)
    assert cleared(logged_in) >= {*MEANS_LOGIN, "IP allow list"}
    challenged = Trial(probe=PING, outcome=Outcome.OK)
    assert set(MEANS_LOGIN) <= cleared(challenged)


def test_options_with_credentials_that_nobody_asked_for_is_no_login() -> None:
    ahead = Trial(probe=Probe(method=Method.OPTIONS, credentials=Credentials.CACHED), outcome=Outcome.OK)
    assert not cleared(ahead) & set(MEANS_LOGIN)


def test_the_method_that_is_refused_clears_when_it_passes() -> None:
    """Refused at speed, served at rest: the address is on the list."""
    at_rest = Trial(probe=Probe(method=Method.OPTIONS, aim=Aim.PRESENT), outcome=Outcome.OK)
    assert "IP allow list" in cleared(at_rest)
    assert "only the verification calls fail, campaigns work" not in cleared(at_rest, REFUSED[0])


def test_an_examination_knows_whether_credentials_were_sent() -> None:
    """A stock Kamailio answers OPTIONS to anybody (K19), and asks for a login with REGISTER."""
    examination = ask(trunk(personality="kamailio"), "p7.options", "p3.credentials")
    carried = {one.experiment: one.carried for one in examination.trials}
    assert carried == {"p7.options": False, "p3.credentials": True}


def test_a_short_record_does_not_clear_the_publish_window() -> None:
    pbx = Pbx(lambda request: Answer(403, "Forbidden", 0.002))
    exchanges = [one for number in range(4) for one in pbx.ask(1e9 + number, method="REGISTER")]
    window = said(read(exchanges), PUBLISH_WINDOW)
    assert window.verdict == "cannot-tell"
    assert "record a quiet hour" in window.sentence


def test_a_long_record_of_a_lasting_refusal_does() -> None:
    pbx = Pbx(lambda request: Answer(403, "Forbidden", 0.002) if request.source == OURS else None)
    exchanges = [
        one
        for number in range(300)
        for source in (OURS, "192.0.2.99")
        for one in pbx.ask(1e9 + number * 120.0, source=source, method="REGISTER", user="desk", login="desk")
    ]
    window = said(read(exchanges), PUBLISH_WINDOW)
    assert window.verdict == "it-is-not"
    assert "does not follow" in window.sentence


HOUR = "something else that runs at that hour"


def test_one_moment_without_trouble_does_not_clear_another_hour() -> None:
    answered = (
        Trial(probe=PING, outcome=Outcome.OK),
        Trial(probe=Probe(credentials=LOGIN), outcome=Outcome.OK),
        Trial(probe=Probe(method=Method.OPTIONS), outcome=Outcome.OK),
    )
    diagnosis = conclude([believe(Evidence(trials=answered))], Permission())
    assert diagnosis.findings[0].cause == "healthy"
    told = said(diagnosis, HOUR)
    assert told.verdict == "cannot-tell"
    assert "in a quiet one" in told.sentence


@pytest.mark.parametrize("cause", ["credentials.stale-nonce", "credentials.nonce-count"])
def test_old_nonces_are_no_mismatch_of_credentials(cause: str) -> None:
    belief = believe(Evidence(trials=(Trial(probe=Probe(credentials=LOGIN), outcome=Outcome.OK),)))
    named = replace(
        conclude([belief], Permission()).findings[0], cause=cause, indistinguishable_from=(), is_decided=True
    )
    judged = {one.suspect: one for one in suspicions_of([belief], [named], None)}
    told = judged["credentials mismatch"]
    assert cause not in told.causes
    assert told.verdict == "it-is-not"
    assert told.sentence.startswith("It is not, because name and password are right: ")


def test_a_text_alone_is_not_called_questions_of_ours() -> None:
    heard = Evidence(marks=(Mark(kind="log.genesys-trunk", text="a line of a console"),))
    told = said(conclude([believe(heard)], Permission(), is_recorded=True), "short retry timeout")
    assert told.verdict == "cannot-tell"
    assert "Questions of ours" not in told.sentence
    assert "No requests were seen" in told.sentence


PINGED = Trial(probe=Probe(method=Method.OPTIONS, account=Account.NOBODY), outcome=Outcome.FORBIDDEN)
LOGS_IN = Trial(probe=Probe(credentials=LOGIN), outcome=Outcome.OK)
METADATA = "missing agent metadata (includeCustomAttributes)"
CALLS_ONLY = "only the verification calls fail, campaigns work"


def test_a_login_clears_no_header_that_the_refused_options_may_lack() -> None:
    """OPTIONS to the server itself name nobody, and are ours all the same."""
    assert {METADATA, CALLS_ONLY} & cleared(LOGS_IN, PINGED) == set()
    assert METADATA in cleared(LOGS_IN)
    answered = replace(PINGED, outcome=Outcome.OK)
    assert METADATA in cleared(LOGS_IN, PINGED, answered)


def _named(cause: str, *, is_decided: bool, confidence: float = 0.85) -> dict[str, Suspicion]:
    belief = believe(Evidence(trials=(LOGS_IN, *[PINGED] * 6)))
    finding = replace(
        conclude([belief], Permission()).findings[0],
        cause=cause,
        indistinguishable_from=(),
        is_decided=is_decided,
        confidence=confidence,
    )
    return {one.suspect: one for one in suspicions_of([belief], [finding], None)}


@pytest.mark.parametrize("is_decided", [True, False])
def test_an_hour_is_not_the_culprit_where_no_hours_were_compared(is_decided: bool) -> None:
    """Questions of one moment show no other hour, however likely one is."""
    window = _named("schedule.time-of-day", is_decided=is_decided)[PUBLISH_WINDOW]
    assert window.verdict == "cannot-tell"
    assert "record of that hour" in window.sentence


@pytest.mark.parametrize(("seconds", "verdict"), [(59.0, "cannot-tell"), (30 * 3600.0, "it-is")])
def test_an_hour_needs_a_record_that_is_longer_than_the_window(seconds: float, verdict: str) -> None:
    subject = Subject(requests=200, refused=80, seconds=seconds)
    belief = believe(Evidence(subject=subject, trials=(LOGS_IN, *[PINGED] * 6)), is_recorded=True)
    finding = replace(
        conclude([belief], Permission(), is_recorded=True).findings[0],
        cause="schedule.time-of-day",
        indistinguishable_from=(),
        is_decided=True,
        subject=subject,
    )
    judged = {one.suspect: one for one in suspicions_of([belief], [finding], None)}
    assert judged[PUBLISH_WINDOW].verdict == verdict


def test_what_was_cut_short_clears_nobody_but_by_a_login() -> None:
    """A challenge is no sign of the list: PJSIP challenges whom no endpoint's list has, for ever."""
    asked = (
        Trial(probe=Probe(method=Method.OPTIONS), outcome=Outcome.OK, experiment="p0.options"),
        Trial(probe=Probe(), outcome=Outcome.CHALLENGE, experiment="p2.challenge"),
    )
    found = conclude([believe(Evidence(trials=asked))], Permission(), is_over=False)
    assert {one.verdict for one in found.suspicions} == {"cannot-tell"}
    assert "run it to its end" in said(found, "IP allow list").sentence
    logged_in = replace(LOGS_IN, experiment="p3.credentials")
    found = conclude([believe(Evidence(trials=(*asked, logged_in)))], Permission(), is_over=False)
    assert said(found, "credentials mismatch").verdict == "it-is-not"
    assert said(found, "burst throttle").verdict == "cannot-tell"


def test_a_load_that_was_refused_clears_no_throttle() -> None:
    """Not where nothing is named for it: what passed to the server itself may not be counted."""
    storm = Probe(credentials=Credentials.CACHED, load=Load.STORM)
    asked = (
        replace(LOGS_IN, experiment="p3.credentials"),
        Trial(probe=storm, outcome=Outcome.FORBIDDEN, experiment="p5.login-storm"),
        Trial(
            probe=Probe(method=Method.OPTIONS, account=Account.NOBODY, load=Load.RAISED),
            outcome=Outcome.OK,
            experiment="p5.raised",
        ),
    )
    belief = believe(Evidence(trials=asked))
    healthy = replace(conclude([belief], Permission()).findings[0], cause="healthy", is_decided=True)
    judged = {one.suspect: one for one in suspicions_of([belief], [healthy], None)}
    assert judged["burst throttle"].verdict == "cannot-tell"
    assert "was refused" in judged["burst throttle"].sentence


def test_a_phrase_about_hours_does_not_clear_the_hour() -> None:
    everywhere = (
        Probe(), Probe(source=Source.OTHER), Probe(account=Account.OTHER), Probe(shape=Shape.MINIMAL),
        Probe(path=Path.OTHER_TRANSPORT),
    )  # fmt: skip
    refused = tuple(Trial(probe=one, outcome=Outcome.FORBIDDEN, experiment="p") for one in everywhere)
    refused += (Trial(probe=Probe(method=Method.OPTIONS), outcome=Outcome.OK, experiment="p0.options"),)
    assert kinds_of("phrase", "Outside business hours", 403) == ("phrase.hours",)
    marks = (Mark(kind="phrase.hours", text="Outside business hours"),)
    found = conclude([believe(Evidence(trials=refused, marks=marks))], Permission())
    assert said(found, HOUR).verdict != "it-is-not"
    assert found.findings[0].cause == "schedule.time-of-day"
    without = conclude([believe(Evidence(trials=refused))], Permission())
    assert without.findings[0].cause != "schedule.time-of-day"
    passed = [replace(one, outcome=Outcome.OK) for one in refused]
    belief = believe(Evidence(trials=(LOGS_IN, *passed), marks=marks))
    other = replace(
        found.findings[0], cause="policy.method", indistinguishable_from=(), is_decided=True, confidence=0.95
    )
    judged = {one.suspect: one for one in suspicions_of([belief], [other], None)}
    assert judged[HOUR].verdict == "cannot-tell"
    assert "Outside business hours" in judged[HOUR].sentence


@pytest.mark.parametrize("is_decided", [True, False])
def test_a_suspect_is_no_surer_than_the_finding(is_decided: bool) -> None:
    told = _named("policy.method", is_decided=is_decided)[CALLS_ONLY]
    assert told.verdict == "it-is"
    assert told.sentence.startswith("It probably is (")


@pytest.mark.parametrize(
    ("share", "verdict"), [(0.05, "it-is-not"), (0.2, "cannot-tell"), (0.4, "cannot-tell")]
)
def test_nobody_is_cleared_who_is_likelier_than_one_in_ten(share: float, verdict: str) -> None:
    """However much was seen that speaks against him."""
    belief = believe(Evidence(trials=(LOGS_IN, PINGED)))
    first = belief.leading
    accused = replace(first, causes=("credentials.wrong-password",), probability=share)
    other = replace(first, causes=("policy.method",), probability=1.0 - share)
    weighed = replace(belief, explanations=(other, accused), causes={accused.causes[0]: share})
    finding = replace(
        conclude([belief], Permission()).findings[0], cause="policy.method", indistinguishable_from=(),
        is_decided=False,
    )  # fmt: skip
    judged = {one.suspect: one for one in suspicions_of([weighed], [finding], None)}
    assert judged["credentials mismatch"].verdict == verdict


@pytest.mark.parametrize(("share", "is_named"), [(0.4, True), (0.3, True), (0.2, False)])
def test_a_rival_of_a_quarter_of_the_likeliest_is_named(share: float, is_named: bool) -> None:
    """As good as it: what looks nothing like it, and is allowed to be told apart."""
    belief = believe(Evidence(trials=(LOGS_IN, PINGED)))
    first = replace(belief.leading, causes=("policy.method",), probability=1.0 / (1.0 + share))
    rival = replace(first, causes=("registrar.max-contacts",), probability=share / (1.0 + share), fit=-99.0,
                    fit_on={})  # fmt: skip
    weighed = replace(
        belief,
        explanations=(first, rival),
        causes={one.causes[0]: one.probability for one in (first, rival)},
    )
    (main, *_) = conclude([weighed], Permission()).findings
    assert ("registrar.max-contacts" in main.indistinguishable_from) is is_named


@pytest.mark.parametrize("is_loaded", [False, True])
def test_where_no_load_was_made_a_limit_may_stand_behind_what_was_found(is_loaded: bool) -> None:
    """A PBX that refuses at rest is asked no faster."""
    load = Trial(probe=replace(PING, load=Load.RAISED), outcome=Outcome.OK, experiment="p8.options.raised")
    trials = (*REFUSED, *([load] if is_loaded else ()))
    sentence = said(conclude([believe(Evidence(trials=trials))], Permission()), "burst throttle").sentence
    assert sentence.startswith("It is not, because ")
    assert ("no load was put on" in sentence) is not is_loaded
