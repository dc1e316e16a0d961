"""A run that is told an address and two accounts: it believes only what it asked, and says the rest."""

from __future__ import annotations

from dataclasses import replace

import pytest
from tests.unit.doctor.trunk import CASE, ask, trunk

from shiftline.diagnosis.belief import believe
from shiftline.diagnosis.catalogue import CATALOGUE
from shiftline.diagnosis.conclude import conclude
from shiftline.diagnosis.evidence import Evidence, Trial
from shiftline.diagnosis.experiment import Means, Permission, Risk
from shiftline.diagnosis.finding import Diagnosis
from shiftline.diagnosis.outcome import Outcome
from shiftline.diagnosis.probe import CHANGED, Credentials, Load, Method, Path, Probe, Shape, Source
from shiftline.diagnosis.programme import PROGRAMME, programme_of
from shiftline.doctor.examination import Case
from shiftline.doctor.report.wording import verdict
from shiftline.lab.pbx.bank.wishes import Drawn
from shiftline.lab.virtual_examination import examine

PLAIN = Case(
    server=CASE.server,
    address=CASE.address,
    account=CASE.account,
    known_good=CASE.known_good,
    has_second_source=True,
    has_other_transport=True,
)
MAY_TRIP = Permission(risk=Risk.MAY_TRIP)
ALL_CHANGED = "p3.all-changed"


def named(diagnosis: Diagnosis) -> set[str]:
    return {name for one in diagnosis.findings for name in (one.cause, *one.indistinguishable_from)}


@pytest.mark.parametrize(
    ("fault", "wishes"),
    [
        ("message.missing-metadata", {"header": "X-Queue"}),
        ("policy.user-agent", {"allowed_agents": "PureCloud"}),
        ("policy.no-trunk-match", {}),
        ("policy.method", {"method": "REGISTER", "status": 403}),
        ("credentials.identity-mismatch", {"identity": "+13125550100"}),
        ("credentials.digest-uri", {"domain": "lab"}),
    ],
)
def test_what_could_not_be_tried_is_not_ruled_out(fault: str, wishes: dict[str, Drawn]) -> None:
    """Nobody named a header, a caller, a domain or a User-Agent that works."""
    pbx = trunk(fault, seed=77, **wishes)  # type: ignore[arg-type]
    diagnosis = examine(pbx, PLAIN, MAY_TRIP).diagnosis()
    assert fault in named(diagnosis)


@pytest.mark.parametrize("lacking", [Shape.OTHER_CALLER, Shape.WITH_METADATA])
def test_a_cause_acts_on_what_was_left_unchanged(lacking: Shape) -> None:
    """Each cause that this change would let pass meets a probe that lacks it, and not one that has it."""
    whole = PROGRAMME[ALL_CHANGED].probe
    without = replace(whole, unchanged=frozenset({lacking}))
    cured = [
        one
        for cause in CATALOGUE.values()
        for one in cause.signatures
        if one.chance(replace(whole, unchanged=CHANGED - {lacking})) == 0.0 < one.chance(
            replace(whole, unchanged=CHANGED)
        )
    ]  # fmt: skip
    assert cured
    assert all(one.chance(whole) == 0.0 < one.chance(without) for one in cured)


def test_the_probe_that_is_recorded_is_what_left() -> None:
    """Header by header, whatever was proposed."""
    examination = ask(trunk("message.missing-metadata"), "p0.options", ALL_CHANGED, "p0.agent", case=PLAIN)
    probes = {trial.experiment: trial.probe for trial in examination.trials}
    assert probes[ALL_CHANGED].changes == {Shape.INVENTED_AGENT}
    assert probes["p0.agent"].shape is Shape.INVENTED_AGENT
    sent = {one.probe: one for one in examination.exchanges}
    assert PLAIN.account is not None
    assert sent[ALL_CHANGED].from_user == PLAIN.account.username
    assert sent[ALL_CHANGED].user_agent != sent["p0.options"].user_agent


def test_all_is_changed_that_there_is_another_of() -> None:
    case = replace(CASE, other_caller="+13125550100", working_agent="PureCloud/2.1")
    examination = ask(trunk(), "p2.challenge", ALL_CHANGED, case=case)
    (probe,) = [one.probe for one in examination.trials if one.experiment == ALL_CHANGED]
    assert probe.changes == CHANGED
    last = [one for one in examination.exchanges if one.probe == ALL_CHANGED][-1]
    assert (last.from_user, last.user_agent) == ("+13125550100", "PureCloud/2.1")
    assert last.uri_host == "lab"


def test_a_realm_that_was_heard_is_another_name_of_the_server() -> None:
    """Until then there is none to ask with, and what wants one is not proposed."""
    examination = ask(trunk(), case=PLAIN)
    assert not examination.permission.permits(PROGRAMME["p3.digest-uri"])
    examination = ask(trunk(domain="lab"), "p2.challenge", case=PLAIN)
    (realm,) = {one.challenge.realm for one in examination.exchanges if one.challenge}
    assert examination.permission.permits(PROGRAMME["p3.digest-uri"]) == (realm != PLAIN.home)


def test_an_invented_agent_refutes_no_list_of_what_is_liked() -> None:
    """And one that is known to work does."""
    believed = {}
    for shape in (Shape.INVENTED_AGENT, Shape.OTHER_AGENT):
        probes = [Probe(method=Method.OPTIONS, shape=one) for one in (Shape.USUAL, Shape.MINIMAL, shape)]
        trials = tuple(Trial(probe=one, outcome=Outcome.SILENCE) for one in probes)
        believed[shape] = believe(Evidence(trials=trials)).causes["policy.user-agent"]
    assert believed[Shape.INVENTED_AGENT] > 3.0 * believed[Shape.OTHER_AGENT]


def test_beside_health_stands_what_was_not_asked_about_and_how_to_ask() -> None:
    diagnosis = examine(trunk(), PLAIN, MAY_TRIP).diagnosis()
    assert diagnosis.cause == "healthy"
    options = {cause: one.options for one in diagnosis.unasked for cause in one.causes}
    controls = ("--present USER --absent USER",)
    assert options["policy.caller-identity"] == options["policy.unregistered-source"] == controls
    assert options["policy.event-package"] == ("--subscribes",)
    assert set(options) <= named(diagnosis)
    assert "policy.caller-identity" in verdict(diagnosis)
    assert "--subscribes" in verdict(diagnosis)


def test_what_was_to_be_said_lets_it_be_found() -> None:
    """The caller that the PBX wants is not ours: hidden from a plain run, and seen with controls."""
    pbx = trunk("policy.caller-identity", seed=77, verified="support")
    hidden = examine(pbx, PLAIN, MAY_TRIP).diagnosis()
    assert (hidden.cause, "policy.caller-identity" in named(hidden)) == ("healthy", True)
    told = replace(PLAIN, present=CASE.present, absent=CASE.absent)
    pbx = trunk("policy.caller-identity", seed=77, verified="support")
    found = examine(pbx, told, MAY_TRIP).diagnosis()
    assert (found.cause == "healthy", "policy.caller-identity" in named(found)) == (False, True)


def test_programmes_differ_only_in_probes() -> None:
    for means in (frozenset[Means](), frozenset(Means)):
        assert list(programme_of(means)) == list(PROGRAMME)
    assert programme_of(frozenset(Means)) == PROGRAMME


def refused_login(*others: Trial) -> tuple[Trial, ...]:
    login = Probe(credentials=Credentials.FRESH)
    return (
        Trial(probe=Probe(method=Method.OPTIONS), outcome=Outcome.OK, experiment="p0.options"),
        Trial(probe=Probe(), outcome=Outcome.CHALLENGE, experiment="p2.challenge"),
        Trial(probe=login, outcome=Outcome.CHALLENGE_AGAIN, experiment="p3.credentials"),
        *others,
    )


@pytest.mark.parametrize("risk", [Risk.HARMLESS, Risk.MAY_TRIP])
def test_what_would_settle_it_is_never_the_same_run_again(risk: Risk) -> None:
    """It asks for an option that was not given, and for no subscription where the login is refused."""
    means = PLAIN.means
    elsewhere = Probe(
        credentials=Credentials.FRESH,
        source=Source.OTHER,
        shape=Shape.ALL_CHANGED,
        path=Path.OTHER_TRANSPORT,
        unchanged=frozenset({Shape.OTHER_CALLER, Shape.WITH_METADATA, Shape.OTHER_AGENT}),
    )
    again = Trial(probe=elsewhere, outcome=Outcome.CHALLENGE_AGAIN, experiment="p3.all-changed.source")
    diagnosis = conclude([believe(Evidence(trials=refused_login(again)))], Permission(risk=risk, means=means))
    assert "credentials.wrong-password" in named(diagnosis)
    assert diagnosis.separation is not None
    _, _, options = diagnosis.separation.command.partition("sip:PBX")
    assert options.strip()
    assert "--subscribes" not in options
    assert PROGRAMME[diagnosis.separation.experiment].probe.load not in (Load.DURING, Load.AFTER_PAUSE)


def test_a_load_that_would_tell_is_named_with_its_class() -> None:
    """Where single questions pass, and nothing else was allowed."""
    harmless = examine(trunk(), CASE, Permission(risk=Risk.HARMLESS)).diagnosis()
    if harmless.separation is not None:
        assert "--allow may-trip" in harmless.separation.command
    assert ("--allow may-trip",) in [one.options for one in harmless.unasked]


def test_a_binding_that_is_refused_behind_a_list_is_a_second_fault() -> None:
    """The 403 to it is asked for again, and not counted for the list, which lets that address pass."""
    pbx = trunk("acl.partial", "registrar.max-contacts", personality="sbc", seed=31)
    diagnosis = examine(pbx, PLAIN, MAY_TRIP).diagnosis()
    assert {"acl.partial", "registrar.max-contacts"} <= named(diagnosis)
    lists = next(one for one in diagnosis.findings if one.cause.startswith("acl."))
    assert not [one for one in lists.statements if one.speaks_for and "with a Contact" in one.sentence]


def test_only_a_binding_is_asked_for_again_that_may_trip() -> None:
    """A question while registered has a refusal of its own kind, and makes no second fault of it."""
    examination = examine(trunk("policy.unregistered-source", personality="sbc"), CASE, MAY_TRIP)
    asked = [one.experiment for one in examination.done]
    assert asked.count("p7.once-registered") <= 1
    assert named(examination.diagnosis()) == {"policy.unregistered-source"}
