"""``shiftline simulate``: figures, a report, and clear errors."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from shiftline.cli.app import app
from shiftline.errors import ConfigurationError

SMALL = ("simulate", "--trades", "60", "--throttle", "window:20/1s")


def invoke(*arguments: str) -> str:
    result = CliRunner().invoke(app, arguments, catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.stdout


def test_the_figures_of_the_contract_are_there() -> None:
    """On standard output, and nothing beside them."""
    figures = json.loads(invoke(*SMALL, "--json", "-"))
    assert {"efficiency", "refused_share", "time_to_learn_seconds", "fairness"} <= set(figures)
    assert figures["controllers"][0]["controller"] == "shiftline"
    assert 0.0 < figures["efficiency"] <= 1.0


def test_the_seed_tells_the_figures() -> None:
    """The same but for what it cost to simulate."""
    runs = [json.loads(invoke(*SMALL, "--seed", seed, "--json", "-")) for seed in ("1", "1", "2")]
    keys = ("checks", "requests", "efficiency", "refused_share", "seconds")
    first, again, other = ([run[key] for key in keys] for run in runs)
    assert first == again
    assert first != other


def test_several_controllers_are_compared(tmp_path: Path) -> None:
    """One row for each on the terminal, one chart for each in the report, which refers to nothing outside."""
    report = tmp_path / "report.html"
    told = invoke(*SMALL, "--controller", "aimd", "--controller", "sre", "--report", str(report))
    html = report.read_text(encoding="utf-8")
    for name in ("aimd", "sre"):
        assert name in told
        assert f"<h2>{name}</h2>" in html
    assert html.count("<svg") == 2
    assert "http://" not in html.replace("http://www.w3.org/", "")
    assert "<script" not in html


def test_short_times_are_told_as_such() -> None:
    """Not as 0.0 s, nor the largest amount as a broken number."""
    few = ("simulate", "--trades", "3", "--throttle", "window:1000000000/1s")
    told = invoke(*few)
    assert "window:1000000000/1s" in told
    assert "0.0 s" not in told.partition("Simulated")[0]
    assert "at once" in told
    figures = json.loads(invoke(*few, "--json", "-"))
    assert figures["ideal_seconds"] > 0.0


def test_a_page_does_not_go_to_standard_output(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It became a file named - instead."""
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ConfigurationError, match="standard output"):
        invoke(*SMALL, "--report", "-")
    assert list(tmp_path.iterdir()) == []


def test_it_is_said_where_and_why_a_governor_stopped(tmp_path: Path) -> None:
    """A ban of an hour looks like a policy: the figures alone did not say why most was unanswered."""
    report = tmp_path / "report.html"
    banned = ("simulate", "--trades", "60", "--trunks", "2", "--throttle", "escalating:5/1s,ban=3600s")
    told = " ".join(invoke(*banned, "--report", str(report)).split())
    sentence = "shiftline stopped on 2 of 2 trunks: it took the refusals for policy, after 1,"
    assert sentence in told
    assert sentence in report.read_text(encoding="utf-8")
    stopped = json.loads(invoke(*banned, "--json", "-"))["stopped"]
    assert [(one["trunk"], one["refusal"]) for one in stopped] == [(1, "policy"), (2, "policy")]
    assert all(900.0 < one["after_seconds"] < 3600.0 for one in stopped)


def test_nothing_is_said_of_a_stop_where_none_was() -> None:
    assert "stopped" not in invoke(*SMALL)
    assert json.loads(invoke(*SMALL, "--json", "-"))["stopped"] == []


def test_one_of_a_kind_is_no_plural() -> None:
    told = invoke("simulate", "--trades", "1", "--throttle", "window:20/1s")
    assert told.startswith("1 trade, ")
    assert "1 trunk," in told


def test_a_report_explains_a_changing_limit_without_figures_of_another(tmp_path: Path) -> None:
    report = tmp_path / "report.html"
    throttle = "changing:20/1s,40/1s@10s"
    invoke("simulate", "--trades", "60", "--throttle", throttle, "--report", str(report))
    explained = report.read_text(encoding="utf-8").partition("The limiter: ")[2].partition("</p>")[0]
    assert "changes" in explained
    assert not any(sign.isdigit() for sign in explained)


def test_many_trunks_show_how_the_cost_grows(tmp_path: Path) -> None:
    """The first trunk, the first ten, and all, on other processes; the figures are the sum of the trunks'."""
    file = tmp_path / "figures.json"
    told = invoke("simulate", "--trades", "480", "--trunks", "24", "--json", str(file))
    costs = json.loads(file.read_text(encoding="utf-8"))["costs"]
    assert [cost["trunks"] for cost in costs] == [1, 10, 24]
    assert [cost["trades"] for cost in costs] == [20, 200, 480]
    assert costs[-1]["checks"] == json.loads(file.read_text(encoding="utf-8"))["checks"]
    assert " worst " in told


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("--throttle", "windw:50/1s"), "Did you mean window"),
        (("--controller", "nobody"), "Choose one of"),
        (("--trades", "2", "--trunks", "3"), "cannot be shared out"),
        (("--no-learn",), "--max-rate"),
        (("--throttle", "shared:50/1s,others=50/s"), "more than the others send"),
        (("--throttle", "shared:50/1s,others=1000000/s"), "10000 requests per second"),
        (("--throttle", "pike:1/2s"), "Nothing is sure to get through"),
        (("--throttle", "bucket:50/s,burst=0.5"), "Nothing is sure to get through"),
        (("--throttle", "window:1/1000000s"), "in 7 days at the earliest"),
        (("--throttle", "window:5/s", "--throttle", "bucket:5/s"), "2 limiters were given"),
        (("--json", "/nowhere/figures.json"), "cannot be written"),
    ],
)
def test_what_cannot_be_simulated_is_said_before_anything_starts(
    arguments: tuple[str, ...], says: str
) -> None:
    """One sentence and the next step."""
    with pytest.raises(ConfigurationError) as raised:
        CliRunner().invoke(app, ["simulate", *arguments], catch_exceptions=False)
    assert says in str(raised.value)


def test_the_charts_of_a_report_have_time_axes_of_their_own(tmp_path: Path) -> None:
    """A slow controller does not leave the others a few columns."""
    report = tmp_path / "report.html"
    arguments = ["simulate", "--trades", "60", "--max-rate", "20", "--report", str(report)]
    ended = CliRunner().invoke(app, [*arguments, "--controller", "shiftline", "--controller", "static"])
    assert ended.exit_code == 0
    fast, slow = (chart.partition("</svg>")[0] for chart in report.read_text().split("<svg")[1:])
    last = [
        float(chart.split('text-anchor="middle"')[-1].split(">")[1].split("<")[0]) for chart in (fast, slow)
    ]
    assert last[1] > 1.5 * last[0]


def test_who_crawls_has_not_learned() -> None:
    """Once an all-knowing sender is through, he keeps up with it: it was called learned at that moment."""
    banned = ("simulate", "--trades", "2000", "--throttle", "escalating:30/2s,ban=60s", "--json", "-")
    figures = json.loads(invoke(*banned))
    assert figures["efficiency"] < 0.3
    assert figures["time_to_learn_seconds"] is None
