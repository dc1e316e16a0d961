"""Limits of size, of uses and of rate that lie just beside what is asked with, in virtual time."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from tests.unit.doctor.trunk import CASE, ask, outcomes, trunk

from shiftline.diagnosis.experiment import Permission, Risk, StopReason
from shiftline.diagnosis.loads_passed import loads_passed
from shiftline.diagnosis.outcome import Outcome
from shiftline.diagnosis.probe import Load
from shiftline.diagnosis.programme import PROGRAMME
from shiftline.diagnosis.second import LOADS
from shiftline.doctor.report.wording import verdict
from shiftline.lab.virtual_examination import examine

MAY_TRIP = Permission(risk=Risk.MAY_TRIP)


@pytest.mark.parametrize("most", [560, 600, 640, 1000])
def test_a_limit_of_size_is_one_wherever_it_lies(most: int) -> None:
    """Between a question for bindings and SUBSCRIBE, it is no rule about Contact or about a package."""
    lost = examine(trunk("network.fragmentation", largest_bytes=most), CASE, MAY_TRIP).diagnosis()
    assert [one.cause for one in lost.findings] == ["network.fragmentation"]
    refused = examine(trunk("message.too-large", most_bytes=most), CASE, MAY_TRIP).diagnosis()
    assert [one.cause for one in refused.findings] == ["message.too-large"]


def test_another_package_is_asked_for_in_a_message_of_the_same_length() -> None:
    """Or a limit of size would be taken for a rule about packages."""
    found = ask(trunk(), "p7.subscribe", "p7.other-event", "p7.third-event")
    sizes = {one.size for one in found.exchanges if one.carried is None}
    assert len(sizes) == 1
    assert {one.event for one in found.exchanges} == {"presence", "dialog", "reg"}


@pytest.mark.parametrize("uses", [1, 2])
def test_a_nonce_that_serves_a_few_times_is_found_without_a_load(uses: int) -> None:
    """An old nonce is used three times: either its age or its uses end it, and a new one tells which."""
    pbx = trunk("credentials.nonce-count", personality="sbc", nonce_uses=uses)
    assert examine(pbx, CASE, Permission()).diagnosis().cause == "credentials.nonce-count"


@pytest.mark.parametrize("limit", [9, 45, 49])
def test_what_is_asked_beside_a_load_is_asked_well_above_the_limit(limit: int) -> None:
    """A load that only just meets the limit is hardly refused: it goes on for long, and tells little."""
    pbx = trunk("throttle.source", personality="kamailio", limit=limit, window_seconds=1, form="window")
    examination = examine(pbx, CASE, MAY_TRIP)
    beside = [one for one in examination.done if PROGRAMME[one.experiment].probe.load is Load.DURING]
    assert "p8.during.account" in {one.experiment for one in beside}
    assert sum(one.requests for one in beside) <= 40 * len(beside)
    assert examination.diagnosis().cause == "throttle.source"


@pytest.mark.parametrize("seed", [1, 2])
def test_a_limit_of_all_together_is_told_by_the_second_source(seed: int) -> None:
    """Where there is none, nobody says that it counts one address."""
    wishes: dict[str, Any] = {"limit": 20, "window_seconds": 1, "form": "window"}
    found = examine(trunk("throttle.shared", seed=seed, **wishes), CASE, MAY_TRIP).diagnosis()
    assert (found.cause, found.confidence >= 0.9) == ("throttle.shared", True)
    one = replace(CASE, has_second_source=False)
    open_ = examine(trunk("throttle.shared", seed=seed, **wishes), one, MAY_TRIP).diagnosis()
    main = open_.findings[0]
    assert {"throttle.source", "throttle.shared"} <= {main.cause, *main.indistinguishable_from}
    assert "`--source IP --source IP2`" in verdict(open_)


def test_what_passed_is_said_with_its_rate() -> None:
    """And nothing is said of limits once a load was refused."""
    pbx = trunk("throttle.source", limit=40, window_seconds=1, form="window")
    names = ("p0.options", "p2.challenge", "p8.options.brisk", "p8.options.raised")
    passed = ask(pbx, *names[:3])
    assert loads_passed(passed.trials) == (
        "No limit was met by 12 OPTIONS about a user without a login at 10 a second; one that lets more pass,"
        " or counts for a minute, was not looked for."
    )
    refused = ask(trunk("throttle.source", limit=40, window_seconds=1, form="window"), *names)
    assert outcomes(refused)["p8.options.raised"] in (Outcome.FORBIDDEN, Outcome.UNAVAILABLE)
    assert not loads_passed(refused.trials)
    assert not loads_passed(passed.trials[:2])


def test_an_absent_control_that_is_there_is_told_from_a_blind_method() -> None:
    """By a user who was invented."""
    there = replace(CASE, absent="agent0002")
    wrong = examine(trunk(), there, Permission()).diagnosis()
    assert (wrong.cause, wrong.confidence < 0.9) == ("client.wrong-control", True)
    assert examine(trunk("method.blind"), there, Permission()).diagnosis().cause == "method.blind"
    assert examine(trunk("method.blind"), CASE, Permission()).diagnosis().cause == "method.blind"


def test_the_end_of_a_budget_says_what_to_do() -> None:
    """More requests, and again."""
    examination = examine(trunk(), CASE, MAY_TRIP, budget=60)
    assert examination.stop is not None
    assert examination.stop.reason is StopReason.BUDGET
    assert "raise --budget" in examination.stop.sentence


def test_a_ban_is_waited_for_only_by_the_patient() -> None:
    """310 seconds are more than is waited without being told."""
    one = PROGRAMME["p8.after-ban"]
    assert not MAY_TRIP.permits(one)
    assert replace(MAY_TRIP, patience_seconds=310.0).permits(one)


@pytest.mark.parametrize("fault", ["acl.source", "registrar.no-aor", "policy.method"])
def test_no_load_is_put_on_behind_a_refusal_of_everybody(fault: str) -> None:
    """Though nobody can tell which of its class it is: none of them is a limit, and we never pass."""
    examination = examine(trunk(fault, personality="freeswitch"), CASE, MAY_TRIP)
    assert not [one for one in examination.done if PROGRAMME[one.experiment].probe.load in LOADS]
    assert sum(one.requests for one in examination.done) <= 40


def test_a_load_is_put_on_where_another_account_passes() -> None:
    """Its traffic would meet a limit that ours never comes to."""
    examination = examine(trunk("credentials.wrong-password", personality="freeswitch"), CASE, MAY_TRIP)
    assert [one for one in examination.done if PROGRAMME[one.experiment].probe.load in LOADS]
