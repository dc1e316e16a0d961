"""``shiftline check --list`` as a user runs it, against the practice PBX on the loopback."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from tests.unit.cli.practice import running

from shiftline.lab.pbx.config import PracticePbxConfig
from shiftline.lab.pbx.faults import Faults

Shiftline = Callable[..., Any]
CONTROLS = ("--present", "sip:here@lab", "--absent", "sip:gone@lab")
EVERYONE = ("check", "--list", "sip:everyone@lab")


def told(ended: Any) -> dict[str, tuple[str, str | None]]:
    """Evidence and cause of each member, by URI."""
    return {one["uri"]: (one["evidence"], one["cause"]) for one in json.loads(ended.out)["checks"]}


def test_one_list_tells_of_everybody(shiftline: Shiftline, settings: PracticePbxConfig) -> None:
    """In the list's order, qualified by its members; one SUBSCRIBE begins and one ends it."""
    with running(settings) as pbx:
        ended = shiftline(*EVERYONE, *pbx.server, *CONTROLS, "--json")
    assert told(ended) == {
        "sip:here@lab": ("Available", None),
        "sip:busy@lab": ("Busy", None),
        "sip:gone@lab": ("NotRegistered", None),
        "sip:ada@lab": ("Available", None),
        "sip:ben@lab": ("NotRegistered", None),
    }
    report = json.loads(ended.out)
    assert {(one["method"], one["qualified"], one["status"]) for one in report["checks"]} == {
        ("presence", True, None)
    }
    assert [one["state"] for one in report["qualifications"]] == ["qualified"]
    assert [(one.method, one.status) for one in pbx.records()] == [
        ("SUBSCRIBE", 401), ("SUBSCRIBE", 200), ("SUBSCRIBE", 200),
    ]  # fmt: skip


def test_named_members_are_shown_alone(shiftline: Shiftline, settings: PracticePbxConfig) -> None:
    """In the table, as of a check; of one who is no member the list says nothing."""
    with running(settings) as pbx:
        ended = shiftline(*EVERYONE, "sip:ada@lab", "sip:eve@lab", *pbx.server, *CONTROLS)
    rows = [line.split() for line in ended.out.splitlines()]
    assert rows[1][:3] == ["ada@lab", "Available", "Available"]
    assert rows[2][:3] == ["eve@lab", "Unverifiable", "none"]
    assert "eve@lab: The list does not say how this agent is." in ended.out
    assert ended.code == 1


@pytest.mark.parametrize(
    ("blind", "method", "controls", "why"),
    [
        (frozenset({"presence"}), "presence", CONTROLS, "Both controls got the same answer: Available."),
        (frozenset[str](), "dialog", CONTROLS, "Both controls got the same answer: Available."),
        (frozenset[str](), "reg-event", (), "No controls, no proof."),
    ],
)
def test_a_list_that_proves_nothing(
    shiftline: Shiftline,
    settings: PracticePbxConfig,
    blind: frozenset[str],
    method: str,
    controls: tuple[str, ...],
    why: str,
) -> None:
    """Nobody is available by it."""
    with running(replace(settings, faults=Faults(blind_methods=blind))) as pbx:
        ended = shiftline(*EVERYONE, *pbx.server, *controls, "--method", method, "--json")
    assert "Available" not in {evidence for evidence, _ in told(ended).values()}
    assert why in json.loads(ended.out)["qualifications"][0]["why"]


def test_a_list_that_is_not_there(shiftline: Shiftline, settings: PracticePbxConfig) -> None:
    """One sentence with the status, and a remedy; a monitoring system gets UNKNOWN."""
    nobody = ("check", "--list", "sip:nobody@lab")
    with running(settings) as pbx:
        ended = shiftline(*nobody, *pbx.server)
        watched = shiftline(*nobody, *pbx.server, "--nagios")
    assert ended.code == 1
    assert "The PBX refused it with 404." in ended.err
    assert watched.code == 3


@pytest.mark.parametrize("method", ["options", "auto"])
def test_a_list_has_a_package(shiftline: Shiftline, method: str) -> None:
    """Other methods know of no lists."""
    ended = shiftline(*EVERYONE, "--server", "sip:127.0.0.1:9", "--method", method)
    assert ended.code == 2
    assert f"A list cannot be asked by '{method}'." in ended.err
