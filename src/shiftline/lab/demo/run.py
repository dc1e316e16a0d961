"""The demo itself: the incident before, Shiftline after, and the two held against the truth."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from shiftline.lab.demo.measure import (
    calls_of,
    figures_of,
    tick_of,
    ticks_of,
)
from shiftline.lab.demo.naive import PENDING
from shiftline.lab.demo.result import DemoResult, DemoSettings, GovernorTick, Phase, Standing
from shiftline.lab.demo.stage import CAMPAIGN_HOST, OUR_HOST, Stage, WorkerSettings
from shiftline.lab.demo.truth import counted, true_verdicts
from shiftline.lab.demo.watch import Screen, Watch, late_trades, standing_of
from shiftline.lab.demo.windows import overshoot_windows
from shiftline.lab.pbx.faults import Throttle, ThrottleKey
from shiftline.lab.pbx_log import Pbx, RequestRecord
from shiftline.lab.scenario import DENY_RULE_VIOLATION, Scenario, ScenarioSettings, build_scenario
from shiftline.store.database import open_database
from shiftline.store.embedded import EmbeddedPostgres
from shiftline.store.read_model import ReadModel
from shiftline.trades.decision import DecisionPolicy
from shiftline.trades.model import Verdict

PUBLISHED_AT = datetime(2026, 11, 23, 9, 0, tzinfo=ZoneInfo("America/Chicago"))
POLICY = DecisionPolicy(deny_violations=frozenset({DENY_RULE_VIOLATION}))
QUIET_SECONDS = 3.0  # the campaign alone on the trunk, before and after a burst
HEADROOM_ON_A_SHARED_LIMIT = 0.25


@dataclass(frozen=True, slots=True, kw_only=True)
class _Play:
    """What both runs share."""

    stage: Stage
    screen: Screen
    pbx: Pbx
    scenario: Scenario
    truth: Mapping[str, Verdict]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Run:
    """What one run left behind. Times are seconds since the epoch."""

    began: float
    ended: float
    records: Sequence[RequestRecord]
    verdicts: Mapping[str, Verdict]
    reasons: Mapping[str, int]
    standings: Sequence[Standing]
    governor: Sequence[GovernorTick] = ()
    late: int = 0


async def run_demo(settings: DemoSettings, screen: Screen, directory: Path) -> DemoResult:
    """Run both connectors and measure them. Everything it starts ends with it."""
    scenario_settings = ScenarioSettings(
        published_at=PUBLISHED_AT, trades=settings.trades, seed=settings.seed
    )
    scenario = build_scenario(scenario_settings)
    truth = true_verdicts(build_scenario(scenario_settings), POLICY, PUBLISHED_AT)
    stage = Stage(directory, settings, scenario_settings)
    try:
        screen.note("Starting the PBX and the outbound campaign")
        pbx = await stage.start_pbx(scenario.pbx)
        await stage.start_campaign(pbx)
        play = _Play(stage=stage, screen=screen, pbx=pbx, scenario=scenario, truth=truth)
        before = await _before(play)
        after = await _after(play)
    finally:
        await stage.close()
        await asyncio.to_thread(EmbeddedPostgres(directory / "postgres").stop)
    return DemoResult(
        settings=settings,
        published_at=f"{PUBLISHED_AT:%A %d %B %Y, %H:%M} ({PUBLISHED_AT.tzinfo})",
        agents=len(_agents_to_check(scenario)),
        before=before,
        after=after,
        truth=counted(truth),
    )


async def _before(play: _Play) -> Phase:
    settings = play.stage.settings
    play.screen.phase("before", settings.trades)
    play.stage.set_clock(PUBLISHED_AT)
    await play.stage.restart_org()
    began = time.time()
    business_unit = play.scenario.org.business_unit.id
    outcome = await play.stage.run_naive(play.pbx, business_unit, limit_seconds=60.0)
    ended = time.time()
    verdicts = await _effective(play, {t for t, word in outcome.items() if word == Verdict.REFER})
    await asyncio.sleep(QUIET_SECONDS)
    trades, seconds = settings.trades, ended - began
    records = _between(play.pbx, began, time.time())
    done = standing_of(seconds, trades, verdicts)
    play.screen.update(done, tick_of(records, at=seconds, ours=OUR_HOST, campaign=CAMPAIGN_HOST), None)
    return _phase(
        play,
        "before",
        _Run(
            began=began,
            ended=ended,
            records=records,
            verdicts=verdicts,
            reasons=Counter("left pending after a 403" for word in outcome.values() if word == PENDING),
            standings=(
                standing_of(0.0, trades, {}),
                done,
                standing_of(seconds + QUIET_SECONDS, trades, verdicts),
            ),
        ),
    )


async def _after(play: _Play) -> Phase:
    stage, settings = play.stage, play.stage.settings
    play.screen.phase("after", settings.trades)
    play.screen.note("Starting Shiftline with its database")
    async with open_database(None, stage.directory / "postgres") as engine:
        stage.set_clock(PUBLISHED_AT)
        await stage.restart_org()
        began = time.time()
        config = stage.write_worker_config(play.pbx, play.scenario.org.business_unit.id, _worker(settings))
        worker = await stage.start_worker(config)
        watch = Watch(stage, play.screen, play.pbx, ReadModel(engine), worker)
        rows = await watch.until_settled(began)
        ended = time.time()
    verdicts = await _effective(play, {row.external_id for row in rows if row.is_referred})
    await asyncio.sleep(QUIET_SECONDS)
    return _phase(
        play,
        "after",
        _Run(
            began=began,
            ended=ended,
            records=_between(play.pbx, began, time.time()),
            verdicts=verdicts,
            reasons=Counter(_main_reason(row.reasons) for row in rows if row.is_referred),
            standings=watch.standings,
            governor=watch.governor,
            late=late_trades(rows),
        ),
    )


def _phase(play: _Play, name: str, run: _Run) -> Phase:
    settings = play.stage.settings
    figures = figures_of(run.records, OUR_HOST)
    calls, refused_calls = calls_of(run.records, CAMPAIGN_HOST)
    limit = min(settings.limit, settings.max_rate) if settings.max_rate else settings.limit
    ideal = len(_agents_to_check(play.scenario)) / limit
    last_at = run.records[-1].at if run.records else run.began
    throttle = Throttle(limit=settings.limit, key=ThrottleKey(settings.limit_key))
    return Phase(
        name=name,
        trades=settings.trades,
        verdicts=counted(run.verdicts),
        stuck=settings.trades - len(run.verdicts) + run.late,
        wrong=sum(play.truth[trade] is not verdict for trade, verdict in run.verdicts.items()),
        checks_sent=figures.sent,
        refused=figures.refused,
        seconds=run.ended - run.began,
        campaign_calls=calls,
        campaign_refused=refused_calls,
        ideal_seconds=ideal,
        efficiency=ideal / figures.seconds if figures.seconds else 0.0,
        overshoot_windows=overshoot_windows(run.records, throttle),
        ticks=ticks_of(run.records, ours=OUR_HOST, campaign=CAMPAIGN_HOST, since=run.began, until=last_at),
        standings=tuple(run.standings),
        governor=tuple(run.governor),
        referral_reasons=dict(run.reasons),
    )


async def _effective(play: _Play, referred: set[str]) -> dict[str, Verdict]:
    """The verdict in effect for each trade that has one: by the org's books, or referred by ours."""
    verdicts = {}
    for trade in await play.stage.org_truth():
        if trade["state"] == "Approved":
            verdicts[trade["id"]] = Verdict.APPROVE
        elif trade["state"] == "Denied":
            verdicts[trade["id"]] = Verdict.DENY
        elif trade["id"] in referred:
            verdicts[trade["id"]] = Verdict.REFER
    return verdicts


def _worker(settings: DemoSettings) -> WorkerSettings:
    if settings.max_rate:
        return WorkerSettings(max_rate=settings.max_rate, learn=False)
    shared = settings.limit_key == "trunk"
    return WorkerSettings(headroom=HEADROOM_ON_A_SHARED_LIMIT if shared else 0.0)


def _agents_to_check(scenario: Scenario) -> set[str]:
    users = scenario.org.users
    agents = {agent for trade in scenario.org.trades() for agent in trade.agents}
    return {agent for agent in agents if users[agent].address is not None}


def _between(pbx: Pbx, since: float, until: float) -> list[RequestRecord]:
    return sorted((r for r in pbx.log_records() if since <= r.at <= until), key=lambda record: record.at)


def _main_reason(reasons: Sequence[str]) -> str:
    return reasons[0] if reasons else "delivery.refused"
