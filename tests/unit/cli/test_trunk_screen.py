"""One trunk in a terminal."""

from __future__ import annotations

import json
from typing import Any

import pytest
from rich.console import Console
from tests.unit.web.books import KEY, KNOWLEDGE, NOW, sample, trunk

from shiftline.cli.trunk.group import _print_screens, _print_whole
from shiftline.cli.trunk.screen import trunk_screen
from shiftline.connector.records import TrunkSample
from shiftline.store.read_model import TrunkRow
from shiftline.store.trunk_view import view_of

FULL = trunk(governor=dict(KNOWLEDGE), owner="host:17")
SERIES = [
    sample(598, rate=10.0, sent=50),
    sample(595, rate=20.0, sent=100, refused=3, refusal="throttle"),
    sample(300, sent=0, passed=0, mode="listening"),
    sample(10, rate=40.0, sent=200, refused=1, refusal="undecided"),
]


def shown(row: TrunkRow, samples: list[TrunkSample], *, width: int = 80) -> list[str]:
    """The lines at a width, without what fills them up."""
    console = Console(width=width, highlight=False)
    with console.capture() as captured:
        console.print(trunk_screen(view_of(row, NOW), samples, NOW))
    return [line.rstrip() for line in captured.get().splitlines()]


def line(lines: list[str], label: str) -> str:
    """What stands beside a label."""
    return next(one[13:] for one in lines if one.startswith(label))


def test_the_screen_tells_what_an_operator_asks() -> None:
    """How it does, how sure it is, what it waits for, what was refused and as what, its lanes."""
    lines = shown(FULL, SERIES)
    assert lines[0] == "pbx  <shiftline> from 192.0.2.7, saved 1 s ago by host:17"
    assert line(lines, "governor") == "listening, 24.5 requests/s"
    assert line(lines, "trouble") == "none"
    assert line(lines, "waits for") == "canary in 2 s: <silent> after a refusal"
    assert line(lines, "limit") == "50 in 2 s, fixed-window"
    assert line(lines, "confidence") == "█████████░ 93 %, confirmed 41 s ago"
    assert line(lines, "requests") == "900 sent, 880 passed, 9 refused, 2 under way"
    words = [" ".join(one.split()) for one in lines]
    assert "10 s ago 4 throttle 403 25.5/s it depends on the rate" in words
    assert "10 min ago ban silence 31.0/s it lasts after the rate has fallen" in words
    assert words.index("decision 17 4 s 890") < words.index("probe 0 2") < words.index("later 1 0 s 0")


def test_a_chart_shows_rate_requests_and_refusals_by_column() -> None:
    """Sixty columns of 15 s up to now, on one scale; gaps where nobody looked, letters by class."""
    lines = shown(FULL, SERIES)
    rate, sent, refused = (line(lines, label) for label in ("rate", "sent", "refused"))
    assert (rate[20], sent[20]) == ("▄", "▃")  # two samples within these 15 s: the higher rate, the mean sent
    assert (rate[39], sent[39]) == ("▄", "·")
    assert (rate[59], sent[59]) == ("█", "█")
    assert rate[:60].count(" ") == 57
    assert rate[60:] == " ≤40"
    assert refused == " " * 20 + "T" + " " * 38 + "?"
    assert "             ? undecided, T throttle" in lines


def test_only_a_column_of_which_half_was_refused_is_red() -> None:
    """One refusal among hundreds is told by its letter alone."""
    series = [
        sample(100, refused=1, refusal="throttle"),
        sample(50, sent=10, refused=5, refusal="ban"),
        sample(10, sent=0, passed=0),
    ]
    console = Console(width=80, highlight=False, force_terminal=True, color_system="standard", no_color=False)
    with console.capture() as captured:
        console.print(trunk_screen(view_of(FULL, NOW), series, NOW))
    sent = next(one for one in captured.get().splitlines() if "sent   " in one)
    assert (sent.count("\x1b[34m"), sent.count("\x1b[1;31m")) == (59, 1)


def refused(*agos: float, **changes: Any) -> TrunkRow:
    """A trunk that has refused everything at these moments before it was saved, the last one first."""
    refusals = [{"ago": ago, "class": "undecided", "status": 403} for ago in agos[::-1]]
    told = {"mode": "listening", "trouble": None, "waiting_for": "canary in 9 s: silent after a refusal"}
    return trunk(governor=told | {"refusals": refusals} | changes)


def test_a_trunk_that_lets_nothing_pass_is_in_trouble_before_it_is_known_why() -> None:
    """Since when, what it may be, and below it when it is asked again."""
    row = refused(2.0, 12.0, 20.0)
    lines = shown(row, [], width=200)
    assert view_of(row, NOW).as_json()["shut_since"] == "2026-11-23T14:59:39+00:00"
    assert line(lines, "trouble").startswith(
        "nothing has passed since 14:59:39 UTC. It may be a limit of the"
    )
    assert "our address, account or method is no longer admitted" in line(lines, "trouble")
    assert line(lines, "waits for").startswith("canary in 9 s")


@pytest.mark.parametrize(
    ("agos", "changes", "since"),
    [
        ((1.0,), {}, None),  # it is just being asked about
        ((1.0, 20.0), {"mode": "holding"}, None),
        ((5.0, 900.0, 4000.0), {}, 901),  # the oldest was another trouble
        ((5.0, 20.0), {"trouble": "network.unreachable"}, 21),
        ((), {"refusals": [{"ago": 20.0, "class": "throttle"}, {"ago": 5.0, "class": "undecided"}]}, 6),
        ((), {"refusals": [{"ago": 70.0, "class": "ban"}, {"ago": 5.0, "class": "ban"}]}, 71),
    ],
)
def test_it_is_shut_since_the_first_refusal_that_nothing_has_explained(
    agos: tuple[float, ...], changes: dict[str, Any], since: float | None
) -> None:
    """A refusal gets its class when the trunk opens again."""
    view = view_of(refused(*agos, **changes), NOW)
    assert (view.shut_since and (NOW - view.shut_since).total_seconds()) == since


@pytest.mark.parametrize("width", [80, 120])
def test_it_fits_a_terminal(width: int) -> None:
    """No line is broken at 80 columns."""
    lines = shown(FULL, SERIES, width=width)
    assert max(map(len, lines)) <= width
    assert lines == shown(FULL, SERIES, width=200)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"governor": {"trouble": "ban.source"}}, "ban.source"),
        ({"disarmed_cause": "acl.source"}, "disarmed by acl.source: mend it, then shiftline trunk rearm pbx"),
        ({"saved_at": NOW.replace(hour=12)}, "no worker has looked after it for 3 h"),
    ],
)
def test_trouble_is_told_in_words(changes: dict[str, Any], words: str) -> None:
    """The worst first: disarmed, no worker, the governor's own trouble."""
    assert line(shown(trunk(**changes), [], width=120), "trouble") == words


def test_a_record_of_an_older_worker_is_shown() -> None:
    """What was not saved is left out."""
    lines = shown(trunk(governor={}), [])
    assert line(lines, "governor") == "mode unknown, rate unknown"
    assert line(lines, "limit") == "not learned"
    assert len(lines) == 4


def test_a_limit_without_a_window_is_told_by_its_kind() -> None:
    """The governor may know that a rate is refused, and not over what it is counted."""
    assert line(shown(trunk(governor={"model": "rate"}), []), "limit") == "rate, its window is not known"
    assert line(shown(trunk(governor={"limit": 5, "window_seconds": 1.0}), []), "limit") == "5 in 1 s"


def test_json_has_the_record_the_view_and_the_series(capsys: pytest.CaptureFixture[str]) -> None:
    """The keys of before stay, with what the pages show besides."""
    _print_whole([FULL], {KEY: SERIES}, NOW)
    (told,) = json.loads(capsys.readouterr().out)
    assert told["governor"] == KNOWLEDGE
    assert (told["trunk"], told["source"], told["auth_user"]) == ("pbx", "192.0.2.7", "<shiftline>")
    assert told["view"]["refusals"][0]["class"] == "throttle"
    assert [one["sent"] for one in told["samples"]] == [50, 100, 0, 200]


def test_a_registration_stands_below(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Until when, as the list has it."""
    monkeypatch.setenv("COLUMNS", "100")
    bound = {"state": "registered", "registered_until": "2026-11-23T15:50:00.25+00:00", "last_failure": None}
    _print_screens([trunk(governor={"registration": bound})], {}, NOW)
    assert capsys.readouterr().out.splitlines()[-1] == "registration until 2026-11-23 15:50:00"
