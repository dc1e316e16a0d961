"""The Genesys client against the practice org over HTTP: what both promise each other in good times."""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import httpx
import pytest

from shiftline.clock import boot_time, clock_setting
from shiftline.connector.records import BulkItem, BulkResult, Delivery, EvaluatedTrade
from shiftline.errors import ConfigurationError, PeerError, RefusedError, UnavailableError
from shiftline.lab.org.accounts import SCHEDULES, VIEW, OAuthClient
from shiftline.lab.org.entities import ManagementUnit, TradingRules
from shiftline.lab.org.practice import ADDRESS_FIELD, ADDRESS_SCHEMA, OrgSettings, PracticeOrg
from shiftline.lab.org.process_config import OrgProcessConfig
from shiftline.lab.org.server import serve
from shiftline.lab.process import Child
from shiftline.lab.scenario import ScenarioSettings, build_scenario
from shiftline.secrets import Secret
from shiftline.trades.model import TradeState, Verdict
from shiftline.wfm.genesys import GenesysCloud, open_genesys
from shiftline.wfm.jobs import unlimited
from shiftline.wfm.settings import GenesysSettings

NINE = datetime(2026, 11, 23, 9, tzinfo=ZoneInfo("America/Chicago"))
SCENARIO = ScenarioSettings(published_at=NINE, trades=25, agents=40)
PLENTY = OrgSettings(trading_per_minute=1000, job_seconds=0.05)
WFM = "/api/v2/workforcemanagement"


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """A served practice org and a client of it."""

    practice: PracticeOrg
    url: str
    genesys: GenesysCloud
    raw: httpx.AsyncClient
    """Another client, without a token, for what the Genesys client would never send."""

    @property
    def trading(self) -> str:
        """Where shift-trading jobs live."""
        return f"{self.url}{WFM}/businessunits/{self.practice.org.business_unit.id}/shifttrading"

    def scope(self) -> dict[str, Any]:
        """All management units and the first week."""
        week = self.practice.org.business_unit.calendar.week_of(NINE)
        return {
            "managementUnitIds": list(self.practice.org.management_units),
            "weekDates": [week.isoformat()],
        }


def settings_for(practice: PracticeOrg, url: str) -> GenesysSettings:
    """What the client needs to know to use this org."""
    return GenesysSettings(
        api_url=url,
        login_url=url,
        client_id="shiftline",
        client_secret=Secret("secret"),
        business_unit=practice.org.business_unit.id,
        address_schema=ADDRESS_SCHEMA,
        address_field=ADDRESS_FIELD,
        poll_steps_seconds=(0.01, 0.02),
        job_timeout_seconds=5.0,
    )


@asynccontextmanager
async def world(settings: OrgSettings = PLENTY, **changes: Any) -> AsyncIterator[World]:
    """Serve an org; ``changes`` are made to the client's settings."""
    practice = PracticeOrg(build_scenario(SCENARIO).org, settings, clock=lambda: NINE)
    async with serve(practice) as url:
        told = replace(settings_for(practice, url), **changes)
        async with (
            open_genesys(told, clock=lambda: NINE, reserve=unlimited) as genesys,
            httpx.AsyncClient() as raw,
        ):
            yield World(practice=practice, url=url, genesys=genesys, raw=raw)


async def bearer(world: World, client: str = "shiftline") -> dict[str, str]:
    """A token for the raw client, as its header."""
    form = {"grant_type": "client_credentials"}
    answer = await world.raw.post(f"{world.url}/oauth/token", data=form, auth=(client, "secret"))
    return {"Authorization": f"Bearer {answer.json()['access_token']}"}


async def intake(genesys: GenesysCloud) -> list[EvaluatedTrade]:
    """Summaries, then all trades of the weeks that have some, in matched order."""
    summaries = await genesys.week_summaries()
    pairs = [(found.management_unit, found.week_date) for found in summaries]
    return [*(await genesys.evaluate(pairs)).trades]


async def approve(genesys: GenesysCloud, trades: list[EvaluatedTrade]) -> list[BulkResult]:
    """Approve these trades in one job."""
    items = [
        BulkItem(external_id=found.trade.external_id, state=TradeState.APPROVED, version=found.trade.version)
        for found in trades
    ]
    return await genesys.deliver(
        [(found.trade.management_unit, found.trade.week_date) for found in trades], items
    )


def deliveries(trades: list[EvaluatedTrade]) -> list[Delivery]:
    """The same trades as deliveries to read back."""
    return [
        Delivery(
            trade_id=number,
            external_id=found.trade.external_id,
            management_unit=found.trade.management_unit,
            week_date=found.trade.week_date,
            agents=found.trade.agents,
            version=found.trade.version,
            verdict=Verdict.APPROVE,
            deadline=found.trade.expires_at,
            attempts=1,
        )
        for number, found in enumerate(trades)
    ]


async def test_intake_sees_every_matched_trade_as_the_org_has_it() -> None:
    """Ids, versions, shifts, times and review arrive unchanged, first matched first."""
    async with world() as here:
        found, org = await intake(here.genesys), here.practice.org
        assert [entry.trade.external_id for entry in found] == [trade.id for trade in org.trades()]
        for entry in found:
            trade = org.trade(entry.trade.external_id)
            assert entry.trade.agents == trade.agents
            assert (entry.trade.version, entry.trade.week_date) == (trade.version, trade.week_date)
            assert abs(entry.trade.expires_at - trade.expires_at) < timedelta(milliseconds=1)
            assert entry.trade.initiating_shift.starts_at == trade.initiating_shift.starts_at
            assert (entry.trade.receiving_shift is None) is (trade.receiving_shift is None)
            assert entry.evaluation == org.evaluate(trade.id).evaluation


async def test_evaluate_keeps_to_the_pairs_it_was_asked_for() -> None:
    """The API takes units and weeks apart; what the product adds is left out."""
    async with world() as here:
        everything = await intake(here.genesys)
        pairs = {(entry.trade.management_unit, entry.trade.week_date) for entry in everything}
        one_each = list({unit: (unit, week) for unit, week in sorted(pairs)}.values())
        found = (await here.genesys.evaluate(one_each)).trades
        assert found == [
            entry for entry in everything if (entry.trade.management_unit, entry.trade.week_date) in one_each
        ]


async def test_weeks_without_trades_are_summed_up_as_none() -> None:
    """Once all is decided there is nothing to evaluate; each week that was asked for is still named."""
    async with world() as here:
        for trade in here.practice.org.trades():
            here.practice.org.apply(trade.id, TradeState.DENIED, trade.version, "test", NINE)
        summaries = await here.genesys.week_summaries()
        assert {summary.week_date for summary in summaries} == set(
            here.practice.org.business_unit.calendar.trading_weeks(NINE)
        )
        assert {summary.matched for summary in summaries} == {0}


async def test_profiles_carry_addresses_and_leave_out_strangers() -> None:
    """More agents than fit in one request; a stranger is missing, an agent without address has None."""
    practice = PracticeOrg(
        build_scenario(replace(SCENARIO, trades=120, agents=150)).org, PLENTY, clock=lambda: NINE
    )
    async with (
        serve(practice) as url,
        open_genesys(settings_for(practice, url), clock=lambda: NINE, reserve=unlimited) as genesys,
    ):
        found = await genesys.profiles(["stranger", *practice.org.users])
    assert {profile.external_id: (profile.name, profile.address) for profile in found} == {
        user.id: (user.name, user.address) for user in practice.org.users.values()
    }
    assert sum(profile.address is None for profile in found) == 2
    assert practice.requests["GET /api/v2/users"] == 2


async def test_profiles_without_a_schema_have_no_address() -> None:
    """Nothing is asked for, so nothing is found."""
    async with world(address_schema="") as here:
        found = await here.genesys.profiles(list(here.practice.org.users))
        assert {profile.address for profile in found} == {None}


async def test_working_hours_tell_who_works_now() -> None:
    """An agent is scheduled exactly when the org says so."""
    async with world() as here:
        org = here.practice.org
        hours = await here.genesys.working_hours(list(org.users), NINE, NINE + timedelta(seconds=1))
        assert {found.agent for found in hours} == {user for user in org.users if org.is_working(user, NINE)}
        assert all(found.starts_at <= NINE < found.ends_at for found in hours)


async def test_a_delivery_takes_effect_and_can_be_read_back() -> None:
    """Approved trades swap their shifts; what was read back equals what was answered."""
    async with world() as here:
        trades = [entry for entry in await intake(here.genesys) if not entry.evaluation.violations][:5]
        results = await approve(here.genesys, trades)
        assert {(result.state, result.failure_reason) for result in results} == {(TradeState.APPROVED, "")}
        assert await here.genesys.read_back(deliveries(trades)) == results
        for entry in trades:
            shift = entry.trade.initiating_shift.external_id
            assert here.practice.org.schedules.belongs(shift, entry.trade.receiving_agent)
            assert here.practice.org.trade(entry.trade.external_id).reviewed_by == "shiftline"


async def test_a_failure_concerns_its_own_line_only() -> None:
    """A stale version fails with the new one beside it; its neighbours are decided."""
    async with world() as here:
        trades = (await intake(here.genesys))[:3]
        here.practice.org.amend(trades[1].trade.external_id, "agent", NINE)
        results = await approve(here.genesys, trades)
        assert [result.failure_reason for result in results] == ["", "TransitionNotAllowed", ""]
        assert (results[1].state, results[1].version) == (TradeState.MATCHED, 3)


async def test_a_trade_the_wfm_does_not_show_is_missing_from_the_read_back() -> None:
    """Silence is told apart from a state."""
    async with world() as here:
        trades = (await intake(here.genesys))[:2]
        stranger = replace(deliveries(trades)[0], external_id="gone")
        found = await here.genesys.read_back([*deliveries(trades), stranger])
        assert {result.external_id for result in found} == {entry.trade.external_id for entry in trades}


async def test_large_results_come_by_download() -> None:
    """Whether inline or from a download address, the client gets the same."""
    async with world(replace(PLENTY, inline_bytes=0)) as here:
        assert len(await intake(here.genesys)) == 25
        org = here.practice.org
        assert await here.genesys.working_hours(list(org.users), NINE, NINE + timedelta(seconds=1))


async def test_automatic_review_is_found_before_it_hurts() -> None:
    """The preflight names each unit that would never ask."""
    async with world() as here:
        assert await here.genesys.check_settings() == []
        units = here.practice.org.management_units
        silent = next(iter(units.values()))
        units[silent.id] = ManagementUnit(
            id=silent.id, name=silent.name, rules=TradingRules(auto_review=True)
        )
        (finding,) = await here.genesys.check_settings()
        assert (finding.cause, finding.management_unit) == ("wfm.not-asked", silent.id)


async def test_a_wrong_secret_is_refused() -> None:
    """One clear sentence with the remedy."""
    async with world(client_secret=Secret("wrong")) as here:
        with pytest.raises(RefusedError, match=r"refused the OAuth client 'shiftline'.*Check wfm\.client_id"):
            await here.genesys.week_summaries()


async def test_a_wrong_business_unit_is_refused() -> None:
    """The remedy names the setting."""
    async with world(business_unit="elsewhere") as here:
        with pytest.raises(RefusedError, match=r"404.*Check the business unit"):
            await here.genesys.week_summaries()


async def test_a_unit_without_visible_management_units_is_a_configuration_fault() -> None:
    """The client says so instead of polling nothing."""
    async with world() as here:
        here.practice.org.management_units.clear()
        with pytest.raises(ConfigurationError, match="no management unit"):
            await here.genesys.check_settings()


async def test_something_that_is_not_genesys_is_a_peer_error() -> None:
    """An address that answers HTML gets a sentence about the address."""
    async with world() as here:
        wrong = replace(settings_for(here.practice, here.url), login_url=f"{here.url}/nowhere")
        async with open_genesys(wrong, clock=lambda: NINE, reserve=unlimited) as genesys:
            with pytest.raises(PeerError, match="login"):
                await genesys.week_summaries()


async def test_an_expired_or_revoked_token_is_replaced() -> None:
    """The client goes on with a new one, and asks for one only."""
    async with world() as here:
        await here.genesys.week_summaries()
        await here.raw.post(f"{here.url}/lab/tokens/revoke")
        await here.genesys.week_summaries()
        assert here.practice.accounts.issued == 2


async def test_a_port_in_use_is_told_clearly() -> None:
    """The sentence names address and port."""
    async with world() as here:
        port = httpx.URL(here.url).port
        with pytest.raises(UnavailableError, match=f"127.0.0.1:{port}"):
            async with serve(here.practice, port=port or 0):
                pass


async def test_the_org_runs_as_a_process_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The child holds the same scenario that its parent can build, and ends when told to."""
    monkeypatch.setenv("SHIFTLINE_CIVIL_START", clock_setting(NINE, boot_time()))
    child = await Child.start(
        "shiftline.lab.org", OrgProcessConfig(scenario=SCENARIO, settings=PLENTY), tmp_path
    )
    try:
        practice = PracticeOrg(build_scenario(SCENARIO).org)
        told = settings_for(practice, child.ready)
        async with open_genesys(told, clock=lambda: NINE, reserve=unlimited) as genesys:
            found = await intake(genesys)
        assert [entry.trade.external_id for entry in found] == [trade.id for trade in practice.org.trades()]
    finally:
        await child.stop()


async def test_a_job_that_answered_200_does_not_exist() -> None:
    """Only 202 makes a job that can be read, and only by who started it."""
    other = OAuthClient(id="other", secret=Secret("secret"))
    async with world(replace(PLENTY, clients=(*PLENTY.clients, other), job_seconds=60.0)) as here:
        path, mine = f"{here.trading}/weeks/summary/jobs", await bearer(here)
        inline = await here.raw.post(path, json=here.scope(), headers=mine)
        assert (inline.status_code, inline.json()["status"]) == (200, "Complete")
        assert (await here.raw.get(f"{path}/{inline.json()['id']}", headers=mine)).status_code == 404
        later = await here.raw.post(f"{path}?forceAsync=true", json=here.scope(), headers=mine)
        assert (later.status_code, later.json()["status"]) == (202, "Processing")
        assert "queryWeekSummariesResult" not in later.json()
        job = f"{path}/{later.json()['id']}"
        assert (await here.raw.get(job, headers=mine)).json()["status"] == "Processing"
        assert (await here.raw.get(job, headers=await bearer(here, "other"))).status_code == 404
        assert (
            await here.raw.get(job.replace("weeks/summary", "trades/query"), headers=mine)
        ).status_code == 404


async def test_the_sixth_trading_call_in_a_minute_is_refused() -> None:
    """429 with Retry-After, the rate-limit headers and the limit's own name; other calls go on."""
    async with world(OrgSettings()) as here:
        path, mine = f"{here.trading}/weeks/summary/jobs", await bearer(here)
        answers = [await here.raw.post(path, json=here.scope(), headers=mine) for _ in range(6)]
        assert [answer.status_code for answer in answers] == [200] * 5 + [429]
        assert [answer.headers["inin-ratelimit-count"] for answer in answers] == [
            "1",
            "2",
            "3",
            "4",
            "5",
            "5",
        ]
        refused = answers[-1]
        assert refused.headers["inin-ratelimit-allowed"] == "5"
        assert 50 < int(refused.headers["Retry-After"]) <= 60
        assert refused.json()["limit"] == {
            "key": "shift.trading.rate.per.user.per.minute",
            "namespace": "workforce.management.shift.trading",
            "value": 5,
        }
        assert (await here.raw.get(f"{here.url}/api/v2/users", headers=mine)).status_code == 200


@pytest.mark.parametrize(("counted", "status"), [(False, 404), (True, 429)])
async def test_whether_job_reads_take_from_the_budget_is_a_switch(counted: bool, status: int) -> None:
    """Unknown of the real platform, so both worlds can be had."""
    async with world(OrgSettings(job_reads_count=counted)) as here:
        path, mine = f"{here.trading}/weeks/summary/jobs/none", await bearer(here)
        answers = [await here.raw.get(path, headers=mine) for _ in range(6)]
        assert answers[-1].status_code == status


async def test_a_token_has_three_hundred_requests_a_minute() -> None:
    """The general limit is the token's, under its own key."""
    async with world(OrgSettings(requests_per_minute=3)) as here:
        mine = await bearer(here)
        answers = [await here.raw.get(f"{here.url}/api/v2/users", headers=mine) for _ in range(4)]
        assert [answer.status_code for answer in answers] == [200, 200, 200, 429]
        assert answers[-1].json()["limit"]["key"] == "client.credentials.token.rate.per.minute"


async def test_a_client_without_the_permission_may_look_but_not_decide() -> None:
    """403 names the missing permission."""
    reader = OAuthClient(id="reader", secret=Secret("secret"), permissions=frozenset({VIEW}))
    async with world(replace(PLENTY, clients=(reader,)), client_id="reader") as here:
        trades = await intake(here.genesys)
        with pytest.raises(RefusedError, match=r"missing\.any\.permissions.*wfm:shiftTradeRequest:edit"):
            await approve(here.genesys, trades[:1])
        with pytest.raises(RefusedError, match=SCHEDULES):
            await here.genesys.working_hours(["agent"], NINE, NINE)


Ask = Callable[[World, dict[str, str]], tuple[str, str, dict[str, Any]]]


@pytest.mark.parametrize(
    ("ask", "status", "code"),
    [
        (lambda w, h: ("GET", f"{w.url}/api/v2/nothing", {"headers": h}), 404, "not.found"),
        (lambda w, h: ("DELETE", f"{w.url}/api/v2/users", {"headers": h}), 405, "not.supported"),
        (lambda w, h: ("GET", f"{w.url}/api/v2/users", {}), 401, "authentication.required"),
        (lambda w, h: ("GET", f"{w.url}{WFM}/managementunits/none", {"headers": h}), 404, "not.found"),
        (lambda w, h: ("GET", f"{w.url}{WFM}/businessunits/none", {"headers": h}), 404, "not.found"),
        (lambda w, h: ("GET", f"{w.url}/downloads/none", {}), 404, "not.found"),
        (lambda w, h: ("GET", f"{w.url}/api/v2/users?pageSize=501", {"headers": h}), 400, "invalid.value"),
        (lambda w, h: ("GET", f"{w.url}/api/v2/users?pageSize=x", {"headers": h}), 400, "invalid.value"),
        (
            lambda w, h: ("GET", f"{w.url}/api/v2/users?id={','.join(['u'] * 101)}", {"headers": h}),
            400,
            "invalid.value",
        ),
    ],
)
async def test_every_refusal_has_the_error_shape(ask: Ask, status: int, code: str) -> None:
    """Message, code, status, and a contextId that equals the correlation id."""
    async with world() as here:
        method, url, options = ask(here, await bearer(here))
        answer = await here.raw.request(method, url, **options)
        assert (answer.status_code, answer.json()["status"], answer.json()["code"]) == (status, status, code)
        assert answer.json()["contextId"] == answer.headers["ININ-Correlation-Id"]


@pytest.mark.parametrize(
    ("change", "status", "code"),
    [
        ({"weekDates": ["2026-11-24"]}, 400, "invalid.date"),
        ({"weekDates": []}, 400, "bad.request"),
        ({"weekDates": ["soon"]}, 400, "bad.request"),
        ({"managementUnitIds": ["none"]}, 404, "not.found"),
        ({"padding": "x" * 512_000}, 413, "request.entity.too.large"),
    ],
)
async def test_a_bad_job_request_is_refused(change: dict[str, Any], status: int, code: str) -> None:
    """A date that is no first day of a week, an unknown unit, too many bytes."""
    async with world() as here:
        path = f"{here.trading}/weeks/summary/jobs"
        answer = await here.raw.post(path, json=here.scope() | change, headers=await bearer(here))
        assert (answer.status_code, answer.json()["code"]) == (status, code)


@pytest.mark.parametrize(
    ("header", "form", "error"),
    [
        ("Basic " + base64.b64encode(b"shiftline:secret").decode(), "password", "unsupported_grant_type"),
        ("Basic ???", "client_credentials", "invalid_request"),
        ("Bearer c2hpZnRsaW5lOnNlY3JldA==", "client_credentials", "invalid_request"),
        ("Basic " + base64.b64encode(b"shiftline:wrong").decode(), "client_credentials", "invalid_client"),
    ],
)
async def test_token_errors_have_a_shape_of_their_own(header: str, form: str, error: str) -> None:
    """``error`` and ``description``, as OAuth has them."""
    async with world() as here:
        answer = await here.raw.post(
            f"{here.url}/oauth/token", data={"grant_type": form}, headers={"Authorization": header}
        )
        assert answer.status_code in (400, 401)
        assert answer.json()["error"] == error
        assert answer.json()["description"]
