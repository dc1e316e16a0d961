"""How ``shiftline trunk`` shows which method is used, and why; and how it words a registration."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from shiftline.cli.trunk import group as trunk
from shiftline.cli.trunk.table import registration_in_words
from shiftline.connector.qualification import Control
from shiftline.connector.qualifier import QualificationPolicy, Qualifier
from shiftline.connector.reading import read_answer
from shiftline.store.read_model import TrunkRow

NOW = datetime(2026, 11, 23, 15, 0, tzinfo=UTC)


def row(statuses: dict[tuple[str, Control], int], **changes: Any) -> TrunkRow:
    """A trunk whose controls got these answers."""
    settings = {"methods": ("options", "registration"), "controls": ("sip:here@lab", "sip:gone@lab")}
    asker = Qualifier(QualificationPolicy(**(settings | changes)), NOW)
    while (question := asker.next_control(NOW, needed=True)) is not None:
        status = statuses[question.method, question.control]
        reading = read_answer(question.method, status, has_binding=True)
        asker.answered(question, reading, status, NOW)
    return TrunkRow(
        trunk="pbx",
        source="192.0.2.7",
        auth_user="shiftline",
        governor={"mode": "holding", "rate": 5.0, "qualification": asker.knowledge(NOW)},
        disarmed_cause=None,
        disarmed_at=None,
        saved_at=NOW,
    )


def shown(rows: list[TrunkRow], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("COLUMNS", "200")
    trunk._print(rows, NOW, as_json=False)
    trunk._print_qualification(rows)
    trunk._print_lists(rows)
    return capsys.readouterr().out


def test_the_method_in_use_and_the_others(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Which is used, until when, by which answers; and why the first was not taken."""
    found = row(
        {
            ("options", Control.PRESENT): 200,
            ("options", Control.ABSENT): 200,
            ("registration", Control.PRESENT): 200,
            ("registration", Control.ABSENT): 480,
        }
    )
    out = shown([found], capsys, monkeypatch)
    assert "registration: qualified" in out
    assert "registration (192.0.2.7, shiftline) is qualified until 2026-11-23 19:00:00 UTC." in out
    assert "The present control got Available (200), the absent one NotRegistered (480)." in out
    assert "options was not taken: Both controls got the same answer: Available (200)." in out


def test_a_bypass_is_a_visible_mark(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """In the list and below it; without controls it says that they are not set."""
    out = shown([row({}, controls=None, trust_unqualified=True)], capsys, monkeypatch)
    assert "options: unknown, TRUSTED UNPROVEN" in out
    assert "policy.trust_unqualified = true: its word counts without proof." in out
    assert "not qualified (unknown). trunk.control_present and trunk.control_absent are not set." in out


def test_a_record_of_an_older_version_is_shown(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It has no qualification yet."""
    old = TrunkRow(**{**vars_of(row({}, controls=None)), "governor": {"mode": "holding"}})
    assert "holding" in shown([old], capsys, monkeypatch)


def vars_of(one: TrunkRow) -> dict[str, Any]:
    return {name: getattr(one, name) for name in TrunkRow.__dataclass_fields__}


@pytest.mark.parametrize(
    ("known", "expected"),
    [
        (None, "-"),
        (
            {"state": "refreshing", "registered_until": "2026-11-23T15:50:00.25+00:00", "last_failure": None},
            "until 2026-11-23 15:50:00",
        ),
        ({"state": "registering", "registered_until": None, "last_failure": None}, "registering"),
        (
            {"state": "refused", "registered_until": None, "last_failure": {"why": "It forbids it."}},
            "refused It forbids it.",
        ),
    ],
)
def test_a_registration_is_worded(known: dict[str, Any] | None, expected: str) -> None:
    """Until when, else where it stands and why."""
    assert registration_in_words(known) == expected


@pytest.mark.parametrize(
    ("standing", "words"),
    [
        (
            {
                "state": "active",
                "qualification": "qualified",
                "why": "They differ.",
                "known": 7,
                "members": 9,
            },
            "active, qualified, 7 of 9 members known. They differ.",
        ),
        (
            {"state": "failed", "why": "No NOTIFY came in time.", "again_at": "2026-11-23T15:01:00+00:00"},
            "failed. No NOTIFY came in time. Again at 2026-11-23 15:01:00.",
        ),
        ({"state": "starting", "why": None}, "starting."),
    ],
)
def test_a_list_shows_how_it_stands(
    standing: dict[str, Any], words: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """In the words of its state, with the reason."""
    found = row({("options", control): 200 for control in Control}, methods=("options",))
    nothing = {"qualification": None, "members": 0, "known": 0, "again_at": None}
    known = nothing | {"uri": "sip:everyone@lab", "method": "presence"} | standing
    out = shown([replace(found, governor={**found.governor, "list": known})], capsys, monkeypatch)
    assert out.splitlines()[-1] == f"list sip:everyone@lab (presence): {words}"


def test_the_list_fits_a_terminal(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """At 80 columns no word is cut off; what is wrong stands below the mode."""
    found = row(
        {
            ("options", Control.PRESENT): 200,
            ("options", Control.ABSENT): 200,
            ("registration", Control.PRESENT): 200,
            ("registration", Control.ABSENT): 480,
        }
    )
    bound = {"state": "registered", "registered_until": "2026-11-23T15:50:00+00:00", "last_failure": None}
    second = replace(
        found, disarmed_cause="credentials.wrong-password", governor=found.governor | {"registration": bound}
    )
    third = replace(found, governor={}, saved_at=NOW - timedelta(hours=3))
    monkeypatch.setenv("COLUMNS", "80")
    trunk._print([found, second, third], NOW, as_json=False)
    out = capsys.readouterr().out
    words = " ".join(out.split())
    assert "\N{HORIZONTAL ELLIPSIS}" not in out
    assert max(map(len, out.splitlines())) <= 80
    for told in (
        "holding, 5.0/s",
        "shiftline from 192.0.2.7",
        "registration:",
        "qualified",
        "3 h ago",
        "no worker",
    ):
        assert told in words
    assert "credentials.wrong-password" in out
    assert "2026-11-23 15:50:00" in words


def test_an_empty_list_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    """No table without rows."""
    trunk._print([], NOW, as_json=False)
    assert capsys.readouterr().out == "Nothing is known about a trunk yet: no worker has run.\n"
