"""The reference says what the code has: every key, verb, option, figure and word."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Any

import pytest
import typer.main
from pydantic import BaseModel
from typer.testing import CliRunner

from shiftline.bootstrap import ADHERENCE_CALLS_PER_MINUTE, BUDGET_SECONDS
from shiftline.cli.app import app
from shiftline.cli.simulate.pool import simulate_on_all_processors
from shiftline.cli.simulate.report import as_json
from shiftline.config import Settings, TrunkSettings, WindowSettings, check_secrets, load_settings
from shiftline.connector.families import ROWS
from shiftline.connector.ownership import GRACE_SECONDS, TTL_SECONDS
from shiftline.connector.planning import DeliveryPolicy
from shiftline.connector.prefetching import RECENT
from shiftline.connector.qualification import QualificationState
from shiftline.connector.records import PLATFORM_BATCH, DeliveryFate, Fallback
from shiftline.governor.account import TRIALS
from shiftline.governor.controllers.registry import CONTROLLERS
from shiftline.governor.hearing import HOLD_SECONDS, LATE_SECONDS, QUEUE_SECONDS
from shiftline.governor.lanes import Lane, served_within
from shiftline.governor.learner import OPEN_CREEP
from shiftline.governor.limiters.forms import FORMS
from shiftline.governor.limiters.spec import parse_limiter
from shiftline.governor.listening import LONGEST_BAN
from shiftline.governor.policy import GovernorPolicy
from shiftline.governor.refusals import RefusalClass
from shiftline.governor.search import (
    BACK_OFF,
    BACK_OFF_WHERE_DEAR,
    BACK_OFF_WHERE_PARTIAL,
    DEAR_SECONDS,
    DEAREST,
    FASTEST_GROWTH,
    GROWTH,
    GROWTH_DOUBLES,
    KNOWN_PEACE,
    SLOWER_WHERE_DEAR,
    SPANS,
)
from shiftline.governor.simulation import Scenario
from shiftline.governor.simulation.arrivals import Arrivals
from shiftline.governor.state import Mode
from shiftline.governor.window_fit import WINDOW_LENGTHS
from shiftline.governor.windows import TOLERANCE
from shiftline.lab.demo.result import DemoResult, DemoSettings, Phase, Verdicts
from shiftline.net.nonce_warming import REST_SECONDS, WARM_SECONDS
from shiftline.net.trunk_causes import CAUSES
from shiftline.net.trunk_list import OPENING_SECONDS, ListState
from shiftline.sip.registration_table import RegistrationState
from shiftline.store.read_model import Totals, TrunkRow
from shiftline.store.schema import CheckRowState, DeliveryRowState, TradeRowState, metadata
from shiftline.store.trunk_view import view_of
from shiftline.storm.examine import Examination
from shiftline.storm.examine import Phase as StormPhase
from shiftline.storm.exporter import StormCollector
from shiftline.storm.figures import examination_figures
from shiftline.storm.plan import ClosedLoop, Mixed, Plan, Target
from shiftline.storm.sample import Result, Sample
from shiftline.storm.script import METHOD_SCRIPTS, Method
from shiftline.storm.shape_text import FORMS as FORMS_OF_LOAD
from shiftline.storm.shape_text import parse_shape
from shiftline.storm.verdict.arrivals import Key
from shiftline.storm.verdict.judge import limiter_verdict
from shiftline.storm.verdict.look import look_at
from shiftline.storm.verdict.verdict import Limit
from shiftline.trades.decision import StandingWord
from shiftline.trades.model import EvidenceKind, TradeState, Verdict
from shiftline.trades.prefetch import PrefetchPolicy
from shiftline.web.metrics import Readings, families
from shiftline.wfm.presence import LONGEST_SESSION, OFFLINE, ROUTING, SIGNED_IN

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
GLOSSARY_WORDS: tuple[type[StrEnum], ...] = (
    CheckRowState, DeliveryFate, DeliveryRowState, EvidenceKind, Lane, ListState, Mode, QualificationState,
    RefusalClass, RegistrationState,
    StandingWord, TradeRowState, TradeState, Verdict,
)  # fmt: skip

NOW = datetime(2026, 11, 23, 15, 0, tzinfo=UTC)
TOTALS = Totals(trades={"open": 1}, outcomes={"approved": 1}, checks_due=1)
FULL_TRUNK = TrunkRow(
    trunk="pbx",
    source="192.0.2.7",
    auth_user="shiftline",
    governor={
        "mode": "holding",
        "rate": 5.0,
        "limit": 5,
        "window_seconds": 1.0,
        "confidence": 1.0,
        "learned_ago": 1.0,
        "refusal": "none",
        "sent": 1,
        "passed": 1,
        "refused": 0,
        "in_flight": 0,
        "waiting": 1,
        "lanes": {"probe": {"waiting": 1, "sent": 1, "oldest_seconds": 1.0}},
        "qualification": {"method": "options", "state": "qualified", "trust_unqualified": False},
        "registration": {"state": "registered", "registered_until": "2026-11-23T16:00:00"},
    },
    disarmed_cause=None,
    disarmed_at=None,
    saved_at=NOW,
)
LIMIT = Limit(
    model="a fixed window", spec="window:50/1s,key=all", count=50, seconds=1.0, key=Key.ALL, agreement=1.0
)
METRIC_TYPES = ("gauge", "counter", "histogram")
LOGGED = re.compile(r"""log\.(?:info|warning|error|exception)\(\s*"([^"]+)\"""")
GOVERNOR = GovernorPolicy()
DELIVERY = DeliveryPolicy()
FALLBACK = Fallback()
PREFETCH = PrefetchPolicy(fresh_seconds=300.0)
FIGURES = {
    "explanation/governor.md": (
        f"From {GOVERNOR.initial_rate:g} requests/s",
        f"doubling every {GOVERNOR.doubling_seconds:g} s",
        f"After {GOVERNOR.canary_seconds:g} s",
        f"at most {GOVERNOR.longest_silence:g} s ({LONGEST_BAN:g} s once it is called a ban)",
        f"canaries refused for {GOVERNOR.patience_seconds:g} s",
        f"creeps up by {GOVERNOR.creep_per_second * OPEN_CREEP:.1%} a second".replace("%", " %"),
        f"{BACK_OFF:g} times what passed, but not below what was held in peace",
        f"{BACK_OFF_WHERE_DEAR:g} times after a closure of {DEAR_SECONDS:g} s or more",
        f"{BACK_OFF_WHERE_PARTIAL:g} times where some passed meanwhile",
        f"the shortest of {', '.join(f'{span:g}' for span in SPANS[:-1])} and {SPANS[-1]:g} s",
        f"at most {DEAREST:g} times",
        f"A try begins at {GROWTH:.0%} a second and doubles its haste every {GROWTH_DOUBLES:g} s, "
        f"to {FASTEST_GROWTH:.0%} at most; where a refusal is dear, at {SLOWER_WHERE_DEAR:g} of that".replace(
            "%", " %"
        ),
        f"a check after {TRIALS[0]:.0f} s, {TRIALS[1]:g} s",
        f"({KNOWN_PEACE / 60:g} minutes if it is not known)",
        f"nothing answers for {HOLD_SECONDS:g} s, or twice",
        f"nothing has come after {LATE_SECONDS:g} s it counts as silence",
        f"late for {'half a second' if QUEUE_SECONDS == 0.5 else QUEUE_SECONDS} without a break",
        f"{TOLERANCE:.0%} of the rate".replace("%", " %"),
        f"({', '.join(f'{length:g}' for length in WINDOW_LENGTHS)} s)",
    ),
    "explanation/lanes.md": (
        *(f"| `{lane}` | {served_within(lane)} |" for lane in Lane),
        f"{WARM_SECONDS:g} s before a publish window opens",
        f"has rested for {REST_SECONDS:g} s",
        f"traded in the last {RECENT.days} days",
        f"work off all of them within {PREFETCH.worth_seconds:g} s",
    ),
    "decisions/0003-one-owner-per-trunk.md": (
        f"lasts {TTL_SECONDS:g} s and is renewed every second",
        f"takes over {GRACE_SECONDS:g} s after the end",
    ),
    "decisions/0006-call-budget-drives-delivery.md": (
        f"waited {DELIVERY.linger.total_seconds():g} s",
        f"deadline is {DELIVERY.margin.total_seconds():g} s away",
        f"over {BUDGET_SECONDS:g} s per OAuth client",
    ),
    "decisions/0008-platform-as-a-named-fallback.md": (
        f"of {PLATFORM_BATCH} agents in one call",
        f"{FALLBACK.lead.total_seconds():g} s before refer-by",
        f"{ADHERENCE_CALLS_PER_MINUTE} of them at most",
    ),
    "reference/availability-methods.md": (
        f"{PLATFORM_BATCH} agents a call",
        f"{FALLBACK.lead.total_seconds():g} s before refer-by",
        f"at most {ADHERENCE_CALLS_PER_MINUTE} are taken",
        f"wait for the list for {OPENING_SECONDS:g} s",
        f"more than {LONGEST_SESSION.total_seconds() / 3600:g} h",
    ),
}


def _text(name: str) -> str:
    return (DOCS / name).read_text(encoding="utf-8")


def _sections(text: str) -> dict[str, str]:
    """The text below each heading of the second level, by the heading without its backticks."""
    parts = re.split(r"^## (.+)$", text, flags=re.MULTILINE)
    return {heading.replace("`", ""): body for heading, body in zip(parts[1::2], parts[2::2], strict=True)}


def _rows(text: str) -> dict[str, list[str]]:
    """The rows of its tables, by what stands in backticks in the first column."""
    cells = (line.strip("| ").split(" | ") for line in text.splitlines() if line.startswith("| `"))
    return {row[0].strip("` "): [cell.strip() for cell in row[1:]] for row in cells}


def _models() -> dict[str, type[BaseModel]]:
    found: dict[str, type[BaseModel]] = {"[trunk]": TrunkSettings, "[[windows]]": WindowSettings}
    for name, field in Settings.model_fields.items():
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            found[f"[{name}]"] = field.annotation
    return found


def _defaults(model: type[BaseModel]) -> dict[str, str]:
    return {
        field.alias or name: "required" if field.is_required() else f"`{json.dumps(field.default)}`"
        for name, field in model.model_fields.items()
    }


@pytest.mark.parametrize("name", FORMS)
def test_every_limiter_is_documented_with_its_options(name: str) -> None:
    """Its example, kind and meaning as the code has them, and each of its options."""
    sections = _sections(_text("reference/limiters.md"))
    form = FORMS[name]
    assert _rows(sections["Texts"])[name] == [f"`{form.example}`", form.kind, form.meaning]
    for option in form.options:
        of, *_ = _rows(sections["Options"])[option]
        assert of.startswith("all but") is not (name in of.replace(" and ", ", ").split(", ")), option


@pytest.mark.parametrize("section", _models())
def test_every_key_is_documented_with_its_default(section: str) -> None:
    """A row for each key and no other, with the default that the code has."""
    rows = _rows(_sections(_text("reference/configuration.md"))[section])
    assert {key: row[1] for key, row in rows.items()} == _defaults(_models()[section])


def test_no_section_is_forgotten() -> None:
    """Each section of the configuration has a heading."""
    headings = {name for name in _sections(_text("reference/configuration.md")) if name.startswith("[")}
    assert headings == set(_models())
    assert {name.strip("[]") for name in headings} == set(Settings.model_fields)


def test_the_example_is_short_and_usable(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """It has at most 40 lines, and loads once its secrets are set."""
    example = CliRunner().invoke(app, ["config", "example"]).stdout
    assert len(example.splitlines()) <= 40
    path = tmp_path / "shiftline.toml"
    path.write_text(example, encoding="utf-8")
    settings = load_settings(path)
    monkeypatch.setenv(settings.trunks[0].password_env, "one")
    monkeypatch.setenv(settings.wfm.client_secret_env, "another")
    check_secrets(settings)


def _verbs(command: Any, path: str = "shiftline") -> Iterator[tuple[str, Any]]:
    subcommands: Mapping[str, Any] = getattr(command, "commands", {})
    if not subcommands:
        yield path, command
    for name, subcommand in subcommands.items():
        is_usual = name == getattr(command, "usual", None)  # may be left out, and is in the reference
        yield from _verbs(subcommand, path if is_usual else f"{path} {name}")


VERBS = dict(_verbs(typer.main.get_command(app)))


@pytest.mark.parametrize("verb", VERBS)
def test_every_verb_is_documented_with_its_options(verb: str) -> None:
    """Each verb has a heading, and each of its options stands below it."""
    section = _sections(_text("reference/command-line.md"))[verb]
    options = {name for parameter in VERBS[verb].params for name in parameter.opts if name.startswith("--")}
    assert {name for name in options if f"`{name}`" not in section and f"`{name} " not in section} == set()


def test_no_verb_is_documented_that_is_not_there() -> None:
    """The reference names no verb of the future."""
    headings = _sections(_text("reference/command-line.md"))
    assert {name for name in headings if name.startswith("shiftline ")} == set(VERBS)


def _leaves(value: Mapping[str, Any], path: str = "") -> Iterator[str]:
    for name, inner in value.items():
        if isinstance(inner, Mapping):
            yield from _leaves(inner, f"{path}{name}.")
        else:
            yield f"{path}{name}"


def _phase(name: str) -> Phase:
    return Phase(
        name=name,
        trades=0,
        verdicts=Verdicts(approved=0, denied=0, referred=0),
        stuck=0,
        wrong=0,
        checks_sent=0,
        refused=0,
        seconds=0.0,
        campaign_calls=0,
        campaign_refused=0,
    )


def test_every_figure_of_the_demo_is_documented() -> None:
    """The keys that both runs have stand once; those of the run after stand with their name."""
    result = DemoResult(
        settings=DemoSettings(),
        published_at="",
        agents=0,
        before=_phase("before"),
        after=_phase("after"),
        truth=Verdicts(approved=0, denied=0, referred=0),
    ).as_json()
    both = set(_leaves(result["before"]))
    alone = {f"after.{key}" for key in _leaves(result["after"]) if key not in both}
    others = {key for key in _leaves(result) if not key.startswith(("before.", "after."))}
    assert set(_rows(_sections(_text("reference/json.md"))["shiftline demo --json FILE"])) == (
        both | alone | others
    )


def test_every_figure_of_a_storm_is_documented() -> None:
    """Each key stands in the reference, those within an object too."""
    plan = Plan(
        target=Target(host="127.0.0.1"),
        load=ClosedLoop(),
        mix=(Mixed(script=METHOD_SCRIPTS[Method.OPTIONS]),),
        names=["agent0001"],
        flows=1,
    )
    sample = Sample(second=0)
    result = Result(samples=[sample], whole=sample, sending_seconds=1.0)
    verdict = limiter_verdict(look_at(result), LIMIT, [])
    examination = Examination([StormPhase(purpose="the load", plan=plan, result=result)], verdict)
    figures = examination_figures(examination, plan)
    section = _sections(_text("reference/json.md"))["shiftline storm --json FILE"]
    keys = {*figures, *figures["load"], *figures["drops"], *figures["samples"][0], *figures["knee"]}
    keys |= {*figures["verdict"], *figures["verdict"]["limit"], *figures["phases"][0]}
    assert {key for key in keys if f"`{key}`" not in section} == set()


def test_every_load_shape_is_documented() -> None:
    """With its form, and with an example that is one."""
    section = _sections(_text("reference/command-line.md"))["shiftline storm"]
    rows = _rows(section.partition("### Load shapes")[2])
    assert list(rows) == list(FORMS_OF_LOAD.values())
    for form, (example, _) in rows.items():
        if not form.startswith("replay:"):
            assert parse_shape(example.strip("`")).highest_rate > 0


def test_every_figure_of_a_simulation_is_documented() -> None:
    """Each key stands in the reference, those within a list with the list's name."""
    scenario = Scenario(throttle=parse_limiter("window:50/1s"), trades=2)
    figures = as_json(simulate_on_all_processors([scenario], 1), 1)
    keys = set(_leaves({key: value for key, value in figures.items() if key != "costs"}))
    keys |= {f"costs[].{key}" for key in figures["costs"][0]}
    section = _sections(_text("reference/json.md"))["shiftline simulate --json FILE"]
    assert {key for key in keys if f"`{key}`" not in section} == set()


@pytest.mark.parametrize("name", CONTROLLERS)
def test_every_controller_is_told_of(name: str) -> None:
    """Whoever compares controllers finds out how each decides."""
    assert name in _rows(_text("howto/simulate.md"))


@pytest.mark.parametrize("arrivals", Arrivals)
def test_every_way_of_arriving_is_told_of(arrivals: Arrivals) -> None:
    """Whoever chooses one finds out what it means."""
    assert arrivals in _rows(_text("howto/simulate.md"))


def test_every_metric_is_documented() -> None:
    """Name, type and labels stand in the reference, and no metric that is not there."""
    shown = {
        name.removesuffix("_total"): (cells[0], tuple(re.findall(r"`(\w+)`", cells[1])))
        for name, cells in _rows(_text("reference/metrics.md")).items()
        if name.startswith("shiftline_") and "==" not in name and cells[0] in METRIC_TYPES
    }
    readings = Readings(
        totals=TOTALS, trunks=[view_of(FULL_TRUNK, NOW)], refused_recently={"pbx": {"ban": 1}}
    )
    storm = StormCollector()
    storm.add(Sample(second=0, statuses=Counter({200: 1})))
    told = {
        family.name: (family.type, tuple(label for label in family.samples[0].labels if label != "le"))
        for family in (*families(readings), *storm.collect())
    }
    assert shown == told


def test_every_key_of_a_trunk_is_documented() -> None:
    """What the API tells of a trunk stands in the reference."""
    section = _sections(_text("reference/json.md"))["The API of shiftline serve"]
    assert [key for key in view_of(FULL_TRUNK, NOW).as_json() if f"`{key}`" not in section] == []


@pytest.mark.parametrize("words", GLOSSARY_WORDS, ids=lambda words: words.__name__)
def test_every_word_of_the_code_is_in_the_glossary(words: type[StrEnum]) -> None:
    """States, kinds and verdicts are explained where words are law."""
    glossary = _text("glossary.md")
    assert [word for word in words if f"`{word}`" not in glossary] == []


def test_every_reading_of_an_answer_is_documented() -> None:
    """The tables of the reference are the tables of the code, sources and meanings included."""
    shown = {
        tuple(cell.strip(" `") for cell in line.strip("|").split("|"))
        for line in _text("reference/availability-methods.md").splitlines()
        if line.startswith("| `") and line.count("|") == 7
    }
    rows = {
        (row.family, row.method, row.answer, row.cause or str(row.kind), row.source, row.meaning)
        for row in ROWS
    }
    assert shown == rows


def test_every_cause_of_a_stopped_trunk_is_explained() -> None:
    """Whoever reads a cause id in a log finds it in the governor's explanation."""
    explanation = _text("explanation/governor.md")
    assert [cause for cause in CAUSES.values() if f"`{cause}`" not in explanation] == []


@pytest.mark.parametrize("state", [*SIGNED_IN, OFFLINE, *sorted(ROUTING - {"", "empty"})])
def test_every_state_of_the_platform_is_in_the_table(state: str) -> None:
    """Whoever reads the platform's word in an audit entry finds what was made of it."""
    section = _sections(_text("reference/availability-methods.md"))["platform"]
    assert state in section.casefold().replace("_", "")


def test_every_log_event_is_explained() -> None:
    """What a worker may log stands in the operations guide."""
    sources = [path for path in (ROOT / "src").rglob("*.py") if "lab" not in path.parts]
    events = {event for path in sources for event in LOGGED.findall(path.read_text(encoding="utf-8"))}
    assert events
    assert {event for event in events if f"`{event}`" not in _text("operations.md")} == set()


@pytest.mark.parametrize(("document", "figures"), FIGURES.items())
def test_quoted_figures_are_those_of_the_code(document: str, figures: Sequence[str]) -> None:
    """A constant that a document quotes is changed in both places."""
    text = _text(document)
    assert [figure for figure in figures if figure not in text] == []


def test_every_table_is_drawn() -> None:
    """The entity sketch shows each table of the schema."""
    architecture = _text("architecture.md")
    assert [name for name in metadata.tables if name not in architecture] == []
