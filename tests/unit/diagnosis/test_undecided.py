"""What is said, and what is not, where several causes explain as well."""

from __future__ import annotations

from dataclasses import replace

import pytest
from rich.console import Console

from shiftline.cli.doctor.findings import addressed, print_diagnosis
from shiftline.diagnosis.belief import UNKNOWN, believe
from shiftline.diagnosis.catalogue import CATALOGUE
from shiftline.diagnosis.classes import class_of
from shiftline.diagnosis.conclude import conclude
from shiftline.diagnosis.evidence import Evidence, Mark, Trial
from shiftline.diagnosis.exchange import Place
from shiftline.diagnosis.experiment import Means, Permission, Risk
from shiftline.diagnosis.families import Family
from shiftline.diagnosis.finding import Diagnosis
from shiftline.diagnosis.hypotheses import HEALTHY
from shiftline.diagnosis.outcome import Outcome
from shiftline.diagnosis.probe import Account, Aim, Credentials, Method, Probe, Source
from shiftline.diagnosis.remedies import remedy_of, remedy_of_one_of
from shiftline.diagnosis.statements import statements_for
from shiftline.diagnosis.wording import LIMITS
from shiftline.doctor.report.wording import headline, verdict

LOGIN = Probe(credentials=Credentials.FRESH)
PING = Probe(method=Method.OPTIONS, account=Account.NOBODY)
FIGURES = {"limit": 12.0, "window_seconds": 1.0, "begins_at": 5.0}


def refused(outcome: Outcome = Outcome.FORBIDDEN_AFTER_CHALLENGE) -> Diagnosis:
    """One login that was refused, and nothing else: many causes do that."""
    trials = (
        Trial(probe=Probe(), outcome=Outcome.CHALLENGE),
        Trial(probe=LOGIN, outcome=outcome, figures=FIGURES),
    )
    return conclude(
        [believe(Evidence(trials=trials))], Permission(risk=Risk.MAY_TRIP, means=frozenset(Means))
    )


def test_a_percentage_of_a_set_is_told_as_one() -> None:
    diagnosis = refused()
    main = diagnosis.findings[0]
    several = 1 + len(main.indistinguishable_from)
    assert several > 2
    assert diagnosis.cause is None
    assert headline(diagnosis) == f"undecided: one of {several} causes ({diagnosis.confidence:.0%})"
    console = Console(record=True, width=400)
    print_diagnosis(diagnosis, console)
    text = console.export_text()
    assert "% that it is one of these" in text
    assert text.index("What would settle it") < text.index("one of these")


def test_of_a_set_the_shared_remedy_comes_first_and_each_step_names_its_cause() -> None:
    causes = ("acl.source", "acl.partial", "credentials.wrong-password")
    steps = remedy_of_one_of(causes[:2], None)
    shared = [step for step in steps if not step.startswith("If it is ")]
    assert all(step in remedy_of(cause, None) for step in shared for cause in causes[:2])
    assert list(steps[: len(shared)]) == shared
    apart = remedy_of_one_of(causes, None)
    assert [step.split(":")[0].removeprefix("If it is ") for step in apart] == list(causes)
    assert remedy_of_one_of(causes[:1], None) == CATALOGUE["acl.source"].remedy.of(None)


def test_figures_of_a_limit_are_told_of_limits_only() -> None:
    diagnosis = refused(Outcome.CHALLENGE_AGAIN)
    main = diagnosis.findings[0]
    assert not [one for one in (main.cause, *main.indistinguishable_from) if one.startswith(LIMITS)]
    assert main.figures == {"begins_at": 5.0}
    assert not [one for one in diagnosis.suspicions if "requests pass" in one.sentence]


def test_the_command_can_be_typed() -> None:
    diagnosis = refused()
    assert diagnosis.separation is not None
    assert "…" not in diagnosis.separation.command
    told = addressed(diagnosis, "--server sip:192.0.2.1 --user trunk")
    assert told.separation is not None
    assert told.separation.command.startswith("shiftline doctor run --server sip:192.0.2.1 --user trunk")
    assert not [one for one in told.suspicions if "sip:PBX" in one.sentence]


def test_a_sentence_is_told_once_with_the_places_of_both_experiments() -> None:
    first, second = (Place(file="trace", number=number) for number in (9, 25))
    trials = [
        Trial(probe=LOGIN, outcome=Outcome.CHALLENGE_AGAIN, experiment=name, places=(place,))
        for name, place in (("p3.credentials", first), ("p1.transport.login", second))
    ]
    (statement,) = statements_for(believe(Evidence(trials=tuple(trials))), "credentials.wrong-password")
    assert statement.places == (first, second)


def test_who_fits_on_another_kind_of_pbx_only_is_nobodys_twin() -> None:
    """Asterisk's lists answer; it is other PBXs whose lists drop what is not on them."""
    ours = (PING, Probe(), LOGIN)
    others = (PING, LOGIN, replace(LOGIN, method=Method.REGISTER_CONTACT))
    trials = (
        *(Trial(probe=one, outcome=Outcome.SILENCE) for one in ours),
        *(Trial(probe=replace(one, source=Source.OTHER), outcome=Outcome.OK) for one in others),
    )
    said = Mark(kind="server.asterisk", text="Asterisk PBX 1.8.32")

    def named(*marks: Mark) -> set[str]:
        belief = believe(Evidence(trials=trials, marks=marks))
        permission = Permission(risk=Risk.MAY_TRIP, means=frozenset(Means))
        (main,) = conclude([belief], permission).findings
        return {main.cause, *main.indistinguishable_from}

    assert named(said) == {"ban.source", "network.filtered"}
    assert named() >= {"ban.source", "network.filtered", "acl.source"}


def test_now_and_always_at_this_hour_are_one_to_single_questions() -> None:
    """A way to show that has many answers is not rare: 503 at an hour is named beside maintenance."""
    everything = Permission(risk=Risk.MAY_TRIP, means=frozenset(Means))
    for family in (Family.KAMAILIO, Family.SBC):
        assert "schedule.time-of-day" in class_of("capacity.maintenance", family, everything)


def test_options_that_nobody_challenged_acquit_no_limit_of_a_login() -> None:
    """They went without credentials, so what the credentials make too large did not meet them."""

    def too_large(*, carried: bool) -> float:
        asked = Probe(method=Method.OPTIONS, credentials=Credentials.FRESH)
        trials = (
            Trial(probe=Probe(method=Method.OPTIONS, account=Account.NOBODY), outcome=Outcome.OK),
            Trial(probe=Probe(), outcome=Outcome.CHALLENGE),
            Trial(probe=LOGIN, outcome=Outcome.TOO_LARGE),
            Trial(probe=asked, outcome=Outcome.OK, carried=carried),
        )
        return believe(Evidence(trials=trials)).causes["message.too-large"]

    assert too_large(carried=False) > 2.0 * too_large(carried=True)


def test_where_several_are_open_none_is_stated_as_a_fact() -> None:
    """Not in the headline, not in the verdict; and there is something to do about each."""
    main = replace(
        refused().findings[0], is_decided=True, indistinguishable_from=("acl.source", "acl.contact")
    )
    diagnosis = replace(refused(), cause=main.cause, findings=(main,))
    assert headline(diagnosis) == (
        f"probably {main.cause} ({diagnosis.confidence:.0%}), or one of 2 that look like it"
    )
    assert "acl.source, acl.contact" in verdict(diagnosis)
    pair = replace(main, indistinguishable_from=("acl.source",))
    assert headline(replace(diagnosis, findings=(pair,))).endswith(", or another that looks like it")
    several = refused().findings[0]
    told = " ".join(several.remedy)
    assert all(cause in told for cause in (several.cause, *several.indistinguishable_from))


def test_what_is_unknown_is_not_named() -> None:
    unknown = replace(refused().findings[0], cause=UNKNOWN, indistinguishable_from=())
    assert headline(replace(refused(), findings=(unknown,))).startswith("none of the known causes")
    lonely = replace(unknown, cause="acl.source")
    assert headline(replace(refused(), findings=(lonely,))).startswith("undecided: perhaps acl.source")


def test_the_same_sentence_of_two_questions_is_told_once() -> None:
    """A login that was not even challenged reads as the question without one."""
    trials = (
        Trial(probe=Probe(), outcome=Outcome.FORBIDDEN, experiment="p2.challenge"),
        Trial(probe=LOGIN, outcome=Outcome.FORBIDDEN, carried=False, experiment="p3.credentials"),
    )
    told = [one.sentence for one in statements_for(believe(Evidence(trials=trials)), "acl.source")]
    assert len(told) == len(set(told)) == 1


def test_the_remedy_is_that_of_the_pbx_that_names_itself() -> None:
    """A Kamailio whose script says 403 to a wrong password behaves like FreeSWITCH, and is none."""
    trials = (
        Trial(probe=Probe(), outcome=Outcome.CHALLENGE),
        Trial(probe=LOGIN, outcome=Outcome.FORBIDDEN_AFTER_CHALLENGE),
        Trial(probe=replace(LOGIN, account=Account.OTHER), outcome=Outcome.OK, carried=True),
    )
    permission = Permission(risk=Risk.MAY_TRIP, means=frozenset(Means))
    for kind, theirs in (("server.kamailio", "kamcmd"), ("server.unnamed", "fs_cli")):
        belief = believe(Evidence(trials=trials, marks=(Mark(kind=kind, text=""),)))
        belief = replace(belief, families={Family.FREESWITCH: 0.53, Family.KAMAILIO: 0.32})
        (main, *_) = conclude([belief], permission).findings
        told = " ".join(main.remedy)
        assert theirs in told
        assert not any(one in told for one in {"kamcmd", "fs_cli"} - {theirs})


def test_a_sentence_agrees_with_the_number_of_what_there_is() -> None:
    """Loads are, a header is."""
    kinds = ("traffic.refused-from-the-first", "traffic.answered-on-repeat", "server.kamailio")
    marks = tuple(Mark(kind=kind, text="") for kind in kinds)
    trials = (Trial(probe=Probe(), outcome=Outcome.FORBIDDEN),)
    belief = believe(Evidence(trials=trials, marks=marks))
    told = [one.sentence for one in statements_for(belief, "capacity.overload")]
    assert any(one.startswith("There are loads of which") for one in told)
    assert any(one.startswith("There are single requests at rest") for one in told)
    assert not any(one.startswith(("There is loads", "There is single requests")) for one in told)


def test_what_backs_a_limit_that_nobody_looked_for_speaks_against_health() -> None:
    """Answers that came only when asked again are no sign of health, though overload stands beside it."""
    mark = Mark(kind="traffic.answered-on-repeat", text="5 of 18")
    trials = (Trial(probe=PING, outcome=Outcome.OK), Trial(probe=Probe(), outcome=Outcome.CHALLENGE))
    belief = believe(Evidence(trials=trials, marks=(mark,)))
    told = {
        cause: next(one for one in statements_for(belief, cause, others) if "sent again" in one.sentence)
        for cause, others in ((HEALTHY, ("capacity.overload",)), ("throttle.source", ("capacity.overload",)))
    }
    assert not told[HEALTHY].speaks_for
    assert told["throttle.source"].speaks_for


@pytest.mark.parametrize("status", [Outcome.NOT_FOUND, Outcome.UNAVAILABLE])
def test_a_list_of_kamailio_may_say_that_nobody_is_there(status: Outcome) -> None:
    """The module says no, and the script chooses the answer: no trunk of ours is not all that it may mean."""
    asked = (PING, Probe(), LOGIN, replace(PING, aim=Aim.PRESENT))
    elsewhere = [replace(one, source=Source.OTHER) for one in (PING, Probe())]
    trials = [Trial(probe=one, outcome=status) for one in asked]
    trials += [Trial(probe=one, outcome=Outcome.CHALLENGE) for one in elsewhere]
    trials.append(Trial(probe=replace(LOGIN, source=Source.OTHER), outcome=Outcome.OK))
    evidence = Evidence(trials=tuple(trials), marks=(Mark(kind="server.kamailio"),))
    diagnosis = conclude([believe(evidence)], Permission(means=frozenset(Means)))
    main = diagnosis.findings[0]
    assert diagnosis.cause is None
    assert {main.cause, *main.indistinguishable_from} >= {"acl.source", "policy.no-trunk-match"}
