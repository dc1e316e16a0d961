"""What the examination chooses to ask by itself, against the practice PBX in virtual time."""

from __future__ import annotations

from dataclasses import replace

import pytest
from tests.unit.doctor.trunk import CASE, ask, trunk

from shiftline.cli.doctor.asked import answer_of, rows_of
from shiftline.diagnosis.catalogue import CATALOGUE
from shiftline.diagnosis.exchange import Place
from shiftline.diagnosis.experiment import Done, Permission, Risk
from shiftline.diagnosis.loads_passed import loads_passed
from shiftline.diagnosis.outcome import Outcome
from shiftline.diagnosis.probe import Load
from shiftline.diagnosis.programme import PROGRAMME
from shiftline.doctor.examination import Examination
from shiftline.lab.virtual_examination import examine

MAY_TRIP = Permission(risk=Risk.MAY_TRIP)
LADDER = (Load.RAISED, Load.STORM)
CASE_WITH_CALLER = replace(CASE, other_caller="+13125550100")


def loads(examination: Examination) -> set[str]:
    """The loads of more than a dozen requests that were put on."""
    return {one.experiment for one in examination.done if PROGRAMME[one.experiment].probe.load in LADDER}


@pytest.mark.parametrize("fault", ["registrar.no-aor", "message.malformed", "credentials.identity-mismatch"])
def test_no_load_is_put_on_behind_a_fault_that_single_questions_show(fault: str) -> None:
    """And the end says that a limit behind it was not looked for."""
    examination = examine(trunk(fault, personality="chan_sip"), CASE_WITH_CALLER, MAY_TRIP)
    assert examination.diagnosis().cause == fault
    assert not loads(examination)
    assert examination.requests_sent <= 60
    assert examination.stop is not None
    assert "run again once it is mended" in examination.stop.sentence


def test_a_load_behind_a_refused_login_is_short() -> None:
    """It looks for a limit that nobody of ours meets now; what was tried is said."""
    examination = examine(trunk("credentials.wrong-password"), CASE, MAY_TRIP)
    assert "p8.options.storm" in loads(examination)
    assert examination.requests_sent <= 900
    told = loads_passed(examination.trials)
    assert told.startswith("No limit was met by 700 OPTIONS about a user without a login at 200 a second")


@pytest.mark.parametrize("personality", ["chan_sip", "kamailio"])
def test_a_limit_behind_a_refused_login_is_looked_for(personality: str) -> None:
    """No check passes then, and nothing else would show it."""
    pbx = trunk(
        "throttle.source", "credentials.wrong-password", personality=personality,
        limit=20, window_seconds=1, form="window",
    )  # fmt: skip
    found = examine(pbx, CASE, MAY_TRIP).diagnosis()
    named = {name for one in found.findings for name in (one.cause, *one.indistinguishable_from)}
    assert named >= {"throttle.source", "credentials.wrong-password"}


def test_what_a_limit_counts_is_asked_under_one_load() -> None:
    """Each question has its answer, and the load is put on once for all."""
    pbx = trunk("throttle.source", personality="pjsip", limit=20, window_seconds=5, form="window")
    examination = examine(pbx, CASE, MAY_TRIP)
    beside = [one for one in examination.done if PROGRAMME[one.experiment].probe.load is Load.DURING]
    assert len(beside) >= 3
    assert sum(one.requests > PROGRAMME["p8.options.brisk"].cost for one in beside) == 1
    assert examination.diagnosis().cause == "throttle.source"


def test_an_odd_answer_is_asked_for_once_more() -> None:
    """Before anybody is accused; what was asked for as usual is not asked twice."""
    examination = examine(trunk("policy.event-package", package="presence"), CASE, MAY_TRIP)
    asked = [one.experiment for one in examination.done]
    assert [name for name in set(asked) if asked.count(name) == 2] == ["p7.subscribe"]
    found = examination.diagnosis()
    assert (found.cause, found.confidence > 0.9) == ("policy.event-package", True)


def test_the_server_tells_which_address_it_sees() -> None:
    """By `received`: a translation that nobody declared, or none."""
    elsewhere = ask(trunk("network.nat-source", seen_as="198.51.100.23"), "p0.options", "p2.challenge")
    assert {(one.kind, one.text) for one in elsewhere.marks} >= {("via.seen-elsewhere", "198.51.100.23")}
    as_sent = ask(trunk(), "p0.options", "p2.challenge")
    assert "via.seen-as-sent" in {one.kind for one in as_sent.marks}


def test_beside_health_stands_what_harmless_questions_do_not_show() -> None:
    """And nothing once all was asked."""
    harmless = examine(trunk(), CASE, Permission(risk=Risk.HARMLESS)).diagnosis()
    assert harmless.cause == "healthy"
    assert {"throttle.source", "registrar.max-contacts"} <= set(harmless.findings[0].indistinguishable_from)
    assert "what could not be asked about" in harmless.findings[0].names
    options = {cause: one.options for one in harmless.unasked for cause in one.causes}
    assert options["throttle.source"] == ("--allow may-trip",)
    everything = examine(trunk(), CASE, MAY_TRIP).diagnosis()
    assert (everything.cause, everything.findings[0].indistinguishable_from) == ("healthy", ())


def test_a_limit_is_found_where_subscribe_is_not_served() -> None:
    """Most registrars have no use for it: no fault of a trunk that does not subscribe, and nothing hides."""
    pbx = trunk(
        "throttle.source", "policy.method", personality="pjsip",
        limit=20, window_seconds=1, form="window", method="SUBSCRIBE",
    )  # fmt: skip
    examination = examine(pbx, replace(CASE, subscribes=False), MAY_TRIP)
    assert examination.diagnosis().cause == "throttle.source"
    assert "SUBSCRIBE" not in {one.method for one in examination.exchanges}


def test_a_limit_is_looked_for_while_the_trunk_works() -> None:
    """Whatever else is refused, such as the subscriptions of a trunk that does subscribe."""
    pbx = trunk(
        "throttle.source", "policy.method", personality="pjsip",
        limit=20, window_seconds=1, form="window", method="SUBSCRIBE",
    )  # fmt: skip
    examination = examine(pbx, CASE, MAY_TRIP)
    named = {
        name for one in examination.diagnosis().findings for name in (one.cause, *one.indistinguishable_from)
    }
    assert named >= {"throttle.source", "policy.method"}


def test_what_cannot_be_asked_is_no_answer() -> None:
    """It is told as such, with the reason."""
    case = replace(CASE, other_domains=(), server=replace(CASE.server, host="127.0.0.1"))
    examination = ask(trunk(), "p10.other-domain", case=case)
    (done,) = examination.done
    assert (done.outcome, done.requests, done.why_not) == (None, 0, "no other domain is known")
    assert answer_of(done, {}) == "not asked: no other domain is known; say --domain NAME"
    assert not examination.trials


@pytest.mark.parametrize(
    ("outcome", "heard", "phrase", "words"),
    [
        (Outcome.FORBIDDEN, "603 Decline", "", "603 Decline, unchallenged"),
        (Outcome.FORBIDDEN_AFTER_CHALLENGE, "488 No", "", "488 No, after challenge"),
        (Outcome.FORBIDDEN, "", "Not from here", "403-unchallenged: Not from here"),
        (Outcome.OK, "", "Rate Limit Exceeded", 'ok (an answer on the way said "Rate Limit Exceeded")'),
        (Outcome.OK, "", "", "ok"),
        (Outcome.OTHER, "999 Odd", "", "other: 999 Odd"),
    ],
)
def test_an_answer_is_shown_with_its_own_status(
    outcome: Outcome, heard: str, phrase: str, words: str
) -> None:
    place = Place(file="trace", number=7)
    done = Done(experiment="p7.options", at=0.0, outcome=outcome, requests=1, heard=heard, places=(place,))
    assert answer_of(done, {place: phrase} if phrase else {}) == words


def test_the_same_question_is_shown_with_the_answer_it_had_each_time() -> None:
    """Once where that was the same; the words of a later refusal belong to none before it."""
    asked = [
        Done(
            experiment="p2.challenge",
            at=float(number),
            outcome=outcome,
            requests=1,
            places=(Place(file="trace", number=number),),
        )
        for number, outcome in enumerate([Outcome.CHALLENGE] * 3 + [Outcome.UNAVAILABLE])
    ]
    rows = list(rows_of(asked, {Place(file="trace", number=3): "Registration rate"}))
    title = PROGRAMME["p2.challenge"].title
    assert [(one.question, one.answer, one.requests) for one in rows] == [
        (f"{title} (3 times)", "challenge", 3),
        (title, "503: Registration rate", 1),
    ]


@pytest.mark.parametrize("name", [one.id for one in PROGRAMME.values() if one.plan is not None])
def test_a_load_has_a_name_within_a_sentence(name: str) -> None:
    """Its id is ours alone."""
    told = PROGRAMME[name].name
    assert "until" not in told
    assert told.strip('"') in PROGRAMME[name].title


def test_what_is_said_of_a_question_holds_for_the_fewest_requests_too() -> None:
    """A nonce that is refused is not asked with thrice; SUBSCRIBE is refused as well as OPTIONS."""
    assert "up to three times" in PROGRAMME["p3.aged"].title
    assert not any("instead of OPTIONS" in step for step in CATALOGUE["policy.method"].remedy.steps)
